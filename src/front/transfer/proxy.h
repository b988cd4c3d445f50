// SPDX-License-Identifier: Apache-2.0
// Which proxy a server is spoken to through. Pure.
#pragma once

#include <string>

#include "front/transfer/url.h"
#include "transfer/protocol.h"

namespace tare::front_transfer {

// The URL of the proxy; empty: directly. This machine is always spoken to directly. What is in
// Proxies::none: "*"; a name, for itself and all below it; ".name" and "*.name", for what is below
// it; an address; a range as 10.0.0.0/8; each but the last with ":PORT", for that port only.
// [golang.org/x/net/http/httpproxy, "Config", whose rules docker and podman have]
std::string proxy_for(const Origin& origin, const transfer::Proxies& proxies);

}  // namespace tare::front_transfer
