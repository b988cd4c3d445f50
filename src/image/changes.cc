// SPDX-License-Identifier: Apache-2.0
#include "image/changes.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/text.h"

namespace tare::image {
namespace {

constexpr std::uint64_t kMaxPort = 65535;
constexpr std::uint64_t kMaxPorts = 1024;  // Of one range.

using Words = std::vector<std::string>;

std::unexpected<Error> invalid(const std::string& why) { return fail(Kind::Invalid, why); }

// Words apart at white space, quotes and backslashes taken away. Errors: an open quote.
Result<Words> split_words(std::string_view text) {
  Words words;
  std::string word;
  bool inside = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool space = c == ' ' || c == '\t' || c == '\n';
    if (quote == 0 && space) {
      if (inside) words.push_back(std::exchange(word, ""));
      inside = false;
      continue;
    }
    inside = true;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote && quote != 0) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
    } else {
      word += c;
    }
  }
  if (quote != 0) return invalid("a quote is not closed");
  if (inside) words.push_back(std::move(word));
  return words;
}

// ["a", "b"], or nothing when it is not that.
std::optional<Words> json_list(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  const auto value = json::parse(text);
  if (!value || !value->is_array()) return std::nullopt;
  Words words = value->as_strings();
  if (words.size() != value->as_array().size()) return std::nullopt;
  return words;
}

Words command(std::string_view text) {
  if (auto list = json_list(text)) return *std::move(list);
  return {"/bin/sh", "-c", std::string(text)};
}

void set_env(std::vector<std::string>& env, const std::string& key, const std::string& value) {
  for (std::string& entry : env)
    if (entry.starts_with(key + "=")) {
      entry = key + "=" + value;
      return;
    }
  env.push_back(key + "=" + value);
}

using Setter = std::function<void(const std::string&, const std::string&)>;

// "K=V K2='v 2'", or the old "K rest of the line".
Result<> set_pairs(std::string_view text, const Setter& set) {
  const std::string_view first = text.substr(0, text.find_first_of(" \t"));
  if (first.find('=') == std::string_view::npos) {
    const std::string_view rest = trim(text.substr(first.size()));
    if (rest.empty()) return invalid(quoted(first) + " has no value");
    set(std::string(first), std::string(rest));
    return {};
  }
  for (const std::string& word : TRY(split_words(text))) {
    const auto pair = split_once(word, '=');
    if (!pair || pair->first.empty()) return invalid(quoted(word) + " is not KEY=VALUE");
    set(std::string(pair->first), std::string(pair->second));
  }
  return {};
}

void add_sorted(std::vector<std::string>& list, const std::string& word) {
  const auto at = std::lower_bound(list.begin(), list.end(), word);
  if (at == list.end() || *at != word) list.insert(at, word);
}

Result<> add_ports(oci::ImageConfig& config, std::string_view text) {
  for (const std::string& word : TRY(split_words(text))) {
    const auto parts = split_once(word, '/');
    const std::string_view range = parts ? parts->first : std::string_view(word);
    const std::string protocol = parts ? lower(parts->second) : "tcp";
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
      return invalid(quoted(word) + " is not of tcp, udp or sctp");
    const auto ends = split_once(range, '-');
    const std::uint64_t low = TRY(parse_u64(ends ? ends->first : range), quoted(word));
    const std::uint64_t high = TRY(parse_u64(ends ? ends->second : range), quoted(word));
    if (low == 0 || high > kMaxPort || low > high || high - low >= kMaxPorts)
      return invalid(quoted(word) + " is no port or range of ports from 1 to 65535");
    for (std::uint64_t port = low; port <= high; ++port)
      add_sorted(config.exposed_ports, std::to_string(port) + "/" + protocol);
  }
  return {};
}

Result<> add_volumes(oci::ImageConfig& config, std::string_view text) {
  Words words;
  if (auto list = json_list(text))
    words = *std::move(list);
  else
    words = TRY(split_words(text));
  for (const std::string& word : words) {
    if (word.empty()) return invalid("a volume has no path");
    add_sorted(config.volumes, word);
  }
  return {};
}

Result<> set_working_dir(oci::ImageConfig& config, std::string_view text) {
  const Words words = TRY(split_words(text));
  if (words.size() != 1 || words[0].empty()) return invalid("one directory is needed");
  const std::string& path = words[0];
  const bool absolute = path.starts_with('/');
  const std::string base = absolute || config.working_dir.empty() ? "" : config.working_dir;
  std::vector<std::string> parts;
  for (const std::string& part : split(base + "/" + path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(part);
    else if (!parts.empty())
      parts.pop_back();
  }
  config.working_dir = "/" + join(parts, "/");
  return {};
}

Result<> set_health_option(oci::Healthcheck& check, std::string_view option) {
  const auto pair = split_once(option, '=');
  if (!pair) return invalid("the option " + quoted(option) + " has no value");
  if (pair->first == "--retries") {
    check.retries = static_cast<std::int64_t>(TRY(parse_u64(pair->second), quoted(option)));
    return {};
  }
  const auto duration = TRY(parse_duration(pair->second), quoted(option));
  if (pair->first == "--interval")
    check.interval_ns = duration.count();
  else if (pair->first == "--timeout")
    check.timeout_ns = duration.count();
  else if (pair->first == "--start-period")
    check.start_period_ns = duration.count();
  else if (pair->first == "--start-interval")
    check.start_interval_ns = duration.count();
  else
    return invalid("unknown option " + quoted(pair->first));
  return {};
}

Result<> set_healthcheck(oci::ImageConfig& config, std::string_view text) {
  oci::Healthcheck check;
  while (text.starts_with("--")) {
    const std::string_view option = text.substr(0, text.find_first_of(" \t"));
    TRY(set_health_option(check, option));
    text = trim(text.substr(option.size()));
  }
  const std::string_view word = text.substr(0, text.find_first_of(" \t"));
  const std::string_view rest = trim(text.substr(word.size()));
  if (lower(word) == "none" && rest.empty()) {
    check = oci::Healthcheck{.test = {"NONE"}};
  } else if (lower(word) == "cmd" && !rest.empty()) {
    if (auto list = json_list(rest)) {
      check.test = *std::move(list);
      check.test.insert(check.test.begin(), "CMD");
    } else {
      check.test = {"CMD-SHELL", std::string(rest)};
    }
  } else {
    return invalid("it needs NONE, or CMD and a command");
  }
  config.has_healthcheck = true;
  config.healthcheck = std::move(check);
  return {};
}

using Apply = Result<> (*)(oci::ImageConfig&, std::string_view);

struct Instruction {
  const char* name;
  Apply apply;
};

constexpr std::array<Instruction, 11> kInstructions = {{
    {"CMD",
     [](oci::ImageConfig& config, std::string_view text) -> Result<> {
       config.cmd = command(text);
       return {};
     }},
    {"ENTRYPOINT",
     [](oci::ImageConfig& config, std::string_view text) -> Result<> {
       config.entrypoint = command(text);
       return {};
     }},
    {"ENV",
     [](oci::ImageConfig& config, std::string_view text) {
       return set_pairs(text, [&](const std::string& key, const std::string& value) {
         set_env(config.env, key, value);
       });
     }},
    {"LABEL",
     [](oci::ImageConfig& config, std::string_view text) {
       return set_pairs(text, [&](const std::string& key, const std::string& value) {
         config.labels[key] = value;
       });
     }},
    {"USER",
     [](oci::ImageConfig& config, std::string_view text) -> Result<> {
       config.user = std::string(text);
       return {};
     }},
    {"STOPSIGNAL",
     [](oci::ImageConfig& config, std::string_view text) -> Result<> {
       config.stop_signal = std::string(text);
       return {};
     }},
    {"ONBUILD",
     [](oci::ImageConfig& config, std::string_view text) -> Result<> {
       config.on_build.emplace_back(text);
       return {};
     }},
    {"WORKDIR", set_working_dir},
    {"EXPOSE", add_ports},
    {"VOLUME", add_volumes},
    {"HEALTHCHECK", set_healthcheck},
}};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

Result<> apply_change(oci::ImageConfig& config, std::string_view change) {
  const std::string_view line = trim(change);
  const std::string word = upper(line.substr(0, line.find_first_of(" \t")));
  const std::string_view rest = trim(line.substr(word.size()));
  std::vector<std::string> known;
  for (const Instruction& instruction : kInstructions) {
    known.emplace_back(instruction.name);
    if (word != instruction.name) continue;
    if (rest.empty()) return invalid(word + " needs an argument");
    if (rest.find('\0') != std::string_view::npos) return invalid(word + ": a NUL byte");
    return instruction.apply(config, rest);
  }
  Error error(Kind::Invalid,
              quoted(word) + " is not an instruction that changes an image's config");
  const auto near = nearest(word, known);
  return std::unexpected(std::move(error).hint(near ? "did you mean " + *near + "?"
                                                    : "these are: " + join(known, ", ")));
}

}  // namespace

Result<> apply_changes(oci::ImageConfig& config, const std::vector<std::string>& changes) {
  for (const std::string& change : changes)
    TRY(apply_change(config, change), "change " + quoted(change));
  return {};
}

}  // namespace tare::image
