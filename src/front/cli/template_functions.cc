// SPDX-License-Identifier: Apache-2.0
// The functions that --format knows: those of Go's language that people use, and Docker's own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "front/cli/template.h"

namespace tare::cli {
namespace {

using Values = std::vector<const json::Value*>;

constexpr std::int64_t kMaxWidth = 10'000;

// The number of bytes of the character at the start of `text`; 1 for what is not UTF-8.
std::size_t character_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return std::min(length, text.size());
}

std::string first_characters(std::string_view text, std::int64_t count) {
  std::size_t end = 0;
  for (; count > 0 && end < text.size(); --count) end += character_length(text.substr(end));
  return std::string(text.substr(0, end));
}

std::int64_t count_characters(std::string_view text) {
  std::int64_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += character_length(text.substr(at))) ++count;
  return count;
}

Result<json::Value> fn_json(const Values& values) { return json::Value(json::print(*values[0])); }

Result<json::Value> fn_join(const Values& values) {
  std::vector<std::string> parts;
  for (const json::Value& part : values[0]->as_array()) parts.push_back(go_text(part));
  return json::Value(join(parts, go_text(*values[1])));
}

Result<json::Value> fn_split(const Values& values) {
  const std::string text = go_text(*values[0]);
  const std::string separator = go_text(*values[1]);
  json::Array parts;
  if (separator.empty()) {
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(character_length(rest)))
      parts.emplace_back(rest.substr(0, character_length(rest)));
    return json::Value(std::move(parts));
  }
  std::size_t start = 0;
  for (std::size_t at; (at = text.find(separator, start)) != std::string::npos;
       start = at + separator.size())
    parts.emplace_back(text.substr(start, at - start));
  parts.emplace_back(text.substr(start));
  return json::Value(std::move(parts));
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

Result<json::Value> fn_upper(const Values& values) {
  return json::Value(upper(go_text(*values[0])));
}
Result<json::Value> fn_lower(const Values& values) {
  return json::Value(lower(go_text(*values[0])));
}

Result<json::Value> fn_title(const Values& values) {
  std::string text = go_text(*values[0]);
  if (!text.empty()) text.replace(0, 1, upper(text.substr(0, 1)));
  return json::Value(std::move(text));
}

Result<json::Value> fn_truncate(const Values& values) {
  return json::Value(first_characters(go_text(*values[0]), values[1]->as_int()));
}

// pad TEXT SPACES-BEFORE SPACES-AFTER
Result<json::Value> fn_pad(const Values& values) {
  const std::string text = go_text(*values[0]);
  const auto spaces = [](const json::Value& count) {
    return std::string(
        static_cast<std::size_t>(std::clamp<std::int64_t>(count.as_int(), 0, kMaxWidth)), ' ');
  };
  if (text.empty()) return json::Value(text);
  return json::Value(spaces(*values[1]) + text + spaces(*values[2]));
}

Result<json::Value> fn_println(const Values& values) {
  std::string text;
  for (const json::Value* value : values) text += (text.empty() ? "" : " ") + go_text(*value);
  return json::Value(text + "\n");
}

Result<json::Value> fn_print(const Values& values) {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Spaces only between operands when neither is a string. [Go fmt.Print]
    if (i > 0 && !values[i]->is_string() && !values[i - 1]->is_string()) text += ' ';
    text += go_text(*values[i]);
  }
  return json::Value(std::move(text));
}

Result<json::Value> fn_len(const Values& values) {
  const json::Value& value = *values[0];
  if (value.is_string()) return json::Value(static_cast<std::int64_t>(value.as_string().size()));
  if (value.is_array()) return json::Value(static_cast<std::int64_t>(value.as_array().size()));
  if (value.is_object()) return json::Value(static_cast<std::int64_t>(value.as_object().size()));
  if (value.is_null()) return json::Value(0);
  return fail(Kind::Invalid, "len of " + quoted(go_text(value)) + " does not exist");
}

Result<json::Value> fn_index(const Values& values) {
  const json::Value* value = values[0];
  for (std::size_t i = 1; i < values.size(); ++i) {
    const json::Value& key = *values[i];
    if (value->is_object() || value->is_null()) {
      const json::Value* member = value->find(go_text(key));
      if (member == nullptr) return json::Value("");
      value = member;
    } else if (value->is_array() && key.is_int()) {
      const auto& array = value->as_array();
      if (key.as_int() < 0 || key.as_int() >= static_cast<std::int64_t>(array.size()))
        return fail(Kind::Invalid,
                    fmt::format("index {} is outside of a list of {}", key.as_int(), array.size()));
      value = &array[static_cast<std::size_t>(key.as_int())];
    } else {
      return fail(Kind::Invalid,
                  "index " + quoted(go_text(key)) + " does not fit " + quoted(go_text(*value)));
    }
  }
  return *value;
}

Result<json::Value> fn_slice(const Values& values) {
  const json::Value& value = *values[0];
  const bool is_string = value.is_string();
  if (!is_string && !value.is_array()) return fail(Kind::Invalid, "slice works on texts and lists");
  const auto size =
      static_cast<std::int64_t>(is_string ? value.as_string().size() : value.as_array().size());
  const std::int64_t from = values.size() > 1 ? values[1]->as_int() : 0;
  const std::int64_t to = values.size() > 2 ? values[2]->as_int() : size;
  if (from < 0 || to > size || from > to)
    return fail(Kind::Invalid, fmt::format("slice {}:{} is outside of {}", from, to, size));
  if (is_string)
    return json::Value(value.as_string().substr(static_cast<std::size_t>(from),
                                                static_cast<std::size_t>(to - from)));
  const auto& array = value.as_array();
  return json::Value(json::Array(array.begin() + from, array.begin() + to));
}

bool equal(const json::Value& a, const json::Value& b) {
  if (a.is_number() && b.is_number() && a.is_int() != b.is_int())
    return a.as_double() == b.as_double();
  return a == b;
}

Result<json::Value> fn_eq(const Values& values) {
  for (std::size_t i = 1; i < values.size(); ++i)
    if (equal(*values[0], *values[i])) return json::Value(true);
  return json::Value(false);
}

Result<json::Value> fn_ne(const Values& values) {
  return json::Value(!equal(*values[0], *values[1]));
}

// -1, 0 or 1; only numbers with numbers and texts with texts.
Result<int> compare(const Values& values) {
  const json::Value& a = *values[0];
  const json::Value& b = *values[1];
  if (a.is_int() && b.is_int()) return (a.as_int() > b.as_int()) - (a.as_int() < b.as_int());
  if (a.is_number() && b.is_number())
    return (a.as_double() > b.as_double()) - (a.as_double() < b.as_double());
  if (a.is_string() && b.is_string()) {
    const int order = a.as_string().compare(b.as_string());
    return (order > 0) - (order < 0);
  }
  return fail(Kind::Invalid,
              quoted(go_text(a)) + " and " + quoted(go_text(b)) + " cannot be compared");
}

Result<json::Value> fn_lt(const Values& values) { return json::Value(TRY(compare(values)) < 0); }
Result<json::Value> fn_le(const Values& values) { return json::Value(TRY(compare(values)) <= 0); }
Result<json::Value> fn_gt(const Values& values) { return json::Value(TRY(compare(values)) > 0); }
Result<json::Value> fn_ge(const Values& values) { return json::Value(TRY(compare(values)) >= 0); }
Result<json::Value> fn_not(const Values& values) { return json::Value(!is_true(*values[0])); }

// One verb of printf: "%-10s".
struct Verb {
  bool left = false;
  bool zeros = false;
  bool plus = false;
  std::int64_t width = 0;
  std::int64_t precision = -1;
  char letter = 0;
};

// Reads a verb behind '%' and moves `rest` behind it; letter is 0 when the text ends too early.
Verb read_verb(std::string_view& rest) {
  Verb verb;
  const auto digits = [&] {
    std::int64_t value = 0;
    for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1))
      value = std::min(kMaxWidth, value * 10 + (rest[0] - '0'));
    return value;
  };
  for (; !rest.empty() && std::string_view("-+0 #").find(rest[0]) != std::string_view::npos;
       rest.remove_prefix(1)) {
    verb.left = verb.left || rest[0] == '-';
    verb.plus = verb.plus || rest[0] == '+';
    verb.zeros = verb.zeros || rest[0] == '0';
  }
  verb.width = digits();
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    verb.precision = digits();
  }
  if (rest.empty()) return verb;
  verb.letter = rest[0];
  rest.remove_prefix(1);
  return verb;
}

template <typename Number>
std::string format_whole(const Verb& verb, Number number) {
  switch (verb.letter) {
    case 'x':
      return fmt::format("{:x}", number);
    case 'X':
      return fmt::format("{:X}", number);
    case 'o':
      return fmt::format("{:o}", number);
    default:
      return (verb.plus && std::cmp_greater_equal(number, 0) ? "+" : "") +
             fmt::format("{}", number);
  }
}

std::string format_number(const Verb& verb, const json::Value& value) {
  const int precision =
      verb.precision < 0 ? 6 : static_cast<int>(std::min<std::int64_t>(verb.precision, 100));
  if (verb.letter == 'f') return fmt::format("{:.{}f}", value.as_double(), precision);
  if (verb.letter == 'g') return fmt::format("{:g}", value.as_double());
  if (value.is_uint()) return format_whole(verb, value.as_uint());
  return format_whole(verb, value.as_int());
}

std::string format_verb(const Verb& verb, const json::Value& value) {
  std::string text = go_text(value);
  constexpr std::string_view kNumbers = "dxXofg";
  if (verb.letter == 'q') {
    text = go_quote(text);
  } else if (kNumbers.find(verb.letter) != std::string_view::npos) {
    if (value.is_number())
      text = format_number(verb, value);
    else if ((verb.letter == 'x' || verb.letter == 'X') && value.is_string())
      text = to_hex(text);
    else
      text = fmt::format("%!{}({})", verb.letter, text);
  } else if (verb.precision >= 0) {
    text = first_characters(text, verb.precision);
  }
  const std::int64_t missing = verb.width - count_characters(text);
  if (missing <= 0) return text;
  if (verb.left) return text + std::string(static_cast<std::size_t>(missing), ' ');
  const bool zeros = verb.zeros && kNumbers.find(verb.letter) != std::string_view::npos;
  const std::size_t sign = zeros && (text.starts_with('-') || text.starts_with('+')) ? 1 : 0;
  return text.insert(sign, static_cast<std::size_t>(missing), zeros ? '0' : ' ');
}

Result<json::Value> fn_printf(const Values& values) {
  if (!values[0]->is_string()) return fail(Kind::Invalid, "printf needs a format");
  std::string text;
  std::size_t next = 1;
  for (std::string_view rest = values[0]->as_string(); !rest.empty();) {
    const std::size_t percent = rest.find('%');
    text += rest.substr(0, percent);
    if (percent == std::string_view::npos) break;
    rest.remove_prefix(percent + 1);
    const Verb verb = read_verb(rest);
    if (verb.letter == '%') {
      text += '%';
    } else if (std::string_view("svdqxXofgt").find(verb.letter) == std::string_view::npos ||
               verb.letter == 0) {
      return fail(Kind::Invalid,
                  "printf does not know " + quoted("%" + std::string(1, verb.letter)));
    } else if (next == values.size()) {
      return fail(Kind::Invalid, "printf has more verbs than values");
    } else {
      text += format_verb(verb, *values[next++]);
    }
  }
  if (next < values.size()) return fail(Kind::Invalid, "printf has more values than verbs");
  return json::Value(std::move(text));
}

struct Function {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  Result<json::Value> (*call)(const Values&);
};

constexpr std::size_t kAny = 1000;
constexpr Function kFunctions[] = {
    {"json", 1, 1, fn_json},
    {"join", 2, 2, fn_join},
    {"split", 2, 2, fn_split},
    {"upper", 1, 1, fn_upper},
    {"lower", 1, 1, fn_lower},
    {"title", 1, 1, fn_title},
    {"pad", 3, 3, fn_pad},
    {"truncate", 2, 2, fn_truncate},
    {"println", 0, kAny, fn_println},
    {"print", 0, kAny, fn_print},
    {"len", 1, 1, fn_len},
    {"index", 1, kAny, fn_index},
    {"slice", 1, 3, fn_slice},
    {"eq", 2, kAny, fn_eq},
    {"ne", 2, 2, fn_ne},
    {"lt", 2, 2, fn_lt},
    {"le", 2, 2, fn_le},
    {"gt", 2, 2, fn_gt},
    {"ge", 2, 2, fn_ge},
    {"not", 1, 1, fn_not},
    {"printf", 1, kAny, fn_printf},
    {"and", 1, kAny, nullptr},
    {"or", 1, kAny, nullptr},  // Run where arguments are evaluated.
};

void append_go(std::string& out, const json::Value& value, bool nested) {
  if (value.is_null()) {
    out += nested ? "<nil>" : "<no value>";
  } else if (value.is_bool()) {
    out += value.as_bool() ? "true" : "false";
  } else if (value.is_int()) {
    out += fmt::format("{}", value.as_int());
  } else if (value.is_uint()) {
    out += fmt::format("{}", value.as_uint());
  } else if (value.is_number()) {
    out += fmt::format("{}", value.as_double());
  } else if (value.is_string()) {
    out += value.as_string();
  } else if (value.is_array()) {
    out += '[';
    for (const json::Value& element : value.as_array()) {
      if (&element != value.as_array().data()) out += ' ';
      append_go(out, element, true);
    }
    out += ']';
  } else {
    std::vector<const std::pair<std::string, json::Value>*> members;
    for (const auto& member : value.as_object()) members.push_back(&member);
    std::ranges::sort(members, {}, [](const auto* member) { return member->first; });
    out += "map[";
    for (std::size_t i = 0; i < members.size(); ++i) {
      out += (i == 0 ? "" : " ") + members[i]->first + ":";
      append_go(out, members[i]->second, true);
    }
    out += ']';
  }
}

}  // namespace

std::string go_text(const json::Value& value) {
  std::string out;
  append_go(out, value, false);
  return out;
}

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  // What escaped() writes for control and invalid bytes is what Go writes, too. Backslashes that
  // were there before have been doubled, and it leaves these alone.
  return escaped(out) + "\"";
}

bool is_true(const json::Value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_number()) return value.as_double() != 0;
  if (value.is_string()) return !value.as_string().empty();
  if (value.is_array()) return !value.as_array().empty();
  return value.is_object() && !value.as_object().empty();
}

bool is_template_function(std::string_view name) {
  return std::ranges::any_of(kFunctions,
                             [&](const Function& function) { return function.name == name; });
}

Result<json::Value> call_template_function(const std::string& name, const Values& arguments) {
  for (const Function& function : kFunctions) {
    if (function.name != name) continue;
    if (arguments.size() < function.least || arguments.size() > function.most ||
        function.call == nullptr)
      return fail(Kind::Invalid, name + " takes " + std::to_string(function.least) +
                                     (function.most > function.least ? " or more" : "") +
                                     " values, not " + std::to_string(arguments.size()));
    auto value = function.call(arguments);
    if (!value) return std::unexpected(std::move(value).error().wrap(name));
    return value;
  }
  return fail(Kind::Invalid, "there is no function " + quoted(name));
}

}  // namespace tare::cli
