// SPDX-License-Identifier: Apache-2.0
// Health checks of containers: one probe, and what it changes. The keeper runs `tare healthcheck
// run` for each. [docs/decisions/0021]
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/failpoint.h"
#include "engine/health_probe.h"
#include "engine/health_record.h"
#include "engine/record.h"
#include "engine/root_namespace.h"
#include "engine/state.h"
#include "network/service.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// More than a probe's timeout, for the keeper: what is around the probe takes time, too.
constexpr std::chrono::seconds kGrace(20);

// Since its process 1 was started, by a clock that nobody sets. [proc_pid_stat(5), field 22]
nanoseconds age_of(const Container& container) {
  const auto ticks = parse_u64(start_time(container.pid));
  const long a_second = ::sysconf(_SC_CLK_TCK);
  timespec now{};
  if (!ticks || a_second <= 0 || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return nanoseconds(0);
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto per_second = static_cast<std::uint64_t>(a_second);
  const nanoseconds started(*ticks / per_second * kSecond +
                            *ticks % per_second * kSecond / per_second);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec) - started;
}

Result<> check_probed(const Container& container) {
  const std::string name = "container " + quoted(container.name);
  if (!container.config.health.is_set())
    return std::unexpected(Error(Kind::NotFound, name + " has no health check")
                               .hint("one is given to a new container: tare run --health-cmd "
                                     "COMMAND, or --health http://:PORT/PATH"));
  if (container.status != Status::Running) return fail(Kind::Busy, name + " is not running");
  if (container.paused) return fail(Kind::Busy, name + " is paused");
  return {};
}

Result<ProbePlace> place_of(const Container& container) {
  const std::string process = "/proc/" + std::to_string(container.pid);
  ProbePlace place;
  place.network = TRY(sys::open_path(process + "/ns/net", O_RDONLY));
  place.root = TRY(sys::open_path(process + "/root", O_PATH | O_DIRECTORY));
  return place;
}

ProbeResult not_started(const Error& error) {
  const UnixNanos now = now_ns();
  return {.start = now, .end = now, .exit_code = -1, .output = clean_output(error.message())};
}

ExecRequest request_of(const HealthCheck& check) {
  ExecRequest request;
  if (check.test[0] == "CMD-SHELL") {
    request.argv = check.shell;
    if (request.argv.empty()) request.argv = {"/bin/sh", "-c"};
  }
  request.argv.insert(request.argv.end(), check.test.begin() + 1, check.test.end());
  return request;
}

ProbeResult run_program(Engine& engine, const Container& container, nanoseconds timeout) {
  auto process = engine.exec(container.id, request_of(container.config.health));
  if (!process) {
    ProbeResult result = not_started(process.error().error);
    if (process.error().exit_code != 125) result.exit_code = process.error().exit_code;
    return result;
  }
  return watch_probe(std::move(*process), timeout);
}

}  // namespace

// A connection from its network namespace.
ProbeResult probe_target(const Engine& engine, const Container& container,
                         const ProbeTarget& target, nanoseconds timeout) {
  const auto start = [&]() -> Result<ExecProcess> {
    const ProbePlace place = TRY(place_of(container));
    // Its number may have been given away before that was opened.
    if (TRY(engine.find(container.id)).pid != container.pid)
      return fail(Kind::Busy, "container " + quoted(container.name) + " is not running any more");
    return start_probe(place, target);
  };
  auto process = start();
  if (!process) return not_started(process.error());
  return watch_probe(std::move(*process), timeout);
}

Result<ProbeResult> ask_health(Engine& engine, const Container& container, nanoseconds timeout) {
  const std::vector<std::string>& test = container.config.health.test;
  if (test[0] != "PROBE") return run_program(engine, container, timeout);
  return probe_target(engine, container, TRY(parse_probe(test[1])), timeout);
}

Result<Engine::Probed> Engine::probe(const std::string& id) {
  const Container container = TRY(find(id));
  TRY(check_probed(container));
  ProbeResult result = TRY(ask_health(*this, container, container.config.health.timeout));
  failpoint("health.probed");
  const HealthStatus status = TRY(state_->note_probe(container, result));
  return Probed{.result = std::move(result), .status = status};
}

Result<Health> Engine::State::health_of(const Container& container) const {
  const sys::Fd dir = TRY(open_container(container.id));
  return load_health(dir.get());
}

Result<HealthStatus> Engine::State::note_probe(const Container& probed, ProbeResult result) {
  const sys::Fd dir = TRY(open_container(probed.id));
  const sys::Fd lock = TRY(sys::open_at(dir.get(), "health.lock", O_RDWR | O_CREAT));
  TRY(sys::lock_file(lock.get(), sys::Lock::Exclusive, sys::Wait::Yes));
  const Container now = TRY(load_container(dir.get()));
  TRY(check_probed(now));
  if (now.pid != probed.pid || now.started_at != probed.started_at)
    return fail(Kind::Busy, "container " + quoted(now.name) + " was started again");
  Health health = load_health(dir.get());
  const HealthStatus before = health.status;
  count_probe(health, now.config.health, std::move(result), age_of(now));
  TRY(sys::replace_file(dir.get(), "health", print_health(health), sys::Durability::Lazy));
  failpoint("health.noted");
  if (health.status == before) return health.status;
  const std::vector<network::Endpoint> endpoints = TRY(endpoints_of(now.id));
  if (!endpoints.empty())
    TRY(network::tell_endpoint(store.dir(), endpoints.front().network, now.id));
  return health.status;
}

std::vector<std::string> Engine::State::probe_arguments(const Container& container) const {
  const HealthCheck& check = container.config.health;
  if (!check.is_set()) return {};
  const auto number = [](const char* key, nanoseconds value) {
    constexpr std::int64_t kMost = (std::int64_t{1} << 31) - 1;
    return std::string(key) + "=" +
           std::to_string(std::min(std::chrono::ceil<milliseconds>(value).count(), kMost));
  };
  std::vector<std::string> arguments = {"probe=" + self};
  for (const std::string& word : {std::string("--root"), store.path(), std::string("healthcheck"),
                                  std::string("run"), std::string("--quiet"), container.id})
    arguments.push_back("probe_arg=" + word);
  arguments.push_back(number("probe_interval", check.interval));
  arguments.push_back(number("probe_start_period", check.start_period));
  arguments.push_back(number("probe_start_interval", check.start_interval));
  arguments.push_back(number("probe_limit", check.timeout + kGrace));
  return arguments;
}

}  // namespace tare::engine
