// SPDX-License-Identifier: Apache-2.0
// From the options of run and create to what the engine wants.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/text.h"
#include "front/cli/health_options.h"
#include "front/cli/network_options.h"
#include "front/cli/request.h"
#include "front/cli/security_option.h"

namespace tare::cli {
namespace {

using engine::CreateRequest;

Result<std::string> current_directory() {
  std::array<char, 4096> buffer;
  if (::getcwd(buffer.data(), buffer.size()) == nullptr)
    return fail_errno("find the current directory");
  return std::string(buffer.data());
}

Result<> add_labels(CreateRequest& request, const Arguments& arguments) {
  const auto add = [&](std::string_view text) -> Result<> {
    const auto pair = split_once(text, '=');
    const std::string_view name = pair ? pair->first : text;
    if (name.empty()) return bad_value("label", text, "the name is missing");
    request.labels[std::string(name)] = pair ? pair->second : "";
    return {};
  };
  for (const std::string& file : arguments.list("label-file")) {
    const std::string content = TRY(read_user_file(file), "--label-file");
    for (const std::string& line : TRY(parse_variable_file(content, file, nullptr))) TRY(add(line));
  }
  for (const std::string& label : arguments.list("label")) TRY(add(label));
  return {};
}

Result<> add_mounts(CreateRequest& request, const Arguments& arguments) {
  const auto volumes = arguments.list("volume");
  const auto mounts = arguments.list("mount");
  const std::string here =
      volumes.empty() && mounts.empty() ? std::string() : TRY(current_directory());
  for (const std::string& text : volumes) request.mounts.push_back(TRY(parse_volume(text, here)));
  for (const std::string& text : mounts) request.mounts.push_back(TRY(parse_mount(text, here)));
  request.volumes_from = arguments.list("volumes-from");
  for (const std::string& text : arguments.list("tmpfs"))
    request.mounts.push_back(TRY(parse_tmpfs(text)));
  for (const auto& mount : request.mounts) {
    int same = 0;
    for (const auto& other : request.mounts) same += other.target == mount.target ? 1 : 0;
    if (same > 1)
      return fail(Kind::Invalid, "two mounts at " + quoted(mount.target) + " of the container");
  }
  return {};
}

Result<> add_limits(CreateRequest& request, const Arguments& arguments) {
  request.resources = TRY(new_resources(arguments));
  request.oom_score_adj = TRY(oom_score(arguments));
  request.device_cgroup_rules = arguments.list("device-cgroup-rule");
  request.cgroup_parent = arguments.value_or("cgroup-parent", "");
  while (request.cgroup_parent.size() > 1 && request.cgroup_parent.ends_with('/'))
    request.cgroup_parent.pop_back();
  if (const auto text = arguments.value("shm-size")) {
    const auto size = parse_size(*text);
    if (!size) return bad_value("shm-size", *text, size.error().message());
    request.shm_bytes = *size;
  }
  for (const std::string& text : arguments.list("ulimit"))
    request.ulimits.push_back(TRY(parse_ulimit(text)));
  if (const auto text = arguments.value("stop-timeout")) {
    const auto seconds = parse_i64(*text);
    if (!seconds || *seconds < -1 || *seconds > std::numeric_limits<int>::max())
      return bad_value("stop-timeout", *text, "a number of seconds, or -1 to wait for ever");
    request.stop_timeout_s = static_cast<int>(*seconds);
  }
  return {};
}

Result<> add_log_options(CreateRequest& request, const Arguments& arguments) {
  const std::string driver = arguments.value_or("log-driver", "local");
  if (driver != "local" && driver != "json-file")
    return std::unexpected(Error(Kind::Unsupported, "--log-driver " + quoted(driver) +
                                                        ": logs are kept in files of our own")
                               .hint("bound them with --log-opt max-size=10m and max-file=5"));
  for (const std::string& text : arguments.list("log-opt")) {
    const auto pair = split_once(text, '=');
    const std::string_view key = pair ? pair->first : std::string_view(text);
    const std::string_view value = pair ? pair->second : std::string_view();
    if (key == "max-size") {
      const auto size = parse_size(value);
      if (!size || *size == 0) return bad_value("log-opt", text, "max-size is a size as 10m");
      request.log_max_bytes = *size;
    } else if (key == "max-file") {
      const auto count = parse_u64(value);
      if (!count || *count < 1 || *count > 1000)
        return bad_value("log-opt", text, "max-file is a number from 1 to 1000");
      request.log_files = static_cast<int>(*count);
    } else {
      return bad_value("log-opt", text, "max-size and max-file are the options there are");
    }
  }
  return {};
}

}  // namespace

// The engine never opens a file that a user named; what is in it goes into the request.
Result<std::string> security_option(std::string text) {
  for (const std::string_view old : {"no-new-privileges:", "seccomp:", "systempaths:", "apparmor:"})
    if (text.starts_with(old)) text[old.size() - 1] = '=';
  if (text == "no-new-privileges") return text;
  const auto pair = split_once(text, '=');
  if (pair && pair->first == "no-new-privileges") {
    const auto on = parse_bool(pair->second);
    if (!on) return bad_value("security-opt", text, on.error().message());
    return std::string("no-new-privileges=") + (*on ? "true" : "false");
  }
  if (pair && pair->first == "seccomp") {
    if (pair->second == "unconfined") return text;
    if (pair->second == "builtin" || pair->second == "default") return std::string();
    return "seccomp=" + TRY(read_user_file(std::string(pair->second)), "--security-opt seccomp");
  }
  if (text == "systempaths=unconfined") return text;
  if (pair && (pair->first == "apparmor" || pair->first == "label"))
    return std::unexpected(
        Error(Kind::Unsupported, "--security-opt " + quoted(text) + ": profiles of " +
                                     (pair->first == "label" ? "SELinux" : "AppArmor") +
                                     " are not there yet"));
  return bad_value("security-opt", text,
                   "no-new-privileges, seccomp=FILE, seccomp=unconfined and "
                   "systempaths=unconfined are known");
}

namespace {

Result<> add_security(CreateRequest& request, const Arguments& arguments) {
  request.cap_add = arguments.list("cap-add");
  request.cap_drop = arguments.list("cap-drop");
  for (const std::string& text : arguments.list("security-opt"))
    if (std::string option = TRY(security_option(text)); !option.empty())
      request.security_opt.push_back(std::move(option));
  request.privileged = arguments.flag("privileged");
  request.userns = arguments.value_or("userns", "");
  request.pid_mode = arguments.value_or("pid", "");
  request.ipc_mode = arguments.value_or("ipc", "");
  request.uts_mode = arguments.value_or("uts", "");
  request.cgroupns_mode = arguments.value_or("cgroupns", "");
  for (const std::string& text : arguments.list("device"))
    request.devices.push_back(TRY(parse_device(text)));
  return {};
}

Result<> add_systemd(CreateRequest& request, const Arguments& arguments) {
  const std::string text = arguments.value_or("systemd", "false");
  if (text == "always") {
    request.systemd = engine::Systemd::Always;
    return {};
  }
  const auto on = parse_bool(text);
  if (!on) return bad_value("systemd", text, "true, false and always are known");
  request.systemd = *on ? engine::Systemd::IfItIs : engine::Systemd::No;
  return {};
}

Result<> check_pull(const Arguments& arguments) {
  const std::string pull = arguments.value_or("pull", "missing");
  if (pull == "missing" || pull == "never" || pull == "always") return {};
  return bad_value("pull", pull, "missing, always and never are known");
}

}  // namespace

Result<std::map<std::string, std::string>> pairs_of(const Arguments& arguments,
                                                    std::string_view option) {
  std::map<std::string, std::string> out;
  for (const std::string& text : arguments.list(option)) {
    const auto pair = split_once(text, '=');
    const std::string_view name = pair ? pair->first : std::string_view(text);
    if (name.empty()) return bad_value(option, text, "the name is missing");
    out[std::string(name)] = pair ? pair->second : "";
  }
  return out;
}

Result<std::pair<std::string, std::string>> parse_ulimit(std::string_view text) {
  constexpr std::array kNames = {"core",    "cpu",      "data",   "fsize",      "locks",
                                 "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                 "rss",     "rtprio",   "rttime", "sigpending", "stack"};
  const auto pair = split_once(text, '=');
  if (!pair || pair->first.empty())
    return bad_value("ulimit", text, "write NAME=SOFT or NAME=SOFT:HARD, as nofile=1024:2048");
  const std::vector<std::string> known(kNames.begin(), kNames.end());
  bool found = false;
  for (const std::string& name : known) found = found || name == pair->first;
  if (!found) {
    const auto close = nearest(pair->first, known);
    return bad_value("ulimit", text,
                     "there is no limit " + quoted(pair->first) +
                         (close ? ", did you mean " + *close + "?" : ""));
  }
  const auto value = [&](std::string_view part) -> Result<double> {
    if (part == "-1" || part == "unlimited") return std::numeric_limits<double>::infinity();
    const auto parsed = parse_u64(part);
    if (!parsed) return bad_value("ulimit", text, parsed.error().message());
    return static_cast<double>(*parsed);
  };
  const auto parts = split_once(pair->second, ':');
  const double soft = TRY(value(parts ? parts->first : pair->second));
  const double hard = parts ? TRY(value(parts->second)) : soft;
  if (soft > hard) return bad_value("ulimit", text, "the soft limit is above the hard one");
  return std::pair(std::string(pair->first), std::string(pair->second));
}

// "PATH[:PATH][:PERMISSIONS]", the second path being the container's. [docker-run(1), "--device"]
Result<engine::DeviceRequest> parse_device(std::string_view text) {
  std::vector<std::string> parts = split(text, ':');
  engine::DeviceRequest device;
  const auto are_permissions = [](const std::string& word) {
    return !word.empty() && word.find_first_not_of("rwm") == std::string::npos;
  };
  if (parts.size() > 1 && are_permissions(parts.back())) {
    device.permissions = parts.back();
    parts.pop_back();
  }
  device.source = parts[0];
  device.target = parts.size() > 1 ? parts[1] : parts[0];
  if (parts.size() > 2 || !device.source.starts_with('/') || !device.target.starts_with('/'))
    return bad_value("device", text, "write PATH, PATH:PATH or PATH:PATH:rwm, with absolute paths");
  return device;
}

Result<engine::AttachRequest> attach_request(const Arguments& arguments) {
  const auto streams = arguments.list("attach");
  if (streams.empty()) return engine::AttachRequest{.stdin = arguments.flag("interactive")};
  engine::AttachRequest request{.stdin = false, .stdout = false, .stderr = false};
  for (const std::string& text : streams) {
    const std::string stream = lower(text);
    if (stream == "stdin")
      request.stdin = true;
    else if (stream == "stdout")
      request.stdout = true;
    else if (stream == "stderr")
      request.stderr = true;
    else
      return bad_value("attach", text, "stdin, stdout and stderr are the streams there are");
  }
  return request;
}

Result<CreateRequest> create_request(const Arguments& arguments) {
  CreateRequest request;
  request.image = arguments.operands.at(0);
  request.cmd.assign(arguments.operands.begin() + 1, arguments.operands.end());
  request.name = arguments.value_or("name", "");
  if (arguments.given("name") && request.name.empty())
    return bad_value("name", "", "a name has at least two characters");
  if (const auto entrypoint = arguments.value("entrypoint"))
    request.entrypoint = std::vector<std::string>{*entrypoint};
  request.env = TRY(environment_of(arguments));
  request.working_dir = arguments.value_or("workdir", "");
  if (!request.working_dir.empty() && !request.working_dir.starts_with('/'))
    return bad_value("workdir", request.working_dir, "the path has to start with /");
  request.user = arguments.value_or("user", "");
  request.hostname = arguments.value_or("hostname", "");
  TRY(add_labels(request, arguments));
  const engine::AttachRequest attach = TRY(attach_request(arguments));
  request.tty = arguments.flag("tty");
  request.open_stdin = arguments.flag("interactive") || attach.stdin;
  request.attach_stdout = attach.stdout;
  request.attach_stderr = attach.stderr;
  request.auto_remove = arguments.flag("rm");
  request.init = arguments.flag("init");
  request.read_only = arguments.flag("read-only");
  TRY(add_mounts(request, arguments));
  request.stop_signal = arguments.value_or("stop-signal", "");
  if (!request.stop_signal.empty()) {
    const auto known = parse_signal(request.stop_signal);
    if (!known) return bad_value("stop-signal", request.stop_signal, known.error().message());
  }
  TRY(add_limits(request, arguments));
  TRY(add_log_options(request, arguments));
  TRY(add_security(request, arguments));
  TRY(add_networks(request, arguments));
  request.health = TRY(health_request(arguments));
  TRY(add_systemd(request, arguments));
  TRY(check_pull(arguments));
  return request;
}

}  // namespace tare::cli
