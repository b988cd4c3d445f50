// SPDX-License-Identifier: Apache-2.0
#include "image/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <vector>

#include "base/text.h"
#include "codec/json.h"
#include "image/registry.h"
#include "image/surroundings.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;
constexpr std::string_view kHubKey = "https://index.docker.io/v1/";

std::string docker_file() {
  const std::string directory = surroundings("DOCKER_CONFIG");
  if (!directory.empty()) return directory + "/config.json";
  const std::string home = surroundings("HOME");
  return home.empty() ? "" : home + "/.docker/config.json";
}

// In the order in which they are asked.
std::vector<std::string> files() {
  if (const std::string only = surroundings("REGISTRY_AUTH_FILE"); !only.empty()) return {only};
  std::vector<std::string> all;
  if (const std::string runtime = surroundings("XDG_RUNTIME_DIR"); !runtime.empty())
    all.push_back(runtime + "/containers/auth.json");
  const std::string configuration = surroundings("XDG_CONFIG_HOME");
  if (!configuration.empty())
    all.push_back(configuration + "/containers/auth.json");
  else if (const std::string home = surroundings("HOME"); !home.empty())
    all.push_back(home + "/.config/containers/auth.json");
  if (const std::string docker = docker_file(); !docker.empty()) all.push_back(docker);
  return all;
}

// Nothing: there is no such file.
Result<json::Value> load(const std::string& path) {
  auto text = sys::load_file(AT_FDCWD, path, kMaxFile);
  if (!text && text.error().kind() == Kind::NotFound) return json::Value();
  const std::string content = TRY(std::move(text), "read " + quoted(path));
  if (trim(content).empty()) return json::Value();
  auto value = json::parse(content);
  // The parser's own words quote what it did not like.
  if (!value || !value->is_object())
    return fail(Kind::Invalid, "the file " + quoted(path) + " is not the JSON that it should be");
  return value;
}

// The keys under which a repository's credentials may be, the closest first.
// [containers-auth.json(5), "FORMAT"]
std::vector<std::string> keys_for(const std::string& host, const std::string& repository) {
  std::vector<std::string> keys;
  for (std::string path = repository; !path.empty();) {
    keys.push_back(host + "/" + path);
    const std::size_t slash = path.rfind('/');
    path = slash == std::string::npos ? "" : path.substr(0, slash);
  }
  keys.push_back(host);
  return keys;
}

// The host of a key as files have it: with scheme and path, or without.
std::string key_host(const std::string& key) {
  if (key.find("://") == std::string::npos) return key;
  return server_host(key);
}

Result<Credentials> decode(const json::Value& entry, const std::string& path) {
  Credentials credentials;
  credentials.identity_token = entry["identitytoken"].as_string();
  const std::string& encoded = entry["auth"].as_string();
  if (encoded.empty()) return credentials;
  const auto plain = from_base64(encoded);
  const std::size_t colon = plain ? plain->find(':') : std::string::npos;
  if (colon == std::string::npos)
    return fail(Kind::Invalid, "an entry of " + quoted(path) + " is damaged");
  credentials.user = plain->substr(0, colon);
  credentials.password = plain->substr(colon + 1);
  while (credentials.password.ends_with('\0')) credentials.password.pop_back();
  return credentials;
}

Result<Credentials> find_in(const json::Value& file, const std::string& path,
                            const std::string& host, const std::string& repository) {
  const std::string server = host == "docker.io" ? std::string(kHubKey) : host;
  for (const std::string& key : {server, host})
    if (const std::string& helper = file["credHelpers"][key].as_string(); !helper.empty())
      return helper_get(helper, server);
  for (const std::string& wanted : keys_for(host, repository))
    for (const auto& [key, entry] : file["auths"].as_object()) {
      if (key != wanted && key_host(key) != wanted) continue;
      Credentials found = TRY(decode(entry, path));
      if (!found.empty()) return found;
    }
  if (const std::string& helper = file["credsStore"].as_string(); !helper.empty())
    return helper_get(helper, server);
  return Credentials{};
}

// Where login writes: Docker's file, unless another one is named.
std::string file_to_change() {
  const std::string named = surroundings("REGISTRY_AUTH_FILE");
  return named.empty() ? docker_file() : named;
}

// Others' members stay as they are. In one step, and for nobody else to read.
Result<> save(const std::string& path, const json::Value& value) {
  char real[PATH_MAX];
  const std::string target = ::realpath(path.c_str(), real) != nullptr ? real : path;
  const std::size_t slash = target.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : target.substr(0, slash);
  TRY(sys::make_directories(directory, 0700));
  const sys::Fd dir = TRY(sys::open_path(directory, O_RDONLY | O_DIRECTORY));
  return sys::replace_file(dir.get(), target.substr(slash + 1),
                           json::print(value, json::Style::Indented) + "\n");
}

std::string helper_for(const json::Value& file, const std::string& server) {
  const std::string& own = file["credHelpers"][server].as_string();
  return own.empty() ? file["credsStore"].as_string() : own;
}

}  // namespace

std::string server_host(const std::string& server) {
  std::string host = server;
  if (const std::size_t scheme = host.find("://"); scheme != std::string::npos)
    host = host.substr(scheme + 3);
  host = host.substr(0, host.find('/'));
  if (host.empty() || host == "index.docker.io" || host == "registry-1.docker.io" ||
      host == "registry.hub.docker.com")
    return "docker.io";
  return host;
}

Result<json::Value> load_docker_config() {
  const std::string path = docker_file();
  if (path.empty()) return json::Value();
  return load(path);
}

Result<Credentials> find_credentials(const std::string& host, const std::string& repository) {
  for (const std::string& path : files()) {
    const json::Value file = TRY(load(path));
    Credentials found = TRY(find_in(file, path, host, repository));
    if (!found.empty()) return found;
  }
  return Credentials{};
}

Result<LoginResult> store_credentials(const std::string& host, const Credentials& credentials) {
  const std::string path = file_to_change();
  if (path.empty())
    return std::unexpected(Error(Kind::Invalid, "there is no place for the password")
                               .hint("set HOME or DOCKER_CONFIG"));
  const std::string key = host == "docker.io" ? std::string(kHubKey) : host;
  json::Value file = TRY(load(path));
  if (const std::string helper = helper_for(file, key); !helper.empty()) {
    TRY(helper_store(helper, key, credentials));
    return LoginResult{.file = path, .is_plain = false};
  }
  json::Value* auths = file.find("auths");
  if (auths == nullptr || !auths->is_object()) auths = &file.set("auths", json::Object());
  json::Value entry;
  entry.set("auth", to_base64(credentials.user + ":" + credentials.password));
  auths->set(key, entry);
  TRY(save(path, file));
  return LoginResult{.file = path, .is_plain = true};
}

Result<bool> erase_credentials(const std::string& host) {
  const std::string key = host == "docker.io" ? std::string(kHubKey) : host;
  bool known = false;
  for (const std::string& path : files()) {
    json::Value file = TRY(load(path));
    if (const std::string helper = helper_for(file, key); !helper.empty()) {
      const Credentials found = TRY(helper_get(helper, key));
      if (!found.empty()) TRY(helper_erase(helper, key));
      known = known || !found.empty();
    }
    json::Object kept;
    for (const auto& [name, entry] : file["auths"].as_object())
      if (name != host && key_host(name) != host) kept.emplace_back(name, entry);
    if (kept.size() == file["auths"].as_object().size()) continue;
    known = true;
    file.set("auths", std::move(kept));
    TRY(save(path, file));
  }
  return known;
}

Result<std::string> known_user(const std::string& server) {
  return TRY(find_credentials(server_host(server), "")).user;
}

Result<bool> logout(const std::string& server) { return erase_credentials(server_host(server)); }

Result<LoginResult> login(const LoginRequest& request) {
  const std::string host = server_host(request.server);
  Registry registry = TRY(Registry::open(request.options, {}));
  Site site = TRY(registry.site_of_host(host));
  site.endpoint.user = request.user;
  site.endpoint.password = request.password;
  site.endpoint.identity_token.clear();
  TRY(registry.connect(site), "log in to " + host);
  transfer::Request probe{.endpoint = site.number, .target = "/v2/", .tries = 2};
  const auto answer = TRY(registry.client().fetch(std::move(probe)), "log in to " + host);
  if (answer.reply.status == 401 || answer.reply.status == 403)
    return std::unexpected(
        Error(Kind::Denied, "log in to " + host + ": unauthorized: incorrect username or password")
            .hint("many registries want a token that is made on their site, not the password"));
  if (answer.reply.status != 200)
    return fail(Kind::Invalid, host + " does not answer as a registry (status " +
                                   std::to_string(answer.reply.status) + ")");
  return store_credentials(host, {.user = request.user, .password = request.password});
}

}  // namespace tare::image
