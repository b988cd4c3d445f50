// SPDX-License-Identifier: Apache-2.0
// The names of places, as other tools for copying have them. [containers-transports(5)]
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "image/copy_ends.h"

namespace tare::image {
namespace {

using Type = Location::Type;
constexpr std::pair<std::string_view, Type> kTypes[] = {
    {"docker://", Type::Registry}, {"oci-archive:", Type::OciArchive},
    {"oci:", Type::Layout},        {"docker-archive:", Type::DockerArchive},
    {"store:", Type::Store},
};
// What others have besides.
constexpr std::string_view kForeign[] = {
    "atomic", "containers-storage", "dir", "docker-daemon", "ostree", "sif", "tarball"};

}  // namespace

Result<Location> Location::parse(std::string_view text) {
  for (const auto& [prefix, type] : kTypes) {
    if (!text.starts_with(prefix)) continue;
    Location location{.type = type, .place = std::string(text.substr(prefix.size())), .tag = {}};
    if (type != Type::Registry && type != Type::Store)
      if (const auto parts = split_once(text.substr(prefix.size()), ':')) {
        location.place = parts->first;
        location.tag = parts->second;
      }
    if (location.place.empty())
      return fail(Kind::Invalid, quoted(text) + " names nothing behind " + quoted(prefix));
    return location;
  }
  const auto kind = split_once(text, ':');
  const bool is_foreign = kind && std::ranges::find(kForeign, kind->first) != std::end(kForeign);
  return std::unexpected(
      Error(Kind::Invalid, is_foreign
                               ? "places of the kind " + quoted(kind->first) + " are not known"
                               : quoted(text) + " does not say what kind of place it is")
          .hint("docker://NAME, oci:DIR[:TAG], oci-archive:FILE[:TAG], "
                "docker-archive:FILE[:NAME] and store:NAME are understood"));
}

}  // namespace tare::image
