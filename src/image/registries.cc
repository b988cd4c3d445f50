// SPDX-License-Identifier: Apache-2.0
#include "image/registries.h"

#include <fcntl.h>

#include <algorithm>

#include "base/text.h"
#include "codec/toml.h"
#include "image/credentials.h"
#include "image/surroundings.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;
// The name of Docker's registry is not that of the machine that serves it. [docker: "registry-1"]
constexpr std::string_view kDockerHub = "docker.io";
constexpr std::string_view kDockerHubServer = "registry-1.docker.io";

bool is_this_machine(const std::string& host) {
  std::string name = host;
  if (name.starts_with('['))
    name = name.substr(1, name.find(']') - 1);
  else
    name = name.substr(0, name.find(':'));
  return name == "localhost" || name == "::1" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos);
}

std::string user_directory() {
  std::string configuration = surroundings("XDG_CONFIG_HOME");
  if (configuration.starts_with('/')) return configuration;
  const std::string home = surroundings("HOME");
  return home.starts_with('/') ? home + "/.config" : "";
}

Result<bool> add_file(Registries& registries, const std::string& path) {
  auto loaded = sys::load_file(AT_FDCWD, path, kMaxFile);
  if (!loaded && loaded.error().kind() == Kind::NotFound) return false;
  const std::string text = TRY(std::move(loaded), "read " + quoted(path));
  TRY(add_registries(registries, text, path), quoted(path));
  return true;
}

Result<> add_directory(Registries& registries, const std::string& path) {
  const auto names = sys::list_directory(AT_FDCWD, path);
  if (!names) return {};
  for (const std::string& name : *names)
    if (name.ends_with(".conf")) TRY(add_file(registries, path + "/" + name));
  return {};
}

MirrorRule mirror_of(const json::Value& value, bool digests_only) {
  MirrorRule mirror;
  mirror.location = value["location"].as_string();
  mirror.insecure = value["insecure"].as_bool();
  const std::string& use = value["pull-from-mirror"].as_string();
  if (digests_only || use == "digest-only") mirror.use = MirrorRule::For::Digests;
  if (use == "tag-only") mirror.use = MirrorRule::For::Tags;
  return mirror;
}

Result<RegistryRule> rule_of(const json::Value& value) {
  RegistryRule rule;
  rule.location = value["location"].as_string();
  rule.prefix = value["prefix"].as_string();
  if (rule.prefix.empty()) rule.prefix = rule.location;
  if (rule.prefix.empty())
    return fail(Kind::Invalid, "a [[registry]] has neither 'prefix' nor 'location'");
  for (const char* name : {"insecure", "blocked", "mirror-by-digest-only"})
    if (const json::Value* flag = value.find(name); flag != nullptr && !flag->is_bool())
      return fail(Kind::Invalid,
                  quoted(name) + " of " + quoted(rule.prefix) + " is neither true nor false");
  rule.insecure = value["insecure"].as_bool();
  rule.blocked = value["blocked"].as_bool();
  for (const json::Value& mirror : value["mirror"].as_array())
    rule.mirrors.push_back(mirror_of(mirror, value["mirror-by-digest-only"].as_bool()));
  return rule;
}

// How much of `name` ("registry/repository") the prefix covers; 0: it does not match.
std::size_t covered(const std::string& prefix, const std::string& name) {
  if (prefix.starts_with("*.")) {  // Of hosts only.
    const std::string host = name.substr(0, name.find('/'));
    return host.ends_with(prefix.substr(1)) ? host.size() : 0;
  }
  if (!name.starts_with(prefix)) return 0;
  return name.size() == prefix.size() || name[prefix.size()] == '/' ? prefix.size() : 0;
}

const RegistryRule* rule_for(const Registries& registries, const std::string& name) {
  const RegistryRule* best = nullptr;
  std::size_t most = 0;
  for (const RegistryRule& rule : registries.rules) {
    const std::size_t length = covered(rule.prefix, name);
    // The longer match wins, and of a whole host the one without a wildcard.
    if (length > most || (length == most && length > 0 && !rule.prefix.starts_with('*'))) {
      best = &rule;
      most = length;
    }
  }
  return best;
}

// "location/rest" as host and repository.
Result<Site> site_at(const std::string& location, const std::string& rest, bool insecure,
                     const TransferOptions& options) {
  const std::string whole = location + rest;
  const auto parts = split_once(whole, '/');
  if (!parts || parts->second.empty())
    return fail(Kind::Invalid, quoted(whole) + " is not a registry with a repository");
  return make_site(std::string(parts->first), std::string(parts->second), insecure, options);
}

// Certificates for a host: *.crt are authorities, *.cert and *.key are ours.
Result<> add_certificates(const std::string& directory, transfer::Endpoint& endpoint) {
  const auto names = sys::list_directory(AT_FDCWD, directory);
  if (!names) return {};
  for (const std::string& name : *names) {
    std::string* target = name.ends_with(".crt")    ? &endpoint.ca
                          : name.ends_with(".cert") ? &endpoint.certificate
                          : name.ends_with(".key")  ? &endpoint.key
                                                    : nullptr;
    if (target == nullptr || (target != &endpoint.ca && !target->empty())) continue;
    *target += TRY(sys::load_file(AT_FDCWD, directory + "/" + name, kMaxFile),
                   "read " + quoted(directory + "/" + name)) +
               "\n";
  }
  if (endpoint.certificate.empty() != endpoint.key.empty())
    return fail(Kind::Invalid, "in " + quoted(directory) +
                                   " is a certificate (.cert) without its "
                                   "key (.key), or a key without it");
  return {};
}

Result<> find_certificates(const std::string& host, transfer::Endpoint& endpoint) {
  std::vector<std::string> roots;
  if (const std::string home = surroundings("HOME"); home.starts_with('/')) {
    roots.push_back(user_directory() + "/containers/certs.d");
    roots.push_back(home + "/.docker/certs.d");
  }
  roots.emplace_back("/etc/containers/certs.d");
  roots.emplace_back("/etc/docker/certs.d");
  for (const std::string& root : roots) {
    TRY(add_certificates(root + "/" + host, endpoint));
    if (!endpoint.ca.empty() || !endpoint.certificate.empty()) return {};
  }
  return {};
}

}  // namespace

Result<> add_registries(Registries& registries, std::string_view text, const std::string& file) {
  const json::Value value = TRY(toml::parse(text));
  if (value.find("registries") != nullptr)
    return fail(Kind::Unsupported, "it is of version 1 of the format, which is obsolete");
  if (const json::Value* search = value.find("unqualified-search-registries"))
    registries.search = search->as_strings();
  for (const auto& [name, target] : value["aliases"].as_object()) {
    if (target.as_string().empty())
      registries.aliases.erase(name);
    else
      registries.aliases[name] = target.as_string();
  }
  for (const json::Value& entry : value["registry"].as_array()) {
    RegistryRule rule = TRY(rule_of(entry));
    rule.file = file;
    std::erase_if(registries.rules,
                  [&](const RegistryRule& other) { return other.prefix == rule.prefix; });
    registries.rules.push_back(std::move(rule));
  }
  return {};
}

Result<Registries> load_registries() {
  Registries registries;
  if (const std::string named = surroundings("CONTAINERS_REGISTRIES_CONF"); !named.empty()) {
    if (!TRY(add_file(registries, named)))
      return fail(Kind::NotFound, "CONTAINERS_REGISTRIES_CONF: there is no " + quoted(named));
    return registries;
  }
  const std::string user = user_directory();
  const bool own = !user.empty() && TRY(add_file(registries, user + "/containers/registries.conf"));
  if (!own) TRY(add_file(registries, "/etc/containers/registries.conf"));
  TRY(add_directory(registries, "/etc/containers/registries.conf.d"));
  if (!user.empty()) TRY(add_directory(registries, user + "/containers/registries.conf.d"));
  return registries;
}

Result<std::vector<Reference>> expand_name(std::string_view text, const Registries& registries) {
  const Reference plain = TRY(Reference::parse(text));
  const std::string_view name = text.substr(0, text.find('@'));
  const bool is_short = plain.registry == kDockerHub && !name.starts_with(kDockerHub) &&
                        !name.starts_with("index.docker.io/");
  if (!is_short) return std::vector{plain};
  const std::string written = plain.familiar_repository();
  const std::string tail = (plain.tag.empty() ? "" : ":" + plain.tag) +
                           (plain.digest.empty() ? "" : "@" + plain.digest.text());
  if (const auto alias = registries.aliases.find(written); alias != registries.aliases.end())
    return std::vector{TRY(Reference::parse(alias->second + tail), "the alias " + quoted(written))};
  if (registries.search.empty()) return std::vector{plain};
  std::vector<Reference> all;
  for (const std::string& registry : registries.search) {
    const std::string candidate = registry + "/" + written + tail;
    all.push_back(TRY(Reference::parse(candidate), "unqualified-search-registries"));
  }
  return all;
}

Result<Site> make_site(const std::string& host, const std::string& repository, bool insecure,
                       const TransferOptions& options) {
  Site site;
  site.host = host;
  site.repository = repository;
  site.endpoint.url = "https://" + (host == kDockerHub ? std::string(kDockerHubServer) : host);
  TRY(find_certificates(host, site.endpoint));
  // A certificate that was put there for this machine's registry is meant to be verified.
  const bool is_local = is_this_machine(host) && site.endpoint.ca.empty();
  const bool careless = options.tls_verify ? !*options.tls_verify : insecure || is_local;
  site.plain_allowed = careless;
  site.endpoint.verify = !careless;
  const Credentials credentials = TRY(find_credentials(host, repository));
  site.endpoint.user = credentials.user;
  site.endpoint.password = credentials.password;
  site.endpoint.identity_token = credentials.identity_token;
  return site;
}

Result<std::vector<Site>> find_sites(const Reference& reference, Registry::Use use,
                                     const TransferOptions& options, const Registries& registries) {
  const std::string name = reference.registry + "/" + reference.repository;
  const RegistryRule* rule = rule_for(registries, name);
  if (rule == nullptr)
    return std::vector{TRY(make_site(reference.registry, reference.repository, false, options))};
  if (rule->blocked)
    return fail(Kind::Denied,
                "registry " + quoted(rule->prefix) + " is blocked by " + quoted(rule->file));
  const std::string rest = name.substr(covered(rule->prefix, name));
  std::vector<Site> sites;
  for (const MirrorRule& mirror : rule->mirrors) {
    const bool by_digest = !reference.digest.empty();
    if (use == Registry::Use::Push || (mirror.use == MirrorRule::For::Digests && !by_digest) ||
        (mirror.use == MirrorRule::For::Tags && by_digest))
      continue;
    Site site = TRY(site_at(mirror.location, rest, mirror.insecure, options));
    site.is_mirror = true;
    sites.push_back(std::move(site));
  }
  const std::string location =
      rule->location.empty() ? name.substr(0, name.size() - rest.size()) : rule->location;
  sites.push_back(TRY(site_at(location, rest, rule->insecure, options)));
  return sites;
}

}  // namespace tare::image
