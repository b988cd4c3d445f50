// SPDX-License-Identifier: Apache-2.0
#include "front/oci/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/text.h"
#include "sys/files.h"
#include "sys/ids.h"

namespace tare::front_oci {
namespace {

constexpr const char* kCreating = "creating";
constexpr const char* kRecord = "record";
constexpr const char* kGate = "start";
constexpr const char* kConfig = "config.json";

// Letters, digits and "_+-.", as runc has it: the id is the name of a directory and of a cgroup.
Result<> check_id(std::string_view id) {
  constexpr std::size_t kLongest = 1024;
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '.';
  };
  if (!id.empty() && id.size() <= kLongest && std::ranges::all_of(id, good) && id != "." &&
      id != "..")
    return {};
  return std::unexpected(Error(Kind::Invalid, "container id " + quoted(id) + " is not valid")
                             .hint("use letters, digits and the characters _ + - ."));
}

json::Value to_json(const Record& record) {
  json::Value value;
  value.set("id", record.id);
  value.set("pid", record.pid);
  value.set("start_time", record.start_time);
  value.set("bundle", record.bundle);
  value.set("rootfs", record.rootfs);
  value.set("created", record.created);
  value.set("owner", record.owner);
  value.set("annotations", record.annotations);
  value.set("cgroup_directories", json::Value(record.cgroup_directories));
  value.set("cgroup_parents", json::Value(record.cgroup_parents));
  value.set("systemd_unit", record.systemd_unit);
  value.set("own_pid_namespace", record.own_pid_namespace);
  value.set("poststart_hooks", record.poststart_hooks);
  value.set("poststop_hooks", record.poststop_hooks);
  return value;
}

Record from_json(const json::Value& value) {
  return {.id = value["id"].as_string(),
          .pid = static_cast<int>(value["pid"].as_int()),
          .start_time = static_cast<std::uint64_t>(value["start_time"].as_int()),
          .bundle = value["bundle"].as_string(),
          .rootfs = value["rootfs"].as_string(),
          .created = value["created"].as_string(),
          .owner = static_cast<std::uint32_t>(value["owner"].as_int()),
          .annotations = value["annotations"],
          .cgroup_directories = value["cgroup_directories"].as_strings(),
          .cgroup_parents = value["cgroup_parents"].as_strings(),
          .systemd_unit = value["systemd_unit"].as_string(),
          .own_pid_namespace = value["own_pid_namespace"].as_bool(true),
          .poststart_hooks = value["poststart_hooks"].as_bool(),
          .poststop_hooks = value["poststop_hooks"].as_bool()};
}

// A path below a directory descriptor, short enough for a socket's address.
sockaddr_un address_of(int directory, const char* name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  std::memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

Result<sys::Fd> make_socket() {
  sys::Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("make a socket");
  return socket;
}

// The name may have gone, or come again, since the directory was opened.
bool is_still_named(int root, const std::string& id, int directory) {
  struct stat named{};
  struct stat opened{};
  return ::fstatat(root, id.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstat(directory, &opened) == 0 && named.st_dev == opened.st_dev &&
         named.st_ino == opened.st_ino;
}

bool has_file(int directory, const char* name) {
  return ::faccessat(directory, name, F_OK, 0) == 0;
}

// Only our own few files are in it.
void remove_files(int directory) {
  for (const char* name : {kRecord, kCreating, kGate, kConfig}) ::unlinkat(directory, name, 0);
}

// LOCKED: the caller holds the lock of the directory, so that nobody else makes its own of it.
void remove_directory(int root, const std::string& id, int directory) {
  remove_files(directory);
  if (!is_still_named(root, id, directory)) return;
  if (::unlinkat(root, id.c_str(), AT_REMOVEDIR) != 0 && errno == ENOTEMPTY)
    (void)sys::remove_tree(root, id);
}

// The process of a killed create dies a moment after it, and holds the lock until then.
bool lock_patiently(int directory) {
  constexpr int kTries = 200;
  for (int tries = 0; tries < kTries; ++tries) {
    if (::flock(directory, LOCK_EX | LOCK_NB) == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

ProcessFacts look_at_process(int pid) {
  if (pid <= 0) return {};
  const auto text = sys::load_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text) return {};
  // Behind the name, which may hold anything: state is field 3, the start time field 22.
  const std::vector<std::string> fields = split(text->substr(text->rfind(')') + 1), ' ');
  constexpr std::size_t kState = 1;  // Counted from the empty word in front of it.
  constexpr std::size_t kStartTime = 20;
  if (fields.size() <= kStartTime) return {};
  const auto start_time = parse_u64(fields[kStartTime]);
  if (!start_time) return {};
  return {.start_time = *start_time, .ended = fields[kState] == "Z" || fields[kState] == "X"};
}

Status Container::status() const {
  if (creating_) return Status::Creating;
  const ProcessFacts facts = look_at_process(record_.pid);
  if (facts.ended || facts.start_time != record_.start_time) return Status::Stopped;
  if (::faccessat(directory_.get(), kGate, F_OK, 0) == 0) return Status::Created;
  if (const auto frozen = cgroup().is_frozen(); frozen && *frozen) return Status::Paused;
  return Status::Running;
}

Result<sys::Fd> Container::process() const {
  sys::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, record_.pid, 0)));
  const ProcessFacts facts = look_at_process(record_.pid);
  if (!pidfd || facts.ended || facts.start_time != record_.start_time)
    return fail(Kind::NotFound, "container " + quoted(record_.id) + " is not running");
  return pidfd;
}

sys::Cgroup Container::cgroup() const {
  return sys::Cgroup::reopen(record_.cgroup_directories, record_.cgroup_parents);
}

Result<std::string> Container::config() const { return sys::load_file(directory_.get(), kConfig); }

Result<sys::Fd> Container::connect_to_gate() const {
  sys::Fd socket = TRY(make_socket());
  const sockaddr_un address = address_of(directory_.get(), kGate);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("start container " + quoted(record_.id));
  return socket;
}

Result<> Container::forget_gate() const {
  if (::unlinkat(directory_.get(), kGate, 0) != 0 && errno != ENOENT)
    return fail_errno("record the start of " + quoted(record_.id));
  return {};
}

Result<> Container::keep_cgroup(const sys::Cgroup& cgroup) {
  if (cgroup.directories() == record_.cgroup_directories) return {};
  record_.cgroup_directories = cgroup.directories();
  record_.cgroup_parents = cgroup.parents();
  return sys::replace_file(directory_.get(), kRecord, json::print(to_json(record_)),
                           sys::Durability::Lazy);
}

NewContainer::~NewContainer() {
  if (root_ && directory_) remove_directory(root_.get(), id_, directory_.get());
}

Result<> NewContainer::save(const Record& record) const {
  return sys::replace_file(directory_.get(), kCreating, json::print(to_json(record)),
                           sys::Durability::Lazy);
}

Result<sys::Fd> NewContainer::make_gate() const {
  sys::Fd socket = TRY(make_socket());
  const sockaddr_un address = address_of(directory_.get(), kGate);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("make the socket for the start");
  if (::listen(socket.get(), 1) != 0) return fail_errno("listen for the start");
  return socket;
}

Result<> NewContainer::finish() const {
  if (::renameat(directory_.get(), kCreating, directory_.get(), kRecord) != 0)
    return fail_errno("record the new container");
  return {};
}

Result<StateRoot> StateRoot::open(const std::string& path) {
  StateRoot root;
  auto opened = sys::open_path(path, O_RDONLY | O_DIRECTORY);
  if (!opened) {
    TRY(sys::make_directories(path, 0700), "make the state directory");
    opened = sys::open_path(path, O_RDONLY | O_DIRECTORY);
  }
  root.directory_ = TRY(std::move(opened), "open the state directory");
  return root;
}

Result<Container> StateRoot::find(const std::string& id) const {
  TRY(check_id(id));
  const auto missing = [&id] {
    return fail(Kind::NotFound, "container " + quoted(id) + " does not exist");
  };
  auto directory = sys::open_at(directory_.get(), id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return missing();
  Container container;
  container.directory_ = std::move(*directory);
  auto text = sys::load_file(container.directory(), kRecord);
  if (!text) {
    container.creating_ = true;
    text = sys::load_file(container.directory(), kCreating);
    // It may have been finished in between.
    if (auto again = sys::load_file(container.directory(), kRecord); !text && again) {
      container.creating_ = false;
      text = std::move(again);
    }
  }
  if (!text) return missing();
  container.record_ = from_json(TRY(json::parse(*text), "record of container " + quoted(id)));
  // Whoever creates it holds the lock; without, it was killed.
  if (container.creating_ && ::flock(container.directory(), LOCK_EX | LOCK_NB) == 0) {
    container.creating_ = false;
    ::flock(container.directory(), LOCK_UN);
  }
  return container;
}

// A directory without a record is nobody's, whoever made it: it belongs to who holds its lock while
// it still has the name.
Result<NewContainer> StateRoot::create(const std::string& id) const {
  TRY(check_id(id));
  constexpr int kTries = 100;  // Each is lost to another command that removes what we have opened.
  for (int tries = 0; tries < kTries; ++tries) {
    if (::mkdirat(directory_.get(), id.c_str(), 0700) != 0 && errno != EEXIST)
      return fail_errno("make the directory of container " + id);
    auto directory = sys::open_at(directory_.get(), id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory && directory.error().errnum() == ENOENT) continue;
    if (!directory) return std::unexpected(std::move(directory).error());
    if (::flock(directory->get(), LOCK_EX | LOCK_NB) != 0) break;
    if (!is_still_named(directory_.get(), id, directory->get())) continue;
    if (has_file(directory->get(), kRecord) || has_file(directory->get(), kCreating)) break;
    remove_files(directory->get());
    NewContainer made;
    made.id_ = id;
    made.root_ = TRY(directory_.duplicate());
    made.directory_ = std::move(*directory);
    return made;
  }
  return std::unexpected(Error(Kind::Exists, "container " + quoted(id) + " exists already")
                             .hint("choose another id, or remove it with: tare-oci delete " + id));
}

Result<std::string> StateRoot::abandoned_config(const std::string& id) const {
  TRY(check_id(id));
  return sys::load_file(directory_.get(), id + "/" + kConfig);
}

Result<> StateRoot::remove(const std::string& id) const {
  TRY(check_id(id));
  const auto directory = sys::open_at(directory_.get(), id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return {};
  if (!lock_patiently(directory->get()))
    return std::unexpected(Error(Kind::Busy, "container " + quoted(id) + " is just being created")
                               .hint("try again when the command that creates it has ended"));
  remove_directory(directory_.get(), id, directory->get());
  return {};
}

Result<std::vector<std::string>> StateRoot::list() const {
  return sys::list_directory(directory_.get());
}

std::string default_root() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  const bool ordinary = ::geteuid() != 0 || !sys::in_initial_user_namespace();
  if (ordinary && runtime != nullptr && *runtime != '\0') return std::string(runtime) + "/tare-oci";
  return "/run/tare-oci";
}

}  // namespace tare::front_oci
