// SPDX-License-Identifier: Apache-2.0
#include "engine/root_namespace.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "sys/files.h"
#include "sys/ids.h"

namespace tare::engine {

std::string start_time(int pid) {
  const auto stat = sys::load_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat) return "";
  const std::size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos) return "";
  const std::vector<std::string> fields = split(stat->substr(name_end + 1), ' ');
  // A zombie has left its namespaces.
  if (fields.size() < 2 || fields[1] == "Z" || fields[1] == "X") return "";
  constexpr std::size_t kStartTime = 20;  // Counted from the state field behind the name.
  return fields.size() > kStartTime ? fields[kStartTime] : "";
}

namespace {

// A living member other than us; the files of dead ones are removed.
int find_member(int dir) {
  const auto names = sys::list_directory(dir);
  if (!names) return 0;
  for (const std::string& name : *names) {
    const auto pid = parse_u64(name);
    if (!pid) continue;
    const auto expected = sys::load_file(dir, name, 64);
    const std::string now = start_time(static_cast<int>(*pid));
    if (expected && !now.empty() && *expected == now) return static_cast<int>(*pid);
    ::unlinkat(dir, name.c_str(), 0);
  }
  return 0;
}

int own_dir = -1;  // For the exit handler: the members' directory, kept open until the end.
int own_pid = 0;

void leave_members() {
  if (::getpid() == own_pid) ::unlinkat(own_dir, std::to_string(own_pid).c_str(), 0);
}

}  // namespace

Result<std::string> usual_root() {
  if (::geteuid() == 0 && sys::in_initial_user_namespace()) return std::string("/var/lib/tare");
  return usual_root_of_namespace();
}

Result<std::string> usual_root_of_namespace() {
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && data[0] == '/') return std::string(data) + "/tare";
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/')
    return std::unexpected(
        Error(Kind::Invalid, "HOME is not set, so there is no place for the store")
            .hint("set HOME, or give the place with --root DIR"));
  return std::string(home) + "/.local/share/tare";
}

Result<std::string> configured_root() {
  std::string path = "/etc/tare/tare.conf";
  if (::geteuid() != 0 || !sys::in_initial_user_namespace()) {
    const char* config = std::getenv("XDG_CONFIG_HOME");
    const char* home = std::getenv("HOME");
    if (config != nullptr && config[0] == '/')
      path = std::string(config) + "/tare/tare.conf";
    else if (home != nullptr && home[0] == '/')
      path = std::string(home) + "/.config/tare/tare.conf";
    else
      return std::string();
  }
  auto text = sys::load_file(AT_FDCWD, path, 64 << 10);
  if (!text && text.error().kind() == Kind::NotFound) return std::string();
  std::string root;
  const std::string settings = TRY(std::move(text), "the settings " + quoted(path));
  for (const std::string& line : split(settings, '\n')) {
    const std::string_view content = trim(line);
    if (content.empty() || content.starts_with('#')) continue;
    const auto pair = split_once(content, '=');
    if (!pair || trim(pair->first) != "root" || !trim(pair->second).starts_with('/'))
      return std::unexpected(
          Error(Kind::Invalid, quoted(content) + " in " + quoted(path) + " is no setting")
              .hint("there is root=DIRECTORY, with an absolute path"));
    root = trim(pair->second);
  }
  return root;
}

Result<> join_members(const std::string& usual) {
  sys::Fd dir = TRY(sys::open_path(usual + "/namespace", O_RDONLY | O_DIRECTORY));
  const int pid = ::getpid();
  return sys::replace_file(dir.get(), std::to_string(pid), start_time(pid), sys::Durability::Lazy);
}

Result<> enter_root_namespace(const std::string& usual) {
  const std::string place = usual + "/namespace";
  TRY(sys::make_directories(place, 0700));
  sys::Fd dir;
  sys::Fd lock;
  do {
    dir = TRY(sys::open_path(place, O_RDONLY | O_DIRECTORY));
    lock = TRY(sys::open_at(dir.get(), "lock", O_RDWR | O_CREAT));
    TRY(sys::lock_file(lock.get(), sys::Lock::Exclusive, sys::Wait::Yes));
  } while (!sys::leads_to(place, dir.get()));  // Moved with its store while we waited.
  for (;;) {
    const int member = find_member(dir.get());
    auto entered = sys::become_namespace_root(member);
    if (entered) break;
    if (member == 0 || entered.error().kind() != Kind::NotFound) return entered;
    // It ended between the look and the step: the next one, or a new namespace.
    ::unlinkat(dir.get(), std::to_string(member).c_str(), 0);
  }
  TRY(join_members(usual));
  own_pid = ::getpid();
  own_dir = dir.release();
  std::atexit(leave_members);
  return {};
}

}  // namespace tare::engine
