// SPDX-License-Identifier: Apache-2.0
// Text to nodes.
#include <array>

#include "base/text.h"
#include "front/cli/template.h"

namespace tare::cli {
namespace {

using template_nodes::Command;
using template_nodes::Node;
using template_nodes::Operand;
using template_nodes::Pipeline;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxBytes = 1 << 20;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What stands between {{ and }}.
class ActionParser {
 public:
  explicit ActionParser(std::string_view text) : rest_(text) {}

  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  bool at_end() {
    skip_space();
    return rest_.empty();
  }
  bool take(char c) {
    skip_space();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A keyword, only when it is a whole word.
  bool take_word(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) return false;
    if (rest_.size() > word.size() && is_word(rest_[word.size()])) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  std::string_view rest() const { return rest_; }

  Result<Pipeline> pipeline(int depth) {
    if (depth > kMaxDepth) return fail(Kind::Invalid, "too many parentheses");
    Pipeline result;
    TRY(variables(result));
    do {
      result.commands.push_back(TRY(command(depth)));
    } while (take('|'));
    return result;
  }

 private:
  std::string word() {
    std::size_t length = 0;
    while (length < rest_.size() && is_word(rest_[length])) ++length;
    std::string text(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return text;
  }

  // "$x :=", "$x =" or "$i, $x :=" at the start of a pipeline; nothing is taken otherwise.
  Result<> variables(Pipeline& into) {
    const std::string_view start = rest_;
    std::vector<std::string> names;
    do {
      if (!take('$')) break;
      names.push_back(word());
    } while (names.size() < 2 && take(','));
    skip_space();
    const bool declares = rest_.starts_with(":=");
    if (names.empty() || !(declares || rest_.starts_with("="))) {
      rest_ = start;
      return {};
    }
    rest_.remove_prefix(declares ? 2 : 1);
    into.variables = std::move(names);
    into.assigns = !declares;
    return {};
  }

  Result<Command> command(int depth) {
    Command result;
    for (;;) {
      skip_space();
      if (rest_.empty() || rest_.front() == '|' || rest_.front() == ')') break;
      result.operands.push_back(TRY(operand(depth)));
    }
    if (result.operands.empty()) return fail(Kind::Invalid, "a value is missing");
    return result;
  }

  Result<Operand> operand(int depth) {
    Operand result;
    const char first = rest_.front();
    if (first == '.') {
      if (rest_.size() == 1 || !is_word(rest_[1])) rest_.remove_prefix(1);  // The dot itself.
    } else if (first == '$') {
      rest_.remove_prefix(1);
      result.kind = Operand::Kind::Variable;
      result.name = word();
    } else if (first == '(') {
      rest_.remove_prefix(1);
      result.kind = Operand::Kind::Nested;
      result.nested = std::make_shared<Pipeline>(TRY(pipeline(depth + 1)));
      if (!take(')')) return fail(Kind::Invalid, "a ) is missing");
    } else if (first == '"' || first == '`' || first == '\'') {
      result.kind = Operand::Kind::Literal;
      result.literal = first == '"' ? TRY(quoted_string()) : TRY(raw_string(first));
    } else if (is_digit(first) || first == '-' || first == '+') {
      result.kind = Operand::Kind::Literal;
      result.literal = TRY(number());
    } else if (is_word(first)) {
      TRY(name(result));
    } else {
      return fail(Kind::Invalid, "unexpected " + quoted(rest_.substr(0, 1)));
    }
    while (rest_.size() > 1 && rest_[0] == '.' && is_word(rest_[1])) {
      rest_.remove_prefix(1);
      result.fields.push_back(word());
    }
    return result;
  }

  Result<> name(Operand& result) {
    result.name = word();
    result.kind = Operand::Kind::Literal;
    if (result.name == "true" || result.name == "false") {
      result.literal = result.name == "true";
    } else if (result.name != "nil") {
      result.kind = Operand::Kind::Function;
      if (!is_template_function(result.name))
        return fail(Kind::Invalid, "there is no function " + quoted(result.name));
    }
    return {};
  }

  Result<json::Value> number() {
    std::size_t length = 1;
    while (length < rest_.size() && (is_digit(rest_[length]) || rest_[length] == '.')) ++length;
    std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(length);
    if (text.starts_with('+')) text.remove_prefix(1);
    if (text.find('.') != std::string_view::npos) return json::Value(TRY(parse_double(text)));
    return json::Value(TRY(parse_i64(text)));
  }

  Result<json::Value> raw_string(char quote) {
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) return fail(Kind::Invalid, "a quote is not closed");
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return json::Value(std::move(text));
  }

  Result<json::Value> quoted_string() {
    std::string text;
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] != '"'; ++at) {
      if (rest_[at] != '\\') {
        text += rest_[at];
        continue;
      }
      if (++at == rest_.size()) break;
      constexpr std::string_view kLetters = "ntr\\\"'abfv";
      constexpr std::string_view kBytes = "\n\t\r\\\"'\a\b\f\v";
      const std::size_t known = kLetters.find(rest_[at]);
      if (known == std::string_view::npos)
        return fail(Kind::Invalid, "unknown escape " + quoted(rest_.substr(at - 1, 2)));
      text += kBytes[known];
    }
    if (at >= rest_.size()) return fail(Kind::Invalid, "a quote is not closed");
    rest_.remove_prefix(at + 1);
    return json::Value(std::move(text));
  }

  std::string_view rest_;
};

// The end of an action, skipping quotes; npos if there is none.
std::size_t find_end(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at).starts_with("}}")) return at;
    if (text[at] == '"' || text[at] == '`' || text[at] == '\'') {
      const char quote = text[at];
      for (++at; at < text.size() && text[at] != quote; ++at)
        if (text[at] == '\\' && quote == '"') ++at;
    }
  }
  return std::string_view::npos;
}

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : rest_(text) {}

  Result<std::vector<Node>> parse() {
    std::vector<Node> nodes;
    const Stop stop = TRY(list(nodes, 0));
    if (stop != Stop::Text) return fail(Kind::Invalid, "{{end}} or {{else}} without a beginning");
    return nodes;
  }

 private:
  enum class Stop : std::uint8_t { Text, End, Else, ElseIf };

  // Nodes up to the end of the text, {{end}} or {{else}}.
  Result<Stop> list(std::vector<Node>& into, int depth) {
    if (depth > kMaxDepth) return fail(Kind::Invalid, "too many nested {{if}} and {{range}}");
    while (!rest_.empty()) {
      const std::size_t open = rest_.find("{{");
      add_text(into, rest_.substr(0, open), open != std::string_view::npos);
      if (open == std::string_view::npos) {
        rest_ = {};
        break;
      }
      rest_.remove_prefix(open + 2);
      const std::string_view inside = TRY(action());
      if (inside.starts_with("/*")) continue;
      ActionParser parser(inside);
      if (parser.take_word("end")) return Stop::End;
      if (parser.take_word("else")) {
        else_rest_ = parser;
        parser.skip_space();
        return parser.at_end() ? Stop::Else : Stop::ElseIf;
      }
      into.push_back(TRY(node(parser, depth)));
    }
    return Stop::Text;
  }

  void add_text(std::vector<Node>& into, std::string_view text, bool action_follows) {
    if (trim_next_)
      while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    trim_next_ = false;
    // "{{- " takes the white space before it away.
    const std::size_t open = rest_.find("{{");
    if (action_follows && open + 3 < rest_.size() && rest_[open + 2] == '-' &&
        is_space(rest_[open + 3]))
      while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    if (!text.empty()) into.push_back({.kind = Node::Kind::Text, .text = std::string(text)});
  }

  // What stands inside, trim markers taken off; rest_ goes behind it.
  Result<std::string_view> action() {
    if (rest_.size() > 1 && rest_[0] == '-' && is_space(rest_[1])) rest_.remove_prefix(2);
    std::size_t end = 0;
    if (const auto start = trim(rest_); start.starts_with("/*")) {
      const std::size_t close = rest_.find("*/");
      end = close == std::string_view::npos ? close : rest_.find("}}", close);
    } else {
      end = find_end(rest_);
    }
    if (end == std::string_view::npos) return fail(Kind::Invalid, "a }} is missing");
    std::string_view inside = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    if (inside.size() > 1 && inside.ends_with('-') && is_space(inside[inside.size() - 2])) {
      inside.remove_suffix(2);
      trim_next_ = true;
    }
    return trim(inside);
  }

  Result<Node> node(ActionParser& parser, int depth) {
    Node node{.kind = Node::Kind::Action};
    if (parser.take_word("if"))
      node.kind = Node::Kind::If;
    else if (parser.take_word("range"))
      node.kind = Node::Kind::Range;
    else if (parser.take_word("with"))
      node.kind = Node::Kind::With;
    return finish(std::move(node), parser, depth);
  }

  Result<Node> finish(Node node, ActionParser& parser, int depth) {
    node.pipeline = TRY(parser.pipeline(0));
    if (!parser.at_end())
      return fail(Kind::Invalid, "unexpected " + quoted(parser.rest().substr(0, 10)));
    if (node.pipeline.variables.size() > 1 && node.kind != Node::Kind::Range)
      return fail(Kind::Invalid, "two variables go with {{range}} only");
    if (node.kind == Node::Kind::Action) return node;
    Stop stop = TRY(list(node.body, depth + 1));
    if (stop == Stop::Else) {
      stop = TRY(list(node.otherwise, depth + 1));
    } else if (stop == Stop::ElseIf) {
      // {{else if}}: as {{else}}{{if}}...{{end}} that share the end.
      ActionParser again = else_rest_;
      Node inner{.kind = Node::Kind::If};
      if (!again.take_word("if")) {
        inner.kind = Node::Kind::With;
        if (!again.take_word("with"))
          return fail(Kind::Invalid, "{{else}} may be followed by if or with only");
      }
      node.otherwise.push_back(TRY(finish(std::move(inner), again, depth + 1)));
      stop = Stop::End;
    }
    if (stop != Stop::End) return fail(Kind::Invalid, "an {{end}} is missing");
    return node;
  }

  std::string_view rest_;
  ActionParser else_rest_{""};
  bool trim_next_ = false;
};

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  if (text.size() > kMaxBytes) return fail(Kind::Invalid, "the template is too long");
  auto nodes = TemplateParser(text).parse();
  if (!nodes) return std::unexpected(std::move(nodes).error().wrap("template " + quoted(text)));
  Template result;
  result.nodes_ = std::move(*nodes);
  return result;
}

}  // namespace tare::cli
