// SPDX-License-Identifier: Apache-2.0
// PRIVATE to the codec room: how hcl.h reads. A recursive descent; what it goes down and how much
// it makes is bounded, also in texts that have expressions in them.
#pragma once

#include <optional>
#include <set>

#include "codec/hcl.h"

namespace tare::hcl {

class NestedGuard {
 public:
  explicit NestedGuard(std::size_t& count) : count_(count) { ++count_; }
  ~NestedGuard() { --count_; }
  NestedGuard(const NestedGuard&) = delete;
  NestedGuard& operator=(const NestedGuard&) = delete;

 private:
  std::size_t& count_;
};

class Parser {
 public:
  // Shared by the parsers of a file.
  struct Bounds {
    std::size_t nodes = 0;
    std::size_t nested = 0;
  };

  // All borrowed. `start`: of the first byte.
  Parser(std::string_view text, Place start, Bounds& bounds, bool is_json)
      : text_(text),
        start_(std::move(start)),
        bounds_(bounds),
        is_json_(is_json),
        line_(start_.line) {
    ignores_lines_ = is_json;
  }
  // Everything is at `start`, since the text is not written as it is.
  void stay_at_start() { stays_ = true; }

  Result<Body> body(bool is_inner);
  // An expression, and nothing behind it.
  Result<Expression> whole_expression();
  // Up to the end of the text, or of the quoted text whose first quote was read.
  Result<Expression> read_template(bool is_quoted);

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool at_end() const { return at_ >= text_.size(); }
  bool starts_with(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void next();  // One byte on.
  void advance(std::size_t count) {
    while (count-- > 0) next();
  }
  bool skip(std::string_view what);
  bool skip_newline();
  // Blanks and comments, and line ends where they mean nothing.
  Result<> skip_blanks();
  Result<> skip_lines();
  Place here() const;
  std::unexpected<Error> wrong_here(const std::string& why) const;
  std::unexpected<Error> expected(const std::string& what) const;
  Result<> deeper();

  bool at_name() const;
  std::string read_name();
  Result<Expression> finish(Expression expression);
  Expression start(Node node) const;

  Result<> attribute(Body& into, std::set<std::string>& names, std::string name,
                     const Place& place);
  Result<> block(Body& into, std::string type, const Place& place);
  Result<> end_line();

  Result<Expression> expression();
  Result<Expression> binary(int least);
  Result<Expression> unary();
  Result<Expression> primary();
  Result<Expression> parenthesized();
  Result<Expression> list();
  Result<Expression> object();
  Result<> object_item(Expression& object);
  bool at_for();
  Result<Expression> for_expression(Expression made, char close);
  Result<Expression> call(std::string name, const Place& place);
  Result<Expression> named();
  Result<Expression> number();
  Result<Expression> postfix(Expression value, bool names_only);
  Result<Expression> member(Expression value);
  Result<Expression> index(Expression value);
  Result<Expression> splat(Expression value, bool names_only);

  Result<> escape(std::string& into);
  Result<> unicode(std::string& into, std::size_t digits);
  Result<Expression> interpolation(bool& trims_next);
  Result<Expression> json_text();
  Result<Expression> heredoc();

  std::string_view text_;
  Place start_;
  Bounds& bounds_;
  bool is_json_;
  bool ignores_lines_ = false;
  bool stays_ = false;
  std::size_t at_ = 0;
  std::uint32_t line_;
  std::size_t line_start_ = 0;
};

}  // namespace tare::hcl
