// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "codec/tar.h"
#include "codec/tar_block.h"
#include "codec/tar_pax.h"
#include "codec/utf8.h"

namespace tare::tar {
namespace {

constexpr UnixNanos kSecond = 1'000'000'000;

char flag_of(Type type) {
  switch (type) {
    case Type::Regular:
      return '0';
    case Type::HardLink:
      return '1';
    case Type::Symlink:
      return '2';
    case Type::CharDevice:
      return '3';
    case Type::BlockDevice:
      return '4';
    case Type::Directory:
      return '5';
    case Type::Fifo:
      return '6';
  }
  return '0';
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// For readers that do not know extended headers; what others see is in the extended header.
std::string ascii_only(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '_');
  return out;
}

// Collects the extended header while the ustar header is filled in.
class HeaderWriter {
 public:
  HeaderWriter(const Entry& entry, std::string name) : entry_(entry), name_(std::move(name)) {}

  // The blocks that stand before the content.
  std::string blocks() {
    put_name();
    put_link();
    header_.put_octal(field::kMode, entry_.mode & 07777);
    put_number(field::kUid, "uid", entry_.uid);
    put_number(field::kGid, "gid", entry_.gid);
    put_number(field::kSize, "size", entry_.type == Type::Regular ? entry_.size : 0);
    put_time();
    header_.put_text(field::kType, std::string(1, flag_of(entry_.type)));
    header_.put_text(field::kMagic, std::string_view("ustar\00000", 8));
    const bool device = entry_.type == Type::CharDevice || entry_.type == Type::BlockDevice;
    put_number(field::kMajor, "SCHILY.devmajor", device ? entry_.device_major : 0);
    put_number(field::kMinor, "SCHILY.devminor", device ? entry_.device_minor : 0);
    for (const auto& [name, value] : entry_.xattrs) records_["SCHILY.xattr." + name] = value;
    header_.put_checksum();
    return extended() + std::string(header_.bytes());
  }

 private:
  // The whole name when it fits, else divided at a '/' into prefix and name.
  bool put_divided(std::string_view name) {
    if (name.size() <= field::kName.size) {
      header_.put_text(field::kName, name);
      return true;
    }
    if (name.size() > field::kPrefix.size + 1 + field::kName.size) return false;
    const std::size_t slash = name.rfind('/', std::min(field::kPrefix.size, name.size() - 2));
    if (slash == std::string_view::npos || slash == 0) return false;
    if (name.size() - slash - 1 > field::kName.size) return false;
    header_.put_text(field::kPrefix, name.substr(0, slash));
    header_.put_text(field::kName, name.substr(slash + 1));
    return true;
  }

  void put_name() {
    if (is_ascii(name_) && put_divided(name_)) return;
    header_.put_text(field::kName, ascii_only(name_));
    put_text_record("path", name_);
  }

  void put_link() {
    if (entry_.type != Type::HardLink && entry_.type != Type::Symlink) return;
    header_.put_text(field::kLink, ascii_only(entry_.link));
    if (entry_.link.size() > field::kLink.size || !is_ascii(entry_.link))
      put_text_record("linkpath", entry_.link);
  }

  void put_text_record(const std::string& key, const std::string& text) {
    if (!codec::is_utf8(text)) binary_ = true;
    records_[key] = text;
  }

  void put_number(Field field, const std::string& key, std::uint64_t value) {
    const bool fits = fits_octal(field, value);
    header_.put_octal(field, fits ? value : 0);
    if (!fits) records_[key] = std::to_string(value);
  }

  void put_time() {
    const auto seconds = static_cast<std::uint64_t>(std::max<UnixNanos>(entry_.mtime, 0) / kSecond);
    const bool fits = fits_octal(field::kMtime, seconds);
    header_.put_octal(field::kMtime, fits ? seconds : 0);
    if (!fits || entry_.mtime < 0 || entry_.mtime % kSecond != 0)
      records_["mtime"] = print_pax_time(entry_.mtime);
  }

  // Nothing, or the extended header with its records in the order of their keys.
  std::string extended() const {
    std::string body;
    // Must stand before the names that it is about. [pax, "hdrcharset"]
    if (binary_) body += print_pax_record("hdrcharset", "BINARY");
    for (const auto& [key, value] : records_) body += print_pax_record(key, value);
    if (body.empty()) return {};
    Block header;
    std::string_view base = name_;
    if (base.ends_with('/')) base.remove_suffix(1);
    if (const std::size_t slash = base.rfind('/'); slash != std::string_view::npos)
      base.remove_prefix(slash + 1);
    header.put_text(field::kName, "PaxHeaders.0/" + ascii_only(base.substr(0, 64)));
    header.put_octal(field::kMode, 0644);
    for (const Field zero : {field::kUid, field::kGid, field::kMtime, field::kMajor, field::kMinor})
      header.put_octal(zero, 0);
    header.put_octal(field::kSize, body.size());
    header.put_text(field::kType, "x");
    header.put_text(field::kMagic, std::string_view("ustar\00000", 8));
    header.put_checksum();
    body.append(padding_after(body.size()), '\0');
    return std::string(header.bytes()) + body;
  }

  const Entry& entry_;
  std::string name_;
  Block header_;
  std::map<std::string, std::string> records_;
  bool binary_ = false;
};

Result<> check_entry(const Entry& entry) {
  const auto bad = [](std::string_view text) {
    return text.empty() || text.find('\0') != std::string_view::npos;
  };
  if (bad(entry.name)) return fail(Kind::Invalid, "tar cannot hold the name " + quoted(entry.name));
  const bool links = entry.type == Type::HardLink || entry.type == Type::Symlink;
  if (links && bad(entry.link))
    return fail(Kind::Invalid, "tar cannot hold the link target " + quoted(entry.link) + " of " +
                                   quoted(entry.name));
  if (entry.type != Type::Directory && entry.name.ends_with('/'))
    return fail(Kind::Invalid,
                "the name " + quoted(entry.name) + " ends in '/' but is no directory");
  for (const auto& [name, value] : entry.xattrs)
    if (bad(name) || name.find('=') != std::string::npos)
      return fail(Kind::Invalid, "tar cannot hold the extended attribute " + quoted(name) + " of " +
                                     quoted(entry.name));
  return {};
}

}  // namespace

Result<> Writer::pad() {
  const std::string zeros(padding_after(written_), '\0');
  expected_ = 0;
  written_ = 0;
  return zeros.empty() ? Result<>() : sink_.write(zeros);
}

Result<> Writer::add(const Entry& entry) {
  if (expected_ > 0)
    return fail(Kind::Internal, fmt::format("{} bytes of the file before {} were not written",
                                            expected_, quoted(entry.name)));
  TRY(check_entry(entry));
  std::string name = entry.name;
  if (entry.type == Type::Directory && !name.ends_with('/')) name += '/';
  TRY(sink_.write(HeaderWriter(entry, std::move(name)).blocks()));
  expected_ = entry.type == Type::Regular ? entry.size : 0;
  written_ = 0;
  return {};
}

Result<> Writer::write_content(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (bytes.size() > expected_)
    return fail(Kind::Internal, fmt::format("{} bytes more than the tar entry has room for",
                                            bytes.size() - expected_));
  TRY(sink_.write(bytes));
  expected_ -= bytes.size();
  written_ += bytes.size();
  return expected_ == 0 ? pad() : Result<>();
}

Result<> Writer::add_file(Entry entry, std::string_view content) {
  entry.type = Type::Regular;
  entry.size = content.size();
  TRY(add(entry));
  return write_content(content);
}

Result<> Writer::finish() {
  if (expected_ > 0)
    return fail(Kind::Internal,
                fmt::format("{} bytes of the last file were not written", expected_));
  return sink_.write(std::string(2 * kBlock, '\0'));
}

}  // namespace tare::tar
