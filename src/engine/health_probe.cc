// SPDX-License-Identifier: Apache-2.0
#include "engine/health_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "engine/health_record.h"
#include "network/socket_address.h"

namespace tare::engine {
namespace {

using Clock = std::chrono::steady_clock;
using network::Address;

constexpr std::size_t kMostLine = 1024;  // Of a status line that anybody means.
constexpr int kBodyPauseMs = 300;        // A body that does not go on for so long is at its end.

std::unexpected<Error> no_probe(std::string_view url, const std::string& why) {
  return std::unexpected(
      Error(Kind::Invalid, "health probe " + quoted(url) + ": " + why)
          .hint("write http://:PORT/PATH, tcp://:PORT or unix:///PATH of the container"));
}

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (c <= ' ' || c == 0x7f) return false;
  return true;
}

// "HOST:PORT", with an address in brackets where it has colons itself.
Result<> parse_authority(std::string_view url, std::string_view text, ProbeTarget& target) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.substr(colon).find(']') != std::string_view::npos)
    return no_probe(url, "the port is missing");
  const auto port = parse_u64(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return no_probe(url, "the port is no number to 65535");
  target.port = static_cast<std::uint16_t>(*port);
  std::string_view host = text.substr(0, colon);
  target.host_header =
      host.empty() ? "localhost:" + std::to_string(target.port) : std::string(text);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "localhost") {
    target.hosts = {TRY(Address::parse("127.0.0.1")), TRY(Address::parse("::1"))};
    return {};
  }
  const auto address = Address::parse(host);
  if (!address) return no_probe(url, quoted(host) + " is no address; leave it out for loopback");
  target.hosts = {*address};
  return {};
}

// --- In the process that asks ---

// Kept in the parent's memory until it is forked; errors end the process.
[[noreturn]] void answer(int out, int status, const std::string& text) {
  (void)sys::write_all(out, text.ends_with('\n') ? text : text + "\n");
  ::_exit(status);
}

sys::Fd connect_any(const ProbeTarget& target, int out) {
  std::string failures;
  for (const Address& host : target.hosts) {
    sys::Fd socket(::socket(host.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const network::SocketAddress address(host, target.port);
    if (socket && ::connect(socket.get(), address.get(), address.size()) == 0) return socket;
    const int error = errno;
    if (!failures.empty()) failures += ", ";
    failures += fmt::format(fmt::runtime(host.is_v6 ? "[{}]:{}: {}" : "{}:{}: {}"), host.text(),
                            target.port, ::strerror(error));
  }
  answer(out, 1, "connect to " + failures);
}

// SECURITY: found below the container's root by the kernel, and connected to by its descriptor: no
// link in the container leads to a socket of the host. tests/security/health-probes.sh
void connect_unix(const ProbeTarget& target, int root, int out) {
  const auto place = sys::open_in_root(root, target.path, O_PATH);
  if (!place) answer(out, 1, place.error().message());
  struct stat info{};
  if (::fstat(place->get(), &info) != 0 || !S_ISSOCK(info.st_mode))
    answer(out, 1, quoted(target.path) + " is no socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(place->get());
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    answer(out, 1, "connect to " + quoted(target.path) + ": " + ::strerror(errno));
}

// As much of the answer as is kept, or as there is.
std::string read_answer(int socket) {
  std::string text;
  std::array<char, 2048> buffer;
  while (text.size() <= kProbeOutput) {
    const bool has_line = text.find('\n') != std::string::npos;
    if (!has_line && text.size() > kMostLine) break;
    pollfd poll{.fd = socket, .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, has_line ? kBodyPauseMs : -1) == 0) break;
    const ssize_t got = ::read(socket, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

[[noreturn]] void ask_http(const ProbeTarget& target, int socket, int out) {
  const auto sent = sys::write_all(
      socket, fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tare-health\r\nAccept: "
                          "*/*\r\nConnection: close\r\n\r\n",
                          target.path, target.host_header));
  if (!sent) answer(out, 1, sent.error().message());
  const std::string text = read_answer(socket);
  const std::string line(trim(text.substr(0, text.find('\n'))));
  const auto status = parse_status_line(line);
  if (!status) answer(out, 1, "it does not answer in HTTP: " + quoted(line));
  // What is behind the header tells what is wrong.
  const std::size_t body = text.find("\r\n\r\n");
  answer(out, *status >= 200 && *status < 400 ? 0 : 1,
         line + (body == std::string::npos ? "" : "\n" + text.substr(body + 4)));
}

[[noreturn]] void ask(const ProbePlace& place, const ProbeTarget& target, int out, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(number, SIG_DFL);
  if (target.kind == ProbeTarget::Kind::Unix) {
    connect_unix(target, place.root.get(), out);
    answer(out, 0, "connected to " + quoted(target.path));
  }
  if (::setns(place.network.get(), CLONE_NEWNET) != 0)
    answer(out, 1, std::string("enter the container's network: ") + ::strerror(errno));
  const sys::Fd socket = connect_any(target, out);
  if (target.kind == ProbeTarget::Kind::Http) ask_http(target, socket.get(), out);
  answer(out, 0, fmt::format("connected to port {}", target.port));
}

// --- In the process that waits ---

// Its end, while its number is still its own: what it has started goes with it.
int bury(const ExecProcess& process) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(process.pidfd.get()), &info, WEXITED | WNOWAIT) != 0)
    if (errno != EINTR) return -1;
  ::kill(-process.pid, SIGKILL);
  int status = 0;
  while (::waitpid(process.pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// False: there is no more. What is beyond the limit is read and forgotten, so that nobody blocks.
bool take_some(int fd, std::string& text) {
  std::array<char, 16384> buffer;
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  const std::size_t room = kProbeOutput + 1 - std::min(text.size(), kProbeOutput + 1);
  text.append(buffer.data(), std::min(static_cast<std::size_t>(got), room));
  return true;
}

void make_nonblocking(const sys::Fd& fd) {
  if (fd) ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

}  // namespace

Result<ProbeTarget> parse_probe(std::string_view url) {
  constexpr std::size_t kMostBytes = 1000;
  ProbeTarget target;
  if (url.size() > kMostBytes || !is_plain(url))
    return no_probe(url, "it has characters that no URL has, or too many");
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kTcp = "tcp://";
  constexpr std::string_view kUnix = "unix://";
  if (url.starts_with(kUnix)) {
    target.kind = ProbeTarget::Kind::Unix;
    target.path = url.substr(kUnix.size());
    if (target.path.size() < 2 || target.path[0] != '/')
      return no_probe(url, "the path has to start with /");
    return target;
  }
  if (url.starts_with(kTcp)) {
    TRY(parse_authority(url, url.substr(kTcp.size()), target));
    return target;
  }
  if (url.starts_with("https://"))
    return std::unexpected(
        Error(Kind::Unsupported, "health probe " + quoted(url) + ": Tare does not speak TLS here")
            .hint("tcp://:PORT asks whether it listens; --health-cmd runs a program of the image"));
  if (!url.starts_with(kHttp)) return no_probe(url, "it starts with none of http, tcp and unix");
  target.kind = ProbeTarget::Kind::Http;
  const std::string_view rest = url.substr(kHttp.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  target.path = slash == rest.size() ? "/" : std::string(rest.substr(slash));
  TRY(parse_authority(url, rest.substr(0, slash), target));
  return target;
}

Result<> check_probe_url(std::string_view url) {
  TRY(parse_probe(url));
  return {};
}

Result<int> parse_status_line(std::string_view line) {
  constexpr std::string_view kStart = "HTTP/1.";
  if (line.size() < kStart.size() + 5 || !line.starts_with(kStart) ||
      line[kStart.size() + 1] != ' ')
    return fail(Kind::Invalid, "no status line of HTTP");
  const std::string_view rest = line.substr(kStart.size() + 2);
  const auto status = parse_u64(rest.substr(0, 3));
  if (!status || *status < 100 || (rest.size() > 3 && rest[3] != ' '))
    return fail(Kind::Invalid, "no status line of HTTP");
  return static_cast<int>(*status);
}

Result<ExecProcess> start_probe(const ProbePlace& place, const ProbeTarget& target) {
  sys::Pipe pipe = TRY(sys::make_pipe());
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("fork a probe");
  if (pid == 0) ask(place, target, pipe.write.get(), parent);
  ExecProcess process{.pid = pid,
                      .pidfd = sys::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
                      .in = {},
                      .out = std::move(pipe.read),
                      .err = {},
                      .warnings = {}};
  if (process.pidfd) return process;
  const Error error = Error::sys(errno, "watch a probe");
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return std::unexpected(error);
}

ProbeResult watch_probe(ExecProcess process, std::chrono::nanoseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  ProbeResult result{.start = now_ns()};
  std::string text;
  make_nonblocking(process.out);
  make_nonblocking(process.err);
  bool is_late = false;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    is_late = left <= 0;
    if (is_late) break;
    pollfd polls[] = {{.fd = process.pidfd.get(), .events = POLLIN, .revents = 0},
                      {.fd = process.out.get(), .events = POLLIN, .revents = 0},
                      {.fd = process.err.get(), .events = POLLIN, .revents = 0}};
    constexpr std::int64_t kLongest = 1 << 30;
    if (::poll(polls, 3, static_cast<int>(std::min<std::int64_t>(left, kLongest))) < 0) continue;
    if (polls[1].revents != 0 && !take_some(process.out.get(), text)) process.out.reset();
    if (polls[2].revents != 0 && !take_some(process.err.get(), text)) process.err.reset();
    if (polls[0].revents != 0 && polls[1].revents == 0 && polls[2].revents == 0) break;
    // Of one that has ended only what is there: who has its output may go on for ever.
    if (polls[0].revents != 0 && text.size() > kProbeOutput) break;
  }
  if (is_late) {
    ::kill(-process.pid, SIGKILL);
    ::kill(process.pid, SIGKILL);
  }
  const int exit_code = bury(process);
  result.end = now_ns();
  result.exit_code = is_late ? -1 : exit_code;
  result.output = clean_output(text);
  if (is_late)
    result.output = fmt::format("Health check exceeded timeout ({:g}s): {}",
                                std::chrono::duration<double>(timeout).count(), result.output);
  return result;
}

}  // namespace tare::engine
