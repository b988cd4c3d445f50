// SPDX-License-Identifier: Apache-2.0
// Networks and endpoints made real: a bridge of the host, a container's interface on it.
#pragma once

#include "network/links.h"
#include "network/records.h"

namespace tare::network {

// What a bridge of ours says in its alias, so that nobody else's is taken for one.
std::string bridge_alias(const Network& network);
// Of any network, of any store.
bool is_bridge_of_ours(const Link& link);

// The network's device in the network namespace of `links`, which the calling thread is in: a
// bridge is made when it is not there, with the gateways' addresses; of macvlan it has to be there.
// Errors: Exists (a device of that name is not ours); NotFound (macvlan's parent).
Result<Link> ensure_device(Links& links, const Network& network);
// The host's end of a container that was on a bridge before this one, which somebody removed.
Result<> attach_again(Links& links, const Link& device, const Network& network,
                      const Endpoint& endpoint);
// The bridge; one that is not ours stays.
Result<> remove_device(Links& links, const Network& network);

// The endpoint's interface in the network namespace `inside` (its descriptor), up and with its
// addresses and, as the gateway, the default routes. The calling thread is in the host's namespace
// and visits the other. Errors: Exists.
Result<> make_interface(Links& links, const Link& device, const Network& network,
                        const Endpoint& endpoint, int inside);
// Takes it away from a container that runs.
Result<> remove_interface(Links& links, const Endpoint& endpoint, int inside);

// In the namespace of the calling thread.
Result<> set_loopback_up();

// Gives a container that runs its default routes by this endpoint, in place of those it has.
Result<> route_by(const Network& network, const Endpoint& endpoint, int inside);

}  // namespace tare::network
