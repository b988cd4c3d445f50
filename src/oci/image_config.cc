// SPDX-License-Identifier: Apache-2.0
#include "oci/image_config.h"

#include <algorithm>

namespace tare::oci {
namespace {

constexpr std::size_t kMaxHistory = 10'000;
constexpr std::size_t kMaxPlatformName = 128;

// Reads members of one JSON object. Docker and buildkit write null for empty lists and objects, so
// null counts as absent everywhere.
class Fields {
 public:
  Fields(const json::Value& object, std::string_view what) : object_(object), what_(what) {}

  const json::Value* get(std::string_view key) const {
    const json::Value* value = object_.find(key);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  std::unexpected<Error> wrong(std::string_view key, std::string_view type) const {
    return fail(Kind::Invalid,
                std::string(what_) + ": " + quoted(key) + " is not " + std::string(type));
  }
  Result<> read(std::string_view key, std::string& out) const {
    const json::Value* value = get(key);
    if (value == nullptr) return {};
    if (!value->is_string()) return wrong(key, "a string");
    out = value->as_string();
    if (out.find('\0') != std::string::npos) return wrong(key, "free of NUL bytes");
    return {};
  }
  Result<> read(std::string_view key, std::int64_t& out) const {
    const json::Value* value = get(key);
    if (value == nullptr) return {};
    if (!value->is_int()) return wrong(key, "a whole number");
    out = value->as_int();
    return {};
  }
  Result<> read(std::string_view key, bool& out) const {
    const json::Value* value = get(key);
    if (value == nullptr) return {};
    if (!value->is_bool()) return wrong(key, "true or false");
    out = value->as_bool();
    return {};
  }
  Result<> read_time(std::string_view key, UnixNanos& out) const {
    std::string text;
    TRY(read(key, text));
    if (text.empty() || text.starts_with("0001-01-01T00:00:00")) return {};
    out = TRY(parse_rfc3339(text), std::string(what_) + ": " + quoted(key));
    return {};
  }
  Result<> read(std::string_view key, std::vector<std::string>& out) const {
    const json::Value* value = get(key);
    if (value == nullptr) return {};
    if (!value->is_array()) return wrong(key, "a list of strings");
    for (const json::Value& member : value->as_array()) {
      if (!member.is_string() || member.as_string().find('\0') != std::string::npos)
        return wrong(key, "a list of strings");
      out.push_back(member.as_string());
    }
    return {};
  }
  // {"a": {}, "b": {}}: a set, as Docker writes one.
  Result<> read_set(std::string_view key, std::vector<std::string>& out) const {
    const json::Value* value = get(key);
    if (value == nullptr) return {};
    if (!value->is_object()) return wrong(key, "an object");
    for (const auto& [name, ignored] : value->as_object()) out.push_back(name);
    std::sort(out.begin(), out.end());
    return {};
  }
  Result<> read_map(std::string_view key, std::map<std::string, std::string>& out) const {
    const json::Value* value = get(key);
    if (value == nullptr) return {};
    if (!value->is_object()) return wrong(key, "an object of strings");
    for (const auto& [name, text] : value->as_object()) {
      if (!text.is_string() && !text.is_null()) return wrong(key, "an object of strings");
      out[name] = text.as_string();
    }
    return {};
  }

 private:
  const json::Value& object_;
  std::string_view what_;
};

Result<> parse_healthcheck(const json::Value& object, ImageConfig& config) {
  const Fields fields(object, "Healthcheck");
  if (!object.is_object()) return fail(Kind::Invalid, "'Healthcheck' is not an object");
  Healthcheck& check = config.healthcheck;
  config.has_healthcheck = true;
  TRY(fields.read("Test", check.test));
  TRY(fields.read("Interval", check.interval_ns));
  TRY(fields.read("Timeout", check.timeout_ns));
  TRY(fields.read("StartPeriod", check.start_period_ns));
  TRY(fields.read("StartInterval", check.start_interval_ns));
  TRY(fields.read("Retries", check.retries));
  return {};
}

Result<> parse_config_object(const json::Value& object, ImageConfig& config) {
  if (!object.is_object()) return fail(Kind::Invalid, "'config' is not an object");
  const Fields fields(object, "config");
  TRY(fields.read("User", config.user));
  TRY(fields.read_set("ExposedPorts", config.exposed_ports));
  TRY(fields.read("Env", config.env));
  TRY(fields.read("Entrypoint", config.entrypoint));
  TRY(fields.read("Cmd", config.cmd));
  TRY(fields.read_set("Volumes", config.volumes));
  TRY(fields.read("WorkingDir", config.working_dir));
  TRY(fields.read_map("Labels", config.labels));
  TRY(fields.read("StopSignal", config.stop_signal));
  TRY(fields.read("Shell", config.shell));
  TRY(fields.read("OnBuild", config.on_build));
  if (const json::Value* check = fields.get("Healthcheck")) TRY(parse_healthcheck(*check, config));
  return {};
}

Result<> parse_rootfs(const json::Value& object, ImageConfig& config) {
  if (!object.is_object()) return fail(Kind::Invalid, "'rootfs' is not an object");
  const Fields fields(object, "rootfs");
  std::string type;
  std::vector<std::string> diff_ids;
  TRY(fields.read("type", type));
  TRY(fields.read("diff_ids", diff_ids));
  if (type != "layers") return fail(Kind::Invalid, "rootfs: 'type' is not 'layers'");
  for (const std::string& text : diff_ids)
    config.diff_ids.push_back(TRY(Digest::parse(text), "rootfs: 'diff_ids'"));
  return {};
}

Result<> parse_history(const json::Value& list, ImageConfig& config) {
  if (!list.is_array()) return fail(Kind::Invalid, "'history' is not a list");
  if (list.as_array().size() > kMaxHistory)
    return fail(Kind::Invalid,
                "'history' has more than " + std::to_string(kMaxHistory) + " entries");
  for (const json::Value& object : list.as_array()) {
    if (!object.is_object()) return fail(Kind::Invalid, "a member of 'history' is not an object");
    const Fields fields(object, "history");
    History& entry = config.history.emplace_back();
    TRY(fields.read_time("created", entry.created));
    TRY(fields.read("created_by", entry.created_by));
    TRY(fields.read("author", entry.author));
    TRY(fields.read("comment", entry.comment));
    TRY(fields.read("empty_layer", entry.empty_layer));
  }
  return {};
}

// The members that are left out when empty, as the specification allows.
class Printer {
 public:
  void put(std::string_view key, const std::string& text) {
    if (!text.empty()) value_.set(key, text);
  }
  void put(std::string_view key, const std::vector<std::string>& list) {
    if (!list.empty()) value_.set(key, json::Value(list));
  }
  void put_set(std::string_view key, const std::vector<std::string>& names) {
    json::Object object;
    for (const std::string& name : names) object.emplace_back(name, json::Object());
    if (!object.empty()) value_.set(key, std::move(object));
  }
  void put_map(std::string_view key, const std::map<std::string, std::string>& map) {
    json::Object object;
    for (const auto& [name, text] : map) object.emplace_back(name, text);
    if (!object.empty()) value_.set(key, std::move(object));
  }
  void put_time(std::string_view key, UnixNanos when) {
    if (when != 0) value_.set(key, rfc3339(when));
  }
  void put(std::string_view key, json::Value value) { value_.set(key, std::move(value)); }
  json::Value take() { return value_.is_null() ? json::Value(json::Object()) : std::move(value_); }

 private:
  json::Value value_;
};

json::Value healthcheck_value(const Healthcheck& check) {
  json::Value value = json::Object();
  if (!check.test.empty()) value.set("Test", json::Value(check.test));
  if (check.interval_ns != 0) value.set("Interval", check.interval_ns);
  if (check.timeout_ns != 0) value.set("Timeout", check.timeout_ns);
  if (check.start_period_ns != 0) value.set("StartPeriod", check.start_period_ns);
  if (check.start_interval_ns != 0) value.set("StartInterval", check.start_interval_ns);
  if (check.retries != 0) value.set("Retries", check.retries);
  return value;
}

json::Value print_config_object(const ImageConfig& config) {
  Printer out;
  out.put("User", config.user);
  out.put_set("ExposedPorts", config.exposed_ports);
  out.put("Env", config.env);
  out.put("Entrypoint", config.entrypoint);
  out.put("Cmd", config.cmd);
  out.put_set("Volumes", config.volumes);
  out.put("WorkingDir", config.working_dir);
  out.put_map("Labels", config.labels);
  out.put("StopSignal", config.stop_signal);
  out.put("Shell", config.shell);
  out.put("OnBuild", config.on_build);
  if (config.has_healthcheck) out.put("Healthcheck", healthcheck_value(config.healthcheck));
  return out.take();
}

json::Value print_history(const std::vector<History>& history) {
  json::Array list;
  for (const History& entry : history) {
    Printer out;
    out.put_time("created", entry.created);
    out.put("created_by", entry.created_by);
    out.put("author", entry.author);
    out.put("comment", entry.comment);
    if (entry.empty_layer) out.put("empty_layer", json::Value(true));
    list.push_back(out.take());
  }
  return list;
}

json::Value list_or_null(const std::vector<std::string>& list) {
  return list.empty() ? json::Value() : json::Value(list);
}

json::Value set_or_null(const std::vector<std::string>& names) {
  json::Object object;
  for (const std::string& name : names) object.emplace_back(name, json::Object());
  return names.empty() ? json::Value() : json::Value(std::move(object));
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view text) {
  const json::Value value = TRY(json::parse(text), "image config");
  if (!value.is_object()) return fail(Kind::Invalid, "image config: not a JSON object");
  ImageConfig config;
  const Fields fields(value, "image config");
  TRY(fields.read_time("created", config.created));
  TRY(fields.read("author", config.author));
  TRY(fields.read("architecture", config.architecture));
  TRY(fields.read("os", config.os));
  TRY(fields.read("variant", config.variant));
  if (const json::Value* rootfs = fields.get("rootfs"))
    TRY(parse_rootfs(*rootfs, config), "image config");
  else
    return fail(Kind::Invalid, "image config: 'rootfs' is missing, so this is not an image");
  if (const json::Value* object = fields.get("config"))
    TRY(parse_config_object(*object, config), "image config");
  if (const json::Value* history = fields.get("history"))
    TRY(parse_history(*history, config), "image config");
  for (const std::string* name : {&config.os, &config.architecture, &config.variant})
    if (name->size() > kMaxPlatformName)
      return fail(Kind::Invalid, "image config: the name of its platform has " +
                                     std::to_string(name->size()) + " bytes");
  return config;
}

std::string print_image_config(const ImageConfig& config) {
  Printer out;
  out.put_time("created", config.created);
  out.put("author", config.author);
  out.put("architecture", json::Value(config.architecture));
  out.put("os", json::Value(config.os));
  out.put("variant", config.variant);
  json::Value object = print_config_object(config);
  if (!object.as_object().empty()) out.put("config", std::move(object));
  json::Value rootfs;
  rootfs.set("type", "layers");
  json::Value& diff_ids = rootfs.set("diff_ids", json::Array());
  for (const Digest& diff_id : config.diff_ids) diff_ids.push(diff_id.text());
  out.put("rootfs", std::move(rootfs));
  if (!config.history.empty()) out.put("history", print_history(config.history));
  return json::print(out.take());
}

json::Value config_object(const ImageConfig& config) {
  json::Value value;
  value.set("Hostname", "");
  value.set("Domainname", "");
  value.set("User", config.user);
  value.set("AttachStdin", false);
  value.set("AttachStdout", false);
  value.set("AttachStderr", false);
  if (!config.exposed_ports.empty()) value.set("ExposedPorts", set_or_null(config.exposed_ports));
  value.set("Tty", false);
  value.set("OpenStdin", false);
  value.set("StdinOnce", false);
  value.set("Env", list_or_null(config.env));
  value.set("Cmd", list_or_null(config.cmd));
  if (config.has_healthcheck) value.set("Healthcheck", healthcheck_value(config.healthcheck));
  value.set("Image", "");
  value.set("Volumes", set_or_null(config.volumes));
  value.set("WorkingDir", config.working_dir);
  value.set("Entrypoint", list_or_null(config.entrypoint));
  value.set("OnBuild", list_or_null(config.on_build));
  json::Object labels;
  for (const auto& [key, text] : config.labels) labels.emplace_back(key, text);
  value.set("Labels", config.labels.empty() ? json::Value() : json::Value(std::move(labels)));
  if (!config.stop_signal.empty()) value.set("StopSignal", config.stop_signal);
  if (!config.shell.empty()) value.set("Shell", json::Value(config.shell));
  return value;
}

std::string host_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__riscv) && __riscv_xlen == 64
  return "riscv64";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return "ppc64le";
#elif defined(__s390x__)
  return "s390x";
#else
#error "Add this machine's name in GOARCH spelling."
#endif
}

}  // namespace tare::oci
