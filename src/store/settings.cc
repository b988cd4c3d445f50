// SPDX-License-Identifier: Apache-2.0
#include "store/settings.h"

#include <cstdlib>

#include "base/text.h"
#include "sys/files.h"

namespace tare::store {
namespace {

constexpr const char* kFile = "settings";
constexpr std::size_t kMaxFile = 64 << 10;

Result<std::chrono::nanoseconds> parse_time(std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds(0);
  const auto span = TRY(parse_duration(text));
  if (span.count() < 0) return fail(Kind::Invalid, quoted(text) + " is before now");
  return span;
}

// "80,90,95"; "off".
Result<std::vector<unsigned>> parse_thresholds(std::string_view text) {
  std::vector<unsigned> out;
  if (text == "off") return out;
  for (const std::string& part : split(text, ',')) {
    const auto percent = parse_u64(trim(part));
    if (!percent || *percent == 0 || *percent > 100 || (!out.empty() && *percent <= out.back()))
      return fail(Kind::Invalid, quoted(text) + " are no thresholds: write 80,90,95 or off");
    out.push_back(static_cast<unsigned>(*percent));
  }
  return out;
}

std::string thresholds_text(const std::vector<unsigned>& thresholds) {
  std::vector<std::string> parts;
  for (const unsigned percent : thresholds) parts.push_back(std::to_string(percent));
  return parts.empty() ? "off" : join(parts, ",");
}

// The shortest exact text that parse_duration() reads.
std::string time_text(std::chrono::nanoseconds span) {
  const auto count = span.count();
  if (count == 0) return "0";
  if (count % 3'600'000'000'000 == 0) return std::to_string(count / 3'600'000'000'000) + "h";
  if (count % 1'000'000'000 == 0) return std::to_string(count / 1'000'000'000) + "s";
  return std::to_string(count / 1'000'000) + "ms";
}

// [linux net/core/dev.c, dev_valid_name(); and no sign that asks it to choose a number]
Result<std::string> parse_device(std::string_view text) {
  constexpr std::size_t kMostBytes = 15;
  const bool fits = !text.empty() && text.size() <= kMostBytes && text != "." && text != ".." &&
                    text.find_first_of("/:% \t") == text.npos;
  if (!fits) return fail(Kind::Invalid, quoted(text) + " is no name of a device");
  return std::string(text);
}

}  // namespace

std::string Share::text() const {
  return percent ? std::to_string(*percent) + "%" : std::to_string(bytes);
}

Result<Share> parse_share(std::string_view text) {
  if (!text.ends_with('%')) return Share{.bytes = TRY(parse_size(text))};
  const auto percent = parse_u64(text.substr(0, text.size() - 1));
  if (!percent || *percent > 100)
    return fail(Kind::Invalid, quoted(text) + " is no share: write 0% to 100%, or a size as 40G");
  return Share{.percent = static_cast<unsigned>(*percent)};
}

Result<> apply_setting(Settings& settings, std::string_view line) {
  const auto pair = split_once(line, '=');
  if (!pair) return fail(Kind::Invalid, quoted(line) + " is not KEY=VALUE");
  const std::string_view key = trim(pair->first);
  const std::string_view value = trim(pair->second);
  const std::string what = "setting " + quoted(key);
  if (key == "max") {
    settings.max = TRY(parse_share(value), what);
  } else if (key == "undo-time") {
    settings.undo_time = TRY(parse_time(value), what);
  } else if (key == "undo-max") {
    settings.undo_max = TRY(parse_share(value), what);
  } else if (key == "warn") {
    settings.warn = TRY(parse_thresholds(value), what);
  } else if (key == "default-bridge") {
    settings.default_bridge = TRY(parse_device(value), what);
  } else {
    return std::unexpected(
        Error(Kind::Invalid, "there is no setting " + quoted(key))
            .hint("there are max, undo-time, undo-max, warn and default-bridge"));
  }
  return {};
}

Result<Settings> parse_settings(std::string_view text) {
  Settings settings;
  for (const std::string& line : split(text, '\n')) {
    const std::string_view content = trim(line);
    if (!content.empty() && !content.starts_with('#')) TRY(apply_setting(settings, content));
  }
  return settings;
}

std::string print_settings(const Settings& settings) {
  return "max=" + settings.max.text() + "\nundo-time=" + time_text(settings.undo_time) +
         "\nundo-max=" + settings.undo_max.text() + "\nwarn=" + thresholds_text(settings.warn) +
         "\n" +
         (settings.default_bridge.empty() ? ""
                                          : "default-bridge=" + settings.default_bridge + "\n");
}

Result<Settings> load_settings(int dir) {
  const auto text = sys::load_file(dir, kFile, kMaxFile);
  if (!text && text.error().kind() != Kind::NotFound) return std::unexpected(text.error());
  Settings settings;
  if (text) settings = TRY(parse_settings(*text), "the file 'settings' of the store");
  if (const char* max = std::getenv("TARE_STORE_MAX"); max != nullptr && *max != '\0')
    settings.max = TRY(parse_share(max), "TARE_STORE_MAX");
  if (const char* time = std::getenv("TARE_UNDO_TIME"); time != nullptr && *time != '\0')
    settings.undo_time = TRY(parse_time(time), "TARE_UNDO_TIME");
  return settings;
}

std::string forced_backend() {
  const char* name = std::getenv("TARE_ROOTFS");
  return name != nullptr ? name : "";
}

Result<> save_settings(int dir, const Settings& settings) {
  return sys::replace_file(dir, kFile, print_settings(settings));
}

}  // namespace tare::store
