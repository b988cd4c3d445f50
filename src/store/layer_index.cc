// SPDX-License-Identifier: Apache-2.0
#include "store/layer_index.h"

#include <algorithm>
#include <bit>
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

void IndexWriter::add(const IndexEntry& entry) {
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
}

Result<std::string> IndexWriter::finish(IndexSummary summary, const std::vector<Digest>& references,
                                        std::vector<Sum> sums) const {
  if (references.size() > kMaxReferences)
    return fail(Kind::Invalid, "the layer shares files with too many others");
  std::sort(sums.begin(), sums.end(),
            [](const Sum& a, const Sum& b) { return a.digest < b.digest; });
  std::string body;
  body.reserve(references.size() * 32 + entries_.size() + sums.size() * sizeof(Sum));
  for (const Digest& reference : references) body += bytes_of(raw_digest(reference));
  body += entries_;
  for (const Sum& sum : sums) body.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  std::string file(kMagic);
  put<std::uint64_t>(file, count_);
  put(file, summary.tar_bytes);
  put(file, summary.content_bytes);
  put(file, summary.pack_bytes);
  put(file, summary.newest);
  put<std::uint64_t>(file, entries_.size());
  put<std::uint64_t>(file, sums.size());
  put(file, static_cast<std::uint32_t>(references.size()));
  put<std::uint32_t>(file, 0);
  file += bytes_of(raw_digest(codec::sha256(body)));
  return file + body;
}

Result<LayerIndex> LayerIndex::parse(std::string bytes) {
  LayerIndex index;
  index.bytes_ = std::move(bytes);
  const std::string_view all = index.bytes_;
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
  if (bytes_of(raw_digest(codec::sha256(body))) != all.substr(kHashAt, kHeader - kHashAt))
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
  index.sums_.resize(sums);
  if (sums > 0)
    std::memcpy(index.sums_.data(), cursor.text(sums * sizeof(Sum)).data(), sums * sizeof(Sum));
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
  const std::string_view rest =
      std::string_view(bytes_).substr(entries_at_ + at, entries_bytes_ - at);
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
