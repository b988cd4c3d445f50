// SPDX-License-Identifier: Apache-2.0
// Sockets that speak with somebody else's address, so that a container sees who asks a published
// port that is forwarded. [linux Documentation/networking/tproxy.rst; ip(7), IP_TRANSPARENT]
#pragma once

#include "network/address.h"
#include "sys/fd.h"

namespace tare::network {

// In a network namespace of ours alone, which the calling thread is in: what comes back for such
// sockets is theirs, though its address is not this namespace's. Loads rules by nft, a table `inet
// tare_sources`. PRIVILEGED. Errors: Unsupported.
Result<> accept_sources();

// A socket of TCP or UDP (SOCK_STREAM, SOCK_DGRAM) there, not blocking, that connects as `source`.
// PRIVILEGED.
Result<sys::Fd> make_socket_as(const Address& source, int type);

}  // namespace tare::network
