// SPDX-License-Identifier: Apache-2.0
#include "image/registry.h"

#include <algorithm>

#include "base/text.h"
#include "codec/sha256.h"
#include "image/credentials.h"
#include "image/proxies.h"
#include "image/registries.h"

namespace tare::image {
namespace {

constexpr std::uint64_t kMaxManifest = 4 << 20;  // [distribution-spec 1.1, "Pushing Manifests"]
constexpr int kTries = 3;
constexpr int kPutTries = 5;
constexpr int kMaxPages = 1000;
constexpr std::size_t kMaxPaged = 16 << 20;  // Bytes of all of them.

// The registry's own words: {"errors":[{"code":..,"message":..}]}. [distribution-spec 1.1, "Error
// Codes"]
std::string words_of(const std::string& detail) {
  const auto value = json::parse(detail);
  if (!value) return "";
  const json::Array& errors = (*value)["errors"].as_array();
  if (errors.empty()) return "";
  std::string text = errors.front()["message"].as_string();
  if (text.empty()) text = errors.front()["code"].as_string();
  return escaped(text.substr(0, 300));
}

// "</v2/_catalog?n=10&last=x>; rel="next"": the target. [RFC 8288]
std::string next_page(const std::string& link) {
  const std::size_t begin = link.find('<');
  const std::size_t end = link.find('>');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return "";
  if (lower(link.substr(end)).find("next") == std::string::npos) return "";
  return link.substr(begin + 1, end - begin - 1);
}

// The type that an answer announces, without its parameters.
std::string media_type_of(const transfer::Reply& reply) {
  const std::string header = reply.header("content-type");
  return std::string(trim(std::string_view(header).substr(0, header.find(';'))));
}

std::string manifest_name(const Site& site, const std::string& tag_or_digest) {
  const char* mark = tag_or_digest.find(':') != std::string::npos ? "@" : ":";
  return "manifest " + site.repository + mark + tag_or_digest;
}

}  // namespace

std::string referrers_tag(const Digest& digest) { return "sha256-" + digest.hex(); }

std::vector<std::string> pull_scope(const Site& site) {
  return {"repository:" + site.repository + ":pull"};
}

std::vector<std::string> push_scope(const Site& site) {
  return {"repository:" + site.repository + ":pull,push"};
}

std::vector<std::string> manifest_types() {
  return {std::string(oci::kManifestType), std::string(oci::kIndexType),
          std::string(oci::kDockerManifestType), std::string(oci::kDockerIndexType)};
}

Error answer_error(const transfer::Reply& reply, const Site& site, const std::string& what) {
  const std::string said = words_of(reply.detail);
  const std::string tail = said.empty() ? "" : ": " + said;
  if (reply.status == 401)
    return Error(Kind::Denied, site.host + " wants a user and password for " + what + tail)
        .hint("tare login " + site.host);
  if (reply.status == 403)
    return Error(Kind::Denied, site.host + " refuses " + what + tail)
        .hint("the user of 'tare login " + site.host + "' needs the right to it");
  if (reply.status == 404) return Error(Kind::NotFound, what + " is not at " + site.host + tail);
  return Error(
      reply.status >= 500 ? Kind::Unavailable : Kind::Invalid,
      site.host + " answers with status " + std::to_string(reply.status) + " for " + what + tail);
}

Result<Registry> Registry::open(const TransferOptions& options, transfer::Client::Hear hear) {
  transfer::Settings settings{.bytes_per_second = options.bytes_per_second};
  settings.proxies = TRY(find_proxies());
  auto client = TRY(transfer::Client::start(options.program, settings));
  return Registry(std::move(client), options, std::move(hear));
}

Result<> Registry::connect(Site& site) {
  if (site.number >= 0) return {};
  site.number = TRY(client_.add_endpoint(site.endpoint));
  if (!site.plain_allowed) return {};
  transfer::Request probe{.endpoint = site.number, .target = "/v2/", .tries = 1};
  const auto answer = client_.fetch(std::move(probe), hear_);
  if (answer || answer.error().kind() != Kind::Unavailable) return {};
  site.endpoint.url.replace(0, std::string_view("https").size(), "http");
  site.number = TRY(client_.add_endpoint(site.endpoint));
  return {};
}

Result<RawManifest> Registry::manifest(const Site& site, const std::string& tag_or_digest) {
  const std::string what = manifest_name(site, tag_or_digest);
  transfer::Request request{.endpoint = site.number,
                            .target = site.path("manifests/" + tag_or_digest),
                            .scopes = pull_scope(site),
                            .accept = manifest_types(),
                            .limit = kMaxManifest,
                            .tries = kTries};
  if (const auto digest = Digest::parse(tag_or_digest)) request.digest = *digest;
  auto answer = TRY(client_.fetch(std::move(request), hear_), what);
  if (answer.reply.status != 200) return std::unexpected(answer_error(answer.reply, site, what));
  const std::string told = answer.reply.header("docker-content-digest");
  if (!told.empty() && told.starts_with("sha256:") && told != answer.reply.digest.text())
    return fail(Kind::Corrupt, what + ": " + site.host + " announces " + quoted(told) +
                                   " and sends " + answer.reply.digest.text());
  return RawManifest{.text = std::move(answer.text),
                     .media_type = media_type_of(answer.reply),
                     .digest = answer.reply.digest};
}

Result<std::string> Registry::blob_text(const Site& site, const oci::Descriptor& descriptor,
                                        std::uint64_t limit) {
  const std::string what = "blob " + descriptor.digest.text();
  if (descriptor.size > limit)
    return fail(Kind::Invalid, what + " is said to have " + std::to_string(descriptor.size) +
                                   " bytes, and a document like that has " +
                                   std::to_string(limit >> 20) + " MiB at most");
  transfer::Request request{.endpoint = site.number,
                            .target = site.path("blobs/" + descriptor.digest.text()),
                            .scopes = pull_scope(site),
                            .size = descriptor.size,
                            .digest = descriptor.digest,
                            .tries = kTries};
  auto answer = TRY(client_.fetch(std::move(request), hear_), what);
  if (answer.reply.status != 200) return std::unexpected(answer_error(answer.reply, site, what));
  return std::move(answer.text);
}

Result<transfer::Reply> Registry::put_manifest(const Site& site, const std::string& tag_or_digest,
                                               const RawManifest& manifest) {
  const std::string what = manifest_name(site, tag_or_digest);
  const sys::Fd memory = TRY(sys::make_memfd("tare-manifest"));
  TRY(sys::write_all(memory.get(), manifest.text));
  transfer::Request request{.endpoint = site.number,
                            .method = "PUT",
                            .target = site.path("manifests/" + tag_or_digest),
                            .scopes = push_scope(site),
                            .content_type = manifest.media_type,
                            .uploads = true,
                            .size = manifest.text.size(),
                            .tries = kPutTries};
  transfer::Reply reply = TRY(client_.run(std::move(request), memory.get(), hear_), what);
  if (reply.status != 200 && reply.status != 201 && reply.status != 202)
    return std::unexpected(answer_error(reply, site, what));
  const std::string told = reply.header("docker-content-digest");
  if (told.starts_with("sha256:") && told != manifest.digest.text())
    return fail(Kind::Corrupt, what + ": " + site.host + " has made " + quoted(told) + " of " +
                                   manifest.digest.text());
  return reply;
}

Result<std::vector<oci::Descriptor>> Registry::referrers(const Site& site, const Digest& digest) {
  auto index = get_json(site, site.path("referrers/" + digest.text()), pull_scope(site));
  if (!index && index.error().kind() == Kind::NotFound) {
    const auto tagged = manifest(site, referrers_tag(digest));
    if (!tagged && tagged.error().kind() == Kind::NotFound) return std::vector<oci::Descriptor>();
    index = json::parse(TRY(tagged).text);
  }
  const json::Value value = TRY(std::move(index));
  std::vector<oci::Descriptor> all;
  for (const json::Value& entry : value["manifests"].as_array())
    all.push_back(TRY(oci::parse_descriptor(entry, "a referrer")));
  return all;
}

Result<> Registry::get_pages(const Site& site, const std::string& target,
                             const std::vector<std::string>& scopes,
                             const std::function<Result<>(const json::Value&)>& take) {
  std::string next = target;
  std::size_t bytes = 0;
  for (int page = 0; !next.empty(); ++page) {
    if (page >= kMaxPages || bytes > kMaxPaged)
      return fail(Kind::Invalid, site.host + " has page after page without end");
    transfer::Request request{
        .endpoint = site.number, .target = next, .scopes = scopes, .tries = kTries};
    request.accept = {"application/json", std::string(oci::kIndexType)};
    const auto answer = TRY(client_.fetch(std::move(request), hear_), next);
    if (answer.reply.status != 200)
      return std::unexpected(answer_error(answer.reply, site, target));
    bytes += answer.text.size();
    const json::Value value = TRY(json::parse(answer.text), "the answer of " + site.host);
    TRY(take(value));
    next = next_page(answer.reply.header("link"));
  }
  return {};
}

Result<json::Value> Registry::get_json(const Site& site, const std::string& target,
                                       const std::vector<std::string>& scopes) {
  transfer::Request request{
      .endpoint = site.number, .target = target, .scopes = scopes, .tries = kTries};
  request.accept = {"application/json", std::string(oci::kIndexType)};
  const auto answer = TRY(client_.fetch(std::move(request), hear_), target);
  if (answer.reply.status != 200) return std::unexpected(answer_error(answer.reply, site, target));
  return TRY(json::parse(answer.text), "the answer of " + site.host);
}

Result<Site> Registry::site_of_host(const std::string& host) const {
  const Registries registries = TRY(load_registries());
  bool insecure = false;
  for (const RegistryRule& rule : registries.rules)
    insecure = insecure || (rule.prefix == host && rule.insecure);
  return make_site(host, "", insecure, options_);
}

Result<std::vector<Site>> Registry::sites(const Reference& reference, Use use) const {
  const Registries registries = TRY(load_registries());
  return find_sites(reference, use, options_, registries);
}

}  // namespace tare::image
