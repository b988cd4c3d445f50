// SPDX-License-Identifier: Apache-2.0
#include "deb/control.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "deb/version.h"

namespace tare::deb {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

bool same_letters(std::string_view left, std::string_view right) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(left, right, {}, small, small);
}

bool is_blank(std::string_view line) { return trimmed(line).empty(); }

struct OrderName {
  std::string_view name;
  Order order;
};
// Longer ones first; "<" and ">" of old are as "<=" and ">=".
constexpr std::array kOrders = {
    OrderName{"<<", Order::Earlier},  OrderName{"<=", Order::NotLater},
    OrderName{">>", Order::Later},    OrderName{">=", Order::NotEarlier},
    OrderName{"=", Order::Same},      OrderName{"<", Order::NotLater},
    OrderName{">", Order::NotEarlier}};

// What is between `open` and `close` behind the name, taken out of `rest`.
Result<std::string_view> take_bracket(std::string_view& rest, char open, char close) {
  if (!rest.starts_with(open)) return std::string_view();
  const std::size_t end = rest.find(close);
  if (end == std::string_view::npos)
    return fail(Kind::Corrupt, "a relation of packages has no " + quoted(std::string(1, close)));
  const std::string_view inner = trimmed(rest.substr(1, end - 1));
  rest = trimmed(rest.substr(end + 1));
  return inner;
}

// "amd64 arm64" or "!amd64 !arm64", also "linux-any" and "any".
bool is_for(std::string_view list, std::string_view architecture) {
  if (list.empty()) return true;
  bool any_negative = false;
  for (const std::string& word : split(list, ' ')) {
    std::string_view name = trimmed(word);
    const bool negative = name.starts_with('!');
    if (negative) name.remove_prefix(1);
    const bool is_it = name == architecture || name == "any" || name == "linux-any";
    if (is_it) return !negative;
    any_negative |= negative;
  }
  return any_negative;
}

// Empty: not for this architecture.
Result<Alternatives> parse_one(std::string_view text, std::string_view architecture) {
  text = trimmed(text);
  const std::size_t end = std::min(text.find_first_of(" \t\r\n([<"), text.size());
  Relation relation{.name = text.substr(0, end)};
  std::string_view rest = trimmed(text.substr(end));
  if (const auto colon = relation.name.find(':'); colon != std::string_view::npos) {
    relation.architecture = relation.name.substr(colon + 1);
    relation.name = relation.name.substr(0, colon);
  }
  if (!is_package_name(relation.name))
    return fail(Kind::Corrupt, quoted(text) + " names no package");
  std::string_view version = TRY(take_bracket(rest, '(', ')'));
  if (!version.empty()) {
    const auto order = std::ranges::find_if(
        kOrders, [&](const OrderName& each) { return version.starts_with(each.name); });
    if (order == kOrders.end()) return fail(Kind::Corrupt, quoted(text) + " compares no versions");
    relation.order = order->order;
    relation.version = trimmed(version.substr(order->name.size()));
    if (!is_version(relation.version)) return fail(Kind::Corrupt, quoted(text) + " has no version");
  }
  const std::string_view machines = TRY(take_bracket(rest, '[', ']'));
  const std::string_view profiles = TRY(take_bracket(rest, '<', '>'));
  while (rest.starts_with('<')) (void)TRY(take_bracket(rest, '<', '>'));
  if (!rest.empty()) return fail(Kind::Corrupt, quoted(text) + " is no relation of packages");
  if (!profiles.empty() || !is_for(machines, architecture)) return Alternatives();
  return Alternatives{relation};
}

}  // namespace

std::string_view Stanza::get(std::string_view name) const {
  for (const auto& [field, value] : fields)
    if (same_letters(field, name)) return value;
  return {};
}

std::string_view StanzaReader::take_line() {
  const std::size_t end = std::min(rest_.find('\n'), rest_.size() - 1);
  const std::string_view line = rest_.substr(0, end + 1);
  rest_.remove_prefix(line.size());
  return line;
}

Result<bool> StanzaReader::next(Stanza& stanza) {
  stanza = {};
  const char* begin = nullptr;
  const char* end = nullptr;
  while (!rest_.empty()) {
    const std::string_view line = take_line();
    if (is_blank(line)) {
      if (begin != nullptr) break;
      continue;
    }
    if (line[0] == '#') continue;
    if (begin == nullptr) begin = line.data();
    end = line.data() + line.size();
    if (line[0] == ' ' || line[0] == '\t') {
      if (stanza.fields.empty()) return fail(Kind::Corrupt, "a control file starts with a space");
      // The value goes on: up to the end of this line.
      std::string_view& value = stanza.fields.back().second;
      const std::string_view more = trimmed(line);
      const char* const from = value.data();
      value = {from, static_cast<std::size_t>(more.data() + more.size() - from)};
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0)
      return fail(Kind::Corrupt, "a line of a control file is no field: " + quoted(trimmed(line)));
    std::string_view value = trimmed(line.substr(colon + 1));
    if (value.data() == nullptr) value = line.substr(colon + 1, 0);
    stanza.fields.emplace_back(trimmed(line.substr(0, colon)), value);
  }
  if (begin == nullptr) return false;
  stanza.text = {begin, static_cast<std::size_t>(end - begin)};
  return true;
}

bool Relation::allows(std::string_view other) const {
  if (order == Order::Any) return true;
  const int difference = compare_versions(other, version);
  switch (order) {
    case Order::Earlier:
      return difference < 0;
    case Order::NotLater:
      return difference <= 0;
    case Order::Same:
      return difference == 0;
    case Order::NotEarlier:
      return difference >= 0;
    case Order::Later:
      return difference > 0;
    case Order::Any:
      break;
  }
  return true;
}

std::string Relation::text() const {
  std::string out(name);
  if (order == Order::Any) return out;
  for (const OrderName& each : kOrders)
    if (each.order == order) {
      out += " (" + std::string(each.name) + " " + std::string(version) + ")";
      break;
    }
  return out;
}

Result<std::vector<Alternatives>> parse_relations(std::string_view text,
                                                  std::string_view architecture) {
  std::vector<Alternatives> out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view group = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (trimmed(group).empty()) continue;  // A comma at the end is usual.
    Alternatives alternatives;
    while (true) {
      const std::size_t bar = std::min(group.find('|'), group.size());
      for (const Relation& relation : TRY(parse_one(group.substr(0, bar), architecture)))
        alternatives.push_back(relation);
      if (bar == group.size()) break;
      group.remove_prefix(bar + 1);
    }
    if (!alternatives.empty()) out.push_back(std::move(alternatives));
  }
  return out;
}

bool is_package_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  const auto starts = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return text.size() >= 2 && text.size() <= 128 && starts(text[0]) &&
         std::ranges::all_of(text, fits);
}

}  // namespace tare::deb
