// SPDX-License-Identifier: Apache-2.0
// .dockerignore: which files of a build context are not there for the build.
// [moby/patternmatcher; docs.docker.com/build/concepts/context/#dockerignore-files]
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "build/glob.h"
#include "build/source.h"

namespace tare::build {

class IgnoreRules {
 public:
  // What each rule said about a folder: to be given to what is in it.
  using Memory = std::vector<char>;

  IgnoreRules() = default;  // Nothing is ignored.
  // Lines of patterns, '!' before one takes paths back in, the last rule that matches decides.
  // Errors: Invalid, with the place: a pattern that is none, '!' alone.
  static Result<IgnoreRules> parse(const Source& source);
  // Patterns without comments, as of COPY --exclude. Errors: Invalid.
  static Result<IgnoreRules> from_patterns(const std::vector<std::string>& patterns);

  // One file more, whatever the rules say of it. Errors: Invalid.
  Result<> leave_out(const std::string& path) { return add(escaped_pattern(path)); }

  bool empty() const { return rules_.empty(); }
  bool has_exceptions() const;
  // `path` is relative to the context, clean, with '/'. A path is ignored when a folder above it
  // is, and no later rule takes it back in.
  bool ignores(std::string_view path) const;
  // The same for a walk from the top: `above` is what the call for its folder has put into `memory`
  // (empty for what is at the top).
  bool ignores(std::string_view path, const Memory& above, Memory& memory) const;
  // Whether a folder that is ignored has to be looked into, because a '!' rule may match below it.
  bool may_except_below(std::string_view folder) const;
  // Whether a rule excludes everything: "*", "**" or "**/*".
  bool ignores_all() const;

 private:
  struct Rule {
    Glob glob;
    std::string pattern;
    bool except = false;
  };
  Result<> add(std::string_view pattern);
  // A pattern that matches the path alone.
  static std::string escaped_pattern(std::string_view path);
  static bool matches_or_parent(const Rule& rule, std::string_view path);

  std::vector<Rule> rules_;
};

// Where the rules for `dockerfile` are looked for; the first that exists is taken: beside the
// Dockerfile, then at the top of the context. The first is relative to where `dockerfile` is.
std::array<std::string, 2> ignore_files(std::string_view dockerfile);

}  // namespace tare::build
