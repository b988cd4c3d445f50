// SPDX-License-Identifier: Apache-2.0
#include "build/output_layers.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "codec/sha256.h"

namespace tare::build {
namespace {

// Asking a registry for a layer and announcing it takes longer than sending so many bytes; larger
// ones are worth being shared with images that have only them.
constexpr std::uint64_t kSmall = 4 << 20;

// Where what seldom changes ends: before sources come in, and after the last program has run.
std::vector<std::size_t> changes_of_pace(const std::vector<OutputStep>& steps) {
  const auto sources = std::ranges::find_if(steps, &OutputStep::takes_sources);
  const auto first = static_cast<std::size_t>(sources - steps.begin());
  std::size_t last = first;
  for (std::size_t i = first; i < steps.size(); ++i)
    if (steps[i].is_run) last = i + 1;
  return {first, last};
}

}  // namespace

std::vector<std::size_t> layer_ends(const std::vector<OutputStep>& steps, LayerWish wish) {
  std::vector<std::size_t> ends;
  if (steps.empty()) return ends;
  const bool has_marks = std::ranges::any_of(steps, &OutputStep::ends_layer);
  const std::vector<std::size_t> paces = changes_of_pace(steps);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    bytes += steps[i].size;
    bool ends_here = wish == LayerWish::Steps;
    if (wish == LayerWish::Few && has_marks)
      ends_here = steps[i].ends_layer;
    else if (wish == LayerWish::Few)
      ends_here =
          bytes + steps[i + 1].size > kSmall || std::ranges::find(paces, i + 1) != paces.end();
    if (!ends_here) continue;
    ends.push_back(i + 1);
    bytes = 0;
  }
  ends.push_back(steps.size());
  return ends;
}

namespace {

Result<Files> with_merged(Workshop& workshop, const Files& below,
                          const std::vector<store::Layer>& layers) {
  std::string key = "tare layers 1\n";
  for (const auto* part : {&below.layers, &layers}) {
    for (const store::Layer& layer : *part) key += layer.diff_id.text() + "\n";
    key += "\n";
  }
  const std::string what = "a layer of " + std::to_string(layers.size()) + " steps";
  const StepLayer merged = TRY(workshop.merge(
      {.below = below.layers, .layers = layers, .key = codec::sha256(key), .what = what}));
  return below.with(merged.diff_id);
}

// Base image and all. The last step that has a layer has this one.
Result<Files> in_one_layer(Workshop& workshop, const Files& files,
                           std::vector<oci::History>& history) {
  if (files.layers.size() < 2) return files;
  Files made = TRY(with_merged(workshop, Files::nothing(), files.layers));
  bool has_one = made.layers.empty();
  for (oci::History& entry : std::views::reverse(history))
    entry.empty_layer = entry.empty_layer || std::exchange(has_one, true);
  return made;
}

}  // namespace

Result<Files> make_output_layers(Workshop& workshop, const Files& files,
                                 const std::vector<OutputStep>& steps, LayerWish wish,
                                 std::vector<oci::History>& history) {
  if (wish == LayerWish::All) return in_one_layer(workshop, files, history);
  const auto first = files.layers.end() - static_cast<std::ptrdiff_t>(steps.size());
  Files made{.id = files.id, .layers = {files.layers.begin(), first}};
  std::size_t begin = 0;
  for (const std::size_t end : layer_ends(steps, wish)) {
    const std::vector<store::Layer> together(first + static_cast<std::ptrdiff_t>(begin),
                                             first + static_cast<std::ptrdiff_t>(end));
    const std::size_t before = made.layers.size();
    made = together.size() == 1 ? made.with(together[0].diff_id)
                                : TRY(with_merged(workshop, made, together));
    for (std::size_t i = begin; i < end; ++i)
      history[steps[i].entry].empty_layer = i + 1 < end || made.layers.size() == before;
    begin = end;
  }
  return made;
}

}  // namespace tare::build
