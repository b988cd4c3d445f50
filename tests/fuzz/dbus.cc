// SPDX-License-Identifier: Apache-2.0
// Whatever a bus sends: a message or an error, and a message says again what it said.
#include "sys/dbus.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(dbus) {
  const auto message = sys::dbus::decode(bytes);
  if (!message) {
    FUZZ_CHECK(message.error().kind() == Kind::Corrupt);
    return;
  }
  FUZZ_CHECK(message->body.size() <= bytes.size());
  sys::dbus::Message copy = *message;
  copy.sender.clear();  // Only the bus says who sends.
  const auto again = sys::dbus::decode(sys::dbus::encode(copy));
  FUZZ_CHECK(again);
  FUZZ_CHECK(again->path == message->path && again->member == message->member);
  FUZZ_CHECK(again->reply_to == message->reply_to && again->body == message->body);
  sys::dbus::Reader body(message->body);
  while (!body.failed()) body.text();
}
