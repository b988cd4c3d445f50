// SPDX-License-Identifier: Apache-2.0
// Whatever stands in a datagram of netlink: messages and attributes lie within it, one behind the
// other.
#include "sys/netlink.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "fuzz/fuzz.h"

using namespace tare;
using namespace tare::sys;

namespace {

bool lies_in(std::string_view inner, std::string_view outer) {
  return inner.data() >= outer.data() && inner.data() + inner.size() <= outer.data() + outer.size();
}

}  // namespace

TARE_FUZZER(netlink) {
  const auto messages = netlink::parse_messages(bytes);
  if (!messages) {
    FUZZ_CHECK(messages.error().kind() == Kind::Corrupt);
    return;
  }
  const char* last = bytes.data();
  for (const netlink::Message& message : *messages) {
    FUZZ_CHECK(lies_in(message.body, bytes) && message.body.data() > last);
    last = message.body.data();
    if (const auto attributes = netlink::parse_attributes(message.body, sizeof(ifaddrmsg)))
      for (const netlink::Attribute& attribute : *attributes)
        FUZZ_CHECK(lies_in(attribute.value, message.body));
    if (const auto verdict = netlink::parse_verdict(message)) FUZZ_CHECK(verdict->errnum >= 0);
  }
}
