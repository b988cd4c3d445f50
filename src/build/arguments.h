// SPDX-License-Identifier: Apache-2.0
// What a build is told from outside, and the variables that come of it before the first FROM.
// [BuildKit frontend 1.20, reference.md "ARG"]
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "build/expansion.h"
#include "build/instruction.h"
#include "oci/manifest.h"

namespace tare::build {

struct BuildOptions {
  std::map<std::string, std::string> arguments;  // --build-arg
  std::string target;                            // --target; empty: the last stage.
  oci::Platform build_platform;                  // Of the machine that builds.
  oci::Platform target_platform;                 // Of the image.
  std::set<std::string> contexts;                // Names of --build-context, as given.
};

// In the order of definition; the last of a name counts.
class Variables {
 public:
  void set(std::string name, std::string value);
  void remove(std::string_view name);
  std::optional<std::string> get(std::string_view name) const;
  // Valid as long as this.
  Lookup lookup() const {
    return [this](std::string_view name) { return get(name); };
  }
  const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }
  std::vector<std::string> names() const;

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

// BUILDPLATFORM, TARGETARCH, TARGETSTAGE and so on: known in FROM, and in a stage after "ARG NAME".
// `target` is the name of the stage that is built.
Variables platform_variables(const BuildOptions& options, std::string_view target);

// Adds what one ARG before the first FROM defines. Errors: Invalid, with the place.
Result<> define_global(Variables& globals, const Instruction& arg, const BuildOptions& options,
                       char escape);

// HTTP_PROXY and its like among --build-arg: in the environment of every RUN, but neither in keys
// of the cache nor in the history.
std::vector<std::pair<std::string, std::string>> proxy_variables(const BuildOptions& options);
bool is_proxy_variable(std::string_view name);

}  // namespace tare::build
