// SPDX-License-Identifier: Apache-2.0
// Expressions.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "codec/hcl_parser.h"

namespace tare::hcl {

Expression Parser::start(Node node) const {
  Expression made;
  made.node = node;
  made.place = here();
  return made;
}

// Counts it, and how high it is.
Result<Expression> Parser::finish(Expression expression) {
  if (++bounds_.nodes > kMaxNodes) return wrong(expression.place, "the file has too much in it");
  std::uint16_t height = 0;
  for (const Expression& part : expression.parts) height = std::max(height, part.height);
  if (height >= kMaxHeight)
    return wrong(expression.place, "the expression has too much in one another");
  expression.height = height + 1;
  return expression;
}

// What stands in brackets may go on in the next line.
class LinesGuard {
 public:
  LinesGuard(bool& flag, bool value) : flag_(flag), before_(flag) { flag_ = value; }
  ~LinesGuard() { flag_ = before_; }
  LinesGuard(const LinesGuard&) = delete;
  LinesGuard& operator=(const LinesGuard&) = delete;

 private:
  bool& flag_;
  bool before_;
};

Result<Expression> Parser::expression() {
  const NestedGuard guard(bounds_.nested);
  TRY(deeper());
  Expression value = TRY(binary(1));
  TRY(skip_blanks());
  if (peek() != '?') return value;
  Expression made = start(Node::Conditional);
  next();
  made.parts.push_back(std::move(value));
  made.parts.push_back(TRY(expression()));
  TRY(skip_blanks());
  if (!skip(":")) return expected("':'");
  made.parts.push_back(TRY(expression()));
  return finish(std::move(made));
}

namespace {

struct Operator {
  std::string_view text;
  int precedence;
};
// Longer ones first. [HCL native syntax specification, "Operations"]
constexpr Operator kOperators[] = {
    {"||", 1}, {"&&", 2}, {"==", 3}, {"!=", 3}, {"<=", 4}, {">=", 4}, {"<", 4},
    {">", 4},  {"+", 5},  {"-", 5},  {"*", 6},  {"/", 6},  {"%", 6},
};

}  // namespace

Result<Expression> Parser::binary(int least) {
  Expression left = TRY(unary());
  for (;;) {
    TRY(skip_blanks());
    const auto* found = std::ranges::find_if(
        kOperators, [&](const Operator& each) { return starts_with(each.text); });
    if (found == std::end(kOperators) || found->precedence < least) return left;
    Expression made = start(Node::Binary);
    made.name = found->text;
    advance(found->text.size());
    made.parts.push_back(std::move(left));
    made.parts.push_back(TRY(binary(found->precedence + 1)));
    left = TRY(finish(std::move(made)));
  }
}

Result<Expression> Parser::unary() {
  TRY(skip_blanks());
  if ((peek() != '!' || peek(1) == '=') && peek() != '-') {
    Expression value = TRY(primary());
    return postfix(std::move(value), false);
  }
  const NestedGuard guard(bounds_.nested);
  TRY(deeper());
  Expression made = start(Node::Unary);
  made.name = std::string(1, peek());
  next();
  made.parts.push_back(TRY(unary()));
  return finish(std::move(made));
}

Result<Expression> Parser::primary() {
  const char c = peek();
  if (c == '(') return parenthesized();
  if (c == '[') return list();
  if (c == '{') return object();
  if (c == '"' && is_json_) return json_text();
  if (c == '"') {
    next();
    return read_template(true);
  }
  if (starts_with("<<") && !is_json_) return heredoc();
  if (c >= '0' && c <= '9') return number();
  if (at_name()) return named();
  return expected("a value");
}

Result<Expression> Parser::parenthesized() {
  const LinesGuard lines(ignores_lines_, true);
  next();
  Expression made = TRY(expression());
  TRY(skip_blanks());
  if (!skip(")")) return expected("')'");
  return made;
}

// Whether "for" and a name come.
bool Parser::at_for() {
  if (is_json_ || !starts_with("for")) return false;
  std::size_t ahead = 3;
  while (peek(ahead) == ' ' || peek(ahead) == '\t' || peek(ahead) == '\n' || peek(ahead) == '\r')
    ++ahead;
  const char c = peek(ahead);
  return ahead > 3 && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_');
}

Result<Expression> Parser::list() {
  const LinesGuard lines(ignores_lines_, true);
  Expression made = start(Node::List);
  next();
  TRY(skip_blanks());
  if (at_for()) return for_expression(std::move(made), ']');
  while (!skip("]")) {
    made.parts.push_back(TRY(expression()));
    TRY(skip_blanks());
    if (!skip(",") && peek() != ']') return expected("',' or ']'");
    TRY(skip_blanks());
  }
  return finish(std::move(made));
}

Result<Expression> Parser::object() {
  const LinesGuard lines(ignores_lines_, is_json_);
  Expression made = start(Node::Object);
  next();
  TRY(skip_lines());
  if (at_for()) {
    made.makes_object = true;
    const LinesGuard inner(ignores_lines_, true);
    return for_expression(std::move(made), '}');
  }
  while (!skip("}")) {
    TRY(object_item(made));
    TRY(skip_blanks());
    const bool goes_on = skip(",") || skip_newline();
    TRY(skip_lines());
    if (!goes_on && peek() != '}') return expected("',', a new line or '}'");
  }
  return finish(std::move(made));
}

Result<> Parser::object_item(Expression& object) {
  Expression key = start(Node::Literal);
  // A name alone is itself, whatever variables there are.
  const std::size_t at = at_;
  bool is_name = at_name();
  if (is_name) {
    key.value = read_name();
    TRY(skip_blanks());
    is_name = peek() == ':' || (peek() == '=' && peek(1) != '=');
    if (!is_name) at_ = at;  // A name has no line end in it.
  }
  object.parts.push_back(is_name ? TRY(finish(std::move(key))) : TRY(expression()));
  TRY(skip_blanks());
  if (peek() != ':' && (peek() != '=' || peek(1) == '=')) return expected("'='");
  next();
  object.parts.push_back(TRY(expression()));
  return {};
}

Result<Expression> Parser::for_expression(Expression made, char close) {
  made.node = Node::For;
  advance(3);
  TRY(skip_blanks());
  made.second = read_name();
  TRY(skip_blanks());
  if (skip(",")) {
    TRY(skip_blanks());
    if (!at_name()) return expected("a name");
    made.name = std::exchange(made.second, read_name());
    TRY(skip_blanks());
  }
  if (!at_name() || read_name() != "in") return expected("'in'");
  made.parts.push_back(TRY(expression()));
  TRY(skip_blanks());
  if (!skip(":")) return expected("':'");
  if (made.makes_object) {
    made.parts.push_back(TRY(expression()));
    TRY(skip_blanks());
    if (!skip("=>")) return expected("'=>'");
  } else {
    made.parts.push_back(start(Node::Literal));
  }
  made.parts.push_back(TRY(expression()));
  TRY(skip_blanks());
  if (made.makes_object && skip("...")) made.is_expanded = true;
  TRY(skip_blanks());
  if (at_name()) {
    if (read_name() != "if") return expected("'if'");
    made.parts.push_back(TRY(expression()));
    TRY(skip_blanks());
  }
  if (peek() != close) return expected(quoted(std::string_view(&close, 1)));
  next();
  return finish(std::move(made));
}

Result<Expression> Parser::call(std::string name, const Place& place) {
  const LinesGuard lines(ignores_lines_, true);
  Expression made = start(Node::Call);
  made.place = place;
  made.name = std::move(name);
  next();
  TRY(skip_blanks());
  while (!skip(")")) {
    if (made.is_expanded) return expected("')'");
    made.parts.push_back(TRY(expression()));
    TRY(skip_blanks());
    made.is_expanded = skip("...");
    TRY(skip_blanks());
    if (!skip(",") && peek() != ')') return expected("',' or ')'");
    TRY(skip_blanks());
  }
  return finish(std::move(made));
}

Result<Expression> Parser::named() {
  Expression made = start(Node::Literal);
  std::string name = read_name();
  if (name == "true" || name == "false") {
    made.value = name == "true";
  } else if (name != "null") {
    made.node = Node::Variable;
    std::size_t ahead = 0;
    while (peek(ahead) == ' ') ++ahead;
    if (peek(ahead) == '(') {
      advance(ahead);
      return call(std::move(name), made.place);
    }
    made.name = std::move(name);
  }
  return finish(std::move(made));
}

Result<Expression> Parser::number() {
  Expression made = start(Node::Literal);
  const auto digits = [this] {
    while (peek() >= '0' && peek() <= '9') next();
  };
  const std::size_t begin = at_;
  digits();
  bool is_whole = true;
  if (peek() == '.' && peek(1) >= '0' && peek(1) <= '9') {
    is_whole = false;
    next();
    digits();
  }
  if (peek() == 'e' || peek() == 'E') {
    is_whole = false;
    next();
    if (peek() == '+' || peek() == '-') next();
    digits();
  }
  const std::string_view text = text_.substr(begin, at_ - begin);
  if (is_whole) {
    const auto value = parse_i64(text);
    if (!value) return wrong(made.place, "the number is too large");
    made.value = *value;
    return finish(std::move(made));
  }
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size())
    return wrong(made.place, "the number is too large, or none");
  const bool fits = value == std::trunc(value) && std::abs(value) < 0x1p53;
  made.value = fits ? json::Value(static_cast<std::int64_t>(value)) : json::Value(value);
  return finish(std::move(made));
}

// What comes behind a value: ".name", "[...]", ".*", "[*]".
Result<Expression> Parser::postfix(Expression value, bool names_only) {
  for (;;) {
    if (peek() == '.' && peek(1) == '*') {
      if (names_only) return value;
      advance(2);
      value = TRY(splat(std::move(value), true));
    } else if (peek() == '.' && peek(1) != '.') {
      value = TRY(member(std::move(value)));
    } else if (peek() == '[' && !names_only) {
      value = TRY(index(std::move(value)));
    } else {
      return value;
    }
  }
}

Result<Expression> Parser::member(Expression value) {
  Expression made = start(Node::Attribute);
  next();
  made.parts.push_back(std::move(value));
  if (at_name()) {
    made.name = read_name();
    return finish(std::move(made));
  }
  // "list.0" is what "list[0]" was.
  if (peek() < '0' || peek() > '9') return expected("a name behind '.'");
  Expression key = start(Node::Literal);
  std::int64_t number = 0;
  for (; peek() >= '0' && peek() <= '9' && number < 1'000'000; next())
    number = number * 10 + (peek() - '0');
  key.value = number;
  made.node = Node::Index;
  made.parts.push_back(TRY(finish(std::move(key))));
  return finish(std::move(made));
}

Result<Expression> Parser::index(Expression value) {
  const LinesGuard lines(ignores_lines_, true);
  Expression made = start(Node::Index);
  next();
  TRY(skip_blanks());
  if (peek() == '*') {
    next();
    TRY(skip_blanks());
    if (!skip("]")) return expected("']'");
    return splat(std::move(value), false);
  }
  made.parts.push_back(std::move(value));
  made.parts.push_back(TRY(expression()));
  TRY(skip_blanks());
  if (!skip("]")) return expected("']'");
  return finish(std::move(made));
}

Result<Expression> Parser::splat(Expression value, bool names_only) {
  const NestedGuard guard(bounds_.nested);
  TRY(deeper());
  Expression made = start(Node::Splat);
  made.parts.push_back(std::move(value));
  Expression item = TRY(finish(start(Node::Item)));
  made.parts.push_back(TRY(postfix(std::move(item), names_only)));
  return finish(std::move(made));
}

}  // namespace tare::hcl
