// SPDX-License-Identifier: Apache-2.0
#include "engine/attachment.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/protocol.h"

using namespace tare;
using namespace tare::engine;
using keeper::Frame;

namespace {

// A keeper of this test's making, at the other end.
struct Talk {
  Talk() {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    keeper = sys::Fd(pair[0]);
    client = std::make_unique<KeeperAttachment>(sys::Fd(pair[1]));
  }
  void say(Frame type, std::string_view payload) const {
    const keeper::FrameHeader header{.type = type,
                                     .length = static_cast<std::uint32_t>(payload.size())};
    REQUIRE(sys::write_all(keeper.get(), {reinterpret_cast<const char*>(&header), sizeof header}));
    REQUIRE(sys::write_all(keeper.get(), payload));
  }
  keeper::FrameHeader heard(std::string& payload) const {
    keeper::FrameHeader header;
    REQUIRE(sys::read_full(keeper.get(), reinterpret_cast<char*>(&header), sizeof header).value() ==
            sizeof header);
    payload.resize(header.length);
    REQUIRE(sys::read_full(keeper.get(), payload.data(), payload.size()).value() == payload.size());
    return header;
  }

  sys::Fd keeper;
  std::unique_ptr<KeeperAttachment> client;
};

}  // namespace

TEST_CASE("a keeper's frames become events") {
  const Talk talk;
  talk.say(Frame::Stdout, "out");
  talk.say(Frame::Stderr, "err");
  const keeper::ExitPayload exit{.exit_code = 7, .oom = 1};
  talk.say(Frame::Exit, {reinterpret_cast<const char*>(&exit), sizeof exit});
  Event event = talk.client->next().value();
  CHECK(event.type == Event::Type::Stdout);
  CHECK(event.bytes == "out");
  CHECK(talk.client->next().value().type == Event::Type::Stderr);
  event = talk.client->next().value();
  CHECK(event.type == Event::Type::Exit);
  CHECK(event.exit_code == 7);
  CHECK(event.oom_killed);
}

TEST_CASE("a frame that tells nothing does not hold up its reader") {
  const Talk talk;
  talk.say(Frame::Attached, "");
  const Event event = talk.client->next().value();
  CHECK(event.type == Event::Type::Stdout);
  CHECK(event.bytes.empty());
}

TEST_CASE("a keeper that goes away or talks nonsense") {
  Talk gone;
  gone.keeper.reset();
  CHECK(gone.client->next().value().type == Event::Type::Closed);
  const Talk confused;
  const keeper::FrameHeader header{.type = Frame::Stdout, .length = keeper::kMaxPayload + 1};
  REQUIRE(sys::write_all(confused.keeper.get(),
                         {reinterpret_cast<const char*>(&header), sizeof header}));
  CHECK(confused.client->next().error().kind() == Kind::Corrupt);
}

TEST_CASE("what a client asks") {
  const Talk talk;
  std::string payload;
  REQUIRE(talk.client->attach({.stdin = true, .stdout = true, .stderr = false}, true));
  keeper::FrameHeader header = talk.heard(payload);
  CHECK(header.type == Frame::Attach);
  CHECK(header.flags == (keeper::kAttachStdin | keeper::kAttachStdout | keeper::kAttachTakeOver));
  REQUIRE(talk.client->send_stdin("abc"));
  header = talk.heard(payload);
  CHECK(header.type == Frame::Stdin);
  CHECK(payload == "abc");
  REQUIRE(talk.client->resize(24, 80));
  header = talk.heard(payload);
  CHECK(header.type == Frame::Resize);
  CHECK(payload == std::string("\x18\0\x50\0", 4));
  REQUIRE(talk.client->signal(15));
  header = talk.heard(payload);
  CHECK(header.type == Frame::Signal);
  CHECK(payload == std::string("\x0f\0\0\0", 4));
}
