// SPDX-License-Identifier: Apache-2.0
#include "build/output_layers.h"

#include <doctest/doctest.h>

namespace tare::build {
namespace {

using Ends = std::vector<std::size_t>;

constexpr std::uint64_t kLarge = 100 << 20;
OutputStep run(std::uint64_t size = 1) { return {.size = size, .is_run = true}; }
OutputStep copy(std::uint64_t size = 1) { return {.size = size, .takes_sources = true}; }
OutputStep other() { return {.size = 1}; }
OutputStep marked(OutputStep step) {
  step.ends_layer = true;
  return step;
}

TEST_CASE("layers change where the pace of changes does, and large ones stay alone") {
  // Packages; what the application needs; the application.
  const std::vector<OutputStep> usual = {run(),   run(), other(), copy(), run(),
                                         other(), run(), copy(),  copy(), other()};
  CHECK(layer_ends(usual, LayerWish::Few) == Ends{3, 7, 10});
  CHECK(layer_ends(usual, LayerWish::Steps) == Ends{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(layer_ends(usual, LayerWish::One) == Ends{10});
  const std::vector<OutputStep> large = {other(), other(), run(kLarge), run(), run(), copy(kLarge)};
  CHECK(layer_ends(large, LayerWish::Few) == Ends{2, 3, 5, 6});
  CHECK(layer_ends({run(), run()}, LayerWish::Few) == Ends{2});
  CHECK(layer_ends({copy(), copy()}, LayerWish::Few) == Ends{2});
  CHECK(layer_ends({copy(), run()}, LayerWish::Few) == Ends{2});
  CHECK(layer_ends({run(kLarge)}, LayerWish::Few) == Ends{1});
  CHECK(layer_ends({}, LayerWish::Few).empty());
}

TEST_CASE("marks decide alone; what follows the last is a layer, too") {
  const std::vector<OutputStep> steps = {run(kLarge), marked(run(kLarge)), copy(), run(), copy()};
  CHECK(layer_ends(steps, LayerWish::Few) == Ends{2, 5});
  CHECK(layer_ends(steps, LayerWish::One) == Ends{5});
  CHECK(layer_ends({run(), marked(run())}, LayerWish::Few) == Ends{2});
}

}  // namespace
}  // namespace tare::build
