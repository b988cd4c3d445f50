// SPDX-License-Identifier: Apache-2.0
#include "deb/ar.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace tare::deb {
namespace {

constexpr std::string_view kMagic = "!<arch>\n";
constexpr std::size_t kHeaderBytes = 60;
constexpr std::size_t kNameBytes = 16;
constexpr std::size_t kSizeAt = 48;
constexpr std::size_t kSizeBytes = 10;
constexpr std::size_t kMostMembers = 64;

Result<> pass_over(codec::Source& file, std::uint64_t size) {
  while (size > 0) {
    const std::uint64_t count = TRY(file.skip(size));
    if (count == 0) return fail(Kind::Corrupt, "the archive ends within a member");
    size -= count;
  }
  return {};
}

std::string without_end(std::string_view text, std::string_view characters) {
  const std::size_t last = text.find_last_not_of(characters);
  return last == std::string_view::npos ? "" : std::string(text.substr(0, last + 1));
}

// Nothing at the end of the file.
Result<bool> read_header(codec::Source& file, Member& member) {
  std::array<char, kHeaderBytes> header{};
  std::size_t have = 0;
  while (have < header.size()) {
    const std::size_t count = TRY(file.read(header.data() + have, header.size() - have));
    if (count == 0) break;
    have += count;
  }
  if (have == 0) return false;
  const std::string_view text(header.data(), header.size());
  if (have < header.size() || !text.ends_with("`\n"))
    return fail(Kind::Corrupt, "the archive has a damaged header");
  // GNU ar puts a '/' behind names.
  member.name = without_end(text.substr(0, kNameBytes), " /");
  const auto size = parse_u64(without_end(text.substr(kSizeAt, kSizeBytes), " "));
  if (!size) return fail(Kind::Corrupt, "a member of the archive has no size");
  member.size = *size;
  return true;
}

}  // namespace

Result<DebFile> read_deb(codec::Source& file) {
  std::array<char, kMagic.size()> magic{};
  const auto begins = codec::read_exactly(file, magic.data(), magic.size());
  if (!begins || std::string_view(magic.data(), magic.size()) != kMagic)
    return fail(Kind::Corrupt, "this is no .deb file");
  DebFile deb;
  std::uint64_t at = kMagic.size();
  Member member;
  for (std::size_t index = 0; TRY(read_header(file, member)); ++index) {
    if (index == kMostMembers) return fail(Kind::Corrupt, "the archive has too many members");
    member.offset = at += kHeaderBytes;
    at += member.size + member.size % 2;
    std::uint64_t rest = member.size;
    if (index == 0) {
      std::array<char, 4> version{};
      if (member.name != "debian-binary" || rest < version.size())
        return fail(Kind::Corrupt, "this is no .deb file");
      TRY(codec::read_exactly(file, version.data(), version.size()));
      rest -= version.size();
      if (!std::string_view(version.data(), version.size()).starts_with("2."))
        return fail(Kind::Unsupported, ".deb files of another version than 2");
    } else if (member.name.starts_with("control.tar") || member.name.starts_with("data.tar")) {
      Member& place = member.name.starts_with("c") ? deb.control : deb.data;
      // SECURITY: two of them would be understood in two ways.
      if (!place.name.empty())
        return fail(Kind::Corrupt, "the archive has two members " + quoted(member.name));
      place = member;
    }
    TRY(pass_over(file, rest));
    // The byte behind an odd size may be missing at the end.
    if (member.size % 2 != 0) (void)TRY(file.skip(1));
  }
  if (deb.control.name.empty() || deb.data.name.empty())
    return fail(Kind::Corrupt, "the archive has no control.tar or no data.tar");
  return deb;
}

}  // namespace tare::deb
