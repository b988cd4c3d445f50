// SPDX-License-Identifier: Apache-2.0
// Layer indexes of strangers with a right check sum: every entry is within its bounds, what is read
// can be written again as it was, and the tree of it is an EROFS image or an error.
#include "store/layer_index.h"

#include <cstring>

#include "codec/sha256.h"
#include "fuzz/fuzz.h"
#include "store/erofs_writer.h"
#include "store/merged_tree.h"

using namespace tare;

namespace {

constexpr std::size_t kHeader = 104;
constexpr std::size_t kHashAt = 72;

void check_entry(const store::IndexEntry& entry) {
  FUZZ_CHECK(entry.path.size() <= 4096 && entry.link.size() <= 4096 && entry.mode <= 07777);
  FUZZ_CHECK(entry.path.find('\0') == std::string_view::npos);
  FUZZ_CHECK(entry.path.empty() || (entry.path.front() != '/' && entry.path.back() != '/'));
  FUZZ_CHECK(("/" + std::string(entry.path) + "/").find("/../") == std::string::npos);
}

void write_down(const store::LayerIndex& index) {
  store::MergedTree tree;
  if (!tree.apply(index)) return;
  (void)tree.apply(index);  // Over itself.
  store::ErofsRequest request{.tree = &tree};
  request.devices.push_back({.layer = codec::sha256("pack"), .bytes = 1 << 20});
  request.device_of = [](const store::MergedTree::Inode&) -> std::uint16_t { return 1; };
  codec::StringSink image;
  if (!store::write_erofs(request, image)) return;
  FUZZ_CHECK(image.bytes().size() % 4096 == 0);
}

}  // namespace

TARE_FUZZER(layer_index) {
  (void)store::LayerIndex::sums_of(bytes);
  std::string file(bytes);
  if (file.size() < kHeader) return;
  const Digest digest = codec::sha256(std::string_view(file).substr(kHeader));
  const store::RawDigest raw = store::raw_digest(digest);
  std::memcpy(file.data() + kHashAt, raw.data(), raw.size());
  const auto index = store::LayerIndex::parse(file);
  if (!index) return;
  store::IndexWriter writer;
  const auto read = index->each([&](const store::IndexEntry& entry) {
    check_entry(entry);
    return writer.add(entry);
  });
  if (!read) return;
  const std::vector<store::Sum> sums(index->sums().begin(), index->sums().end());
  const auto again = writer.finish(index->summary(), index->references(), sums);
  FUZZ_CHECK(again.has_value());
  const auto second = store::LayerIndex::parse(*again);
  FUZZ_CHECK(second.has_value());
  FUZZ_CHECK(second->each([&](const store::IndexEntry& entry) -> Result<> {
    check_entry(entry);
    return {};
  }));
  write_down(*index);
}
