// SPDX-License-Identifier: Apache-2.0
// The compiled device rules, run in a small machine of our own beside what the rules mean; and in
// the kernel, where we may.
#include "sys/cgroup_devices.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <random>

#include "sys/cgroup.h"
#include "sys/fd.h"
#include "sys/ids.h"

namespace tare::sys::cgroups {
namespace {

struct Access {
  char type = 'c';
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::string kinds;
};

// The rules by their words: each kind of access by the last rule that names it, else no.
bool is_allowed(const std::vector<DeviceRule>& rules, const Access& access) {
  for (const char kind : access.kinds) {
    bool allowed = false;
    for (const DeviceRule& rule : rules)
      if ((rule.type == 'a' || rule.type == access.type) &&
          (!rule.major || *rule.major == access.major) &&
          (!rule.minor || *rule.minor == access.minor) &&
          rule.access.find(kind) != std::string::npos)
        allowed = rule.allow;
    if (!allowed) return false;
  }
  return true;
}

// Runs what compile_device_rules() makes, and fails the test for anything else.
class Machine {
 public:
  explicit Machine(const Access& access) {
    std::uint32_t kinds = 0;
    for (const char c : access.kinds) kinds |= c == 'm' ? 1U : c == 'r' ? 2U : 4U;
    context_[0] = kinds << 16 | (access.type == 'b' ? 1U : 2U);
    context_[1] = access.major;
    context_[2] = access.minor;
  }

  std::uint32_t run(const std::vector<bpf_insn>& program) {
    for (std::size_t at = 0; at < program.size(); ++at) {
      const bpf_insn& now = program[at];
      if (now.code == (BPF_JMP | BPF_EXIT)) return registers_[0];
      if (step(now)) at += static_cast<std::size_t>(now.off);
    }
    FAIL("the program runs off its end");
    return 0;
  }

 private:
  bool step(const bpf_insn& now) {
    std::uint32_t& to = registers_[now.dst_reg];
    const auto value = static_cast<std::uint32_t>(now.imm);
    switch (now.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        to = context_[now.off / 4];
        return false;
      case BPF_ALU | BPF_X | BPF_MOV:
        to = registers_[now.src_reg];
        return false;
      case BPF_ALU | BPF_K | BPF_MOV:
        to = value;
        return false;
      case BPF_ALU | BPF_K | BPF_AND:
        to &= value;
        return false;
      case BPF_ALU | BPF_K | BPF_RSH:
        to >>= value;
        return false;
      case BPF_JMP32 | BPF_K | BPF_JNE:
        return to != value;
      case BPF_JMP32 | BPF_K | BPF_JEQ:
        return to == value;
      default:
        FAIL("unknown instruction " << int{now.code});
        return false;
    }
  }

  std::uint32_t context_[3] = {};
  std::uint32_t registers_[11] = {};
};

class Dice {
 public:
  explicit Dice(unsigned seed) : generator_(seed) {}
  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(generator_() % end); }
  std::string kinds() {
    static const char* const kAll[] = {"r", "w", "m", "rw", "rm", "wm", "rwm"};
    return kAll[below(7)];
  }
  std::vector<DeviceRule> rules() {
    std::vector<DeviceRule> all;
    for (std::uint32_t i = below(8); i > 0; --i) {
      DeviceRule rule{.allow = below(2) == 0, .type = "abc"[below(3)], .access = kinds()};
      if (below(2) == 0) rule.major = below(3);
      if (below(2) == 0) rule.minor = below(3);
      if (below(6) == 0) rule = {.allow = below(2) == 0};
      all.push_back(rule);
    }
    return all;
  }
  Access access() {
    return {.type = "bc"[below(2)], .major = below(4), .minor = below(4), .kinds = kinds()};
  }

 private:
  std::mt19937 generator_;
};

// The kernel's own way with version 1: a default and a list of exceptions. [devices_cgroup.c as
// cgroup-v1/devices.rst describes it]
class Version1 {
 public:
  void write(const DeviceWrite& write) {
    if (write.value == "a") {
      allow_ = write.allow;
      exceptions_.clear();
      return;
    }
    DeviceRule rule = *parse_device_rule(write.value);
    if (write.allow != allow_) {
      exceptions_.push_back(rule);
      return;
    }
    for (DeviceRule& each : exceptions_)
      if (each.type == rule.type && each.major == rule.major && each.minor == rule.minor)
        std::erase_if(each.access,
                      [&](char c) { return rule.access.find(c) != std::string::npos; });
  }
  bool is_allowed(const Access& access) const {
    // Default no: one exception has to have it all. Default yes: none may have a part.
    for (const DeviceRule& each : exceptions_) {
      if (each.type != access.type || (each.major && *each.major != access.major) ||
          (each.minor && *each.minor != access.minor))
        continue;
      const bool all = access.kinds.find_first_not_of(each.access) == std::string::npos;
      const bool part = access.kinds.find_first_of(each.access) != std::string::npos;
      if (allow_ ? part : all) return !allow_;
    }
    return allow_;
  }

 private:
  bool allow_ = true;
  std::vector<DeviceRule> exceptions_;
};

TEST_CASE("cgroup devices: the compiled rules decide as the rules say") {
  Dice dice(1);
  for (int round = 0; round < 3000; ++round) {
    const std::vector<DeviceRule> rules = dice.rules();
    const std::vector<bpf_insn> program = compile_device_rules(rules);
    for (int tries = 0; tries < 20; ++tries) {
      const Access access = dice.access();
      REQUIRE(Machine(access).run(program) == (is_allowed(rules, access) ? 1U : 0U));
    }
  }
}

TEST_CASE("cgroup devices: version 1 gets what it can decide alike, and nothing else") {
  Dice dice(2);
  int written = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::vector<DeviceRule> rules = dice.rules();
    const auto writes = device_writes(rules);
    if (!writes) continue;
    ++written;
    Version1 group;
    for (const DeviceWrite& write : *writes) group.write(write);
    for (int tries = 0; tries < 20; ++tries) {
      Access access = dice.access();
      // An open for reading and writing that two rules allow together: the kernel asks for one
      // exception with both, so it may only be stricter.
      const bool allowed = group.is_allowed(access);
      if (allowed) REQUIRE(is_allowed(rules, access));
      if (access.kinds.size() == 1) REQUIRE(allowed == is_allowed(rules, access));
    }
  }
  CHECK(written > 1000);
}

TEST_CASE("cgroup devices: rules of every container") {
  const auto rules = default_device_rules();
  CHECK(is_allowed(rules, {'c', 1, 3, "rw"}));     // null
  CHECK(is_allowed(rules, {'c', 1, 9, "r"}));      // urandom
  CHECK(is_allowed(rules, {'c', 5, 2, "rw"}));     // ptmx
  CHECK(is_allowed(rules, {'c', 136, 77, "rw"}));  // A terminal.
  CHECK(is_allowed(rules, {'b', 8, 0, "m"}));      // To make a node is not to open it.
  CHECK(!is_allowed(rules, {'b', 8, 0, "r"}));     // A disk.
  CHECK(!is_allowed(rules, {'c', 1, 1, "r"}));     // mem
  CHECK(!is_allowed(rules, {'c', 10, 200, "rw"}));
  REQUIRE(device_writes(rules));
  CHECK(device_writes(rules)->front() == DeviceWrite{.allow = false, .value = "a"});
}

TEST_CASE("cgroup devices: a rule in words") {
  CHECK(*parse_device_rule("c 1:3 rwm") ==
        DeviceRule{.allow = true, .type = 'c', .major = 1, .minor = 3, .access = "rwm"});
  CHECK(*parse_device_rule("a *:* m") == DeviceRule{.allow = true, .type = 'a', .access = "m"});
  for (const char* text : {"", "c", "c 1:3", "x 1:3 r", "c 1 r", "c 1:3 x", "c 1:3 ", "c -1:3 r",
                           "c 1:3 r w", "c 4294967296:1 r", "cc 1:3 r", "c :3 r"}) {
    INFO(text);
    REQUIRE(!parse_device_rule(text));
    CHECK(parse_device_rule(text).error().kind() == Kind::Invalid);
  }
}

// Errno of opening /dev/NAME for reading in the group, 0 when it works.
int open_inside(const Cgroup& group, const char* device) {
  int go[2];
  REQUIRE(::pipe(go) == 0);
  const int pid = ::fork();
  if (pid == 0) {
    char byte = 0;
    (void)!::read(go[0], &byte, 1);
    ::_exit(::open(device, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
  }
  REQUIRE(group.add(pid));
  REQUIRE(::write(go[1], "g", 1) == 1);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  ::close(go[0]);
  ::close(go[1]);
  return WEXITSTATUS(status);
}

TEST_CASE("cgroup devices: the kernel keeps to them, and to new ones") {
  const CgroupHost& host = cgroup_host();
  if (!in_initial_user_namespace() || !host.writable) {
    MESSAGE("skipped: needs root of the host");
    return;
  }
  const std::vector<DeviceRule> no_null{
      {.allow = false}, {.allow = true, .type = 'c', .major = 1, .minor = 5, .access = "r"}};
  std::vector<DeviceRule> hole = default_device_rules();
  hole.push_back({.allow = true, .type = 'c', .major = 1});
  hole.push_back({.allow = false, .type = 'c', .major = 1, .minor = 5});
  CHECK(!device_writes(hole));
  const auto set = Cgroup::create("test-devices" + std::to_string(::getpid()),
                                  {.devices = default_device_rules()});
  if (!set) FAIL(set.error().message());
  Cgroup group = *set;
  CHECK(open_inside(group, "/dev/null") == 0);
  CHECK(open_inside(group, "/dev/zero") == 0);
  REQUIRE(group.update({.devices = no_null}));
  CHECK(open_inside(group, "/dev/null") == EPERM);
  CHECK(open_inside(group, "/dev/zero") == 0);
  if (const auto v2 = group.v2_directory(); v2 && *v2) {
    // Rules that only a program can decide; twice, so that one takes the place of the other.
    REQUIRE(group.update({.devices = default_device_rules()}));
    const std::string directory = group.directories().back();
    for (const bool again : {false, true}) {
      const auto done = attach_device_program(directory, again ? no_null : hole);
      if (!done) FAIL(done.error().message());
      CHECK(open_inside(group, "/dev/null") == (again ? EPERM : 0));
      CHECK(open_inside(group, "/dev/zero") == (again ? 0 : EPERM));
    }
  }
  CHECK(group.remove());
}

}  // namespace
}  // namespace tare::sys::cgroups
