// SPDX-License-Identifier: Apache-2.0
#include "sys/ids.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <optional>

#include "base/text.h"
#include "sys/files.h"
#include "sys/user_namespace.h"

namespace tare::sys {
namespace {

constexpr std::size_t kMapLimit = 1 << 20;

// The ranges that FILE (/etc/subuid, /etc/subgid) gives to this user, by name or by number.
// [subuid(5)]
Result<std::vector<IdRange>> subordinate_ids(const std::string& file, std::uint32_t uid) {
  const std::string name = user_name(uid);
  const std::string number = std::to_string(uid);
  const Fd opened = TRY(open_path(file, O_RDONLY));
  const std::string text = TRY(read_all(opened.get(), kMapLimit));
  std::vector<IdRange> ranges;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> parts = split(line, ':');
    if (parts.size() != 3 || (parts[0] != name && parts[0] != number)) continue;
    const auto start = parse_u64(parts[1]);
    const auto count = parse_u64(trim(parts[2]));
    constexpr std::uint64_t kEnd = std::numeric_limits<std::uint32_t>::max();
    if (!start || !count || *count == 0 || *start >= kEnd || *count > kEnd - *start) continue;
    ranges.push_back({.outside = static_cast<std::uint32_t>(*start),
                      .count = static_cast<std::uint32_t>(*count)});
  }
  return ranges;
}

// The arguments of newuidmap(1) behind the pid: 0 is the user, 1.. its ranges one after the other.
std::vector<std::string> map_arguments(std::uint32_t self, const std::vector<IdRange>& ranges) {
  std::vector<std::string> words{"0", std::to_string(self), "1"};
  std::uint64_t inside = 1;
  for (const IdRange& range : ranges) {
    if (inside + range.count > std::numeric_limits<std::uint32_t>::max()) break;
    words.push_back(std::to_string(inside));
    words.push_back(std::to_string(range.outside));
    words.push_back(std::to_string(range.count));
    inside += range.count;
  }
  return words;
}

struct Helper {
  std::string program;  // "newuidmap"
  std::vector<std::string> arguments;
};

// POST-FORK. Runs the setuid helper from the system's directories, not from PATH.
[[noreturn]] void exec_helper(const Helper& helper, std::vector<char*>& argv) {
  for (const char* directory : {"/usr/bin/", "/bin/", "/usr/local/bin/"}) {
    char path[64];
    std::size_t length = 0;
    for (const char* from = directory; *from != '\0'; ++from) path[length++] = *from;
    for (const char from : helper.program) path[length++] = from;
    path[length] = '\0';
    static char* no_environment[] = {nullptr};
    ::execve(path, argv.data(), no_environment);
    if (errno != ENOENT) break;
  }
  ::_exit(errno == ENOENT ? 127 : 126);
}

Result<> run_helper(Helper helper, int pid) {
  helper.arguments.insert(helper.arguments.begin(), {helper.program, std::to_string(pid)});
  std::vector<char*> argv;
  for (std::string& word : helper.arguments) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("fork");
  if (child == 0) exec_helper(helper, argv);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("wait for " + helper.program);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return fail(Kind::Unsupported, helper.program + " is not installed");
  return fail(Kind::Denied, helper.program + " refused to map " +
                                join(std::span(helper.arguments).subspan(2), " "));
}

// The half of become_namespace_root that stays outside: maps `pid` once it has left. Exit status
// 0; otherwise the message goes through `errors`.
[[noreturn]] void map_from_outside(int pid, int go, int errors, const Helper& uids,
                                   const Helper& gids) {
  char byte = 0;
  if (::read(go, &byte, 1) != 1) ::_exit(1);
  Result<> done = run_helper(uids, pid);
  if (done) done = run_helper(gids, pid);
  if (done) ::_exit(0);
  (void)!::write(errors, done.error().message().data(), done.error().message().size());
  ::_exit(done.error().kind() == Kind::Unsupported ? 2 : 1);
}

Result<> make_private() {
  struct mount_attr attributes{};
  attributes.propagation = MS_PRIVATE;
  if (::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof attributes) != 0)
    return fail_errno("make the mounts private");
  return {};
}

// What in_initial_user_namespace() found; this process leaves a namespace only in this file.
std::optional<bool> found_initial;

Result<> join_namespaces(int pid) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return fail_errno("open process " + std::to_string(pid));
  char cwd[4096];
  const bool have_cwd = ::getcwd(cwd, sizeof cwd) != nullptr && cwd[0] == '/';
  if (::setns(pidfd.get(), CLONE_NEWUSER | CLONE_NEWNS) != 0)
    return fail_errno("join the namespaces of process " + std::to_string(pid));
  found_initial = false;
  // setns moved us to the root of the other mount namespace. The same path is what the user means;
  // when it is not there, the root is as good as any.
  if (have_cwd) (void)!::chdir(cwd);
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return fail_errno("become root of the joined namespace");
  return {};
}

Result<> wait_for_mapper(pid_t mapper, int errors) {
  const std::string message = TRY(read_all(errors, 65536));
  int status = 0;
  while (::waitpid(mapper, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("wait for the id mapping");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  const bool missing = WIFEXITED(status) && WEXITSTATUS(status) == 2;
  Error error(missing ? Kind::Unsupported : Kind::Denied,
              message.empty() ? "the id mapping stopped early" : message);
  return std::unexpected(
      std::move(error).hint(missing ? "install the package uidmap (newuidmap, newgidmap)"
                                    : "check /etc/subuid and /etc/subgid, and that newuidmap has "
                                      "its setuid bit or file capability"));
}

Result<std::vector<IdRange>> need_subordinate_ids(const std::string& file, std::uint32_t uid) {
  auto ranges = subordinate_ids(file, uid);
  if (ranges && !ranges->empty()) return ranges;
  return std::unexpected(
      Error(Kind::Unsupported, "user " + quoted(user_name(uid)) + " has no range in " + file)
          .hint("as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " +
                user_name(uid)));
}

}  // namespace

Result<std::uint32_t> IdMap::outside_of(std::uint32_t inside) const {
  for (const IdRange& range : ranges)
    if (inside >= range.inside && inside - range.inside < range.count)
      return range.outside + (inside - range.inside);
  return fail(Kind::Invalid, "id " + std::to_string(inside) + " is not mapped");
}

bool IdMap::is_identity() const {
  const auto same = [](const IdRange& range) { return range.inside == range.outside; };
  return std::ranges::all_of(ranges, same) && std::ranges::all_of(group_ranges, same);
}

void IdMap::put(std::vector<IdRange>& ranges, const IdRange& range) {
  const std::uint64_t end = std::uint64_t{range.inside} + range.count;
  std::vector<IdRange> kept;
  for (const IdRange& old : ranges) {
    const std::uint64_t old_end = std::uint64_t{old.inside} + old.count;
    if (old.inside < range.inside)
      kept.push_back({old.inside, old.outside, std::min(old.count, range.inside - old.inside)});
    if (old_end > end) {
      const auto from = static_cast<std::uint32_t>(std::max<std::uint64_t>(end, old.inside));
      kept.push_back(
          {from, old.outside + (from - old.inside), static_cast<std::uint32_t>(old_end - from)});
    }
  }
  kept.push_back(range);
  std::ranges::sort(kept, {}, &IdRange::inside);
  ranges = std::move(kept);
}

std::string IdMap::text() const {
  std::string lines;
  for (const IdRange& range : ranges)
    lines += std::to_string(range.inside) + " " + std::to_string(range.outside) + " " +
             std::to_string(range.count) + "\n";
  return lines;
}

// "inside outside count" lines as the kernel prints them. [user_namespaces(7)]
Result<IdMap> parse_id_map(std::string_view text) {
  IdMap map;
  for (const std::string& line : split(text, '\n')) {
    std::array<std::uint64_t, 3> numbers{};
    std::size_t found = 0;
    for (const std::string& word : split(line, ' ')) {
      if (word.empty()) continue;
      if (found == numbers.size()) return fail(Kind::Internal, "id map with a fourth column");
      numbers[found++] = TRY(parse_u64(word));
    }
    if (found == 0) continue;
    constexpr std::uint64_t kHighest = std::numeric_limits<std::uint32_t>::max();
    if (found != numbers.size() || std::ranges::max(numbers) > kHighest)
      return fail(Kind::Internal, "id map line " + quoted(line) + " is not three numbers");
    map.ranges.push_back({.inside = static_cast<std::uint32_t>(numbers[0]),
                          .outside = static_cast<std::uint32_t>(numbers[1]),
                          .count = static_cast<std::uint32_t>(numbers[2])});
  }
  return map;
}

Result<IdMap> available_ids() {
  const auto read_map = [](const char* path) -> Result<IdMap> {
    const Fd file = TRY(open_path(path, O_RDONLY));
    return parse_id_map(TRY(read_all(file.get(), kMapLimit)));
  };
  IdMap map = TRY(read_map("/proc/self/uid_map"));
  map.group_ranges = TRY(read_map("/proc/self/gid_map")).ranges;
  return map;
}

bool in_initial_user_namespace() {
  if (found_initial) return *found_initial;
  // The initial user namespace has a fixed inode number: PROC_USER_INIT_INO of the kernel's
  // include/linux/proc_ns.h. The map alone does not tell: a nested one may map everything.
  constexpr ino_t kInitialUserNamespace = 0xEFFFFFFDU;
  struct stat status{};
  found_initial =
      ::stat("/proc/self/ns/user", &status) == 0 && status.st_ino == kInitialUserNamespace;
  return *found_initial;
}

Result<> become_namespace_root(int join_pid) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (uid == 0) return {};
  if (join_pid > 0) return join_namespaces(join_pid);
  const auto uids = TRY(need_subordinate_ids("/etc/subuid", uid));
  const auto gids = TRY(need_subordinate_ids("/etc/subgid", uid));
  const Helper uid_helper{.program = "newuidmap", .arguments = map_arguments(uid, uids)};
  const Helper gid_helper{.program = "newgidmap", .arguments = map_arguments(gid, gids)};
  Pipe go = TRY(make_pipe());
  Pipe errors = TRY(make_pipe());
  // The helper has to be forked before we leave: afterwards newuidmap would run with our new,
  // still unmapped ids.
  const pid_t self = ::getpid();
  const pid_t mapper = ::fork();
  if (mapper < 0) return fail_errno("fork");
  if (mapper == 0) {
    go.write.reset();
    map_from_outside(self, go.read.get(), errors.write.get(), uid_helper, gid_helper);
  }
  errors.write.reset();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    const int saved = errno;
    go.write.reset();  // The helper sees end of file and exits.
    (void)wait_for_mapper(mapper, errors.read.get());
    return std::unexpected(
        Error(Kind::Unsupported, Error::sys(saved, "make a user namespace").message())
            .hint(kUserNamespaceHint));
  }
  found_initial = false;
  TRY(write_all(go.write.get(), "g"));
  TRY(wait_for_mapper(mapper, errors.read.get()));
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return fail_errno("become root of the new user namespace");
  return make_private();
}

}  // namespace tare::sys
