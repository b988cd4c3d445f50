// SPDX-License-Identifier: Apache-2.0
#include "image/proxies.h"

#include "image/credentials.h"
#include "image/surroundings.h"

namespace tare::image {
namespace {

std::string either(const char* small, const char* capital) {
  std::string value = surroundings(small);
  return value.empty() ? surroundings(capital) : value;
}

}  // namespace

Result<transfer::Proxies> find_proxies() {
  transfer::Proxies proxies;
  proxies.http = surroundings("http_proxy");
  // A web server sets HTTP_PROXY to what its client likes. [CVE-2016-5385 and its kin]
  if (proxies.http.empty() && surroundings("REQUEST_METHOD").empty())
    proxies.http = surroundings("HTTP_PROXY");
  proxies.https = either("https_proxy", "HTTPS_PROXY");
  proxies.none = either("no_proxy", "NO_PROXY");
  std::string all = either("all_proxy", "ALL_PROXY");
  if (proxies.http.empty() && proxies.https.empty() && all.empty()) {
    const json::Value file = TRY(load_docker_config());
    const json::Value& ours = file["proxies"]["default"];
    proxies.http = ours["httpProxy"].as_string();
    proxies.https = ours["httpsProxy"].as_string();
    all = ours["allProxy"].as_string();
    if (proxies.none.empty()) proxies.none = ours["noProxy"].as_string();
  }
  if (proxies.http.empty()) proxies.http = all;
  if (proxies.https.empty()) proxies.https = all;
  return proxies;
}

}  // namespace tare::image
