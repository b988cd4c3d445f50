// SPDX-License-Identifier: Apache-2.0
// Messages to the byte, and a conversation over a real bus, whose daemon checks every message that
// it passes on.
#include "sys/dbus.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "sys/files.h"
#include "sys/systemd.h"

namespace tare::sys {
namespace {

using namespace std::chrono_literals;

template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return std::move(*result);
}
TEST_CASE("dbus: a message to the byte") {
  const dbus::Message hello{.serial = 1,
                            .path = "/a",
                            .interface = "b.c",
                            .member = "D",
                            .destination = "e.f",
                            .signature = "s",
                            .body = std::string("\1\0\0\0x\0", 6)};
  const std::string bytes = dbus::encode(hello);
  // [D-Bus Specification, "Message Format": each field at 8 bytes, code, signature, value]
  const std::string want(
      "l\1\0\1\6\0\0\0\1\0\0\0\x47\0\0\0"
      "\1\1o\0\2\0\0\0/a\0\0\0\0\0\0"
      "\2\1s\0\3\0\0\0b.c\0\0\0\0\0"
      "\3\1s\0\1\0\0\0D\0\0\0\0\0\0\0"
      "\6\1s\0\3\0\0\0e.f\0\0\0\0\0"
      "\10\1g\0\1s\0\0"
      "\1\0\0\0x\0",
      16 + 72 + 6);
  CHECK(bytes == want);
  CHECK(must(dbus::whole_size(bytes)) == bytes.size());
  const dbus::Message back = must(dbus::decode(bytes));
  CHECK(back.path == "/a");
  CHECK(back.interface == "b.c");
  CHECK(back.member == "D");
  CHECK(back.destination == "e.f");
  CHECK(back.signature == "s");
  CHECK(dbus::Reader(back.body).text() == "x");
}

TEST_CASE("dbus: arrays and variants lie where the specification wants them") {
  dbus::Writer out;
  out.text("a");                         // 4 + 2 bytes.
  const auto list = out.begin_array(8);  // Length at 8, first element at 16.
  out.align(8).text("P").signature("t").number64(5);
  out.end_array(list);
  const std::string want(
      "\1\0\0\0a\0\0\0"
      "\x18\0\0\0\0\0\0\0"
      "\1\0\0\0P\0\1t"
      "\0\0\0\0\0\0\0\0"
      "\5\0\0\0\0\0\0\0",
      40);
  CHECK(out.bytes() == want);
}

TEST_CASE("dbus: broken messages are refused, however they are broken") {
  const std::string whole = dbus::encode({.serial = 7, .path = "/p", .member = "M"});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto message = dbus::decode(std::string_view(whole).substr(0, size));
    REQUIRE(!message);
    CHECK(message.error().kind() == Kind::Corrupt);
  }
  CHECK(!dbus::decode(whole + "x"));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = '\xff';
    (void)dbus::decode(changed);  // Must only not read beyond it.
  }
}

// --- a bus of our own

class Bus {
 public:
  Bus() {
    char name[] = "/tmp/tare-bus-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    directory_ = name;
    std::ofstream(directory_ + "/config")
        << "<busconfig><type>session</type><listen>unix:path=" << directory_
        << "/bus</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow send_destination="
           "\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/><allow "
           "user=\"*\"/>"
           "</policy></busconfig>";
    pid_ = ::fork();
    if (pid_ == 0) {
      const std::string config = "--config-file=" + directory_ + "/config";
      ::execlp("dbus-daemon", "dbus-daemon", config.c_str(), "--nofork", "--nopidfile", nullptr);
      ::_exit(127);
    }
  }
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;
  ~Bus() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    if (const auto tmp = sys::open_path("/tmp", O_RDONLY | O_DIRECTORY))
      (void)remove_tree(tmp->get(), directory_.substr(5));
  }
  std::string path() const { return directory_ + "/bus"; }
  // False where there is no dbus-daemon.
  bool is_there() const {
    for (int tries = 0; tries < 500; ++tries) {
      if (::access(path().c_str(), F_OK) == 0) return true;
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) break;
      std::this_thread::sleep_for(10ms);
    }
    MESSAGE("skipped: dbus-daemon does not run here");
    return false;
  }

 private:
  std::string directory_;
  pid_t pid_ = -1;
};

// Somebody who answers as systemd does: the end of the job is told by a signal.
class FakeSystemd {
 public:
  explicit FakeSystemd(const std::string& bus, std::string result)
      : connection_(must(dbus::Connection::open(bus))), result_(std::move(result)) {
    dbus::Writer body;
    body.text("org.freedesktop.systemd1").number32(0);
    must(connection_.call({.path = "/org/freedesktop/DBus",
                           .interface = "org.freedesktop.DBus",
                           .member = "RequestName",
                           .destination = "org.freedesktop.DBus",
                           .signature = "su",
                           .body = body.bytes()}));
  }

  // Answers one call and keeps it.
  void serve_one() {
    auto called = connection_.next_call(10s);
    if (!called) return;
    calls.push_back(*called);
    dbus::Message reply{
        .type = dbus::Type::Reply, .reply_to = called->serial, .destination = called->sender};
    if (called->member == "StartTransientUnit") {
      dbus::Writer body;
      body.text("/job/7");
      reply.signature = "o";
      reply.body = body.bytes();
      // Of somebody else's job first.
      (void)tell("/job/6", "failed");
      (void)tell("/job/7", result_);
    }
    if (called->member == "SetUnitProperties" && result_ != "done") {
      dbus::Writer body;
      body.text("Unit x.scope not found.");
      reply.type = dbus::Type::Failure;
      reply.error = "org.freedesktop.systemd1.NoSuchUnit";
      reply.signature = "s";
      reply.body = body.bytes();
    }
    (void)connection_.send(reply);
  }
  std::vector<dbus::Message> calls;

 private:
  Result<> tell(const char* job, const std::string& result) {
    dbus::Writer body;
    body.number32(7).text(job).text("tare-web.scope").text(result);
    return connection_.send({.type = dbus::Type::Signal,
                             .path = "/org/freedesktop/systemd1",
                             .interface = "org.freedesktop.systemd1.Manager",
                             .member = "JobRemoved",
                             .signature = "uoss",
                             .body = body.bytes()});
  }

  dbus::Connection connection_;
  std::string result_;
};

TEST_CASE("dbus: a scope is asked for, and its job waited for, over a real bus") {
  const Bus bus;
  if (!bus.is_there()) return;
  for (const char* result : {"done", "failed"}) {
    INFO(result);
    FakeSystemd systemd(bus.path(), result);
    dbus::Connection connection = must(dbus::Connection::open(bus.path()));
    CHECK(connection.name().starts_with(":"));
    std::thread server([&] {
      for (int i = 0; i < 3; ++i) systemd.serve_one();
    });
    const auto started =
        systemd::start_scope(connection, {.slice = "machine.slice", .unit = "tare-web.scope"}, 4711,
                             {.memory_bytes = 1 << 20,
                              .memory_swap_bytes = 3 << 20,
                              .cpu_quota_us = 25'000,
                              .cpu_shares = 1024,
                              .pids = kNoLimit});
    const auto changed = systemd::set_limits(connection, "tare-web.scope", {.pids = 7});
    server.join();
    const bool good = std::string_view(result) == "done";
    REQUIRE(bool(started) == good);
    REQUIRE(bool(changed) == good);
    if (!good) {
      CHECK(started.error().message().find("failed") != std::string::npos);
      CHECK(changed.error().message().find("not found") != std::string::npos);
    }
    REQUIRE(systemd.calls.size() == 3);
    CHECK(systemd.calls[0].member == "Subscribe");
    CHECK(systemd.calls[1].signature == "ssa(sv)a(sa(sv))");
    dbus::Reader body(systemd.calls[1].body);
    CHECK(body.text() == "tare-web.scope");
    CHECK(body.text() == "replace");
    const std::string& bytes = systemd.calls[1].body;
    for (const char* property : {"Slice", "machine.slice", "Delegate", "PIDs", "MemoryMax",
                                 "MemorySwapMax", "CPUWeight", "CPUQuotaPerSecUSec", "TasksMax"})
      CHECK(bytes.find(property) != std::string::npos);
  }
}

TEST_CASE("dbus: who is not there does not answer") {
  const Bus bus;
  if (!bus.is_there()) return;
  dbus::Connection connection = must(dbus::Connection::open(bus.path()));
  const auto done = systemd::set_limits(connection, "x.scope", {.pids = 1});
  REQUIRE(!done);
  CHECK(done.error().kind() == Kind::Unavailable);
  CHECK(done.error().message().find("ServiceUnknown") != std::string::npos);
  const auto nothing = connection.next_signal("JobRemoved", 20ms);
  REQUIRE(!nothing);
  CHECK(nothing.error().kind() == Kind::Unavailable);
  CHECK(!dbus::Connection::open(bus.path() + "-not"));
}

TEST_CASE("systemd: names of scopes") {
  const auto name = [](const char* path) { return must(systemd::parse_scope_name(path)); };
  CHECK(name("machine.slice:libpod:abc").unit == "libpod-abc.scope");
  CHECK(name("machine.slice:libpod:abc").slice == "machine.slice");
  CHECK(name("::abc").unit == "abc.scope");
  CHECK(name(":x:abc.scope").unit == "abc.scope");
  for (const char* path : {"", "a", "a:b", "a:b:c:d", "x:b:c", "a.slice:b:", "a.slice:b:c/d",
                           "a.slice:b:c.slice", "a.slice: :c"}) {
    INFO(path);
    REQUIRE(!systemd::parse_scope_name(path));
    CHECK(systemd::parse_scope_name(path).error().kind() == Kind::Invalid);
  }
}

}  // namespace
}  // namespace tare::sys
