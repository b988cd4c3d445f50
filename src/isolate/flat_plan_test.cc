// SPDX-License-Identifier: Apache-2.0
#include "isolate/flat_plan.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string_view>

namespace tare::isolate {
namespace {

// What the helper finds where the flat plan says that it is.
template <typename T>
const T* at(const FlatPlan& flat, const T* address) {
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(address) - child::kPlanAddress;
  REQUIRE(offset < flat.bytes.size());
  CHECK(offset % alignof(T) == 0);
  return reinterpret_cast<const T*>(flat.bytes.data() + offset);
}

std::string_view text(const FlatPlan& flat, const char* address) { return at(flat, address); }

TEST_CASE("a flat plan has copies of everything, and indexes for descriptors") {
  const child::Option options[] = {{"size", "4k"}, {"ro", nullptr}};
  const child::Mount mounts[] = {
      {.target = "/tmp", .type = "tmpfs", .source_name = "tmpfs", .options = {options, 2}},
      {.target = "/data", .source = 70}};
  int made[] = {-1, -1};
  const child::Container container{
      .root = 71, .hostname = "web", .mounts = {mounts, 2}, .made = made};
  char word[] = "true";
  char* const argv[] = {word, nullptr};
  const sock_filter filter[] = {{6, 0, 0, 7}};
  child::Plan plan;
  plan.container = &container;
  plan.process.argv = argv;
  plan.process.filter = {filter, 1};
  plan.process.gate = 72;
  const auto flat = flatten(plan);
  REQUIRE(flat);
  CHECK(flat->descriptors == std::vector{71, 70, 72});

  const auto* copy = reinterpret_cast<const child::Plan*>(flat->bytes.data());
  CHECK(copy->process.gate == 2);
  CHECK(text(*flat, *at(*flat, copy->process.argv)) == "true");
  CHECK(at(*flat, copy->process.argv)[1] == nullptr);
  CHECK(at(*flat, copy->process.filter.items)->k == 7);
  const child::Container* inside = at(*flat, copy->container);
  CHECK(inside->root == 0);
  CHECK(text(*flat, inside->hostname) == "web");
  CHECK(inside->domainname == nullptr);
  const child::Mount* mount = at(*flat, inside->mounts.items);
  CHECK(mount[0].source == -1);
  CHECK(text(*flat, mount[0].target) == "/tmp");
  CHECK(text(*flat, at(*flat, mount[0].options.items)[0].value) == "4k");
  CHECK(at(*flat, mount[0].options.items)[1].value == nullptr);
  CHECK(mount[1].source == 1);
  CHECK(text(*flat, mount[1].target) == "/data");
  CHECK(at(*flat, inside->made)[1] == -1);
  // The plan itself is as it was.
  CHECK(mounts[1].source == 70);
  CHECK(plan.process.gate == 72);
}

TEST_CASE("a plan with more descriptors than can be handed over is refused") {
  const std::vector<child::Mount> mounts(child::kMostDescriptors, {.target = "/x", .source = 9});
  const child::Container container{
      .mounts = {mounts.data(), static_cast<std::uint32_t>(mounts.size())}};
  child::Plan plan;
  plan.container = &container;
  const auto flat = flatten(plan);
  REQUIRE_FALSE(flat);
  CHECK(flat.error().kind() == Kind::Invalid);
}

}  // namespace
}  // namespace tare::isolate
