// SPDX-License-Identifier: Apache-2.0
// Looking at registries without getting images: manifests, what refers to them, what there is.
#include <algorithm>

#include "base/text.h"
#include "image/image.h"
#include "image/registries.h"

namespace tare::image {
namespace {

constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kHubSite = "index.docker.io";  // Whose search is not the registry's.

Found found_of(const json::Value& value) {
  return {.name = value["name"].as_string(),
          .description = value["description"].as_string(),
          .stars = value["star_count"].as_uint(),
          .is_official = value["is_official"].as_bool()};
}

}  // namespace

Result<RemoteDocument> look_at_manifest(std::string_view name, const TransferOptions& options) {
  const Registries registries = TRY(load_registries());
  const Reference reference = TRY(expand_name(name, registries)).front();
  Registry registry = TRY(Registry::open(options, {}));
  std::vector<Site> sites = TRY(registry.sites(reference, Registry::Use::Pull));
  TRY(registry.connect(sites.back()));
  RawManifest raw = TRY(registry.manifest(
      sites.back(), reference.digest.empty() ? reference.tag : reference.digest.text()));
  return RemoteDocument{.reference = reference.text(),
                        .text = std::move(raw.text),
                        .media_type = std::move(raw.media_type),
                        .digest = raw.digest};
}

Result<std::vector<RemoteDocument>> look_for_referrers(std::string_view name,
                                                       const TransferOptions& options) {
  const Registries registries = TRY(load_registries());
  const Reference reference = TRY(expand_name(name, registries)).front();
  Registry registry = TRY(Registry::open(options, {}));
  std::vector<Site> sites = TRY(registry.sites(reference, Registry::Use::Pull));
  const Site& site = sites.back();
  TRY(registry.connect(sites.back()));
  Digest digest = reference.digest;
  if (digest.empty()) digest = TRY(registry.manifest(site, reference.tag)).digest;
  std::vector<RemoteDocument> all;
  for (const oci::Descriptor& referrer : TRY(registry.referrers(site, digest)))
    all.push_back({.reference = reference.registry + "/" + reference.repository,
                   .text = json::print(oci::print_descriptor(referrer)),
                   .media_type = referrer.artifact_type,
                   .digest = referrer.digest});
  return all;
}

namespace {

// As it has to be in a URL; what may stay as it is stays, for it is in messages, too. [RFC
// 3986, 2.3]
std::string in_query(std::string_view words) {
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string query;
  for (const char c : words)
    query += kUnreserved.contains(c) ? std::string(1, c) : "%" + to_hex(std::string_view(&c, 1));
  return query;
}

}  // namespace

Result<std::vector<Found>> search(std::string_view term, std::size_t limit,
                                  const TransferOptions& options) {
  const auto parts = split_once(term, '/');
  const bool has_host = parts && (parts->first.find_first_of(".:") != std::string_view::npos ||
                                  parts->first == "localhost");
  const std::string host(has_host ? parts->first : kHub);
  const std::string words(has_host ? parts->second : term);
  Registry registry = TRY(Registry::open(options, {}));
  Site site = TRY(registry.site_of_host(host == kHub ? std::string(kHubSite) : host));
  TRY(registry.connect(site));
  std::vector<Found> all;
  if (host == kHub) {
    const std::string query = in_query(words);
    const json::Value value =
        TRY(registry.get_json(site, "/v1/search?q=" + query + "&n=" + std::to_string(limit), {}));
    for (const json::Value& result : value["results"].as_array()) all.push_back(found_of(result));
  } else {
    TRY(registry.get_pages(site, "/v2/_catalog", {"registry:catalog:*"},
                           [&](const json::Value& page) -> Result<> {
                             for (const std::string& name : page["repositories"].as_strings())
                               if (name.find(words) != std::string::npos)
                                 all.push_back({.name = host + "/" + name});
                             return {};
                           }));
  }
  if (all.size() > limit) all.resize(limit);
  return all;
}

}  // namespace tare::image
