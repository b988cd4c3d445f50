// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/challenge.h"

#include "base/text.h"

namespace tare::front_transfer {
namespace {

constexpr std::size_t kMax = 16;

// [RFC 9110 5.6.2: token; 11.2: token68 has "/" and "=" as well]
bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~/").find(c) != std::string_view::npos;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool skip(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_white() {
    while (peek() == ' ' || peek() == '\t') rest_.remove_prefix(1);
  }
  void skip_commas() {
    for (skip_white(); skip(','); skip_white()) {
    }
  }
  std::string token() {
    std::size_t size = 0;
    while (size < rest_.size() && is_token(rest_[size])) ++size;
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
  }
  Result<std::string> quoted_string() {
    std::string out;
    for (rest_.remove_prefix(1); !rest_.empty(); rest_.remove_prefix(1)) {
      if (skip('"')) return out;
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      out += rest_.front();
    }
    return fail(Kind::Invalid, "a quoted text has no end");
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// Of "name=value" (the name was read); false: it was a token68, and is over.
Result<bool> read_parameter(Reader& reader, const std::string& name, Challenge& challenge) {
  reader.skip_white();
  if (!reader.skip('=')) return false;
  while (reader.peek() == '=') reader.skip('=');  // The padding of a token68.
  reader.skip_white();
  std::string value;
  if (reader.peek() == '"')
    value = TRY(reader.quoted_string());
  else
    value = reader.token();
  if (challenge.parameters.size() >= kMax) return fail(Kind::Invalid, "too many parameters");
  if (!challenge.parameters.emplace(lower(name), value).second)
    return fail(Kind::Invalid, "the parameter " + quoted(name) + " comes twice");
  return true;
}

}  // namespace

Result<std::vector<Challenge>> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Reader reader(header);
  for (reader.skip_commas(); !reader.at_end(); reader.skip_commas()) {
    const std::string word = reader.token();
    if (word.empty())
      return fail(Kind::Invalid, "WWW-Authenticate is wrong at " + quoted(reader.rest()));
    reader.skip_white();
    // A word with "=" behind it is a parameter of the challenge before, anything else a scheme.
    if (reader.peek() == '=' && !challenges.empty()) {
      TRY(read_parameter(reader, word, challenges.back()));
      continue;
    }
    if (challenges.size() >= kMax) return fail(Kind::Invalid, "there are too many challenges");
    challenges.push_back({.scheme = lower(word), .parameters = {}});
    const std::string first = reader.token();
    if (!first.empty()) TRY(read_parameter(reader, first, challenges.back()));
  }
  return challenges;
}

}  // namespace tare::front_transfer
