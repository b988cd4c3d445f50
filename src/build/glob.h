// SPDX-License-Identifier: Apache-2.0
// Wildcards in paths, with the meaning that COPY and .dockerignore give them, and the paths' own
// arithmetic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/path.h"

namespace tare::build {

// The characters of UTF-8 text; a byte that belongs to none is one by itself.
std::vector<std::string_view> utf8_characters(std::string_view text);

// `path` below `directory`, or `path` itself when it is absolute; clean.
std::string join_path(std::string_view directory, std::string_view path);

// How far a wildcard goes.
enum class GlobStyle : std::uint8_t {
  Path,    // Go's path/filepath.Match.
  Ignore,  // moby/patternmatcher: "**" is any number of folders.
};

// '*': any text without '/'; '?': a character that is not '/'; [a-z], [^a-z]; '\': the next
// character as it is.
class Glob {
 public:
  // Errors: Invalid: a class without end or with nothing in it, '\' at the end.
  static Result<Glob> parse(std::string_view pattern, GlobStyle style = GlobStyle::Path);

  bool matches(std::string_view path) const;
  // What every match starts with: the part before the first wildcard.
  const std::string& literal_prefix() const { return prefix_; }
  bool is_literal() const { return literal_; }  // Without wildcards.

 private:
  struct Element {
    enum class What : std::uint8_t { Literal, AnyCharacter, Class, Star, Folders, Everything };
    What what = What::Literal;
    std::string literal;                                     // One character.
    bool negated = false;                                    // Of a class.
    std::vector<std::pair<char32_t, char32_t>> ranges = {};  // Of a class, both ends included.
  };
  static Result<std::size_t> parse_class(const std::vector<std::string_view>& all, std::size_t at,
                                         Element& element);
  static bool in_class(const Element& element, std::string_view character);
  static std::vector<char> step(const Element& element, const std::vector<std::string_view>& path,
                                const std::vector<char>& rest);

  std::vector<Element> elements_;
  std::string prefix_;
  std::string suffix_;
  bool literal_ = true;
  bool any_suffix_ = false;  // "**text": everything that ends so.
};

// Whether a source of COPY is a pattern.
bool has_wildcards(std::string_view path);
// At the last '/' before the first wildcard: the folder to look in, and the pattern for what is
// below it, which is empty when there is no wildcard. "a/b*/c" gives "a" and "b*/c".
std::pair<std::string, std::string> split_wildcards(std::string_view path);

}  // namespace tare::build
