// SPDX-License-Identifier: Apache-2.0
#include "front/cli/detach_keys.h"

#include "base/text.h"

namespace tare::cli {
namespace {

// "a" or "ctrl-p"; nullopt when it is neither. Control keys are @, a to z, [, \, ], ^ and _, which
// are the bytes 0 to 31 in this order; DEL is 127.
std::optional<char> parse_key(std::string_view text) {
  if (text.size() == 1) return text[0];
  if (text == "DEL") return '\x7f';
  const std::string name = lower(text);
  if (!name.starts_with("ctrl-") || name.size() != 6) return std::nullopt;
  constexpr std::string_view kControls = "@abcdefghijklmnopqrstuvwxyz[\\]^_";
  const std::size_t at = kControls.find(name[5]);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<char>(at);
}

}  // namespace

Result<DetachKeys> DetachKeys::parse(std::string_view text) {
  DetachKeys result;
  for (const std::string& part : split(text.empty() ? "ctrl-p,ctrl-q" : text, ',')) {
    const auto key = parse_key(part);
    if (!key)
      return std::unexpected(
          Error(Kind::Invalid, quoted(text) + " for --detach-keys: " + quoted(part) + " is no key")
              .hint("write characters and ctrl-X with commas between, as ctrl-p,ctrl-q"));
    result.keys_ += *key;
  }
  return result;
}

DetachKeys::Typed DetachKeys::feed(std::string_view bytes) {
  Typed typed;
  if (keys_.empty()) return {.bytes = std::string(bytes)};
  for (const char byte : bytes) {
    if (byte == keys_[matched_]) {
      if (++matched_ < keys_.size()) continue;
      matched_ = 0;
      typed.detached = true;
      return typed;
    }
    // Not the sequence: what was held back belongs to the container, shortest prefix first, so that
    // a sequence that starts within what was held is still seen.
    std::string held = keys_.substr(0, matched_) + byte;
    matched_ = 0;
    while (!held.empty() && !keys_.starts_with(held)) {
      typed.bytes += held.front();
      held.erase(0, 1);
    }
    matched_ = held.size();
  }
  return typed;
}

}  // namespace tare::cli
