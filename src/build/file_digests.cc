// SPDX-License-Identifier: Apache-2.0
#include "build/file_digests.h"

#include <time.h>

#include <vector>

#include "codec/sha256.h"
#include "sys/fd.h"

namespace tare::build {
namespace {

constexpr std::size_t kPiece = 256 << 10;
constexpr std::string_view kHead = "tare file digests 1\n";

std::int64_t in_ns(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

// The time of change is the kernel's own: nobody can set it back. [inode(7)]
std::string stamp_of(const struct stat& info) {
  return std::to_string(info.st_dev) + "." + std::to_string(info.st_ino) + "." +
         std::to_string(info.st_size) + "." + std::to_string(in_ns(info.st_mtim)) + "." +
         std::to_string(in_ns(info.st_ctim));
}

// Somebody may write to it within the same tick of the kernel's clock, unseen by its times.
bool is_fresh(const struct stat& info) {
  constexpr std::int64_t kTick = 50'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return in_ns(info.st_ctim) + kTick > in_ns(now);
}

Result<Digest> read_all_of(int file) {
  codec::Sha256 hash;
  std::string buffer(kPiece, '\0');
  while (true) {
    const std::size_t count = TRY(sys::read_full(file, buffer.data(), buffer.size()));
    hash.update({buffer.data(), count});
    if (count < buffer.size()) return hash.finish();
  }
}

}  // namespace

// One line a file: stamp, digest, path.
FileDigests FileDigests::parse(std::string_view text) {
  FileDigests digests;
  if (!text.starts_with(kHead)) return digests;
  text.remove_prefix(kHead.size());
  for (const std::string& line : split(text, '\n')) {
    const auto first = split_once(line, ' ');
    const auto second = first ? split_once(first->second, ' ') : std::nullopt;
    if (!second) continue;
    auto digest = Digest::parse("sha256:" + std::string(second->first));
    if (digest)
      digests.known_[std::string(second->second)] = {.stamp = std::string(first->first),
                                                     .digest = std::move(*digest)};
  }
  return digests;
}

std::string FileDigests::print() const {
  std::string text(kHead);
  for (const auto& [path, known] : known_)
    if (known.used && !known.stamp.empty() && path.find('\n') == std::string::npos)
      text += known.stamp + " " + known.digest.hex() + " " + path + "\n";
  return text;
}

const Digest* FileDigests::find(const std::string& path, const struct stat& info) {
  const auto known = known_.find(path);
  if (known == known_.end() || known->second.stamp != stamp_of(info)) return nullptr;
  known->second.used = true;
  return &known->second.digest;
}

Result<Digest> FileDigests::of(const std::string& path, int file, const struct stat& info) {
  if (const Digest* const found = find(path, info)) return *found;
  const std::string stamp = stamp_of(info);
  Known& known = known_[path];
  known.used = true;
  known.digest = TRY(read_all_of(file), "read " + quoted(path));
  known.stamp = is_fresh(info) ? "" : stamp;
  changed_ = true;
  return known.digest;
}

}  // namespace tare::build
