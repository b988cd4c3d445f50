// SPDX-License-Identifier: Apache-2.0
// --with: a start waits until its services can be used.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "engine/health_probe.h"
#include "engine/links.h"
#include "engine/services.h"
#include "engine/state.h"

namespace tare::engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr int kLookMs = 50;
constexpr std::chrono::seconds kProbePause(1);  // Between those that we make ourselves.
constexpr std::chrono::seconds kLongestProbe(5);
constexpr std::chrono::milliseconds kShortestProbe(250);  // None is begun to be cut off.

bool do_meet(const Container& one, const Container& other) {
  return std::ranges::any_of(one.config.net.networks, [&](const NetworkRequest& network) {
    return std::ranges::find(other.config.net.networks, network.network,
                             &NetworkRequest::network) != other.config.net.networks.end();
  });
}

Error not_running(const Container& other) {
  if (other.status == Status::Exited)
    return Error(Kind::Busy, fmt::format("service {} does not run: it ended with exit code {}",
                                         quoted(other.name), other.exit_code))
        .hint("see why: tare logs " + other.name + "; and start it: tare start " + other.name);
  return Error(Kind::Busy, "service " + quoted(other.name) + " does not run")
      .hint("start it first: tare start " + other.name);
}

// In a line.
std::string last_words(const std::optional<ProbeResult>& last) {
  constexpr std::size_t kMost = 300;
  if (!last) return "nothing was asked yet";
  std::string text(trim(last->output));
  std::ranges::replace(text, '\n', ' ');
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return fmt::format("the last answer (exit code {}) was: {}", last->exit_code,
                     text.empty() ? "nothing" : text);
}

}  // namespace

// Waits for one service.
class Engine::State::ServiceWait {
 public:
  ServiceWait(State& state, Engine& engine, std::string name)
      : state_(state), engine_(engine), name_(std::move(name)) {}

  // Whether it can be used now. Errors: NotFound; Busy (it does not run, and nobody starts it).
  Result<bool> look(const Container& own, nanoseconds left) {
    const Container other = TRY(engine_.find(name_), "service " + name_);
    if (other.status != Status::Running) return std::unexpected(not_running(other));
    if (!do_meet(own, other)) return std::unexpected(not_together(own, other));
    if (other.config.health.is_set()) return look_at_health(other, left);
    return look_at_port(other, left);
  }

  // What it waits for, for people.
  std::string goal() const {
    return port_ == 0 ? "to be healthy" : fmt::format("to take connections at port {}", port_);
  }
  Error too_late(nanoseconds waited) const {
    return Error(Kind::Unavailable,
                 fmt::format("service {}: waited {:g} s for it {}; {}", quoted(name_),
                             std::chrono::duration<double>(waited).count(), goal(),
                             last_words(last_)))
        .hint("look at it: tare logs " + name_ +
              "; or wait longer with --with-timeout, or not at all with --with-timeout 0");
  }

 private:
  // What its keeper finds at its interval, and what we find before: only that it is well counts.
  Result<bool> look_at_health(const Container& other, nanoseconds left) {
    if (other.health == HealthStatus::Healthy) return true;
    if (const Health health = TRY(state_.health_of(other)); !health.log.empty())
      last_ = health.log.back();
    if (!may_probe(left) || other.paused) return false;
    const nanoseconds most = std::min<nanoseconds>(kLongestProbe, other.config.health.timeout);
    ProbeResult result = TRY(ask_health(engine_, other, limited(most, left)));
    last_ = result;
    if (result.exit_code != 0) return false;
    return TRY(state_.note_probe(other, std::move(result))) == HealthStatus::Healthy;
  }

  // Of those with ports the first of TCP; one without is there when it runs.
  Result<bool> look_at_port(const Container& other, nanoseconds left) {
    const std::vector<ServicePort> ports = service_ports(other.config.net);
    if (ports.empty() || ports[0].protocol != "tcp") return true;
    port_ = static_cast<std::uint16_t>(ports[0].number);
    ProbeTarget target{.port = port_};
    for (const network::Endpoint& endpoint : TRY(state_.endpoints_of(other.id)))
      for (const auto& address : {endpoint.v4, endpoint.v6})
        if (address) target.hosts.push_back(*address);
    if (target.hosts.empty() || !may_probe(left)) return false;
    last_ = probe_target(engine_, other, target, limited(kProbePause, left));
    return last_->exit_code == 0;
  }

  static nanoseconds limited(nanoseconds most, nanoseconds left) {
    return std::min(most, std::max<nanoseconds>(left, kShortestProbe));
  }

  // Not more often than there is a point in it: at first as fast as it starts.
  bool may_probe(nanoseconds left) {
    const auto now = Clock::now();
    if (now < next_ || (last_ && left < kShortestProbe)) return false;
    next_ = now + std::min<nanoseconds>(kProbePause, std::chrono::milliseconds(50) * ++probes_);
    return true;
  }

  State& state_;
  Engine& engine_;
  std::string name_;
  std::uint16_t port_ = 0;
  std::optional<ProbeResult> last_;
  Clock::time_point next_;
  int probes_ = 0;
};

Result<> Engine::State::await_services(Engine& engine, const Container& container,
                                       const StartRequest& request, const Progress& progress) {
  const nanoseconds most = container.config.net.with_timeout;
  if (most == nanoseconds(0)) return {};
  for (const std::string& link : container.config.net.with) {
    ServiceWait wait(*this, engine, service_names(link).container);
    const auto begin = Clock::now();
    for (;;) {
      const nanoseconds waited = Clock::now() - begin;
      const nanoseconds left = std::max<nanoseconds>(most - waited, std::chrono::milliseconds(1));
      if (TRY(wait.look(container, left))) break;
      if (Clock::now() - begin >= most) return std::unexpected(wait.too_late(most));
      if (request.gives_up && request.gives_up())
        return fail(Kind::Unavailable, "interrupted while waiting for a service");
      if (progress)
        progress(fmt::format("waiting for {} {} ({} s)", service_names(link).container, wait.goal(),
                             std::chrono::duration_cast<std::chrono::seconds>(waited).count()),
                 0, 0);
      (void)::poll(nullptr, 0, kLookMs);
    }
  }
  return {};
}

}  // namespace tare::engine
