// SPDX-License-Identifier: Apache-2.0
#include "engine/keeper_client.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

using namespace tare;
using namespace tare::engine;
using keeper::Frame;

namespace {

struct Pair {
  sys::Fd keeper;
  KeeperClient client;
};

Pair make_pair() {
  int fds[2] = {-1, -1};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  return {sys::Fd(fds[0]), KeeperClient::adopt(sys::Fd(fds[1]))};
}

std::string frame(Frame type, std::uint8_t flags, const std::string& payload) {
  const keeper::FrameHeader header{.type = type,
                                   .flags = flags,
                                   .reserved = 0,
                                   .length = static_cast<std::uint32_t>(payload.size())};
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + payload;
}

std::string exit_frame(int code) {
  const keeper::ExitPayload exit{.exit_code = code, .oom = 1, .reserved = {}, .finished_at = 5};
  return frame(Frame::Exit, 0, std::string(reinterpret_cast<const char*>(&exit), sizeof exit));
}

}  // namespace

TEST_CASE("requests are the frames of the protocol") {
  Pair pair = make_pair();
  REQUIRE(pair.client.attach(keeper::kAttachStdin));
  REQUIRE(pair.client.send_input("abc"));
  REQUIRE(pair.client.resize(24, 80));
  REQUIRE(pair.client.signal(15));
  const std::string want = frame(Frame::Attach, 1, "") + frame(Frame::Stdin, 0, "abc") +
                           frame(Frame::Resize, 0, std::string("\x18\0\x50\0", 4)) +
                           frame(Frame::Signal, 0, std::string("\x0f\0\0\0", 4));
  std::string got(want.size(), '\0');
  REQUIRE(sys::read_full(pair.keeper.get(), got.data(), got.size()).value() == want.size());
  CHECK(got == want);
}

TEST_CASE("messages arrive whole whatever the pieces") {
  Pair pair = make_pair();
  const std::string all = frame(Frame::Attached, 3, "") + frame(Frame::Stdout, 0, "hello");
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    REQUIRE(sys::write_all(pair.keeper.get(), all.substr(i, 1)));
    const auto message = pair.client.receive(0).value();
    if (i == 7) {
      CHECK(message.value().type == Frame::Attached);
      CHECK(message.value().flags == 3);
    } else {
      CHECK_FALSE(message.has_value());
    }
  }
  REQUIRE(sys::write_all(pair.keeper.get(), all.substr(all.size() - 1)));
  CHECK(pair.client.receive(-1).value().value().payload == "hello");
  CHECK_FALSE(pair.client.receive(1).value().has_value());
}

TEST_CASE("the exit is heard even when the keeper has gone") {
  Pair pair = make_pair();
  REQUIRE(sys::write_all(pair.keeper.get(), frame(Frame::Stdout, 0, "x") + exit_frame(137)));
  pair.keeper.reset();
  REQUIRE(pair.client.signal(1));  // Nobody is there any more; not an error.
  const auto exit = pair.client.receive_exit().value();
  CHECK(exit.exit_code == 137);
  CHECK(exit.oom == 1);
  CHECK(exit.finished_at == 5);
  CHECK(pair.client.receive(-1).error().kind() == Kind::Unavailable);
}

TEST_CASE("much input is queued, never waited for") {
  Pair pair = make_pair();
  const std::string input(3 << 20, 'x');
  REQUIRE(pair.client.send_input(input));
  CHECK(pair.client.pending() > 0);
  CHECK((pair.client.events() & POLLOUT) != 0);
  std::size_t got = 0;
  char buffer[65536];
  while (pair.client.pending() > 0 || got < input.size() + 48 * sizeof(keeper::FrameHeader)) {
    const ssize_t n = ::read(pair.keeper.get(), buffer, sizeof buffer);
    REQUIRE(n > 0);
    got += static_cast<std::size_t>(n);
    REQUIRE(pair.client.flush());
  }
  CHECK(got == input.size() + 48 * sizeof(keeper::FrameHeader));
}

TEST_CASE("what does not speak the protocol is refused") {
  Pair pair = make_pair();
  REQUIRE(sys::write_all(pair.keeper.get(), std::string(8, '\xff')));
  CHECK(pair.client.receive(-1).error().kind() == Kind::Corrupt);
}

TEST_CASE("a container without keeper") {
  const sys::Fd dir = sys::open_path("/tmp", O_RDONLY | O_DIRECTORY).value();
  CHECK(KeeperClient::connect(dir.get()).error().kind() == Kind::NotFound);
  CHECK(signal_container(dir.get(), 15).error().kind() == Kind::NotFound);
}
