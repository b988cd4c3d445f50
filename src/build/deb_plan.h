// SPDX-License-Identifier: Apache-2.0
// PKG deb: which packages a stage gets, and from where. Private to the room.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "build/workshop.h"
#include "deb/package.h"
#include "deb/repository.h"

namespace tare::build {

struct DebRequest {
  int root = -1;             // Of the stage's files, borrowed; -1: it has none.
  std::string architecture;  // As Debian calls it.
  std::vector<deb::Wish> wishes;
  std::vector<std::string> repositories;  // Of --from; empty: those of the stage.
  std::vector<std::string> keys;  // What is in the files of --key; empty: those of the stage.
  std::int64_t now = 0;           // Seconds since 1970.
  std::string what;               // The instruction, for people.
  std::function<void(std::string_view)> says;
  std::function<bool()> is_interrupted;
  std::function<Result<>(FetchRequest&)> pin;  // Of what is fetched; may be empty.
};

struct DebPackage {
  deb::Package package;
  sys::Fd file;  // The .deb, whose digest is that of the index.
};
struct DebPlan {
  std::vector<DebPackage> added;       // By name.
  std::vector<deb::Package> replaced;  // Other versions of them, which are there.
  std::vector<image::Material> materials;
  std::string status;                               // Of dpkg, as it is.
  std::vector<std::unique_ptr<std::string>> texts;  // What the packages are views into.
};

// SECURITY: nothing is taken from an index that no key vouches for, and no package whose digest is
// another than the index says. Errors: Invalid (a repository, a wish), NotFound (a package), Denied
// (a signature, one that is too old), Corrupt, Unavailable (the network).
Result<DebPlan> plan_packages(Workshop& workshop, const DebRequest& request);

// Debian's name of an architecture. Errors: Unsupported.
Result<std::string> deb_architecture(const std::string& architecture, const std::string& variant);

// What is in a file of the stage; "" when it is not there.
Result<std::string> read_in(int root, const std::string& path);

}  // namespace tare::build
