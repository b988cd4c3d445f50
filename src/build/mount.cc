// SPDX-License-Identifier: Apache-2.0
#include "build/mount.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace tare::build {
namespace {

const std::vector<std::string>& mount_keys() {
  static const std::vector<std::string> keys = {
      "type", "from", "source",   "src",       "target",   "dst",  "destination",
      "ro",   "rw",   "readonly", "readwrite", "required", "size", "id",
      "mode", "uid",  "sharing",  "gid",       "env"};
  return keys;
}

std::unexpected<Error> wrong(std::string why) { return fail(Kind::Invalid, std::move(why)); }

template <typename T>
Result<T> choose(std::string_view what, std::string_view value,
                 const std::vector<std::pair<std::string, T>>& choices) {
  std::vector<std::string> names;
  for (const auto& [name, chosen] : choices) {
    if (name == lower(value)) return chosen;
    names.push_back(name);
  }
  Error error(Kind::Invalid,
              std::string(what) + " is " + join(names, ", ") + ", not " + quoted(value));
  if (const auto near = nearest(value, names))
    error = std::move(error).hint("is " + *near + " meant?");
  return std::unexpected(std::move(error));
}

// As Go's strconv.ParseBool.
Result<bool> parse_bool(std::string_view key, std::string_view value) {
  constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::ranges::find(kTrue, value) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, value) != kFalse.end()) return false;
  return wrong("'" + std::string(key) + "' is true or false, not " + quoted(value));
}

Result<std::uint32_t> parse_number(std::string_view key, std::string_view value, int base) {
  std::uint32_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [stopped, error] = std::from_chars(value.data(), end, number, base);
  if (value.empty() || error != std::errc() || stopped != end)
    return wrong("'" + std::string(key) + "' is " + (base == 8 ? "an octal" : "a") +
                 " number, not " + quoted(value));
  return number;
}

class MountReader {
 public:
  Result<> read(std::string_view key, const std::string& value) {
    if (key == "type") return read_type(value);
    if (key == "from") mount_.from = value;
    if (key == "source" || key == "src") mount_.source = value;
    if (key == "target" || key == "dst" || key == "destination") mount_.target = value;
    if (key == "id") mount_.id = value;
    if (key == "env") mount_.env = value;
    if (key == "mode") mount_.mode = TRY(parse_number(key, value, 8));
    if (key == "uid") mount_.uid = TRY(parse_number(key, value, 10));
    if (key == "gid") mount_.gid = TRY(parse_number(key, value, 10));
    if (key == "size") return read_size(value);
    if (key == "sharing") return read_sharing(value);
    return {};
  }

  Result<> read_switch(std::string_view key, std::string_view value) {
    const bool on = TRY(parse_bool(key, value));
    if (key == "required") {
      if (!is(Mount::Type::Secret) && !is(Mount::Type::Ssh)) return not_of_type(key);
      mount_.required = on;
    } else {
      access_given_ = true;
      mount_.read_only = (key == "ro" || key == "readonly") == on;
    }
    return {};
  }

  Result<Mount> finish() {
    using Type = Mount::Type;
    if (is(Type::Bind) || is(Type::Tmpfs)) {
      if (mount_.mode) return not_of_type("mode");
      if (mount_.uid) return not_of_type("uid");
      if (mount_.gid) return not_of_type("gid");
    }
    if (!access_given_) mount_.read_only = !is(Type::Cache) && !is(Type::Tmpfs);
    if (is(Type::Secret)) {
      if (!mount_.from.empty()) return not_of_type("from");
      if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty())
        return wrong("a secret needs 'id' or 'target'");
      if (!mount_.source.empty() && !mount_.id.empty())
        return wrong("'id' and 'source' of a secret are the same thing: give one");
    }
    if (sharing_given_ && !is(Type::Cache)) return not_of_type("sharing");
    return std::move(mount_);
  }

 private:
  bool is(Mount::Type type) const { return mount_.type == type; }
  std::unexpected<Error> not_of_type(std::string_view key) const {
    return wrong("a mount of type " + type_name_ + " has no '" + std::string(key) + "'");
  }
  Result<> read_type(const std::string& value) {
    using Type = Mount::Type;
    mount_.type = TRY(choose<Type>("'type'", value,
                                   {{"bind", Type::Bind},
                                    {"cache", Type::Cache},
                                    {"tmpfs", Type::Tmpfs},
                                    {"secret", Type::Secret},
                                    {"ssh", Type::Ssh}}));
    type_name_ = lower(value);
    return {};
  }
  Result<> read_size(const std::string& value) {
    if (!is(Mount::Type::Tmpfs)) return not_of_type("size");
    mount_.size_bytes = TRY(parse_size(value), "'size'");
    return {};
  }
  Result<> read_sharing(const std::string& value) {
    using Sharing = Mount::Sharing;
    sharing_given_ = true;
    mount_.sharing = TRY(choose<Sharing>(
        "'sharing'", value,
        {{"shared", Sharing::Shared}, {"private", Sharing::Private}, {"locked", Sharing::Locked}}));
    return {};
  }

  Mount mount_;
  std::string type_name_ = "bind";
  bool access_given_ = false;
  bool sharing_given_ = false;
};

bool is_switch(std::string_view key) {
  return key == "ro" || key == "rw" || key == "readonly" || key == "readwrite" || key == "required";
}

std::unexpected<Error> unknown_key(std::string_view key) {
  Error error(Kind::Invalid, "a mount has no " + quoted(key));
  if (const auto near = nearest(key, mount_keys()))
    error = std::move(error).hint("is '" + *near + "' meant?");
  return std::unexpected(std::move(error));
}

// `at` is that of the opening quote; returns that of the closing one. "" within stands for ".
Result<std::size_t> take_quoted(std::string_view text, std::size_t at, std::string& field) {
  for (;;) {
    const std::size_t end = text.find('"', at + 1);
    if (end == std::string_view::npos) return wrong("there is no double quote to the end");
    field += text.substr(at + 1, end - at - 1);
    at = end + 1;
    if (at == text.size() || text[at] == ',') return end;
    if (text[at] != '"') return wrong("there is text behind a closing double quote");
    field += '"';
  }
}

}  // namespace

Result<std::vector<std::string>> split_csv(std::string_view text) {
  std::vector<std::string> fields(1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ',') {
      fields.emplace_back();
    } else if (text[at] != '"') {
      fields.back() += text[at];
    } else if (!fields.back().empty()) {
      return wrong("there is a double quote within a field");
    } else {
      at = TRY(take_quoted(text, at, fields.back()));
    }
  }
  return fields;
}

Result<Mount> parse_mount(std::string_view text, const Lookup& lookup, char escape) {
  MountReader reader;
  const std::vector<std::string> fields = TRY(split_csv(text));
  for (const std::string& field : fields) {
    const auto pair = split_once(field, '=');
    const std::string key = lower(pair ? pair->first : field);
    if (std::ranges::find(mount_keys(), key) == mount_keys().end()) return unknown_key(key);
    if (!pair && !is_switch(key)) return wrong("'" + key + "' of a mount wants a value");
    std::string value = "true";
    if (pair) {
      Expansion expansion = TRY(expand(pair->second, lookup, {.escape = escape}));
      value = std::move(expansion.text);
    }
    if (is_switch(key))
      TRY(reader.read_switch(key, value));
    else
      TRY(reader.read(key, value));
  }
  return reader.finish();
}

Result<std::string> mount_from(std::string_view text) {
  std::string from;
  const std::vector<std::string> fields = TRY(split_csv(text));
  for (const std::string& field : fields) {
    const auto pair = split_once(field, '=');
    if (!pair || lower(pair->first) != "from") continue;
    from = pair->second;
    const std::size_t dollar = from.find('$');
    if (dollar != std::string::npos && dollar + 1 != from.size())
      return std::unexpected(
          Error(Kind::Invalid, "'from' of a mount has a variable, and stages are known before any")
              .hint("give the image a name with FROM " + from + " AS NAME, and use that name"));
  }
  return from;
}

std::string secret_id(const Mount& mount) {
  if (!mount.source.empty()) return mount.source;
  if (!mount.id.empty()) return mount.id;
  return mount.target.substr(mount.target.rfind('/') + 1);
}

std::string secret_target(const Mount& mount) {
  if (!mount.target.empty() || mount.env) return mount.target;
  const std::string id = secret_id(mount);
  return "/run/secrets/" + id.substr(id.rfind('/') + 1);
}

}  // namespace tare::build
