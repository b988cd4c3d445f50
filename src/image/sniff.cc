// SPDX-License-Identifier: Apache-2.0
#include "image/sniff.h"

#include <algorithm>

#include "base/text.h"

namespace tare::image {
namespace {

struct Known {
  std::size_t offset;
  std::string_view magic;
  std::string_view what;
  std::string_view hint;
};

using namespace std::string_view_literals;

constexpr Known kKnown[] = {
    {0, "LZIP"sv, "compressed with lzip, which is not supported", "lzip -dc FILE | tare load"},
    {0, "\x04\x22\x4d\x18"sv, "compressed with lz4, which is not supported",
     "lz4 -dc FILE | tare load"},
    {0, "\x1f\x9d"sv, "compressed with compress, which is not supported",
     "gzip -dc FILE | tare load"},
    {0, "PK\x03\x04"sv, "a zip archive", "make a tar archive of its files"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", "make a tar archive of its files"},
    {0,
     "\x7f"
     "ELF"sv,
     "a program (ELF)", "tare pack PROGRAM makes an image of a program and its libraries"},
    {0, "hsqs"sv, "a squashfs image", "unsquashfs FILE, then load a tar of the directory"},
    {0, "QFI\xfb"sv, "a qcow2 disk image", "load a tar of the files in it"},
    {0, "conectix"sv, "a virtual disk", "load a tar of the files in it"},
    {0, "!<arch>\n"sv, "a Debian package or ar archive", "load a tar of a root file system"},
    {0, "\xed\xab\xee\xdb"sv, "an RPM package", "load a tar of a root file system"},
    {0, "070701"sv, "a cpio archive", "make a tar archive of its files"},
    {0, "<!DOCTYPE"sv, "an HTML page, perhaps an error of a web server", "look into the file"},
    {0, "<html"sv, "an HTML page, perhaps an error of a web server", "look into the file"},
    {0, "%PDF"sv, "a PDF document", ""},
    {0, "#!"sv, "a script", ""},
    {0, "{"sv, "a JSON document", "load the whole image archive, or give the layout's directory"},
};

bool is_text(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    const bool control = byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t';
    return !control && (byte < 0x7f || byte >= 0xa0);
  });
}

bool is_dockerfile(std::string_view text) {
  for (const std::string& line : split(text, '\n')) {
    const std::string word = lower(trim(line));
    if (word.empty() || word.starts_with('#')) continue;
    return word.starts_with("from ") || word.starts_with("arg ");
  }
  return false;
}

Error error_for(std::string_view what, bool compressed, std::string_view hint) {
  Error error(Kind::Invalid, std::string(compressed ? "the decompressed input" : "the input") +
                                 " is " + std::string(what) + ", and not an image archive");
  if (hint.empty()) return error;
  return std::move(error).hint(std::string(hint));
}

}  // namespace

Result<std::string_view> PeekSource::peek() {
  if (!head_.empty()) return std::string_view(head_);
  head_.resize(kTarBlock);
  std::size_t have = 0;
  while (have < kTarBlock) {
    const std::size_t count = TRY(inner_.read(head_.data() + have, kTarBlock - have));
    if (count == 0) break;
    have += count;
  }
  head_.resize(have);
  return std::string_view(head_);
}

Result<std::size_t> PeekSource::read(char* buffer, std::size_t size) {
  if (taken_ == head_.size()) return inner_.read(buffer, size);
  const std::size_t count = head_.copy(buffer, size, taken_);
  taken_ += count;
  return count;
}

// [POSIX.1-2017 pax, "ustar Interchange Format", chksum]
bool is_tar_block(std::string_view block) {
  if (block.size() < kTarBlock) return false;
  constexpr std::size_t kChecksum = 148;
  constexpr std::size_t kChecksumSize = 8;
  std::uint64_t sum = 0;
  bool zero = true;
  for (std::size_t i = 0; i < kTarBlock; ++i) {
    const bool in_checksum = i >= kChecksum && i < kChecksum + kChecksumSize;
    sum += in_checksum ? ' ' : static_cast<unsigned char>(block[i]);
    zero = zero && block[i] == '\0';
  }
  if (zero) return true;
  std::uint64_t told = 0;
  bool digits = false;
  for (const char c : block.substr(kChecksum, kChecksumSize)) {
    if (c >= '0' && c <= '7') {
      told = told * 8 + static_cast<std::uint64_t>(c - '0');
      digits = true;
    } else if (digits || c != ' ') {
      break;
    }
  }
  return digits && told == sum;
}

Error not_an_image(std::string_view first_bytes, bool compressed) {
  if (first_bytes.empty())
    return Error(Kind::Invalid, compressed ? "the decompressed input is empty"
                                           : "the input is empty, so there is no image to load")
        .hint("name a file, or pipe one in: tare load < FILE, tare import - NAME < FILE");
  for (const Known& known : kKnown)
    if (first_bytes.substr(std::min(known.offset, first_bytes.size())).starts_with(known.magic))
      return error_for(known.what, compressed, known.hint);
  if (is_text(first_bytes)) {
    if (is_dockerfile(first_bytes))
      return error_for("a Dockerfile", compressed,
                       "a Dockerfile is built, not loaded; load takes what docker save wrote");
    return error_for(
        "a text file", compressed,
        "an image is what docker save or skopeo wrote, or a tar of a root file system");
  }
  return error_for("no tar archive", compressed,
                   "an image is what docker save or skopeo wrote, or a tar of a root file system");
}

}  // namespace tare::image
