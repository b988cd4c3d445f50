// SPDX-License-Identifier: Apache-2.0
#include "image/partial_pull.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "codec/sha256.h"
#include "store/damage.h"
#include "store/known_contents.h"
#include "store/streams.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr std::size_t kAtOnce = 6;  // Parts.

Result<std::size_t> read_at(int file, char* buffer, std::size_t size, std::uint64_t offset) {
  for (;;) {
    const ssize_t count = ::pread(file, buffer, size, static_cast<off_t>(offset));
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) return fail(Kind::Corrupt, "a part of the layer is shorter than it should be");
    if (errno != EINTR) return fail_errno("read a part of a layer");
  }
}

// A series of zstd frames that is uncompressed what the blob is: those that have come, and for each
// file that is here a frame of raw blocks. [RFC 8878 3.1.1]
class ChunkedFrames : public codec::Source {
 public:
  ChunkedFrames(const ChunkedPlan& plan, int parts, const store::ContentFinder& finder)
      : plan_(plan), parts_(parts), finder_(finder) {}

  Result<std::size_t> read(char* buffer, std::size_t size) override {
    while (used_ == ready_.size()) {
      if (piece_ == plan_.pieces.size()) return 0;
      used_ = 0;
      TRY(next(plan_.pieces[piece_]));
    }
    const std::size_t count = std::string_view(ready_).substr(used_).copy(buffer, size);
    used_ += count;
    return count;
  }

 private:
  static constexpr std::size_t kBlock = 128 << 10;  // The largest that there may be.
  static constexpr std::size_t kBlockHeader = 3;
  // Magic number, no content size, a window of 128 KiB.
  static constexpr std::string_view kFrameStart{"\x28\xb5\x2f\xfd\x00\x38", 6};

  Result<> next(const ChunkedPiece& piece) {
    TRY(piece.is_here ? next_of_file(piece.file) : next_of_part(piece));
    const std::uint64_t all = piece.is_here ? piece.file.size : piece.end - piece.begin;
    if (at_ < all) return {};
    ++piece_;
    at_ = 0;
    content_ = {};
    return {};
  }
  Result<> next_of_part(const ChunkedPiece& piece) {
    ready_.resize(std::min<std::uint64_t>(kBlock, piece.end - piece.begin - at_));
    ready_.resize(TRY(read_at(parts_, ready_.data(), ready_.size(), piece.begin + at_)));
    at_ += ready_.size();
    return {};
  }
  Result<> next_of_file(const ChunkedFile& file) {
    ready_.clear();
    if (at_ == 0) {
      content_ = TRY(finder_.open(file.digest, file.size));
      ready_ = kFrameStart;
    }
    const std::size_t header = ready_.size();
    const std::size_t start = header + kBlockHeader;
    ready_.resize(start + std::min<std::uint64_t>(kBlock, file.size - at_));
    const std::size_t count = TRY(read_at(content_.file.get(), ready_.data() + start,
                                          ready_.size() - start, content_.offset + at_));
    ready_.resize(start + count);
    at_ += count;
    const std::size_t word = (count << 3) | (at_ == file.size ? 1 : 0);  // Type 0: raw.
    for (std::size_t i = 0; i < kBlockHeader; ++i)
      ready_[header + i] = static_cast<char>(word >> (8 * i) & 0xff);
    return {};
  }

  const ChunkedPlan& plan_;
  int parts_;
  const store::ContentFinder& finder_;
  std::size_t piece_ = 0;
  std::uint64_t at_ = 0;  // In it.
  store::ContentFinder::Opened content_;
  std::string ready_;
  std::size_t used_ = 0;
};

Result<sys::Fd> make_file(int dir) { return sys::open_at(dir, ".", O_TMPFILE | O_RDWR, 0600); }

}  // namespace

transfer::Request PartialPull::part(const PlannedLayer& layer, std::uint64_t begin,
                                    std::uint64_t end) const {
  return {.endpoint = site_.number,
          .target = site_.path("blobs/" + layer.digest.text()),
          .scopes = pull_scope(site_),
          .size = end - begin,
          .part_at = begin};
}

Result<std::string> PartialPull::fetch_toc(const PlannedLayer& layer) {
  const ChunkedPlace& place = *layer.chunked;
  const sys::Fd file = TRY(make_file(intake_.scratch()));
  transfer::Request request = part(layer, place.offset, place.offset + place.bytes);
  request.digest = place.checksum;
  const transfer::Reply reply = TRY(registry_.client().run(std::move(request), file.get()));
  if (reply.status != 206) return std::unexpected(answer_error(reply, site_, "the list of files"));
  if (::lseek(file.get(), static_cast<off_t>(place.offset), SEEK_SET) < 0)
    return fail_errno("seek");
  store::FileSource compressed(file.get());
  const auto plain = TRY(intake_.decompress(compressed));
  store::LimitedSource limited(*plain, place.uncompressed);
  codec::StringSink text;
  TRY(codec::copy(limited, text));
  return text.bytes();
}

Result<> PartialPull::fetch(const PlannedLayer& layer, const ChunkedPlan& plan, int file,
                            const Told& told) {
  std::set<std::uint64_t> active;
  std::size_t next = 0;
  std::uint64_t done = 0;
  for (;;) {
    for (; next < plan.pieces.size() && active.size() < kAtOnce; ++next) {
      const ChunkedPiece& piece = plan.pieces[next];
      if (piece.is_here) continue;
      active.insert(TRY(registry_.client().send(part(layer, piece.begin, piece.end), file)));
    }
    if (active.empty()) return {};
    transfer::Event event = TRY(registry_.client().next());
    if (!active.contains(event.id)) continue;
    if (event.type == transfer::Event::Type::Failed)
      return std::unexpected(std::move(*event.error));
    if (event.type != transfer::Event::Type::Done) continue;
    if (event.reply.status != 206)
      return std::unexpected(answer_error(event.reply, site_, "a part of the layer"));
    active.erase(event.id);
    done += event.reply.bytes;
    told(done, plan.fetched);
  }
}

Result<std::optional<PartialPull::Saved>> PartialPull::run(const PlannedLayer& layer,
                                                           const Told& told) {
  store::Store& store = intake_.store();
  const std::optional<Saved> none;
  if (!layer.chunked || layer.diff_id.empty()) return none;
  // The least that is fetched is the list; and what is damaged is of no help.
  if (!is_worth_it({}, *layer.chunked, layer.size) || !store::list_damaged(store).empty())
    return none;
  const store::ContentFinder finder = TRY(store::ContentFinder::open(store));
  if (finder.is_empty()) return none;
  const std::string text = TRY(fetch_toc(layer));
  const std::uint64_t end = layer.chunked->frames_end();
  const ChunkedPlan plan =
      plan_pieces(TRY(parse_toc(text, end)), end,
                  [&](const ChunkedFile& file) { return finder.has(file.digest, file.size); });
  if (!is_worth_it(plan, *layer.chunked, layer.size)) return none;
  const sys::Fd parts = TRY(make_file(intake_.scratch()));
  TRY(fetch(layer, plan, parts.get(), told));
  ChunkedFrames frames(plan, parts.get(), finder);
  TRY(intake_.stage_parts(layer.path, frames, layer));
  return Saved{.fetched = plan.fetched + layer.chunked->bytes};
}

}  // namespace tare::image
