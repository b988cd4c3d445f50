// SPDX-License-Identifier: Apache-2.0
#include "codec/toml.h"

#include <algorithm>

#include "base/text.h"
#include "codec/utf8.h"

namespace tare::toml {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;
constexpr int kMaxDepth = 8;

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<json::Value> run() {
    json::Value root = json::Object();
    json::Value* table = &root;
    for (skip_lines(); at_ < text_.size(); skip_lines()) {
      if (peek() == '[')
        table = TRY(open_table(root));
      else
        TRY(read_pair(*table, 0));
      TRY(end_line());
    }
    return root;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool skip(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  void skip_comment() {
    if (peek() == '#')
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  // White space, comments and line ends.
  void skip_lines() {
    for (;;) {
      skip_blanks();
      skip_comment();
      if (!skip('\n') && !skip('\r')) return;
    }
  }
  std::unexpected<Error> wrong(const std::string& why) const {
    const auto end = text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size()));
    const auto line = std::count(text_.begin(), end, '\n') + 1;
    return fail(Kind::Invalid, "line " + std::to_string(line) + ": " + why);
  }
  Result<> end_line() {
    skip_blanks();
    skip_comment();
    skip('\r');
    if (at_ >= text_.size() || skip('\n')) return {};
    return wrong("there is more than a line may have");
  }

  Result<std::string> read_key() {
    skip_blanks();
    if (peek() == '"' || peek() == '\'') return read_string();
    const std::size_t begin = at_;
    while (is_bare(peek())) ++at_;
    if (begin == at_) return wrong("there is no name where one belongs");
    return std::string(text_.substr(begin, at_ - begin));
  }
  // "a.b.'c d'"
  Result<std::vector<std::string>> read_path() {
    std::vector<std::string> path = {TRY(read_key())};
    for (skip_blanks(); skip('.'); skip_blanks()) {
      if (path.size() >= kMaxDepth) return wrong("tables are nested too deeply");
      path.push_back(TRY(read_key()));
    }
    return path;
  }

  // The table of that name; of a list of tables the last one. [TOML 1.0.0, "Array of Tables"]
  Result<json::Value*> enter(json::Value& table, const std::string& name) {
    json::Value* found = table.find(name);
    if (found == nullptr) return &table.set(name, json::Object());
    if (found->is_array() && !found->as_array().empty() && found->as_array().back().is_object())
      return const_cast<json::Value*>(&found->as_array().back());
    if (!found->is_object()) return wrong(quoted(name) + " is no table");
    return found;
  }

  Result<json::Value*> open_table(json::Value& root) {
    ++at_;
    const bool is_list = skip('[');
    const std::vector<std::string> path = TRY(read_path());
    if (!skip(']') || (is_list && !skip(']'))) return wrong("a bracket is not closed");
    json::Value* table = &root;
    for (std::size_t i = 0; i + 1 < path.size(); ++i) table = TRY(enter(*table, path[i]));
    if (!is_list) return enter(*table, path.back());
    json::Value* list = table->find(path.back());
    if (list == nullptr) list = &table->set(path.back(), json::Array());
    if (!list->is_array()) return wrong(quoted(path.back()) + " is no list of tables");
    return &list->push(json::Object());
  }

  Result<> read_pair(json::Value& table, int depth) {
    const std::vector<std::string> path = TRY(read_path());
    skip_blanks();
    if (!skip('=')) return wrong("there is no '=' behind " + quoted(path.back()));
    json::Value* inner = &table;
    for (std::size_t i = 0; i + 1 < path.size(); ++i) inner = TRY(enter(*inner, path[i]));
    if (inner->find(path.back()) != nullptr) return wrong(quoted(path.back()) + " comes twice");
    inner->set(path.back(), TRY(read_value(depth)));
    return {};
  }

  Result<json::Value> read_value(int depth) {
    if (depth > kMaxDepth) return wrong("values are nested too deeply");
    skip_blanks();
    switch (peek()) {
      case '"':
      case '\'':
        return json::Value(TRY(read_string()));
      case '[':
        return read_list(depth);
      case '{':
        return read_inline_table(depth);
      default:
        return read_word();
    }
  }

  Result<json::Value> read_list(int depth) {
    ++at_;
    json::Value list = json::Array();
    for (skip_lines(); !skip(']'); skip_lines()) {
      list.push(TRY(read_value(depth + 1)));
      skip_lines();
      if (!skip(',') && peek() != ']') return wrong("a list has neither ',' nor ']'");
    }
    return list;
  }

  Result<json::Value> read_inline_table(int depth) {
    ++at_;
    json::Value table = json::Object();
    for (skip_blanks(); !skip('}'); skip_blanks()) {
      TRY(read_pair(table, depth + 1));
      skip_blanks();
      if (!skip(',') && peek() != '}') return wrong("a table has neither ',' nor '}'");
    }
    return table;
  }

  Result<json::Value> read_word() {
    const std::size_t begin = at_;
    while (is_bare(peek()) || peek() == '+' || peek() == '.' || peek() == ':') ++at_;
    std::string word(text_.substr(begin, at_ - begin));
    if (word == "true") return json::Value(true);
    if (word == "false") return json::Value(false);
    std::erase(word, '_');
    if (const auto number = parse_i64(word)) return json::Value(*number);
    return wrong(quoted(word) + " is not a text, a whole number, true, false, or a list");
  }

  Result<std::string> read_string() {
    const char quote = text_[at_++];
    if (text_.substr(at_, 2) == std::string(2, quote))
      return wrong("texts of several lines are not understood");
    std::string out;
    while (!skip(quote)) {
      const char c = peek();
      if (at_ >= text_.size() || c == '\n') return wrong("a text has no end");
      ++at_;
      if (c == '\\' && quote == '"')
        TRY(read_escape(out));
      else
        out += c;
    }
    return out;
  }

  Result<> read_escape(std::string& out) {
    constexpr std::string_view kLetters = "btnfr\"\\";
    constexpr std::string_view kMeant = "\b\t\n\f\r\"\\";
    const char c = peek();
    const std::size_t known = kLetters.find(c);
    if (at_ >= text_.size() || known == std::string_view::npos)
      return wrong("an escape in a text is not understood");
    ++at_;
    out += kMeant[known];
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<json::Value> parse(std::string_view text) {
  if (text.size() > kMaxBytes) return fail(Kind::Invalid, "the file is larger than 1 MiB");
  if (text.find('\0') != std::string_view::npos || codec::utf8_prefix(text) != text.size())
    return fail(Kind::Invalid, "the file is not UTF-8 text");
  return Parser(text).run();
}

}  // namespace tare::toml
