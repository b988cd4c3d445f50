// SPDX-License-Identifier: Apache-2.0
// Texts: quoted, here-documents, and those of JSON, with expressions in them.
#include <algorithm>
#include <limits>

#include "base/text.h"
#include "codec/hcl_parser.h"

namespace tare::hcl {
namespace {

constexpr std::string_view kWhite = " \t\r\n";

void append_utf8(std::string& into, std::uint32_t code) {
  const auto more = [&](unsigned shift) {
    into += static_cast<char>(0x80 | ((code >> shift) & 0x3f));
  };
  if (code < 0x80) {
    into += static_cast<char>(code);
  } else if (code < 0x800) {
    into += static_cast<char>(0xc0 | (code >> 6));
    more(0);
  } else if (code < 0x10000) {
    into += static_cast<char>(0xe0 | (code >> 12));
    more(6);
    more(0);
  } else {
    into += static_cast<char>(0xf0 | (code >> 18));
    more(12);
    more(6);
    more(0);
  }
}

// The lines without the blanks that all of them begin with; empty ones do not count.
std::string without_indentation(const std::vector<std::string_view>& lines) {
  std::size_t common = std::numeric_limits<std::size_t>::max();
  for (const std::string_view line : lines) {
    const std::size_t blanks = line.find_first_not_of(kWhite);
    if (blanks != std::string_view::npos) common = std::min(common, blanks);
  }
  std::string text;
  for (const std::string_view line : lines) {
    const bool is_empty = line.find_first_not_of(kWhite) == std::string_view::npos;
    text += is_empty ? line : line.substr(common);
  }
  return text;
}

}  // namespace

Result<> Parser::unicode(std::string& into, std::size_t digits) {
  std::uint32_t code = 0;
  for (std::size_t i = 0; i < digits; ++i, next()) {
    const char c = peek();
    const bool is_letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!is_letter && (c < '0' || c > '9')) return expected("a hexadecimal digit");
    code = code * 16 + static_cast<std::uint32_t>(is_letter ? (c | 0x20) - 'a' + 10 : c - '0');
  }
  // JSON writes what is above 0xffff as two.
  if (is_json_ && code >= 0xd800 && code < 0xdc00 && skip("\\u")) {
    std::uint32_t low = 0;
    for (std::size_t i = 0; i < 4; ++i, next()) {
      const char c = peek();
      const bool is_letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      low = low * 16 + static_cast<std::uint32_t>(is_letter ? (c | 0x20) - 'a' + 10 : c - '0');
    }
    code = 0x10000 + ((code - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff);
  }
  if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    return wrong_here("there is no such character");
  append_utf8(into, code);
  return {};
}

Result<> Parser::escape(std::string& into) {
  next();
  const char c = peek();
  next();
  constexpr std::string_view kLetters = "nrt\"\\";
  constexpr std::string_view kMeaning = "\n\r\t\"\\";
  if (const std::size_t at = kLetters.find(c); at != std::string_view::npos && c != '\0') {
    into += kMeaning[at];
    return {};
  }
  if (c == 'u') return unicode(into, 4);
  if (c == 'U' && !is_json_) return unicode(into, 8);
  if (is_json_ && c == '/') return into += c, Result<>();
  if (is_json_ && c == 'b') return into += '\b', Result<>();
  if (is_json_ && c == 'f') return into += '\f', Result<>();
  return wrong_here("there is no such escape; a backslash is written \\\\");
}

Result<Expression> Parser::interpolation(bool& trims_next) {
  const bool before = std::exchange(ignores_lines_, true);
  Expression made = TRY(expression());
  TRY(skip_blanks());
  trims_next = skip("~");
  if (!skip("}")) return expected("'}'");
  ignores_lines_ = before;
  return made;
}

Result<Expression> Parser::read_template(bool is_quoted) {
  const NestedGuard guard(bounds_.nested);
  TRY(deeper());
  Expression made = start(Node::Template);
  std::string text;
  bool trims = false;
  const auto flush = [&]() -> Result<> {
    if (text.empty()) return {};
    Expression literal = start(Node::Literal);
    literal.value = std::exchange(text, {});
    made.parts.push_back(TRY(finish(std::move(literal))));
    return {};
  };
  for (;;) {
    if (at_end() || (is_quoted && (peek() == '"' || peek() == '\n'))) break;
    if (starts_with("$${") || starts_with("%%{")) {
      text += text_.substr(at_ + 1, 2);
      advance(3);
    } else if (starts_with("%{")) {
      return std::unexpected(
          Error(Kind::Invalid, here().text() + ": directives of templates, %{...}, are not read")
              .hint("CONDITION ? \"this\" : \"that\" and [for ...] do the same; %%{ is the text"));
    } else if (skip("${")) {
      if (skip("~")) text.erase(text.find_last_not_of(kWhite) + 1);
      TRY(flush());
      made.parts.push_back(TRY(interpolation(trims)));
      continue;
    } else if (is_quoted && peek() == '\\') {
      TRY(escape(text));
    } else if (trims && kWhite.find(peek()) != std::string_view::npos) {
      next();
      continue;
    } else {
      text += peek();
      next();
    }
    trims = false;
  }
  if (is_quoted && !skip("\"")) return wrong(made.place, "the text has no quote at its end");
  TRY(flush());
  // An expression alone stays what it is.
  if (made.parts.size() == 1) return std::move(made.parts[0]);
  if (made.parts.empty()) {
    made.node = Node::Literal;
    made.value = "";
  }
  return finish(std::move(made));
}

Result<Expression> Parser::json_text() {
  Expression made = start(Node::Literal);
  next();
  std::string text;
  while (!at_end() && peek() != '"') {
    if (peek() == '\\') {
      TRY(escape(text));
      continue;
    }
    text += peek();
    next();
  }
  if (!skip("\"")) return wrong(made.place, "the text has no quote at its end");
  if (text.find("${") == std::string::npos && text.find("%{") == std::string::npos) {
    made.value = std::move(text);
    return finish(std::move(made));
  }
  Parser inner(text, made.place, bounds_, false);
  inner.stay_at_start();
  return inner.read_template(false);
}

// Up to the line that has `marker` alone.
Result<Expression> Parser::heredoc() {
  const Place place = here();
  advance(2);
  const bool is_indented = skip("-");
  if (!at_name()) return expected("the word that ends the here-document");
  const std::string marker = read_name();
  if (!skip_newline()) return expected("the end of the line");
  const Place first = here();
  std::vector<std::string_view> lines;
  for (;;) {
    if (at_end()) return wrong(place, "the here-document has no line " + quoted(marker));
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    const std::string_view line = text_.substr(at_, end - at_);
    // Its line end is that of what the here-document is in.
    if (trim(line) == marker) {
      advance(line.size() - (line.ends_with('\r') ? 1 : 0));
      break;
    }
    lines.push_back(text_.substr(at_, std::min(end + 1, text_.size()) - at_));
    advance(lines.back().size());
  }
  std::string text;
  if (is_indented)
    text = without_indentation(lines);
  else
    for (const std::string_view line : lines) text += line;
  Parser inner(text, first, bounds_, false);
  return inner.read_template(false);
}

}  // namespace tare::hcl
