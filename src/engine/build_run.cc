// SPDX-License-Identifier: Apache-2.0
// RUN of builds: a container that nobody else sees.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/text.h"
#include "build/arguments.h"
#include "engine/build_agent.h"
#include "engine/build_ansible.h"
#include "engine/build_cache_mounts.h"
#include "engine/build_recorder.h"
#include "engine/build_workshop.h"
#include "store/other_order.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

// As docker build calls it: no host has a name in what it makes.
constexpr const char* kHostname = "buildkitsandbox";
constexpr long kLookAgainNs = 100'000'000;  // Whether a cache can be had.
constexpr long kMeasureNs = 1'000'000'000;  // What the program has written.

// Where the engine puts something into every container's root file system.
std::vector<std::string> engine_places() {
  return {"dev", "etc/hostname", "etc/hosts", "etc/resolv.conf", "proc", "sys"};
}

// Readable every so many nanoseconds, and never waited for.
Result<sys::Fd> make_clock(long every_ns) {
  sys::Fd clock(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const timespec every{.tv_sec = every_ns / 1'000'000'000, .tv_nsec = every_ns % 1'000'000'000};
  const itimerspec often{.it_interval = every, .it_value = every};
  if (!clock || ::timerfd_settime(clock.get(), 0, &often, nullptr) != 0)
    return fail_errno("make a timer");
  return clock;
}

std::string without_slash(const std::string& path) {
  const std::size_t first = path.find_first_not_of('/');
  return first == std::string::npos ? "" : path.substr(first);
}

}  // namespace

// A step's program in a container that this removes.
class BuildWorkshop::RunningStep : public build::Running {
 public:
  RunningStep(BuildWorkshop& workshop, build::RunRequest request,
              std::unique_ptr<RunRecorder> recorder)
      : workshop_(workshop), request_(std::move(request)), recorder_(std::move(recorder)) {}
  RunningStep(const RunningStep&) = delete;
  RunningStep& operator=(const RunningStep&) = delete;
  ~RunningStep() override {
    attachment_.reset();
    if (!id_.empty()) (void)workshop_.engine_.remove(id_, {.force = true, .now = true});
    // Where there is little room, the next step may need what this one had.
    constexpr std::uint64_t kLittle = 1 << 30;
    constexpr int kPatienceMs = 10'000;
    workshop_.state_.store.empty_trash_in_background(
        workshop_.state_.store.room() < kLittle ? kPatienceMs : 0);
  }

  // It may wait for its caches first.
  Result<> begin() {
    both_ = sys::Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!both_) return fail_errno("epoll_create1");
    TRY(open_agents());
    if (TRY(take_caches())) return start();
    clock_ = TRY(make_clock(kLookAgainNs));
    return watch(clock_.get());
  }

  int fd() const override { return attachment_ || clock_ ? both_.get() : -1; }
  Result<std::optional<int>> pump(const std::function<void(std::string_view)>& sink) override {
    if (!clock_) return pump_step(sink);
    std::uint64_t ticks = 0;
    (void)!::read(clock_.get(), &ticks, sizeof ticks);
    if (!std::exchange(has_said_, true))
      sink("waiting for the cache '" + escaped(busy_) + "', which another step uses\n");
    if (!TRY(take_caches())) return std::nullopt;
    clock_.reset();
    TRY(start());
    return std::nullopt;
  }

  Result<build::StepLayer> keep(const Digest& key, For whom) override {
    attachment_.reset();
    if (whom == For::ThisBuild) TRY(workshop_.forget_later(key));
    Engine::State& state = workshop_.state_;
    sys::Fd dir = TRY(state.open_container(id_));
    const sys::Fd lock = TRY(state.await_container(dir.get(), "step"));
    const Container container = TRY(workshop_.engine_.find(id_));
    if (request_.tools)
      dir = TRY(sys::open_at(dir.get(), "target", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const sys::Fd root =
        TRY(workshop_.attach_files(request_.files, container.ids, dir.get(), false));
    std::vector<image::Material> materials = request_.materials;
    if (recorder_) std::ranges::move(TRY(recorder_->finish()), std::back_inserter(materials));
    const bool is_sealed = had_no_other_way();
    std::vector<std::string> places = own_places();
    return workshop_.keep({.files = request_.files,
                           .key = key,
                           .what = request_.what,
                           .time = request_.time,
                           .materials = std::move(materials),
                           .like = request_.like,
                           .is_sealed = is_sealed},
                          dir.get(), root.get(), container.ids, std::move(places), false);
  }

  std::string refused() const override { return recorder_ ? recorder_->refused() : ""; }

 private:
  Result<bool> take_caches() {
    const auto is_cache = [](const build::RunMount& mount) {
      return mount.type == build::RunMount::Type::Cache;
    };
    if (std::ranges::none_of(request_.mounts, is_cache)) return true;
    const sys::IdMap ids = TRY(workshop_.mount_ids());
    auto held = TRY(hold_caches(workshop_.state_.store, request_.mounts, ids, busy_));
    if (!held) return false;
    caches_ = std::move(*held);
    return true;
  }

  Result<> start() {
    StepContainer container =
        TRY(workshop_.make_container(request_, workshop_.container_of(request_, caches_.volumes)));
    id_ = std::move(container.id);
    builder_ = std::move(container.builder);
    if (workshop_.has_other_order_) TRY(workshop_.note_other_order(id_));
    Engine::StartRequest wish = start_of(request_);
    wish.attach = AttachRequest{};
    if (recorder_) wish.beside = recorder_->beside();
    auto started = workshop_.engine_.start(id_, wish, {});
    if (!started) return std::unexpected(std::move(started).error().error);
    attachment_ = std::move(started->attachment);
    if (recorder_) TRY(recorder_->begin());
    if (request_.playbook) TRY(start_playbook());
    measuring_ = TRY(make_clock(kMeasureNs));
    TRY(watch(measuring_.get()));
    TRY(watch(ansible_ ? ansible_->output() : attachment_->fd()));
    return recorder_ ? watch(recorder_->fd()) : Result<>();
  }

  // Sockets of the user's, by others that have the owner and mode that were asked for.
  Result<> open_agents() {
    for (build::RunMount& mount : request_.mounts) {
      if (mount.type != build::RunMount::Type::Agent) continue;
      const std::string place = TRY(workshop_.make_directory());
      const sys::IdMap ids = TRY(workshop_.mount_ids());
      agents_.push_back(TRY(AgentRelay::open(mount.source, place, mount, ids)));
      mount.source = place + "/" + AgentRelay::kSocket;
      mount.has_owners = true;
      TRY(watch(agents_.back()->fd()));
    }
    return {};
  }

  // Its layer would be refused when it has ended; until then it may have filled the disk.
  Result<> check_room() {
    std::uint64_t ticks = 0;
    if (::read(measuring_.get(), &ticks, sizeof ticks) < 0) return {};
    const UnixNanos begin = now_ns();
    if (begin < measure_again_) return {};
    const auto full = out_of_room(workshop_.engine_);
    // Looking through a large store takes at most a tenth of the time.
    measure_again_ = begin + 10 * (now_ns() - begin);
    if (!full || full->empty()) return {};
    return std::unexpected(
        Error(Kind::Unavailable, "RUN was stopped: there is no room for what it writes; " + *full)
            .hint("tare df -v shows what takes space; --store-max or 'max' in the store's settings "
                  "changes the budget"));
  }

  Result<std::optional<int>> pump_step(const std::function<void(std::string_view)>& sink) {
    TRY(check_room());
    for (const auto& agent : agents_) TRY(agent->pump());
    if (recorder_) {
      const int before = recorder_->fd();
      TRY(recorder_->pump());
      // What was watched is closed: the kernel has forgotten it.
      if (recorder_->fd() != before) TRY(watch(recorder_->fd()));
    }
    if (ansible_) return pump_playbook(sink);
    pollfd said{.fd = attachment_->fd(), .events = POLLIN, .revents = 0};
    if (::poll(&said, 1, 0) <= 0) return std::nullopt;
    const Event event = TRY(attachment_->next());
    switch (event.type) {
      case Event::Type::Stdout:
      case Event::Type::Stderr:
        sink(event.bytes);
        return std::nullopt;
      case Event::Type::Exit:
        if (recorder_)
          if (const std::string failures = recorder_->failures(); !failures.empty()) sink(failures);
        if (event.oom_killed)
          return fail(Kind::Unavailable, "the command of RUN ran out of memory");
        caches_.locks.clear();
        return event.exit_code;
      case Event::Type::Closed:
        break;
    }
    return fail(Kind::Unavailable, "the step's container was taken away");
  }

  // Everything that it can have got from elsewhere is among its materials.
  bool had_no_other_way() const {
    const auto is_old = [](const build::RunMount& mount) {
      return mount.type == build::RunMount::Type::Cache && !mount.is_fresh;
    };
    if (std::ranges::any_of(request_.mounts, is_old)) return false;
    if (recorder_) return recorder_->is_whole() && (!request_.playbook || request_.answers);
    return request_.network == build::RunNetwork::None && (!request_.playbook || request_.answers);
  }

  Result<> start_playbook() {
    const std::string scratch = TRY(workshop_.make_directory());
    ansible_.emplace(TRY(AnsibleRun::start({.program = workshop_.state_.self,
                                            .store = workshop_.state_.store.path(),
                                            .container = id_,
                                            .directory = request_.playbook->directory,
                                            .playbook = request_.playbook->file,
                                            .scratch = scratch,
                                            .has_network = !request_.answers.has_value()})));
    return {};
  }

  Result<std::optional<int>> pump_playbook(const std::function<void(std::string_view)>& sink) {
    pollfd said{.fd = ansible_->output(), .events = POLLIN, .revents = 0};
    if (::poll(&said, 1, 0) <= 0) return std::nullopt;
    std::string buffer(16 << 10, '\0');
    const ssize_t count = ::read(ansible_->output(), buffer.data(), buffer.size());
    if (count < 0) return fail_errno("read what ansible-playbook says");
    if (count > 0) {
      sink({buffer.data(), static_cast<std::size_t>(count)});
      return std::nullopt;
    }
    const int status = TRY(ansible_->finish());
    // It was there for the playbook alone.
    TRY(workshop_.engine_.kill(id_, SIGKILL));
    for (Event event = TRY(attachment_->next()); event.type != Event::Type::Exit;)
      event = TRY(attachment_->next());
    return status;
  }

  // Where something was mounted into the files that are kept.
  std::vector<std::string> own_places() const {
    std::vector<std::string> places;
    if (!request_.tools) places = engine_places();
    const std::string top = request_.tools ? build::kToolsTarget + std::string("/") : "";
    for (const build::RunMount& mount : request_.mounts)
      if (mount.target.starts_with(top))
        places.push_back(without_slash(mount.target.substr(top.size())));
    return places;
  }

  Result<> watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(both_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno("epoll_ctl");
    return {};
  }

  BuildWorkshop& workshop_;
  build::RunRequest request_;
  std::string id_;
  sys::Fd builder_;
  std::unique_ptr<RunRecorder> recorder_;
  std::optional<AnsibleRun> ansible_;
  HeldCaches caches_;
  std::string busy_;  // The cache that is waited for.
  bool has_said_ = false;
  std::vector<std::unique_ptr<AgentRelay>> agents_;
  sys::Fd clock_;  // While it waits.
  sys::Fd measuring_;
  UnixNanos measure_again_ = 0;
  sys::Fd both_;  // Readable when the program has said something, or asks for the recorder.
  std::unique_ptr<Attachment> attachment_;
};

CreateRequest BuildWorkshop::container_of(const build::RunRequest& request,
                                          const std::vector<std::string>& caches) const {
  CreateRequest config{.image = "build step",
                       .entrypoint = std::vector<std::string>{""},
                       .cmd = request.arguments,
                       .env = request.environment,
                       .working_dir = request.directory,
                       .user = request.user,
                       .hostname = kHostname,
                       .auto_remove = true,
                       .log_max_bytes = 0};
  std::erase_if(config.env, [&](const std::string& variable) {
    return request.secret_variables.contains(variable.substr(0, variable.find('=')));
  });
  if (request.network == build::RunNetwork::None ||
      request.network == build::RunNetwork::Recorded || request.answers)
    config.network = "none";
  if (request.network == build::RunNetwork::Host) config.network = "host";
  if (request_ != nullptr) {
    const build::RunLimits& limits = request_->limits;
    config.net.extra_hosts = limits.hosts;
    if (limits.shm_bytes) config.shm_bytes = *limits.shm_bytes;
    config.ulimits = limits.ulimits;
    config.cgroup_parent = limits.cgroup_parent;
    config.resources = {.memory_bytes = limits.memory_bytes,
                        .memory_swap_bytes = limits.memory_swap_bytes,
                        .cpu_period_us = limits.cpu_period_us,
                        .cpu_quota_us = limits.cpu_quota_us,
                        .cpu_shares = limits.cpu_shares,
                        .cpuset_cpus = limits.cpuset_cpus,
                        .cpuset_mems = limits.cpuset_mems};
    config.security_opt = limits.security_options;
  }
  config.privileged = request.security == build::Security::Insecure;
  for (std::size_t i = 0; i < request.mounts.size(); ++i) {
    const build::RunMount& mount = request.mounts[i];
    if (mount.type == build::RunMount::Type::Secret) continue;
    MountRequest wanted{.source = mount.source,
                        .target = mount.target,
                        .read_only = mount.read_only,
                        .tmpfs_bytes = mount.size_bytes,
                        .volume_ids = mount.has_owners};
    if (mount.type == build::RunMount::Type::Tmpfs) {
      wanted.type = MountType::Tmpfs;
      wanted.source.clear();
    } else if (mount.type == build::RunMount::Type::Cache) {
      wanted.type = MountType::Volume;
      wanted.volume = caches.at(i);
      // One for this program alone goes with the container, also when we are killed.
      wanted.anonymous = mount.is_fresh;
      wanted.volume_ids = true;
      wanted.source.clear();
      wanted.no_copy = true;
    }
    config.mounts.push_back(std::move(wanted));
  }
  return config;
}

Engine::StartRequest BuildWorkshop::start_of(const build::RunRequest& request) {
  Engine::StartRequest wish{.owner = true, .ends_with_us = true};
  for (const std::string& variable : request.environment)
    if (request.secret_variables.contains(variable.substr(0, variable.find('='))))
      wish.unrecorded.environment.push_back(variable);
  for (const build::RunMount& mount : request.mounts)
    if (mount.type == build::RunMount::Type::Secret)
      wish.unrecorded.files.push_back({.target = mount.target,
                                       .content = mount.source,
                                       .mode = mount.mode,
                                       .uid = mount.uid,
                                       .gid = mount.gid});
  return wish;
}

Result<BuildWorkshop::StepContainer> BuildWorkshop::make_container(const build::RunRequest& request,
                                                                   const CreateRequest& config) {
  const build::Files& own = request.tools ? *request.tools : request.files;
  Engine::State::StepFiles files{
      .image = {.id = own.id, .layers = own.layers}, .target = std::nullopt, .builder = {}};
  if (request.tools) files.target = {.id = request.files.id, .layers = request.files.layers};
  StepContainer made;
  made.id = TRY(state_.make_container(engine_, config, &files, {}));
  made.builder = std::move(files.builder);
  return made;
}

transfer::Proxies BuildWorkshop::proxies_of_user() const {
  transfer::Proxies proxies;
  if (request_ == nullptr) return proxies;
  for (const auto& [name, value] : build::proxy_variables(request_->options)) {
    const std::string known = lower(name);
    if (known == "http_proxy") proxies.http = value;
    if (known == "https_proxy") proxies.https = value;
    if (known == "no_proxy") proxies.none = value;
  }
  return proxies;
}

// Where it has a network of its own: the recorder, and what the program gets for it.
Result<std::unique_ptr<RunRecorder>> BuildWorkshop::record(build::RunRequest& request) {
  const bool has_own = request.network == build::RunNetwork::Default ||
                       request.network == build::RunNetwork::Recorded;
  if (!has_own || !(request.is_recorded || request.answers)) return nullptr;
  const std::string program = state_.programs + "/tare-record";
  if (!authority_) authority_ = TRY(transfer::make_authority(program));
  const std::string place = TRY(make_directory());
  const sys::Fd dir = TRY(sys::open_path(place, O_RDONLY | O_DIRECTORY));
  const build::View view = TRY(look(request.tools ? *request.tools : request.files));
  const std::string certificates = certificates_of(view.root.get());
  TRY(write_recorder_files(dir.get(), certificates, *authority_, request.answers.has_value()));
  request.mounts.push_back({.source = place, .target = kRecorderFiles});
  if (const char* own = own_bundle(view.root.get()))
    request.mounts.push_back({.source = place + "/" + kRecorderCertificates, .target = own});
  transfer::RecorderSettings settings{.authority = *authority_};
  request.environment = recorded_environment(std::move(request.environment), settings.proxies);
  // SECURITY: what asks from this machine's network goes by the user's own proxies, not by those
  // that an image names, which may be any service of this machine.
  if (request.network == build::RunNetwork::Recorded) settings.proxies = proxies_of_user();
  if (request_ != nullptr) settings.hosts = request_->limits.hosts;
  return RunRecorder::prepare({.store = state_.store, .program = program}, request,
                              std::move(settings));
}

Result<> BuildWorkshop::note_other_order(const std::string& container) const {
  const sys::Fd dir = TRY(state_.open_container(container));
  for (const char* place : {".", "target"}) {
    const auto part = sys::open_at(dir.get(), place, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!part) continue;  // Only with --tools there is a target.
    const sys::Fd mark =
        TRY(sys::open_at(part->get(), store::kOtherOrder, O_WRONLY | O_CREAT | O_EXCL, 0600));
  }
  return {};
}

Result<std::unique_ptr<build::Running>> BuildWorkshop::run(const build::RunRequest& wanted) {
  TRY(begin_work());
  build::RunRequest request = wanted;
  if (request.playbook) {
    // Waits for what is done to it.
    request.arguments = {"/bin/sh", "-c", "exec sleep 2147483647"};
    request.user = "0";
    request.environment.push_back("PYTHONDONTWRITEBYTECODE=1");
    request.mounts.push_back({.type = build::RunMount::Type::Tmpfs,
                              .source = "",
                              .target = kAnsiblePlace,
                              .read_only = false});
  }
  auto recorder = TRY(record(request));
  auto running = std::make_unique<RunningStep>(*this, std::move(request), std::move(recorder));
  TRY(running->begin());
  return running;
}

Result<sys::IdMap> BuildWorkshop::mount_ids() {
  sys::IdMap ids;
  if (sys::in_initial_user_namespace()) {
    ids.ranges.push_back({.inside = 0, .outside = 0, .count = 65536});
    return ids;
  }
  ids = usual_map(TRY(state_.claim_volume_ids()));
  sys::IdMap::put(ids.ranges, {.inside = 0, .outside = 0, .count = 1});
  return ids;
}

Result<> BuildWorkshop::open(const build::RunRequest& state) {
  if (!shell_.attend) return {};
  TRY(begin_work());
  std::string busy;
  const sys::IdMap ids = TRY(mount_ids());
  const auto caches = TRY(hold_caches(state_.store, state.mounts, ids, busy));
  if (!caches) return fail(Kind::Busy, "the cache " + quoted(busy) + " is used by another step");
  CreateRequest config = container_of(state, caches->volumes);
  config.cmd = std::vector<std::string>{"/bin/sh"};
  config.open_stdin = true;
  config.tty = shell_.tty;
  const StepContainer container = TRY(make_container(state, config));
  shell_.attend(container.id, start_of(state));
  return engine_.remove(container.id, {.force = true, .now = true});
}

}  // namespace tare::engine
