// SPDX-License-Identifier: Apache-2.0
#include "build/expansion.h"

#include "base/text.h"
#include "build/shell_pattern.h"

namespace tare::build {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;
constexpr int kMaxDepth = 64;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Letters of other alphabets belong to names, too.
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_special(char c) { return std::string_view("@*#?-$!0").contains(c); }

// What was read so far, as one text and cut into words.
class Words {
 public:
  void add(char c) {
    if (!is_space(c)) return add_quoted(c);
    if (!word_.empty()) words_.push_back(std::exchange(word_, {}));
  }
  void add(std::string_view text) {
    for (const char c : text) add(c);
  }
  void add_quoted(char c) { word_ += c; }
  void add_quoted(std::string_view text) { word_ += text; }
  std::vector<std::string> take() {
    if (!word_.empty()) words_.push_back(std::move(word_));
    return std::move(words_);
  }

 private:
  std::string word_;
  std::vector<std::string> words_;
};

class Expander {
 public:
  Expander(std::string_view text, const Lookup& lookup, const ExpandOptions& options)
      : text_(text), lookup_(lookup), options_(options), keep_escapes_(options.keep_escapes) {}

  Result<Expansion> run() {
    Words words;
    out_.text = TRY(read_until('\0', words));
    out_.words = words.take();
    return std::move(out_);
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  static std::unexpected<Error> wrong(std::string why) {
    return fail(Kind::Invalid, std::move(why));
  }
  static std::unexpected<Error> unclosed(std::string_view what) {
    return wrong("there is no " + std::string(what) + " to the end");
  }

  // Everything to `stop` ('\0': to the end), which is taken as well.
  Result<std::string> read_until(char stop, Words& words) {
    if (++depth_ > kMaxDepth) return wrong("variables are nested more than 64 deep");
    std::string result;
    while (!at_end()) {
      if (result.size() > kMaxBytes) return wrong("it expands to more than 1 MiB");
      const char c = text_[at_];
      if (stop != '\0' && c == stop) {
        ++at_;
        --depth_;
        return result;
      }
      if (c == '$') {
        const std::string value = TRY(read_dollar());
        words.add(value);
        result += value;
      } else if (!options_.quotes_are_text && (c == '\'' || c == '"')) {
        const std::string inner = TRY(read_quoted());
        words.add_quoted(inner);
        result += inner;
      } else if (c == '<' && text_.substr(at_).starts_with("<<")) {
        take_heredoc_mark(words, result);
      } else {
        take_plain(words, result);
      }
    }
    if (stop != '\0') return unclosed(std::string("'") + stop + "'");
    --depth_;
    return result;
  }

  // "<<" and the spaces behind it stay with the word behind them.
  void take_heredoc_mark(Words& words, std::string& result) {
    const std::size_t begin = at_;
    at_ += 2;
    while (peek() == ' ' || peek() == '\t' || peek() == '\r') ++at_;
    words.add_quoted(text_.substr(begin, at_ - begin));
    result += text_.substr(begin, at_ - begin);
  }

  void take_plain(Words& words, std::string& result) {
    const char c = text_[at_++];
    if (c != options_.escape) {
      words.add(c);
      result += c;
      return;
    }
    if (keep_escapes_) {
      words.add_quoted(c);
      result += c;
    }
    if (at_end()) return;
    words.add_quoted(text_[at_]);
    result += text_[at_++];
  }

  Result<std::string> read_quoted() { return peek() == '"' ? read_double() : read_single(); }

  Result<std::string> read_single() {
    const std::size_t end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos) return unclosed("single quote");
    std::string inner(options_.keep_quotes ? text_.substr(at_, end + 1 - at_)
                                           : text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return inner;
  }

  Result<std::string> read_double() {
    std::string inner;
    if (options_.keep_quotes) inner += '"';
    for (++at_; peek() != '"' || at_end();) {
      if (at_end()) return unclosed("double quote");
      if (inner.size() > kMaxBytes) return wrong("it expands to more than 1 MiB");
      if (peek() == '$') {
        inner += TRY(read_dollar());
        continue;
      }
      const char c = text_[at_++];
      if (c == options_.escape) {
        if (keep_escapes_) inner += c;
        if (at_end()) continue;
        // Only these can be escaped; before others the escape is a character like any.
        if (peek() == '"' || peek() == '$' || peek() == options_.escape) {
          inner += text_[at_++];
          continue;
        }
      }
      inner += c;
    }
    ++at_;
    if (options_.keep_quotes) inner += '"';
    return inner;
  }

  std::string_view read_name() {
    const std::size_t begin = at_;
    if (is_digit(peek())) {
      while (is_digit(peek())) ++at_;
    } else if (!at_end() && is_special(peek())) {
      ++at_;
    } else {
      while (is_letter(peek()) || is_digit(peek())) ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  std::optional<std::string> value_of(std::string_view name) {
    std::optional<std::string> value = lookup_(name);
    (value ? out_.found : out_.unset).emplace(name);
    return value;
  }

  Result<std::string> read_dollar() {
    const std::size_t begin = at_++;
    if (peek() == '{') return read_braces(begin);
    const std::string_view name = read_name();
    if (name.empty()) return std::string("$");
    const std::optional<std::string> value = value_of(name);
    if (!value && options_.keep_unset) return std::string(text_.substr(begin, at_ - begin));
    return value.value_or("");
  }

  Result<std::string> read_braces(std::size_t begin) {
    ++at_;
    if (at_end()) return unclosed("'}' of '${'");
    if (peek() == '{' || peek() == '}' || peek() == ':')
      return wrong("there is no name between '${' and '" + std::string(1, peek()) + "'");
    const std::string name(read_name());
    if (at_end()) return unclosed("'}' of '${'");
    const char operation = text_[at_++];
    if (operation == '}') {
      const std::optional<std::string> value = value_of(name);
      if (!value && options_.keep_unset) return std::string(text_.substr(begin, at_ - begin));
      return value.value_or("");
    }
    if (operation == '/') return read_replacement(begin, name);
    if (operation == ':') {
      const char second = at_end() ? '\0' : text_[at_++];
      if (second == '-' || second == '+' || second == '?')
        return read_alternative(begin, name, second, true);
      return not_a_form(name, std::string(":") + (second == '\0' ? "" : std::string(1, second)));
    }
    if (operation == '-' || operation == '+' || operation == '?')
      return read_alternative(begin, name, operation, false);
    if (operation == '#' || operation == '%') return read_trimming(begin, name, operation);
    return not_a_form(name, std::string(1, operation));
  }

  static std::unexpected<Error> not_a_form(std::string_view name, std::string_view form) {
    return std::unexpected(
        Error(Kind::Invalid, quoted("${" + std::string(name) + std::string(form)) +
                                 " is not a form that variables have")
            .hint("the forms are ${x} ${x:-a} ${x-a} ${x:+a} ${x+a} ${x:?a} "
                  "${x?a} ${x#p} ${x##p} ${x%p} ${x%%p} ${x/p/r} ${x//p/r}"));
  }

  // The part of a "${...}" behind its operation, in which escapes may have to stay for the pattern.
  Result<std::string> read_part(char stop, bool keep_escapes) {
    const bool before = std::exchange(keep_escapes_, keep_escapes);
    Words unused;
    std::string part = TRY(read_until(stop, unused));
    keep_escapes_ = before;
    return part;
  }

  Result<std::string> read_alternative(std::size_t begin, const std::string& name, char operation,
                                       bool empty_is_unset) {
    const std::string word = TRY(read_part('}', false));
    const std::optional<std::string> value = value_of(name);
    if (!value && options_.keep_unset) return std::string(text_.substr(begin, at_ - begin));
    const bool has = value && !(empty_is_unset && value->empty());
    if (operation == '-') return has ? *value : word;
    if (operation == '+') return has ? word : "";
    if (has) return *value;
    const char* const what = value ? "must not be empty" : "must be set";
    return wrong(name + ": " + (word.empty() ? what : escaped(word)));
  }

  Result<std::string> read_trimming(std::size_t begin, const std::string& name, char operation) {
    std::string pattern = TRY(read_part('}', true));
    const std::optional<std::string> value = value_of(name);
    if (!value && options_.keep_unset) return std::string(text_.substr(begin, at_ - begin));
    const bool doubled = pattern.starts_with(operation);
    if (doubled) pattern.erase(0, 1);
    const Match match = doubled ? Match::Longest : Match::Shortest;
    return operation == '#' ? without_prefix(value.value_or(""), pattern, match)
                            : without_suffix(value.value_or(""), pattern, match);
  }

  Result<std::string> read_replacement(std::size_t begin, const std::string& name) {
    const bool all = peek() == '/';
    if (all) ++at_;
    const std::string pattern = TRY(read_part('/', true));
    const std::string replacement = TRY(read_part('}', true));
    const std::optional<std::string> value = value_of(name);
    if (!value && options_.keep_unset) return std::string(text_.substr(begin, at_ - begin));
    return with_replaced(value.value_or(""), pattern, replacement, all);
  }

  std::string_view text_;
  const Lookup& lookup_;
  const ExpandOptions& options_;
  bool keep_escapes_;
  std::size_t at_ = 0;
  int depth_ = 0;
  Expansion out_;
};

}  // namespace

Result<Expansion> expand(std::string_view word, const Lookup& lookup,
                         const ExpandOptions& options) {
  return Expander(word, lookup, options).run();
}

std::optional<std::string> no_variables(std::string_view) { return std::nullopt; }

}  // namespace tare::build
