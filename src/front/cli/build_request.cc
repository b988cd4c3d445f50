// SPDX-License-Identifier: Apache-2.0
#include "front/cli/build_request.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "build/ignore.h"
#include "build/mount.h"
#include "build/remote_tree.h"
#include "codec/compress.h"
#include "front/cli/network_options.h"
#include "front/cli/request.h"
#include "front/cli/security_option.h"
#include "image/sniff.h"
#include "sys/files.h"

namespace tare::cli {
namespace {

constexpr std::size_t kMaxDockerfile = 4 << 20;
constexpr std::uint64_t kLastSecond = 253'402'300'799;  // Of the year 9999.

Result<std::string> whole_path(const std::string& path) {
  char buffer[PATH_MAX];
  if (::realpath(path.c_str(), buffer) == nullptr) return fail_errno(quoted(path));
  return std::string(buffer);
}

// What comes on standard input: an archive, whose first bytes are kept, or a Dockerfile.
Result<> read_input(build::BuildRequest& request) {
  std::string first;
  first.resize(image::kTarBlock);
  first.resize(TRY(sys::read_full(0, first.data(), first.size()), "read standard input"));
  const bool is_archive = image::is_tar_block(first) || first.starts_with("BZh") ||
                          codec::detect_compression(first) != codec::Compression::None;
  if (is_archive) {
    request.remote = "-";
    request.input = std::move(first);
    return {};
  }
  request.text = std::move(first);
  request.text += TRY(sys::read_all(0, kMaxDockerfile), "read the Dockerfile");
  return {};
}

// One that is elsewhere: what is to be read of it has to wait until it is here.
Result<> plan_remote(build::BuildRequest& request, const std::string& place,
                     const std::string& file) {
  request.dockerfile = file.empty() || file == "-" ? "Dockerfile" : file;
  if (place != "-") {
    request.remote = place;
    if (file == "-") request.text = TRY(sys::read_all(0, kMaxDockerfile), "read the Dockerfile");
    return {};
  }
  if (file == "-")
    return fail(Kind::Invalid, "standard input cannot be both context and Dockerfile");
  TRY(read_input(request));
  if (request.remote.empty() && !file.empty())
    return std::unexpected(
        Error(Kind::Invalid,
              "what came on standard input is no tar archive that has " + quoted(file))
            .hint("tar -c . | tare build -f FILE -; or a Dockerfile there, and no -f"));
  return {};
}

}  // namespace

Result<std::string> read_in_context(const std::string& directory, const std::string& name,
                                    std::size_t max_bytes) {
  const sys::Fd root = TRY(sys::open_path(directory, O_RDONLY | O_DIRECTORY));
  auto opened = sys::open_in_root(root.get(), name, O_RDONLY | O_NONBLOCK);
  struct stat info{};
  if (!opened && opened.error().kind() == Kind::NotFound &&
      ::fstatat(root.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
    return fail(Kind::Invalid, quoted(name) + " is a link to what is not there, or not below " +
                                   quoted(directory));
  const sys::Fd file = TRY(std::move(opened));
  if (::fstat(file.get(), &info) != 0) return fail_errno(quoted(name));
  if (!S_ISREG(info.st_mode)) return fail(Kind::Invalid, quoted(name) + " is not a regular file");
  return sys::read_all(file.get(), max_bytes);
}

namespace {

// The context, and the Dockerfile in it or elsewhere.
Result<> read_context(build::BuildRequest& request, const Arguments& arguments) {
  const std::string& place = arguments.operands[0];
  std::string file = arguments.value_or("file", "");
  if (place == "-" || build::is_remote_context(place)) return plan_remote(request, place, file);
  request.context = TRY(whole_path(place), "build context");
  struct stat info{};
  if (::stat(request.context.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return std::unexpected(
        Error(Kind::Invalid, "the build context " + quoted(place) + " is not a directory")
            .hint("tare build DIRECTORY; the Dockerfile is given with -f"));
  if (file == "-") {
    request.dockerfile = "Dockerfile";
    request.text = TRY(sys::read_all(0, kMaxDockerfile), "read the Dockerfile");
  } else {
    request.dockerfile = file.empty() ? "Dockerfile" : file;
    auto text = file.empty() ? read_in_context(request.context, "Dockerfile", kMaxDockerfile)
                             : read_user_file(file);
    if (file.empty()) file = request.context + "/Dockerfile";
    if (!text)
      return std::unexpected(std::move(text).error().hint("another name is given with -f FILE"));
    request.text = std::move(*text);
    request.path = whole_path(file).value_or("");  // A pipe has none.
  }
  const auto names = build::ignore_files(file);
  for (const std::string& path : {names[0], request.context + "/" + names[1]}) {
    const std::size_t slash = path.rfind('/');
    auto rules =
        slash == std::string::npos
            ? read_in_context(".", path, kMaxDockerfile)
            : read_in_context(path.substr(0, slash + 1), path.substr(slash + 1), kMaxDockerfile);
    if (!rules && rules.error().kind() == Kind::NotFound) continue;
    request.ignore_name = path;
    request.ignore_text = TRY(std::move(rules));
    break;
  }
  return {};
}

Result<> read_secret(build::BuildRequest& request, const std::string& text) {
  std::string id;
  std::string source;
  std::string variable;
  for (const std::string& field : TRY(build::split_csv(text), "--secret")) {
    const auto pair = split_once(field, '=');
    if (!pair) return bad_value("secret", text, "fields are name=value");
    if (pair->first == "id") id = pair->second;
    if (pair->first == "src" || pair->first == "source") source = pair->second;
    if (pair->first == "env") variable = pair->second;
  }
  if (id.empty()) id = source.substr(source.rfind('/') + 1);
  if (id.empty()) return bad_value("secret", text, "it has no id");
  // Without a source: a variable of that name, or else a file.
  if (variable.empty() && source.empty() && process_environment(id)) variable = id;
  if (!variable.empty()) {
    const auto value = process_environment(variable);
    if (!value) return bad_value("secret", text, "there is no variable " + quoted(variable));
    request.secrets[id] = *value;
    return {};
  }
  request.secrets[id] = TRY(read_user_file(source.empty() ? id : source), "--secret " + id);
  return {};
}

// A directory by its whole path; what is elsewhere as it is.
Result<std::string> context_place(const std::string& place) {
  if (place.starts_with(build::kLayoutContext)) {
    const std::string rest = place.substr(build::kLayoutContext.size());
    const std::size_t mark = rest.find_first_of(":@", rest.rfind('/') + 1);
    const std::string path = TRY(whole_path(rest.substr(0, mark)));
    return std::string(build::kLayoutContext) + path +
           (mark == std::string::npos ? "" : rest.substr(mark));
  }
  if (place.starts_with(build::kImageContext) || build::is_remote_context(place)) return place;
  return whole_path(place);
}

Result<> read_pairs(build::BuildRequest& request, const Arguments& arguments) {
  for (const std::string& text : arguments.list("build-arg")) {
    const auto pair = split_once(text, '=');
    const std::string name(pair ? pair->first : text);
    const auto value = pair ? std::optional(std::string(pair->second)) : process_environment(name);
    if (value) request.options.arguments[name] = *value;
  }
  for (const std::string& text : arguments.list("label")) {
    const auto pair = split_once(text, '=');
    request.labels[std::string(pair ? pair->first : text)] = pair ? pair->second : "";
  }
  for (const std::string& text : arguments.list("build-context")) {
    const auto pair = split_once(text, '=');
    if (!pair) return bad_value("build-context", text, "write NAME=PLACE");
    const std::string place(pair->second);
    request.contexts[std::string(pair->first)] = TRY(context_place(place), "--build-context");
    request.options.contexts.insert(std::string(pair->first));
  }
  for (const std::string& text : arguments.list("secret")) TRY(read_secret(request, text));
  for (const std::string& text : arguments.list("ssh")) {
    const auto pair = split_once(text, '=');
    const auto socket =
        pair ? std::optional(std::string(pair->second)) : process_environment("SSH_AUTH_SOCK");
    if (!socket) return bad_value("ssh", text, "there is no SSH_AUTH_SOCK");
    request.agents[std::string(pair ? pair->first : text)] = *socket;
  }
  for (const std::string& what : arguments.list("allow"))
    request.allow_host_network = request.allow_host_network || what == "network.host";
  for (const std::string& what : arguments.list("allow")) {
    request.allow_insecure = request.allow_insecure || what == "security.insecure";
    request.allow_ansible = request.allow_ansible || what == "host.ansible";
  }
  return {};
}

Result<> read_limits(build::RunLimits& limits, const Arguments& arguments) {
  for (const std::string& text : arguments.list("add-host"))
    limits.hosts.push_back(TRY(parse_extra_host(text)));
  if (const auto text = arguments.value("shm-size")) {
    const auto size = parse_size(*text);
    if (!size) return bad_value("shm-size", *text, size.error().message());
    limits.shm_bytes = *size;
  }
  for (const std::string& text : arguments.list("ulimit"))
    limits.ulimits.push_back(TRY(parse_ulimit(text)));
  limits.cgroup_parent = arguments.value_or("cgroup-parent", "");
  const engine::Resources resources = TRY(new_resources(arguments));
  limits.memory_bytes = resources.memory_bytes;
  limits.memory_swap_bytes = resources.memory_swap_bytes;
  limits.cpu_period_us = resources.cpu_period_us;
  limits.cpu_quota_us = resources.cpu_quota_us;
  limits.cpu_shares = resources.cpu_shares;
  limits.cpuset_cpus = resources.cpuset_cpus;
  limits.cpuset_mems = resources.cpuset_mems;
  for (const std::string& text : arguments.list("security-opt"))
    if (std::string option = TRY(security_option(text)); !option.empty())
      limits.security_options.push_back(std::move(option));
  return {};
}

// [docker buildx build: --attest, --provenance, --sbom]
Result<> read_attestation(build::BuildRequest& request, const std::string& option,
                          const std::string& text) {
  std::string type = option == "attest" ? "" : option;
  bool enabled = true;
  bool is_inline = false;  // Not for outputs that are no images. [BuildKit: inline-only]
  std::string mode;
  for (const std::string& field : TRY(build::split_csv(text), "--" + option)) {
    const auto pair = split_once(field, '=');
    const std::string name(pair ? pair->first : "");
    const std::string value(pair ? pair->second : field);
    const bool is_switch = value == "true" || value == "false";
    if (name == "type" && option == "attest")
      type = value;
    else if (name == "disabled" && is_switch)
      enabled = value == "false";
    else if (name.empty() && is_switch)
      enabled = value == "true";
    else if (name == "mode" && type == "provenance")
      mode = value;
    else if (name == "inline-only" && is_switch)
      is_inline = value == "true";
    else
      return bad_value(option, text, "true, false, mode=min, mode=max, disabled=true");
  }
  if (!mode.empty() && mode != "min" && mode != "max")
    return bad_value(option, text, "modes are min and max");
  if (type != "sbom" && type != "provenance")
    return bad_value(option, text, "types are provenance and sbom");
  auto& attest = request.attest;
  (type == "sbom" ? attest.packages : attest.provenance) = enabled;
  (type == "sbom" ? attest.exports_packages : attest.exports_provenance) = enabled && !is_inline;
  if (type == "provenance" && !mode.empty()) request.attest.minimal = mode == "min";
  return {};
}

Result<oci::Platform> parse_platform(const std::string& text) {
  if (text.find(',') != std::string::npos)
    return bad_value("platform", text,
                     "a build is for one platform; 'tare manifest create' puts several together");
  const std::vector<std::string> parts = split(text, '/');
  const auto is_word = [](const std::string& part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
  };
  if (parts.size() < 2 || parts.size() > 3 || !std::ranges::all_of(parts, is_word))
    return bad_value("platform", text, "write OS/ARCHITECTURE, as linux/amd64");
  if (parts[0] != "linux")
    return bad_value("platform", text, "images for Linux are built, and no others");
  return oci::Platform{
      .os = parts[0], .architecture = parts[1], .variant = parts.size() == 3 ? parts[2] : ""};
}

}  // namespace

Result<build::BuildRequest> build_inputs(const Arguments& arguments, const std::string& place) {
  build::BuildRequest request;
  request.context = TRY(whole_path(place), "build context");
  TRY(read_pairs(request, arguments));
  return request;
}

Result<build::BuildRequest> build_request(const Arguments& arguments) {
  build::BuildRequest request;
  TRY(read_context(request, arguments));
  TRY(read_pairs(request, arguments));
  TRY(read_limits(request.limits, arguments));
  request.options.target = arguments.value_or("target", "");
  request.options.build_platform = {.os = "linux", .architecture = oci::host_architecture()};
  request.options.target_platform = request.options.build_platform;
  if (const auto platform = arguments.value("platform")) {
    request.options.target_platform = TRY(parse_platform(*platform));
  }
  for (const std::string& name : arguments.list("tag")) {
    const auto reference = image::Reference::parse(name);
    if (!reference) return bad_value("tag", name, reference.error().message());
    request.names.push_back(reference->text());
  }
  for (const std::string& text : arguments.list("attest"))
    TRY(read_attestation(request, "attest", text));
  for (const char* option : {"provenance", "sbom"})
    if (const auto text = arguments.value(option)) TRY(read_attestation(request, option, *text));
  if (const auto text = arguments.value("at")) {
    const auto line = parse_u64(*text);
    if (!line || *line == 0 || *line > kMaxDockerfile)
      return bad_value("at", *text, "not a line of a Dockerfile");
    request.at_line = static_cast<std::uint32_t>(*line);
    request.makes_image = false;
  }
  request.opens_failed = arguments.flag("shell-on-error");
  request.no_cache = arguments.flag("no-cache");
  for (const std::string& text : arguments.list("no-cache-filter"))
    for (const std::string& stage : split(text, ',')) request.no_cache_stages.insert(stage);
  request.pull = arguments.flag("pull");
  const std::string network = arguments.value_or("network", "default");
  if (network == "none")
    request.network = build::RunNetwork::None;
  else if (network == "host")
    request.network = build::RunNetwork::Host;
  else if (network == "recorded")
    request.network = build::RunNetwork::Recorded;
  else if (network != "default" && network != "bridge")
    return bad_value("network", network, "default, none, host or recorded");
  // [reproducible-builds.org, SOURCE_DATE_EPOCH]
  const auto given = request.options.arguments.find("SOURCE_DATE_EPOCH");
  const auto epoch = given != request.options.arguments.end()
                         ? std::optional(given->second)
                         : process_environment("SOURCE_DATE_EPOCH");
  if (epoch && !epoch->empty()) {
    const auto seconds = parse_u64(*epoch);
    if (!seconds || *seconds > kLastSecond)
      return fail(Kind::Invalid, "SOURCE_DATE_EPOCH: " + quoted(*epoch) + " is not a time");
    request.time = static_cast<UnixNanos>(*seconds) * 1'000'000'000;
  }
  return request;
}

}  // namespace tare::cli
