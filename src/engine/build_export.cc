// SPDX-License-Identifier: Apache-2.0
// The files of a build's result, outside of the store.
#include <limits>

#include "engine/attest_export.h"
#include "engine/build.h"
#include "engine/build_workshop.h"
#include "store/upper_tar.h"

namespace tare::engine {
namespace {

sys::IdMap own_ids() {
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = ::geteuid(), .count = 1});
  ids.group_ranges.push_back({.inside = 0, .outside = ::getegid(), .count = 1});
  return ids;
}

// SECURITY: every name is looked up inside of the directory, whatever links are in it or in the
// files. tests/security/build-output-escape.sh
Result<> write_directory(const build::View& view, int directory) {
  // Owners of images mean nothing here.
  const build::Tree tree{.root = view.root.get(), .links = &view.links};
  const auto picks = TRY(build::pick(tree, {.source = "/"}));
  const sys::IdMap ids = own_ids();
  return build::copy_files(tree, picks, {.root = directory, .ids = &ids}, "/",
                           {.owner = build::Owner(), .for_host = true});
}

}  // namespace

Result<> BuildWorkshop::export_files(const build::Files& files, const BuildExport& exports,
                                     const AttestedFiles& attested) {
  if (exports.places.empty()) return {};
  const build::View view = TRY(look(files));
  for (const BuildExport::Place& place : exports.places) {
    if (place.tar == nullptr) {
      TRY(write_directory(view, place.directory));
      TRY(write_attested(attested, place.prefix, place.directory));
      continue;
    }
    TRY(write_attested(attested, place.prefix, *place.tar));
    (void)TRY(store::write_upper_tar(state_.store,
                                     {.merged = view.root.get(),
                                      .ids = &view.ids,
                                      .newest = std::numeric_limits<UnixNanos>::max(),
                                      .whole = true},
                                     *place.tar));
  }
  return {};
}

}  // namespace tare::engine
