// SPDX-License-Identifier: Apache-2.0
#include "network/uplink.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "network/links.h"
#include "network/service_log.h"

namespace tare::network {
namespace {

constexpr int kMostTries = 5;  // In a row: without a way out of the host pasta ends at once.
constexpr std::chrono::seconds kDelay(2);
// Where it finds the namespace, what tells it of our end, and where it says that it is ready.
constexpr int kNetworkAt = 3;
constexpr int kAliveAt = 4;
constexpr int kReadyAt = 5;
constexpr const char* kDevice = "uplink";

// The first that is there. A client of pasta's that has said all before the answer comes reads it
// again and again; of 2023, which Debian 12 has, and of 2024. [passt's tcp.c, TAP_FIN_RCVD]
constexpr std::array kPrograms = {"slirp4netns", "pasta"};

std::string path_of(std::string_view program) {
  for (const char* const directory : {"/usr/local/bin/", "/usr/bin/", "/bin/"})
    if (std::string path = directory + std::string(program); ::access(path.c_str(), X_OK) == 0)
      return path;
  return "";
}

// Nothing comes in by it, and nothing of the host's loopback goes out: published ports are the
// forwarder's, and names the name server's.
std::vector<std::string> pasta_words() {
  return {"pasta", "--config-net", "--no-map-gw", "--foreground", "--quiet",        "--ns-ifname",
          kDevice, "-t",           "none",        "-u",           "none",           "-T",
          "none",  "-U",           "none",        "--netns",      "/proc/self/fd/3"};
}

std::vector<std::string> slirp_words(const Subnet& subnet) {
  // As large as it takes: it costs a system call a packet.
  return {"slirp4netns",      "--configure",
          "--mtu=65520",      "--cidr=" + subnet.text(),
          "--enable-ipv6",    "--disable-host-loopback",
          "--disable-dns",    "--enable-sandbox",
          "--enable-seccomp", "--exit-fd=4",
          "--ready-fd=5",     "--netns-type=path",
          "/proc/self/fd/3",  kDevice};
}

// One that leads nowhere else, from this host or from the home network.
Result<Subnet> free_subnet(const std::vector<Subnet>& taken) {
  constexpr int kPrefix = 24;
  for (std::uint8_t number = 2; number < 255; ++number) {
    Address base;
    base.bytes = {10, 0, number, 0};
    const Subnet subnet = Subnet::of(base, kPrefix);
    if (std::ranges::none_of(taken, [&](const Subnet& its) { return its.overlaps(subnet); }))
      return subnet;
  }
  return fail(Kind::Unavailable, "no subnet is free for the way out of this user's networks");
}

Result<> add_subnets(std::vector<Subnet>& taken) {
  Links links = TRY(Links::open());
  for (const Subnet& subnet : TRY(links.subnets())) taken.push_back(subnet);
  return {};
}

// Its router would tell, but the kernel takes a second or more to ask. [slirp4netns(1), IPv6]
Result<> configure_v6() {
  Links links = TRY(Links::open());
  const auto link = TRY(links.find(kDevice));
  if (!link) return fail(Kind::NotFound, "slirp4netns has made no device");
  const Address address = TRY(Address::parse("fd00::100"));
  const Address router = TRY(Address::parse("fd00::2"));
  TRY(links.add_address(*link, {.address = address, .prefix = 64}));
  return links.add_default_route(*link, router);
}

}  // namespace

bool has_uplink_program() {
  return std::ranges::any_of(kPrograms,
                             [](const char* program) { return !path_of(program).empty(); });
}

Error no_uplink_program() {
  return Error(Kind::NotFound,
               "neither slirp4netns nor pasta is installed: networks of an ordinary user have no "
               "way out of this machine")
      .hint("install one: apt-get install slirp4netns");
}

Uplink::~Uplink() {
  loop_.cancel(again_);
  if (ready_) loop_.remove(ready_.get());
  if (pidfd_) loop_.remove(pidfd_.get());
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

Result<std::vector<std::string>> Uplink::words() const {
  if (kPrograms[which_] == std::string_view("pasta")) return pasta_words();
  std::vector<Subnet> taken;
  TRY(add_subnets(taken));
  TRY(home_.run([&] { return add_subnets(taken); }));
  return slirp_words(TRY(free_subnet(taken)));
}

Result<> Uplink::start() {
  while (which_ < kPrograms.size() && path_of(kPrograms[which_]).empty()) ++which_;
  if (which_ == kPrograms.size()) return std::unexpected(no_uplink_program());
  return spawn(path_of(kPrograms[which_]), TRY(words()));
}

Result<> Uplink::spawn(const std::string& program, std::vector<std::string> words) {
  sys::Pipe alive = TRY(sys::make_pipe());
  sys::Pipe ready = TRY(sys::make_pipe());
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // Above the numbers that they are to have.
  std::array<sys::Fd, 3> high;
  const std::array from = {home_.network(), alive.read.get(), ready.write.get()};
  const std::array to = {kNetworkAt, kAliveAt, kReadyAt};
  for (std::size_t i = 0; i < from.size(); ++i) {
    high[i] = sys::Fd(::fcntl(from[i], F_DUPFD_CLOEXEC, 16));
    ::posix_spawn_file_actions_adddup2(&actions, high[i].get(), to[i]);
  }
  // Pasta takes SIGPIPE that was ignored before for a failure to ignore it.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t all;
  ::sigfillset(&all);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
  std::array<char*, 2> environment = {path, nullptr};
  const int error = ::posix_spawn(&pid_, program.c_str(), &actions, &attributes, pointers.data(),
                                  environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    pid_ = -1;
    return std::unexpected(Error::sys(error, "start " + program));
  }
  alive_ = std::move(alive.write);
  ready_ = std::move(ready.read);
  pidfd_ = sys::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_) return fail_errno("watch " + program);
  TRY(loop_.add(ready_.get(), EPOLLIN, [this](std::uint32_t) { on_ready(); }));
  return loop_.add(pidfd_.get(), EPOLLIN, [this](std::uint32_t) { on_end(); });
}

// Pasta says nothing and closes it.
void Uplink::on_ready() {
  char byte = 0;
  const bool is_ready = ::read(ready_.get(), &byte, 1) == 1;
  loop_.remove(ready_.get());
  ready_.reset();
  if (!is_ready) return;
  if (auto done = home_.run(configure_v6); !done)
    log(std::move(done).error().wrap("give this user's networks a way out over IPv6"));
}

void Uplink::on_end() {
  if (ready_) loop_.remove(ready_.get());
  ready_.reset();
  alive_.reset();
  loop_.remove(pidfd_.get());
  pidfd_.reset();
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  if (++tries_ >= kMostTries) {
    log(Error(Kind::Unavailable,
              std::string(kPrograms[which_]) +
                  " ends again and again: this user's networks have no way out"));
    if (++which_ == kPrograms.size()) return;
    tries_ = 0;
  }
  again_ = loop_.after(kDelay, [this] {
    again_ = 0;
    if (auto started = start(); !started) log(started.error());
  });
}

}  // namespace tare::network
