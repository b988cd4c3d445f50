// SPDX-License-Identifier: Apache-2.0
#include "store/layer_index.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "codec/sha256.h"

namespace tare::store {
namespace {

static_assert(std::endian::native == std::endian::little);  // Numbers are written as they are.

constexpr std::string_view kMagic = "tarelyr1";
constexpr std::size_t kHeader = 104;
constexpr std::size_t kSumsAt = 56;
constexpr std::size_t kHashAt = 72;
constexpr std::size_t kFixed = 80;  // Of an entry, before its texts.
constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kSpillAbove = 1 << 20;
constexpr std::uint8_t kSparse = 0x80;  // In the byte of the type.

template <typename Number>
void put(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// Reads numbers and texts and never beyond the end.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  template <typename Number>
  Number number() {
    Number value{};
    const std::string_view raw = text(sizeof value);
    if (raw.size() == sizeof value) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  std::string_view text(std::size_t size) {
    if (size > bytes_.size()) {
      failed_ = true;
      bytes_ = {};
      return {};
    }
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }
  bool failed() const { return failed_; }
  std::size_t text_left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

std::unexpected<Error> damaged(std::string_view how) {
  return fail(Kind::Corrupt, "the layer's index is damaged: " + std::string(how));
}

bool is_clean_path(std::string_view path) {
  if (path.empty()) return true;
  if (path.size() > kMaxText || path.find('\0') != std::string_view::npos) return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

RawDigest raw_digest(const Digest& digest) {
  RawDigest raw{};
  const std::string& hex = digest.hex();
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i < raw.size() && 2 * i + 1 < hex.size(); ++i)
    raw[i] = static_cast<unsigned char>(value(hex[2 * i]) << 4 | value(hex[2 * i + 1]));
  return raw;
}

Digest digest_of(const RawDigest& raw) { return Digest::from_sha256(bytes_of(raw)); }

Result<> IndexWriter::add(const IndexEntry& entry) {
  const std::size_t start = entries_.size();
  put<std::uint32_t>(entries_, 0);
  put(entries_, static_cast<std::uint8_t>(static_cast<std::uint8_t>(entry.type) |
                                          (entry.sparse ? kSparse : 0)));
  put(entries_, static_cast<std::uint8_t>(entry.xattrs.size()));
  put(entries_, entry.content.pack);
  put(entries_, entry.mode);
  put(entries_, entry.uid);
  put(entries_, entry.gid);
  put(entries_, entry.mtime);
  put(entries_, entry.size);
  put(entries_, entry.content.offset);
  entries_ += bytes_of(entry.content.digest);
  put(entries_, static_cast<std::uint16_t>(entry.path.size()));
  put(entries_, static_cast<std::uint16_t>(entry.link.size()));
  entries_ += entry.path;
  entries_ += entry.link;
  for (const auto& [name, value] : entry.xattrs) {
    put(entries_, static_cast<std::uint8_t>(name.size()));
    put(entries_, static_cast<std::uint32_t>(value.size()));
    entries_ += name;
    entries_ += value;
  }
  entries_.resize((entries_.size() + 7) / 8 * 8, '\0');  // So the sums are aligned.
  const auto length = static_cast<std::uint32_t>(entries_.size() - start);
  std::memcpy(entries_.data() + start, &length, sizeof length);
  ++count_;
  if (spill_ < 0 || entries_.size() < kSpillAbove) return {};
  TRY(sys::write_all(spill_, entries_), "keep the entries of a layer");
  spilled_ += entries_.size();
  entries_.clear();
  return {};
}

template <typename Take>
Result<> IndexWriter::each_piece(const Take& take) const {
  std::string piece(std::min<std::uint64_t>(spilled_, kSpillAbove), '\0');
  for (std::uint64_t at = 0; at < spilled_;) {
    const ssize_t count =
        ::pread(spill_, piece.data(), std::min<std::uint64_t>(piece.size(), spilled_ - at),
                static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail_errno("read the entries of a layer again");
    TRY(take(std::string_view(piece.data(), static_cast<std::size_t>(count))));
    at += static_cast<std::uint64_t>(count);
  }
  return take(std::string_view(entries_));
}

Result<> IndexWriter::finish(IndexSummary summary, const std::vector<Digest>& references,
                             std::vector<Sum> sums, codec::Sink& sink) const {
  if (references.size() > kMaxReferences)
    return fail(Kind::Invalid, "the layer shares files with too many others");
  std::sort(sums.begin(), sums.end(),
            [](const Sum& a, const Sum& b) { return a.digest < b.digest; });
  std::string first;
  for (const Digest& reference : references) first += bytes_of(raw_digest(reference));
  const std::string_view last(reinterpret_cast<const char*>(sums.data()),
                              sums.size() * sizeof(Sum));
  codec::Sha256 hash;
  hash.update(first);
  TRY(each_piece([&](std::string_view piece) -> Result<> {
    hash.update(piece);
    return {};
  }));
  hash.update(last);
  std::string header(kMagic);
  put<std::uint64_t>(header, count_);
  put(header, summary.tar_bytes);
  put(header, summary.content_bytes);
  put(header, summary.pack_bytes);
  put(header, summary.newest);
  put<std::uint64_t>(header, bytes());
  put<std::uint64_t>(header, sums.size());
  put(header, static_cast<std::uint32_t>(references.size()));
  put<std::uint32_t>(header, 0);
  header += bytes_of(raw_digest(hash.finish()));
  TRY(sink.write(header));
  TRY(sink.write(first));
  TRY(each_piece([&](std::string_view piece) { return sink.write(piece); }));
  return sink.write(last);
}

Result<std::string> IndexWriter::finish(const IndexSummary& summary,
                                        const std::vector<Digest>& references,
                                        std::vector<Sum> sums) const {
  codec::StringSink sink;
  TRY(finish(summary, references, std::move(sums), sink));
  return sink.bytes();
}

// A file in memory, read-only.
class LayerIndex::Mapping {
 public:
  Mapping(void* address, std::size_t size) : address_(address), size_(size) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(address_, size_); }
  std::string_view bytes() const { return {static_cast<const char*>(address_), size_}; }
  // Whole pages between the two places.
  void forget(std::size_t from, std::size_t to) const {
    constexpr std::size_t kPage = 4096;
    from = (from + kPage - 1) / kPage * kPage;
    to = std::min(to, size_) / kPage * kPage;  // Never what lies behind it.
    if (from < to) ::madvise(static_cast<char*>(address_) + from, to - from, MADV_DONTNEED);
  }

 private:
  void* address_;
  std::size_t size_;
};

Result<LayerIndex> LayerIndex::parse(std::string bytes) {
  LayerIndex index;
  index.bytes_ = std::make_shared<const std::string>(std::move(bytes));
  return read(std::move(index));
}

Result<LayerIndex> LayerIndex::map(int file) {
  struct stat info{};
  if (::fstat(file, &info) != 0) return fail_errno("look at the layer's index");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return parse({});
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (address == MAP_FAILED) return fail_errno("map the layer's index");
  LayerIndex index;
  index.mapping_ = std::make_shared<const Mapping>(address, size);
  index.mapped_ = index.mapping_->bytes();
  return read(std::move(index));
}

std::size_t LayerIndex::forget(std::size_t from, std::size_t to) const {
  if (mapping_) mapping_->forget(entries_at_ + from, entries_at_ + to);
  return to;
}

Result<LayerIndex> LayerIndex::read(LayerIndex index) {
  const std::string_view all = index.all();
  if (all.size() < kHeader || !all.starts_with(kMagic)) return damaged("it does not start as one");
  Cursor header(all.substr(kMagic.size(), kHashAt - kMagic.size()));
  index.summary_.entries = header.number<std::uint64_t>();
  index.summary_.tar_bytes = header.number<std::uint64_t>();
  index.summary_.content_bytes = header.number<std::uint64_t>();
  index.summary_.pack_bytes = header.number<std::uint64_t>();
  index.summary_.newest = header.number<UnixNanos>();
  const auto entry_bytes = header.number<std::uint64_t>();
  const auto sums = header.number<std::uint64_t>();
  const auto references = header.number<std::uint32_t>();
  const std::string_view body = all.substr(kHeader);
  codec::Sha256 hash;
  for (std::size_t at = 0; at < body.size(); at += kForgetEvery) {
    hash.update(body.substr(at, kForgetEvery));
    if (index.mapping_) index.mapping_->forget(kHeader + at, kHeader + at + kForgetEvery);
  }
  if (bytes_of(raw_digest(hash.finish())) != all.substr(kHashAt, kHeader - kHashAt))
    return damaged("its check sum does not match");
  if (references > kMaxReferences || sums > body.size() / sizeof(Sum) ||
      entry_bytes > body.size() ||
      references * sizeof(RawDigest) + entry_bytes + sums * sizeof(Sum) != body.size())
    return damaged("its parts are not as long as it says");
  Cursor cursor(body);
  for (std::uint32_t i = 0; i < references; ++i)
    index.references_.push_back(digest_of(cursor.number<RawDigest>()));
  index.entries_at_ = kHeader + references * sizeof(RawDigest);
  index.entries_bytes_ = entry_bytes;
  (void)cursor.text(entry_bytes);
  const std::string_view tail = cursor.text(sums * sizeof(Sum));
  if (reinterpret_cast<std::uintptr_t>(tail.data()) % alignof(Sum) != 0)
    return damaged("its sums are not where they should be");
  index.sums_ = {reinterpret_cast<const Sum*>(tail.data()), sums};
  return index;
}

std::span<const Sum> LayerIndex::sums_of(std::string_view bytes) {
  if (bytes.size() < kHeader || !bytes.starts_with(kMagic)) return {};
  Cursor header(bytes.substr(kSumsAt));
  const auto count = header.number<std::uint64_t>();
  if (count > (bytes.size() - kHeader) / sizeof(Sum)) return {};
  const std::string_view tail = bytes.substr(bytes.size() - count * sizeof(Sum));
  return {reinterpret_cast<const Sum*>(tail.data()), count};
}

Result<> LayerIndex::read_entry(std::size_t& at, IndexEntry& entry) const {
  const std::string_view rest = all().substr(entries_at_ + at, entries_bytes_ - at);
  const auto length = Cursor(rest).number<std::uint32_t>();
  if (length < kFixed || length > rest.size() || length % 8 != 0)
    return damaged("an entry has no end");
  Cursor cursor(rest.substr(sizeof length, length - sizeof length));
  const auto flags = cursor.number<std::uint8_t>();
  const auto type = static_cast<std::uint8_t>(flags & ~kSparse);
  entry.sparse = (flags & kSparse) != 0;
  if (type > static_cast<std::uint8_t>(tar::Type::Fifo)) return damaged("an entry is of no type");
  entry.type = static_cast<tar::Type>(type);
  const auto xattrs = cursor.number<std::uint8_t>();
  entry.content.pack = cursor.number<std::uint16_t>();
  entry.mode = cursor.number<std::uint32_t>();
  entry.uid = cursor.number<std::uint32_t>();
  entry.gid = cursor.number<std::uint32_t>();
  entry.mtime = cursor.number<UnixNanos>();
  entry.size = cursor.number<std::uint64_t>();
  entry.content.offset = cursor.number<std::uint64_t>();
  entry.content.digest = cursor.number<RawDigest>();
  const auto path = cursor.number<std::uint16_t>();
  const auto link = cursor.number<std::uint16_t>();
  entry.path = cursor.text(path);
  entry.link = cursor.text(link);
  entry.xattrs.clear();
  for (unsigned i = 0; i < xattrs; ++i) {
    const auto name = cursor.number<std::uint8_t>();
    const auto value = cursor.number<std::uint32_t>();
    const std::string_view name_text = cursor.text(name);
    entry.xattrs.emplace_back(name_text, cursor.text(value));
  }
  if (cursor.failed() || cursor.text_left() >= 8)
    return damaged("an entry is not as long as it says");
  if (!is_clean_path(entry.path) || link > kMaxText || (entry.mode & ~07777u) != 0)
    return damaged("an entry has a path, link or mode that cannot be");
  TRY(check_content(entry));
  at += length;
  return {};
}

Result<> LayerIndex::check_content(const IndexEntry& entry) const {
  const bool has = entry.type == tar::Type::Regular && entry.size > 0;
  if (has != (entry.content.pack != kNowhere)) return damaged("a content is missing or too much");
  if (!has || entry.content.pack == kInObject) return {};
  if (entry.content.pack > references_.size()) return damaged("a content is in no pack");
  if (entry.content.offset % kPackAlign != 0 ||
      entry.size > std::numeric_limits<std::int64_t>::max() - entry.content.offset)
    return damaged("a content is at no place");
  if (entry.content.pack == 0 && entry.content.offset + entry.size > summary_.pack_bytes)
    return damaged("a content is beyond the pack");
  return {};
}

}  // namespace tare::store
