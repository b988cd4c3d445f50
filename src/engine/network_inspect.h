// SPDX-License-Identifier: Apache-2.0
// Networks as docker inspect shows them. Private to this room.
#pragma once

#include <string>

#include "codec/json.h"
#include "engine/engine.h"

namespace tare::engine {

// The name of what a container has: "none", "host", "container:ID", or its first network.
std::string network_mode(const CreateRequest& config);
// ExposedPorts of Config: those that were named and those that are published; null without any.
json::Value exposed_ports(const CreateRequest& config);
// NetworkMode, PortBindings and the like of HostConfig.
void describe_networks(json::Value& host_config, const CreateRequest& config);

}  // namespace tare::engine
