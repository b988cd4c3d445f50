// SPDX-License-Identifier: Apache-2.0
// Proxies to registries: what the environment says (http_proxy, https_proxy, all_proxy, no_proxy,
// in small or capital letters), else `proxies` of Docker's config.json. Private to the room.
#pragma once

#include "transfer/protocol.h"

namespace tare::image {

// Errors: Invalid, naming the file.
Result<transfer::Proxies> find_proxies();

}  // namespace tare::image
