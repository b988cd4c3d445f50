// SPDX-License-Identifier: Apache-2.0
#include "engine/made_up_names.h"

#include <sys/random.h>

#include <array>
#include <cstdint>

#include "base/text.h"

namespace tare::engine {
namespace {

constexpr std::array kQualities = {
    "able",   "amber",  "brave",   "bright", "brisk",  "calm",   "candid", "clear",
    "clever", "crisp",  "eager",   "early",  "fair",   "fine",   "frank",  "fresh",
    "gentle", "glad",   "golden",  "grand",  "happy",  "honest", "humble", "keen",
    "kind",   "lively", "lucid",   "mellow", "merry",  "mild",   "modest", "neat",
    "nimble", "noble",  "patient", "plain",  "prompt", "proud",  "quick",  "quiet",
    "rapid",  "ready",  "sharp",   "silent", "simple", "smart",  "smooth", "snug",
    "solid",  "sound",  "spry",    "steady", "sunny",  "swift",  "tidy",   "tough",
    "trim",   "true",   "vivid",   "warm",   "wise",   "witty",  "young",  "zesty"};
constexpr std::array kThings = {
    "acorn",   "anchor",  "badger", "balance", "barrel", "beacon", "beaver",  "birch",
    "bridge",  "canal",   "cedar",  "clover",  "comet",  "copper", "crane",   "delta",
    "dolphin", "ember",   "falcon", "feather", "fennel", "ferry",  "finch",   "forge",
    "garnet",  "glacier", "harbor", "hazel",   "heron",  "island", "juniper", "kettle",
    "lantern", "lark",    "lynx",   "maple",   "marten", "meadow", "mill",    "nutmeg",
    "orchard", "otter",   "pebble", "pepper",  "pine",   "quarry", "quill",   "raven",
    "reef",    "river",   "robin",  "saddle",  "scale",  "sorrel", "spruce",  "stork",
    "summit",  "thistle", "timber", "tulip",   "valley", "walnut", "willow",  "wren"};

std::uint32_t random_number() {
  std::uint32_t value = 0;
  if (::getrandom(&value, sizeof value, 0) != sizeof value) return 0;  // Only a name.
  return value;
}

}  // namespace

std::string made_up_name(int attempt) {
  const std::uint32_t random = random_number();
  std::string name = kQualities[random % kQualities.size()];
  name += '_';
  name += kThings[random / 65536 % kThings.size()];
  if (attempt > 0) name += std::to_string(random_number() % (attempt < 8 ? 100 : 1'000'000));
  return name;
}

Result<std::string> random_id() {
  std::array<char, 32> bytes{};
  for (;;) {
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      return fail_errno("get random bytes for an id");
    std::string id = to_hex({bytes.data(), bytes.size()});
    if (id.substr(0, 12).find_first_not_of("0123456789") != std::string::npos) return id;
  }
}

Result<> check_name(std::string_view name) {
  constexpr std::string_view kAlphanumeric =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  const std::string allowed = std::string(kAlphanumeric) + "_.-";
  if (name.empty() || name.size() > 128 || kAlphanumeric.find(name[0]) == std::string_view::npos ||
      name.find_first_not_of(allowed) != std::string_view::npos)
    return std::unexpected(
        Error(Kind::Invalid, "container name " + quoted(name) + " is not valid")
            .hint("use letters, digits, '_', '.' and '-', starting with a letter "
                  "or digit"));
  return {};
}

}  // namespace tare::engine
