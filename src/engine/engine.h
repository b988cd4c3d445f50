// SPDX-License-Identifier: Apache-2.0
// The use cases: what the fronts (command line, API) ask for. Names, lifecycles and transactions
// are kept here; a front only translates. No daemon: every call works on the store's files and on
// the keepers of the containers, and several processes may do so at the same time.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "codec/json.h"
#include "engine/health.h"
#include "engine/id_ranges.h"
#include "engine/networking.h"
#include "engine/storage.h"
#include "image/image.h"
#include "sys/cgroup_stats.h"
#include "sys/fd.h"
#include "sys/ids.h"

namespace tare::engine {

enum class MountType : std::uint8_t { Bind, Tmpfs, Volume };

// -v, --mount, --tmpfs, and the image's volumes.
struct MountRequest {
  MountType type = MountType::Bind;
  std::string source;  // Absolute host path (bind).
  std::string volume;  // Its name; an anonymous one has none before create() gives it one.
  std::string target;  // Absolute path in the container.
  bool read_only = false;
  bool make_source = false;  // -v makes a missing source directory, --mount does not.
  bool executable = true;    // tmpfs without "exec" is noexec, as in Docker.
  std::uint64_t tmpfs_bytes = 0;
  std::uint32_t tmpfs_mode = 01777;
  bool anonymous = false;  // A volume made for this container.
  bool no_copy = false;    // An empty volume stays empty, whatever the image has there.
  std::string subpath;     // A directory or file in the volume instead of all of it.
  // Of a bind: its files have the ids of volumes, so the container has them, too. Only create()
  // needs to know.
  bool volume_ids = false;
};

// --device: a node of the host's /dev.
struct DeviceRequest {
  std::string source;
  std::string target;               // Path in the container.
  std::string permissions = "rwm";  // Of these; others are taken away.
};

// systemd as process 1. [systemd.io/CONTAINER_INTERFACE]
enum class Systemd : std::uint8_t {
  No,
  IfItIs,  // When the command is systemd's: /sbin/init, systemd.
  Always,
};

// A device by the path of its node, and what it is limited to.
struct DeviceLimit {
  std::string path;
  std::uint64_t value = 0;
};

// What create and update limit. Zero and empty: not asked for; update leaves that as it is.
struct Resources {
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_swap_bytes = 0;  // With memory together. sys::kNoLimit: unlimited swap.
  std::uint64_t memory_reservation_bytes = 0;
  std::optional<int> memory_swappiness;  // 0..100
  bool oom_kill_disable = false;
  double cpus = 0;
  std::uint64_t cpu_period_us = 0;
  std::int64_t cpu_quota_us = 0;  // -1: no limit.
  std::uint64_t cpu_shares = 0;
  std::uint64_t cpu_realtime_period_us = 0;
  std::uint64_t cpu_realtime_runtime_us = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::optional<std::int64_t> pids_limit;  // Default 2048; 0 or -1: no limit.
  std::uint16_t block_weight = 0;          // 10..1000
  std::vector<DeviceLimit> block_weights;
  std::vector<DeviceLimit> read_bps;
  std::vector<DeviceLimit> write_bps;
  std::vector<DeviceLimit> read_iops;
  std::vector<DeviceLimit> write_iops;
};

// What `create` needs; an empty member takes the image's value or the default.
struct CreateRequest {
  std::string image;
  std::string name;                                    // "": made up from two words.
  std::optional<std::vector<std::string>> entrypoint;  // {""} resets the image's.
  std::vector<std::string> cmd;
  std::vector<std::string> env;  // "K=V"; "K" alone is resolved by the front. Later ones win.
  std::string working_dir;
  std::string user;
  std::string hostname;
  std::map<std::string, std::string> labels;
  bool tty = false;
  bool open_stdin = false;
  bool attach_stdout = true;  // Shown by inspect.
  bool attach_stderr = true;
  bool auto_remove = false;
  bool init = false;
  bool read_only = false;
  std::vector<MountRequest> mounts;
  std::vector<std::string> volumes_from;   // "CONTAINER[:ro]": its mounts, too.
  std::vector<std::string> image_volumes;  // Paths. From the image; create() fills it in.
  std::string stop_signal;                 // "": the image's, else SIGTERM.
  std::optional<int> stop_timeout_s;       // Default 10.
  Resources resources;
  std::optional<int> oom_score_adj;              // -1000..1000
  std::vector<std::string> device_cgroup_rules;  // "c 42:* rwm", beside the usual devices.
  std::string cgroup_parent;                     // Path; "": "tare".
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<std::string> security_opt;  // "no-new-privileges[=true|false]", "seccomp=unconfined",
                                          // "seccomp=FILE" (content put in by the front as
                                          // "seccomp={json}"), "systempaths=unconfined".
  // "none", "host", "container:ID", else "": net.networks, or when those are empty the default one.
  std::string network;
  NetworkSettings net;
  HealthCheck health;
  std::string userns;    // "": "auto"; see engine/user_namespace.h.
  std::string pid_mode;  // "" and "private": its own; "host".
  std::string ipc_mode;  // The same, and "shareable".
  std::string uts_mode;
  std::string cgroupns_mode;
  bool privileged = false;
  std::vector<DeviceRequest> devices;
  Systemd systemd = Systemd::No;  // When created: Always or No.
  std::uint64_t log_max_bytes = 10 << 20;
  int log_files = 5;
  std::vector<std::pair<std::string, std::string>> ulimits;  // "nofile", "1024:2048".
  std::uint64_t shm_bytes = 64 << 20;
};

enum class Status : std::uint8_t { Created, Running, Exited };

// The files that a step of a build changes, where those that its program is from are others
// (RUN --tools): seen at /target, what is written goes to the container's directory target/.
struct StepTarget {
  Digest id;  // What the layers are known by.
  std::vector<store::Layer> layers;
};

// A container as it is now. Kernel state (keeper's lock) wins over files.
struct Container {
  std::string id;  // 64 hexadecimal digits.
  std::string name;
  CreateRequest config;    // As created, image values merged in.
  std::string image_name;  // As the user wrote it.
  Digest image_id;         // Of a step of a build: what its layers are known by.
  std::optional<std::vector<store::Layer>> step;  // Of one: the layers that it is on, no image.
  std::optional<StepTarget> target;               // Of one whose tools act on other files.
  std::vector<std::string> argv;                  // Entrypoint and command together.
  sys::IdMap ids;
  IdClaim id_claim;                                         // Of which they are made.
  std::vector<std::pair<std::string, std::string>> grants;  // Name, because.
  UnixNanos created_at = 0;
  Status status = Status::Created;
  int pid = 0;  // Of process 1, when running.
  int keeper_pid = 0;
  UnixNanos started_at = 0;
  UnixNanos finished_at = 0;
  int exit_code = 0;
  bool oom_killed = false;
  bool paused = false;                       // Running, and frozen.
  HealthStatus health = HealthStatus::None;  // One that does not run is not healthy.
  std::string error;                         // Why the last start failed.
};

// One thing a front reads from a running container, through its keeper.
struct Event {
  enum class Type : std::uint8_t { Stdout, Stderr, Exit, Closed } type;
  std::string bytes;  // Stdout, Stderr.
  int exit_code = 0;  // Exit.
  bool oom_killed = false;
};

// A connection to a container's keeper. Pollable by fd(); one reader, one writer.
class Attachment {
 public:
  virtual ~Attachment() = default;
  virtual int fd() const = 0;
  // Blocks until one event is there. Closed: the keeper went away without an exit.
  virtual Result<Event> next() = 0;
  virtual Result<> send_stdin(std::string_view bytes) = 0;
  virtual Result<> close_stdin() = 0;
  virtual Result<> resize(std::uint16_t rows, std::uint16_t columns) = 0;
  virtual Result<> signal(int number) = 0;
};

struct AttachRequest {
  bool stdin = false;
  bool stdout = true;
  bool stderr = true;
};

struct LogLine {
  UnixNanos when = 0;
  bool is_stderr = false;
  bool whole = true;  // False: no newline belongs behind it.
  std::string text;
};
struct LogRequest {
  std::optional<std::uint64_t> tail;  // Last lines only.
  UnixNanos since = 0;
  UnixNanos until = 0;  // 0: no end.
  bool follow = false;  // Until the container exits.
};

struct ExecRequest {
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string working_dir;
  std::string user;
  bool tty = false;
  bool open_stdin = false;
  bool detach = false;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};
// A process that exec started; ours to wait for. Empty when it was detached.
struct ExecProcess {
  int pid = 0;
  sys::Fd pidfd;
  sys::Fd in;   // With a terminal: empty.
  sys::Fd out;  // With a terminal: the master side, for both directions.
  sys::Fd err;
  std::vector<std::string> warnings;  // Sentences: what could not be given as it was asked for.
};

// A failure to run the program itself: `exit_code` is what the command line exits with (125 ours,
// 126 cannot be invoked, 127 not found).
struct StartFailure {
  Error error;
  int exit_code = 125;
};
template <typename T = void>
using StartResult = std::expected<T, StartFailure>;

// How long the parts of a start and stop took, for --report and bench.
struct Timing {
  std::chrono::nanoseconds prepare{};  // Image, ids, root file system.
  std::chrono::nanoseconds launch{};   // clone3 to execve.
};

using Progress = image::Progress;

class Engine {
 public:
  struct Options {
    std::string root;  // "": $TARE_ROOT, else /var/lib/tare or ~/.local/share/tare.
    std::string self;  // Path of the tare program, for clean-up by the keeper. "": /proc/self/exe.
  };
  // Enters the user's own root namespace first when we are not root, so it must be called before
  // any thread exists; recovers what died since the last time.
  static Result<std::unique_ptr<Engine>> open(const Options& options);
  ~Engine();

  image::Images& images();
  const std::string& root() const;
  // Image methods that have to know about containers and id maps.
  Result<std::vector<image::Image>> load(int fd, const std::string& directory,
                                         const std::string& name, const Progress& progress);
  Result<image::Image> import(int fd, const std::string& name,
                              const std::vector<std::string>& changes, const std::string& message,
                              const Progress& progress);
  // Attaches the root file system of an image, read-only and with the image's own ids, at the
  // directory `place`. Errors: Denied (an ordinary user's mounts are nobody else's).
  Result<> mount_image(const std::string& image, const std::string& place,
                       const Progress& progress);
  // Fills in what is the engine's: the program, and what images are unpacked for.
  // Gets a damaged part of an image from where it was pulled. Errors: as Images::fetch_again().
  Result<> fetch_again(const image::Damage& damage, const image::TransferProgress& progress);
  Result<std::vector<image::Images::Pulled>> pull(image::Images::PullWish request,
                                                  const image::TransferProgress& progress);
  Result<std::vector<image::Images::Pushed>> push(image::Images::PushRequest request,
                                                  const image::TransferProgress& progress);
  Result<image::Images::Copied> copy(image::Images::CopyRequest request,
                                     const image::TransferProgress& progress);
  struct RemoveImageRequest {
    bool force = false;
    bool all_names = false;  // By id also when it has names in several repositories.
    bool now = false;        // Not into the bin.
  };
  Result<std::vector<std::string>> remove_image(const std::string& name_or_id,
                                                const RemoveImageRequest& request);

  Result<std::string> create(const CreateRequest& request, const Progress& progress);
  // What the program is given and no record has, so that it is not on the disk: secrets.
  struct Unrecorded {
    struct File {
      std::string target;
      std::string content;
      std::uint32_t mode = 0400;
      std::uint32_t uid = 0;  // Ids inside.
      std::uint32_t gid = 0;
    };
    std::vector<std::string> environment;  // "K=V"
    std::vector<File> files;               // Read-only, on a tmpfs.
  };
  // Starts it; with `attach` the returned attachment sees every byte from the first on. With
  // `owner` the caller promises to remove the container itself if it is auto_remove and the caller
  // is alive at the exit.
  struct StartRequest {
    std::optional<AttachRequest> attach;
    bool owner = false;
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
    std::function<bool()> gives_up = {};  // Asked while it waits for services; true: no longer.
    // In the launching process, before the program runs. `pid`: of a process in its namespaces.
    std::function<Result<>(int pid)> beside = {};
    // With `attach`: it is ended when the attachment closes, so also when this process is killed.
    bool ends_with_us = false;
    Unrecorded unrecorded = {};
  };
  struct StartedContainer {
    std::unique_ptr<Attachment> attachment;  // Null without attach.
    Timing timing;
    std::vector<std::string> warnings;  // Sentences: what could not be given as it was asked for.
    std::vector<std::string> room;      // Sentences of admit_start().
  };
  StartResult<StartedContainer> start(const std::string& id, const StartRequest& request,
                                      const Progress& progress);

  // By name, whole id or unique prefix. Errors: NotFound with a hint; Invalid (ambiguous).
  Result<Container> find(const std::string& name_or_id) const;
  // All but steps of builds, newest first. A record that cannot be read does not end the listing:
  // it is reported in `problems` when given.
  Result<std::vector<Container>> list(std::vector<Error>* problems = nullptr) const;

  Result<std::unique_ptr<Attachment>> attach(const std::string& id, const AttachRequest& request);
  // Sends a signal to process 1. Errors: Busy when it is not running.
  Result<> kill(const std::string& id, int signal);
  // Stop signal, then SIGKILL after the timeout. Already stopped is fine.
  Result<> stop(const std::string& id, std::optional<int> timeout_s);
  // Blocks until it is not running; gives the exit code.
  Result<int> wait(const std::string& id);
  struct RemoveRequest {
    bool force = false;    // Kill it first.
    bool now = false;      // Not into the bin, as those of --rm.
    bool volumes = false;  // Also its anonymous volumes; with --rm always.
  };
  Result<> remove(const std::string& id, const RemoveRequest& request);
  Result<> rename(const std::string& id, const std::string& new_name);
  // Calls `sink` for every line, old ones first. A false return ends it.
  Result<> logs(const std::string& id, const LogRequest& request,
                const std::function<bool(const LogLine&)>& sink);
  StartResult<ExecProcess> exec(const std::string& id, const ExecRequest& request);
  // One probe of its health check, which counts unless the container was paused or ended meanwhile;
  // and what it is then. Errors: NotFound (it has no health check); Busy (not running, paused).
  struct Probed {
    ProbeResult result;
    HealthStatus status = HealthStatus::None;
  };
  Result<Probed> probe(const std::string& id);
  // The container's processes as `ps` prints them: titles and rows. `ps_args` as of docker top are
  // not interpreted by a program of the container: the columns are UID PID PPID C STIME TTY TIME
  // CMD.
  struct ProcessTable {
    std::vector<std::string> titles;
    std::vector<std::vector<std::string>> rows;
  };
  Result<ProcessTable> top(const std::string& id) const;
  // Stops all its processes, and lets them go on. Errors: Busy (not running, paused already, not
  // paused); Unsupported (no control group of its own).
  Result<> pause(const std::string& id);
  Result<> unpause(const std::string& id);
  // Changes limits, of the running processes, too; kept for later starts. Gives warnings. Errors:
  // Invalid; Unsupported, naming the limit.
  Result<std::vector<std::string>> update(const std::string& id, const Resources& change);
  // What a running container uses now. Errors: Busy (not running); Unsupported (no control group).
  struct Stats {
    sys::CgroupStats groups;
    std::chrono::nanoseconds when{};  // Monotonic clock.
    std::uint64_t memory_limit = 0;   // Its own or the machine's.
    bool has_network = false;         // One besides loopback.
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t read_bytes = 0;  // From and to disks.
    std::uint64_t written_bytes = 0;
  };
  Result<Stats> stats(const std::string& id) const;
  // Bytes of the writable layer.
  Result<std::uint64_t> size(const std::string& id) const;
  // docker container inspect's JSON object.
  Result<json::Value> inspect(const std::string& name_or_id, bool with_size) const;
  // What isolates this running or stopped container, a sentence each, for --report.
  std::vector<std::string> isolation_report(const Container& container) const;
  // Facts for `tare info`.
  Result<json::Value> info() const;

  // Volumes. One that is there already is as good as a new one, unless its options are others.
  // Errors: Invalid, Unsupported (name, options); Exists.
  Result<store::Volume> create_volume(const CreateVolumeRequest& request);
  // All by name; and one. Errors: NotFound.
  Result<std::vector<VolumeInfo>> volumes() const;
  // Those that are caches of builds, which are not among the volumes.
  Result<std::vector<VolumeInfo>> cache_volumes() const;
  Result<VolumeInfo> find_volume(const std::string& name) const;
  // docker volume inspect's JSON object.
  json::Value inspect_volume(const store::Volume& volume) const;
  // Into the bin, or `now` for good. Errors: NotFound; Busy (a container has it, running or not).
  Result<> remove_volume(const std::string& name, bool now);

  // Networks. The one named "bridge" is always there, "none" and "host" are not among them.
  // Errors: Invalid (name, subnet, option); Exists; Unavailable (no subnet is free).
  Result<network::Network> create_network(const CreateNetworkRequest& request);
  // By name; and one by name, id or prefix. Errors: NotFound; Invalid (ambiguous).
  Result<std::vector<NetworkInfo>> networks();
  Result<NetworkInfo> find_network(const std::string& name_or_id);
  // docker network inspect's JSON object.
  json::Value inspect_network(const NetworkInfo& info) const;
  // Errors: NotFound; Busy (containers that run are on it); Invalid (the default one).
  Result<> remove_network(const std::string& name_or_id);
  // Those no container is on, running or not; their names.
  Result<std::vector<std::string>> prune_networks(const PruneRequest& request);
  // Of a container that runs or will. Errors: NotFound; Exists; Busy; Invalid.
  Result<> connect(const std::string& container, const NetworkRequest& request);
  Result<> disconnect(const std::string& container, const std::string& network);
  // Published ports of running containers; of one, or "" of all.
  Result<std::vector<PortInfo>> ports(const std::string& container);
  // Of a container that runs or will.
  Result<> publish(const std::string& container, const std::vector<PortRequest>& add,
                   const std::vector<PortRequest>& remove);
  // Of a container that runs or will: another list of --egress. Connections that are there go on.
  // Errors: Invalid, also of one whose networks cannot be limited.
  Result<> set_egress(const std::string& container, const std::vector<std::string>& egress);
  // What it asked for and reached outside of its networks, with what came of it.
  Result<std::vector<network::LedgerRow>> egress_ledger(const std::string& container);

  // What lies in the store, and whose it is. Walks all of it.
  Result<Usage> usage() const;
  // Whose the file is and what would free it, in sentences: a path below the root or relative to
  // it. Errors: Invalid; NotFound.
  Result<Why> why(const std::string& path) const;

  // Removed images and containers that can be brought back, newest first.
  Result<std::vector<Removed>> removed() const;
  // Brings one back, by name, id or prefix of one, or with "" all that the last command removed.
  // `new_name` is for a container. Errors: NotFound; Exists (its name is taken); Invalid.
  Result<std::vector<Restored>> restore(const std::string& name_or_id, const std::string& new_name);
  // Removes what is in the bin for good. Gives the bytes that it freed.
  Result<std::uint64_t> empty_bin();

  // The budget, with `used` bytes as usage() gives them.
  Result<Budget> budget(std::uint64_t used) const;
  // Before `what` ("load of 'x.tar'") writes up to `bytes` (0: not known) to the store: makes room
  // by removing what nothing uses for good, and says what. Errors: Unavailable, when nothing was
  // removed because all of it would not be enough.
  Result<std::vector<std::string>> admit(std::uint64_t bytes, const std::string& what);

  // Before something comes of which only a registry says how large it is: bounds what may be
  // written to the budget, and what removing everything unused would give, or to the disk. Nothing
  // is removed: that is for settle(), when the bytes are here and right.
  Result<> bound_room();
  // After `image` came: as admit(), when the budget is exceeded now.
  void settle(const Digest& image, const image::TransferProgress& progress);

  // What admit() would do.
  Result<RoomPlan> plan_room(std::uint64_t bytes) const;
  // Before a container starts, without a walk as long as nothing speaks for one: whether the disk
  // has more than its reserve and the store, as the last walk found it and the disk has filled
  // since, is in its budget. If not, as admit(). Gives sentences, thresholds reached among them.
  Result<std::vector<std::string>> admit_start();
  // The sentence for the highest of the settings' thresholds that `used` reaches; or none.
  Result<std::optional<std::string>> threshold_reached(std::uint64_t used) const;

  // Reads all images' bytes again, at the lowest priority, from where the last one was ended; and
  // what it and the last whole one found.
  Result<ScrubState> scrub(std::uint64_t bytes_per_second, const Progress& progress);
  ScrubState scrub_state() const;

  // What would be removed, and its bytes; and removing it. Names and ids of images and containers.
  Result<PrunePlan> plan_prune(const PruneRequest& request) const;
  Result<Pruned> prune(const PrunePlan& plan, bool now);

  // Moves the store to the directory `place`, which its old path then leads to. Errors: Busy, when
  // containers run and `stop_them` was not asked for, naming them; those of store::StoreMove.
  struct Moved {
    std::string place;
    std::uint64_t bytes = 0;
    std::vector<std::string> restarted;  // Containers that ran before.
    std::vector<std::string> left;       // ... and could not be started again.
  };
  Result<Moved> move_store(const std::string& place, bool stop_them, const Progress& progress);

 private:
  friend class BuildWorkshop;  // engine/build.h
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tare::engine
