// SPDX-License-Identifier: Apache-2.0
#include "front/oci/arguments.h"

#include <algorithm>

#include "base/text.h"

namespace tare::front_oci {
namespace {

using Kind = Option::Kind;

const Option* find_long(std::span<const Option> options, std::string_view name) {
  const auto found = std::ranges::find(options, name, &Option::name);
  return found == options.end() ? nullptr : &*found;
}

const Option* find_letter(std::span<const Option> options, char letter) {
  const auto found = std::ranges::find(options, letter, &Option::letter);
  return found == options.end() ? nullptr : &*found;
}

std::unexpected<Error> unknown(std::string_view word, std::span<const Option> options) {
  std::vector<std::string> names;
  for (const Option& option : options) names.emplace_back("--" + std::string(option.name));
  Error error(tare::Kind::Invalid, "unknown option " + quoted(word));
  if (const auto close = nearest(word, names))
    return std::unexpected(std::move(error).hint("did you mean " + *close + "?"));
  return std::unexpected(std::move(error));
}

}  // namespace

Result<Arguments> Arguments::parse(std::span<const char* const> words,
                                   std::span<const Option> options, bool stop_at_first) {
  Arguments result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word == "--") {
      result.rest_.insert(result.rest_.end(), words.begin() + static_cast<long>(i) + 1,
                          words.end());
      break;
    }
    if (!word.starts_with('-') || word == "-") {
      if (stop_at_first) {
        result.rest_.assign(words.begin() + static_cast<long>(i), words.end());
        break;
      }
      result.rest_.emplace_back(word);
      continue;
    }
    const auto parts = split_once(word, '=');
    const std::string_view name = parts ? parts->first : word;
    const Option* const option = name.starts_with("--") ? find_long(options, name.substr(2))
                                 : name.size() == 2     ? find_letter(options, name[1])
                                                        : find_long(options, name.substr(1));
    if (option == nullptr) return unknown(name, options);
    std::string value = parts ? std::string(parts->second) : "true";
    if (option->kind == Kind::Value && !parts) {
      if (i + 1 == words.size())
        return fail(tare::Kind::Invalid, "option " + quoted(word) + " needs a value");
      value = words[++i];
    }
    result.given_[std::string(option->name)].push_back(std::move(value));
  }
  return result;
}

bool Arguments::flag(std::string_view name) const {
  const std::string text = value(name);
  return !text.empty() && text != "false" && text != "0";
}

std::string Arguments::value(std::string_view name) const {
  const auto found = given_.find(name);
  return found == given_.end() ? std::string() : found->second.back();
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  const auto found = given_.find(name);
  return found == given_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace tare::front_oci
