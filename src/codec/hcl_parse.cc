// SPDX-License-Identifier: Apache-2.0
// Blocks and attributes.
#include <algorithm>

#include "base/text.h"
#include "codec/hcl_parser.h"
#include "codec/utf8.h"

namespace tare::hcl {

std::string Place::text() const {
  return (file ? escaped(*file) : std::string()) + ":" + std::to_string(line) + ":" +
         std::to_string(column);
}

std::unexpected<Error> wrong(const Place& place, const std::string& why) {
  return fail(Kind::Invalid, place.text() + ": " + why);
}

const Attribute* Body::find(std::string_view name) const {
  const auto found = std::ranges::find(attributes, name, &Attribute::name);
  return found == attributes.end() ? nullptr : &*found;
}

void Parser::next() {
  if (at_end()) return;
  if (text_[at_] == '\n') {
    ++line_;
    line_start_ = at_ + 1;
  }
  ++at_;
}

bool Parser::skip(std::string_view what) {
  if (!starts_with(what)) return false;
  advance(what.size());
  return true;
}

bool Parser::skip_newline() { return skip("\n") || skip("\r\n"); }

Result<> Parser::skip_blanks() {
  for (;;) {
    if (peek() == ' ' || peek() == '\t' || (ignores_lines_ && (peek() == '\n' || peek() == '\r'))) {
      next();
    } else if (!is_json_ && (peek() == '#' || starts_with("//"))) {
      while (!at_end() && peek() != '\n') next();
    } else if (!is_json_ && starts_with("/*")) {
      const Place place = here();
      const std::size_t end = text_.find("*/", at_ + 2);
      if (end == std::string_view::npos) return wrong(place, "the comment has no end");
      advance(end + 2 - at_);
    } else {
      return {};
    }
  }
}

Result<> Parser::skip_lines() {
  do {
    TRY(skip_blanks());
  } while (skip_newline());
  return {};
}

Place Parser::here() const {
  if (stays_) return start_;
  return {start_.file, line_, static_cast<std::uint32_t>(at_ - line_start_ + 1)};
}

std::unexpected<Error> Parser::wrong_here(const std::string& why) const {
  return wrong(here(), why);
}

std::unexpected<Error> Parser::expected(const std::string& what) const {
  if (at_end()) return wrong_here(what + " is missing: the text ends here");
  if (peek() == '\n' || peek() == '\r') return wrong_here(what + " is missing: the line ends here");
  const std::size_t length = std::max<std::size_t>(codec::utf8_length(text_, at_), 1);
  return wrong_here(what + " is missing: there is " + quoted(text_.substr(at_, length)));
}

Result<> Parser::deeper() {
  if (bounds_.nested > kMaxNested)
    return wrong_here("more than " + std::to_string(kMaxNested) +
                      " brackets, blocks or texts are in one another");
  return {};
}

namespace {

// Letters of other scripts, too. [HCL native syntax specification, "Identifiers"]
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

}  // namespace

bool Parser::at_name() const { return starts_name(peek()); }

std::string Parser::read_name() {
  const std::size_t begin = at_;
  while (!at_end() && (starts_name(peek()) || peek() == '-' || (peek() >= '0' && peek() <= '9')))
    next();
  return std::string(text_.substr(begin, at_ - begin));
}

Result<Body> Parser::body(bool is_inner) {
  const NestedGuard guard(bounds_.nested);
  TRY(deeper());
  const Place begin = here();
  Body made;
  std::set<std::string> names;
  for (;;) {
    TRY(skip_lines());
    if (at_end() && is_inner) return wrong(begin, "the block that begins here has no '}'");
    if (at_end() || (is_inner && peek() == '}')) return made;
    const Place place = here();
    if (!at_name()) return expected("the name of an attribute or a block");
    std::string name = read_name();
    TRY(skip_blanks());
    if (peek() == '=' && peek(1) != '=')
      TRY(attribute(made, names, std::move(name), place));
    else
      TRY(block(made, std::move(name), place));
    if (is_inner && peek() == '}') continue;  // On one line.
    TRY(end_line());
  }
}

Result<> Parser::attribute(Body& into, std::set<std::string>& names, std::string name,
                           const Place& place) {
  next();
  if (!names.insert(name).second) return wrong(place, quoted(name) + " is set twice");
  Expression value = TRY(expression());
  into.attributes.push_back({std::move(name), place, std::move(value)});
  return skip_blanks();
}

Result<> Parser::block(Body& into, std::string type, const Place& place) {
  if (++bounds_.nodes > kMaxNodes) return wrong_here("the file has too much in it");
  Block made{.type = std::move(type), .labels = {}, .place = place, .body = {}};
  while (at_name() || peek() == '"') {
    if (at_name()) {
      made.labels.push_back(read_name());
    } else {
      const Place label = here();
      next();
      Expression text = TRY(read_template(true));
      if (text.node != Node::Literal) return wrong(label, "names of blocks have no ${} in them");
      made.labels.push_back(text.value.as_string());
    }
    TRY(skip_blanks());
  }
  if (!skip("{")) return expected(made.labels.empty() ? "'=' or '{'" : "'{'");
  made.body = TRY(body(true));
  next();  // The '}' at which body() ends.
  into.blocks.push_back(std::move(made));
  return skip_blanks();
}

Result<> Parser::end_line() {
  TRY(skip_blanks());
  if (at_end() || skip_newline()) return {};
  return expected("the end of the line");
}

Result<Expression> Parser::whole_expression() {
  Expression made = TRY(expression());
  TRY(skip_lines());
  if (!at_end()) return expected("the end");
  return made;
}

namespace {

Result<> check_text(const Place& place, std::string_view text) {
  if (text.size() > kMaxBytes) return wrong(place, "the file is larger than 1 MiB");
  const std::size_t good = codec::utf8_prefix(text);
  if (good == text.size() && text.find('\0') == std::string_view::npos) return {};
  return wrong(place, "the file is no text in UTF-8");
}

}  // namespace

Result<Body> parse(const std::string& name, std::string_view text) {
  const Place start{std::make_shared<const std::string>(name)};
  TRY(check_text(start, text));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // A byte order mark.
  Parser::Bounds bounds;
  return Parser(text, start, bounds, false).body(false);
}

Result<Expression> parse_json(const std::string& name, std::string_view text) {
  const Place start{std::make_shared<const std::string>(name)};
  TRY(check_text(start, text));
  // What is accepted below is more than JSON.
  TRY(json::parse(text), quoted(name));
  Parser::Bounds bounds;
  return Parser(text, start, bounds, true).whole_expression();
}

Result<Expression> parse_expression(const Place& place, std::string_view text) {
  TRY(check_text(place, text));
  Parser::Bounds bounds;
  Parser parser(text, place, bounds, false);
  parser.stay_at_start();
  return parser.whole_expression();
}

}  // namespace tare::hcl
