// SPDX-License-Identifier: Apache-2.0
#include "image/registries.h"

#include "base/text.h"
#include "image/credentials.h"

namespace tare::image {
namespace {

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

}  // namespace

Result<Registries> load_registries() { return Registries{}; }

Result<Site> make_site(const std::string& host, const std::string& repository,
                       const TransferOptions& options, const Registries&) {
  Site site;
  site.host = host;
  site.repository = repository;
  site.endpoint.url =
      "https://" + (host == kDockerHub ? std::string(kDockerHubServer) : host);
  const bool careless = options.tls_verify ? !*options.tls_verify : is_this_machine(host);
  site.plain_allowed = careless;
  site.endpoint.verify = !careless;
  const Credentials credentials = TRY(find_credentials(host, repository));
  site.endpoint.user = credentials.user;
  site.endpoint.password = credentials.password;
  site.endpoint.identity_token = credentials.identity_token;
  return site;
}

Result<std::vector<Site>> find_sites(const Reference& reference, Registry::Use,
                                     const TransferOptions& options,
                                     const Registries& registries) {
  std::vector<Site> sites;
  sites.push_back(
      TRY(make_site(reference.registry, reference.repository, options, registries)));
  return sites;
}

}  // namespace tare::image
