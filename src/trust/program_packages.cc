// SPDX-License-Identifier: Apache-2.0
// What programs were built of, as their compilers wrote into them.
#include <algorithm>

#include "base/text.h"
#include "codec/inflate.h"
#include "codec/json.h"
#include "trust/elf_parts.h"
#include "trust/package_readers.h"
#include "trust/packages.h"

namespace tare::trust {
namespace {

using codec::Numbers;

constexpr std::size_t kMaxNote = 4 << 20;

// The two texts of Go: its version, and the modules.
struct GoNote {
  std::string version;
  std::string modules;
};

// As encoding/binary's Uvarint has it, before 1.18's text. Moves `at` behind text.
std::string inline_text(std::string_view note, std::uint64_t& at) {
  constexpr unsigned kMostShift = 28;
  const Numbers bytes(note);
  std::uint64_t size = 0;
  for (unsigned shift = 0; shift <= kMostShift; shift += 7) {
    const std::uint8_t byte = bytes.u8(at++);
    size |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) break;
  }
  std::string text(bytes.part(at, size));
  at += size;
  return text;
}

// Before Go 1.18: the address of a string, which is an address and a length.
std::string text_at(const ElfParts& elf, std::uint64_t address, std::size_t word,
                    Numbers::Order order) {
  const auto place = elf.at_address(address, 2 * word);
  if (!place) return "";
  const Numbers numbers(*place, order);
  const std::uint64_t size = numbers.number(word, word);
  if (size > kMaxNote) return "";
  return elf.at_address(numbers.number(0, word), size).value_or("");
}

// [Go's documentation and sources, debug/buildinfo]
GoNote go_note(const ElfParts& elf, std::string_view note) {
  constexpr std::string_view kMagic("\xff Go buildinf:", 14);
  constexpr std::uint8_t kBig = 1;
  constexpr std::uint8_t kInline = 2;
  constexpr std::uint64_t kTexts = 32;
  if (!note.starts_with(kMagic)) return {};
  GoNote go;
  const Numbers bytes(note);
  const std::uint8_t word = bytes.u8(14);
  const std::uint8_t flags = bytes.u8(15);
  if ((flags & kInline) != 0) {
    std::uint64_t at = kTexts;
    go.version = inline_text(note, at);
    go.modules = inline_text(note, at);
  } else if (word == 4 || word == 8) {
    const Numbers::Order order = (flags & kBig) != 0 ? Numbers::Order::Big : Numbers::Order::Little;
    const Numbers places(note, order);
    go.version = text_at(elf, places.number(16, word), word, order);
    go.modules = text_at(elf, places.number(16 + word, word), word, order);
  }
  // 16 bytes before and after it, by which the linker is told of.
  constexpr std::size_t kMark = 16;
  if (go.modules.size() >= 2 * kMark)
    go.modules = go.modules.substr(kMark, go.modules.size() - 2 * kMark);
  else
    go.modules.clear();
  return go;
}

void read_go(const ElfParts& elf, Bundle& bundle) {
  std::vector<Package>& packages = bundle.packages;
  const auto section = elf.section(".go.buildinfo", kMaxNote);
  if (!section) return;
  const GoNote go = go_note(elf, *section);
  // "mod PATH VERSION SUM", "dep ...", and "=> ..." for what stands in for the one before.
  std::size_t begin = 0;
  while (begin < go.modules.size() && packages.size() < kMostPackages) {
    const std::size_t end = std::min(go.modules.find('\n', begin), go.modules.size());
    const std::vector<std::string> parts =
        split(std::string_view(go.modules).substr(begin, end - begin), '\t');
    begin = end + 1;
    if (parts.size() < 2) continue;
    const std::string version = parts.size() > 2 && parts[2] != "(devel)" ? parts[2] : "";
    if (parts[0] == "mod" && packages.empty()) bundle.has_own = true;
    if (parts[0] == "mod" || parts[0] == "dep")
      packages.push_back(go_package(parts[1], version));
    else if (parts[0] == "=>" && !packages.empty() && !version.empty())
      packages.back() = go_package(parts[1], version);
  }
  constexpr std::string_view kGo = "go";
  const std::string_view version = std::string_view(go.version).substr(0, go.version.find(' '));
  if (version.starts_with(kGo))  // Not so: "devel +0123".
    packages.push_back(
        {.type = "golang", .name = "stdlib", .version = std::string(version.substr(kGo.size()))});
}

// [cargo-auditable, PARSING.md]
void read_rust(const ElfParts& elf, Bundle& bundle, std::size_t& budget) {
  std::vector<Package>& packages = bundle.packages;
  const auto section = elf.section(".dep-v0", kMaxNote);
  if (!section) return;
  const std::size_t limit = std::min(budget, 2 * kMaxNote);
  const auto text = codec::inflate(*section, codec::Deflate::Zlib, limit);
  budget -= text ? text->size() : limit;
  if (!text) return;
  const auto value = json::parse(*text, {.bytes = 2 * kMaxNote, .depth = 16, .values = 500'000});
  if (!value) return;
  for (const json::Value& each : (*value)["packages"].as_array()) {
    if (each["kind"].as_string() == "build" || packages.size() >= kMostPackages) continue;
    Package package{
        .type = "cargo", .name = each["name"].as_string(), .version = each["version"].as_string()};
    packages.push_back(std::move(package));
    if (each["root"].as_bool() && !bundle.has_own) {
      bundle.has_own = true;
      std::swap(packages.front(), packages.back());
    }
  }
}

}  // namespace

Bundle read_program(std::string_view path, const codec::Bytes& file, std::size_t& budget) {
  Bundle bundle;
  const auto elf = ElfParts::open(file);
  if (!elf) return bundle;
  read_go(*elf, bundle);
  if (bundle.packages.empty()) read_rust(*elf, bundle, budget);
  finish_packages(path, bundle.packages);
  bundle.has_own = bundle.has_own && !bundle.packages.empty();
  return bundle;
}

}  // namespace tare::trust
