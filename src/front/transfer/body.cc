// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/body.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace tare::front_transfer {
namespace {

constexpr std::uint64_t kUsualLimit = 4 << 20;
constexpr std::size_t kBlock = 1 << 20;

}  // namespace

Body::Body(sys::Fd file, const transfer::Request& request)
    : file_(std::move(file)),
      size_(request.size),
      limit_(request.size        ? *request.size
             : request.limit > 0 ? request.limit
                                 : kUsualLimit),
      expected_(request.digest),
      part_at_(request.part_at),
      bytes_(request.offset) {}

Result<> Body::prepare() {
  if (bytes_ > limit_) return restart();
  const auto buffer = std::make_unique<char[]>(kBlock);
  for (std::uint64_t at = 0; at < bytes_;) {
    const ssize_t count =
        ::pread(file_.get(), buffer.get(), std::min<std::uint64_t>(kBlock, bytes_ - at),
                static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("read what was downloaded before");
    if (count == 0) return restart();
    hash_.update({buffer.get(), static_cast<std::size_t>(count)});
    at += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<> Body::take(std::string_view bytes) {
  if (bytes.size() > limit_ - bytes_)
    return fail(size_ ? Kind::Corrupt : Kind::Invalid,
                "there are more bytes than the " + std::to_string(limit_) +
                    (size_ ? " that were announced" : " that there may be"));
  hash_.update(bytes);
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t count =
        ::pwrite(file_.get(), rest.data(), rest.size(), static_cast<off_t>(position()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("write a download");
    rest.remove_prefix(static_cast<std::size_t>(count));
    bytes_ += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<> Body::restart() {
  // Other parts may be in the file.
  if (!part_at_ && ::ftruncate(file_.get(), 0) != 0) return fail_errno("empty a download");
  bytes_ = 0;
  hash_ = codec::Sha256();
  return {};
}

Result<> Body::finish() {
  digest_ = hash_.finish();
  std::string why;
  if (size_ && bytes_ != *size_)
    why = "it has " + std::to_string(bytes_) + " bytes, but " + std::to_string(*size_) +
          " were announced";
  else if (!expected_.empty() && digest_ != expected_)
    why =
        "it has the content of " + digest_.text() + ", but " + expected_.text() + " was asked for";
  if (why.empty()) return {};
  TRY(restart());
  return fail(Kind::Corrupt, why);
}

}  // namespace tare::front_transfer
