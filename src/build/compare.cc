// SPDX-License-Identifier: Apache-2.0
#include "build/compare.h"

#include <map>

#include "base/text.h"

namespace tare::build {
namespace {

using Entries = std::map<std::string_view, store::IndexEntry>;  // By path; views into the index.

Result<Entries> entries_of(const store::LayerIndex& index) {
  Entries entries;
  const auto take = [&entries](const store::IndexEntry& entry) -> Result<> {
    entries.emplace(entry.path, entry);
    return {};
  };
  TRY(index.each(take));
  return entries;
}

std::string octal(std::uint32_t mode) {
  constexpr unsigned kDigits = 4;
  std::string text;
  for (unsigned i = kDigits; i-- > 0;) text += static_cast<char>('0' + ((mode >> (3 * i)) & 7U));
  return text;
}

// "" when nothing differs.
std::string difference_of(const store::IndexEntry& first, const store::IndexEntry& second) {
  if (first.type != second.type) return "it is of another kind";
  if (first.size != second.size)
    return "its size is " + std::to_string(first.size) + " and " + std::to_string(second.size);
  if (first.size != 0 && first.content.digest != second.content.digest)
    return "its content differs";
  if (first.link != second.link)
    return "it leads to " + quoted(first.link) + " and " + quoted(second.link);
  if (first.mode != second.mode)
    return "its mode is " + octal(first.mode) + " and " + octal(second.mode);
  if (first.uid != second.uid || first.gid != second.gid) return "its owner differs";
  if (first.mtime != second.mtime)
    return "its time is " + rfc3339(first.mtime) + " and " + rfc3339(second.mtime);
  if (first.xattrs != second.xattrs) return "its extended attributes differ";
  return "";
}

Difference found(std::string_view path, std::string what) {
  return {.path = "/" + std::string(path), .what = std::move(what)};
}

}  // namespace

Result<std::optional<Difference>> compare_layers(const store::LayerIndex& first,
                                                 const store::LayerIndex& second) {
  const Entries once = TRY(entries_of(first));
  const Entries again = TRY(entries_of(second));
  auto a = once.begin();
  auto b = again.begin();
  while (a != once.end() || b != again.end()) {
    if (b == again.end() || (a != once.end() && a->first < b->first))
      return found(a->first, "only the first time");
    if (a == once.end() || b->first < a->first) return found(b->first, "only the second time");
    if (std::string what = difference_of(a->second, b->second); !what.empty())
      return found(a->first, std::move(what));
    ++a;
    ++b;
  }
  return std::nullopt;
}

Result<std::optional<StepDifference>> compare_builds(const std::vector<TracedStep>& first,
                                                     const std::vector<TracedStep>& second,
                                                     const IndexLoader& load) {
  for (std::size_t i = 0; i < first.size(); ++i) {
    const TracedStep& step = first[i];
    if (i >= second.size() || second[i].text != step.text)
      return StepDifference{.step = step, .difference = {.path = "", .what = "another step"}};
    const Digest& once = step.layer.diff_id;
    const Digest& again = second[i].layer.diff_id;
    if (once == again) continue;
    if (once.empty() || again.empty())
      return StepDifference{
          .step = step,
          .difference = {.path = "",
                         .what = once.empty() ? "it changed files only the second time"
                                              : "it changed files only the first time"}};
    const store::LayerIndex one = TRY(load(once));
    const store::LayerIndex two = TRY(load(again));
    auto difference = TRY(compare_layers(one, two));
    // The same entries in another order, which our own writer does not make.
    if (!difference) difference = Difference{.path = "", .what = "the order of its files differs"};
    return StepDifference{.step = step, .difference = std::move(*difference)};
  }
  return std::nullopt;
}

}  // namespace tare::build
