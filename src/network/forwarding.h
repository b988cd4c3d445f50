// SPDX-License-Identifier: Apache-2.0
// That this machine passes packets on between its interfaces, and who wanted it to. The kernel
// knows only all interfaces or none, so where nobody but us wanted it, what is not ours is dropped.
// [ip-sysctl.rst, ip_forward, conf/all/forwarding; docs/formats/networks.md, "Forwarding"]
#pragma once

#include "network/firewall.h"
#include "network/loop.h"

namespace tare::network {

// Lets the current network namespace forward, IPv4 and with `v6` also IPv6. Where it did not
// before, the setting gets the value 2, which means the same as 1 to the kernel and that it is ours
// to us: it outlives all of us, and whoever else wants forwarding writes 1 over it. The guard
// stands in `firewall`, whose table has to be there, before the first packet passes. PRIVILEGED.
// Errors: Denied, the firewall's.
Result<> enable_forwarding(Firewall& firewall, bool v6);

// Makes the guard what the settings say: there for what is ours, gone for what is anybody else's.
Result<> guard_forwarding(Firewall& firewall);

// No container is to be reached any more: what is ours is switched off, unless a bridge of ours,
// of any store, has a port. PRIVILEGED.
Result<> end_forwarding(Firewall& firewall);

// Tells when a setting of the network namespace that it was opened in may have changed.
// [RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF]
class ForwardingWatch {
 public:
  static Result<ForwardingWatch> open();
  // Readable then. Borrowed.
  int fd() const { return socket_.get(); }
  // Reads and forgets all that was said.
  void drain();

 private:
  explicit ForwardingWatch(sys::Fd socket) : socket_(std::move(socket)) {}
  sys::Fd socket_;
};

}  // namespace tare::network
