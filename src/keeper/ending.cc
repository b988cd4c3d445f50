// SPDX-License-Identifier: Apache-2.0
#include "keeper/ending.h"

#include <cerrno>

namespace tare::keeper {
namespace {

constexpr int kDeepestGroup = 8;

// Reads a small file. The text is cut at `size` - 1 and ends with NUL; empty when there is no file.
void read_small(int dir, const char* name, char* text, std::size_t size) {
  text[0] = '\0';
  const auto fd = static_cast<int>(bare::open_at(dir, name, O_RDONLY));
  if (fd < 0) return;
  const long got = bare::read(fd, text, size - 1);
  text[got > 0 ? got : 0] = '\0';
  bare::close(fd);
}

// True when a line "oom_kill N" has an N above 0.
bool says_oom_kill(const char* text) {
  while (*text != '\0') {
    if (const char* value = bare::after(text, "oom_kill "); value != nullptr && *value != '0')
      return true;
    while (*text != '\0' && *text++ != '\n') {
    }
  }
  return false;
}

void kill_members(int group) {
  const auto kill_file = static_cast<int>(bare::open_at(group, "cgroup.kill", O_WRONLY));
  if (kill_file >= 0) {  // v2, Linux 5.14: all of the subtree at once.
    bare::write(kill_file, "1", 1);
    bare::close(kill_file);
    return;
  }
  char text[4096];
  read_small(group, "cgroup.procs", text, sizeof text);
  for (char* at = text; *at != '\0';) {
    char* end = at;
    while (*end != '\0' && *end != '\n') ++end;
    if (*end == '\0') break;  // Cut off; the next try sees it.
    *end = '\0';
    const std::int64_t pid = bare::parse_number(at, 1 << 30);
    if (pid > 1) bare::call(__NR_kill, static_cast<long>(pid), SIGKILL);
    at = end + 1;
  }
}

struct DirectoryEntry {  // [getdents(2), linux_dirent64]
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[];
};
constexpr unsigned char kDirectoryType = 4;  // DT_DIR

void empty_group(int group, int depth) {
  kill_members(group);
  if (depth == kDeepestGroup) return;
  alignas(DirectoryEntry) char entries[2048];
  for (;;) {
    const long got = bare::call(__NR_getdents64, group, bare::word(entries), sizeof entries);
    if (got <= 0) return;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(entries + at);
      at += entry->size;
      if (entry->type != kDirectoryType || bare::equal(entry->name, ".") ||
          bare::equal(entry->name, ".."))
        continue;
      const auto below =
          static_cast<int>(bare::open_at(group, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      if (below < 0) continue;
      empty_group(below, depth + 1);
      bare::close(below);
      bare::unlink_at(group, entry->name, AT_REMOVEDIR);
    }
  }
}

bool remove_group(const char* path) {
  const long rc = bare::unlink_at(AT_FDCWD, path, AT_REMOVEDIR);
  if (rc == 0 || rc == -ENOENT) return true;
  const auto group = static_cast<int>(bare::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  if (group < 0) return false;
  empty_group(group, 0);
  bare::close(group);
  return bare::unlink_at(AT_FDCWD, path, AT_REMOVEDIR) == 0;
}

bool try_write_exit(int dir, const char* text, std::size_t size, bool durable) {
  constexpr const char* kTemporary = ".exit.new";
  const auto file =
      static_cast<int>(bare::open_at(dir, kTemporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW));
  if (file < 0) return false;
  bool good = bare::write(file, text, size) == static_cast<long>(size);
  if (good && durable) good = bare::sync(file) == 0;
  bare::close(file);
  good = good && bare::rename_at(dir, kTemporary, "exit") == 0;
  if (!good) bare::unlink_at(dir, kTemporary);
  if (good && durable) bare::sync(dir);
  return good;
}

}  // namespace

bool had_oom_kill(const Options& options) {
  for (int i = 0; i < options.cgroup_count; ++i) {
    const auto group =
        static_cast<int>(bare::open_at(AT_FDCWD, options.cgroups[i], O_RDONLY | O_DIRECTORY));
    if (group < 0) continue;
    char text[512];
    read_small(group, "memory.events", text, sizeof text);
    bool killed = says_oom_kill(text);
    read_small(group, "memory.oom_control", text, sizeof text);
    killed = killed || says_oom_kill(text);
    bare::close(group);
    if (killed) return true;
  }
  return false;
}

bool write_exit(const Options& options, Log& log, const ExitPayload& exit, bool durable) {
  bare::Text<128> text;
  text.add("exit_code=").add_number(exit.exit_code);
  text.add("\nfinished_at=").add_number(exit.finished_at);
  text.add("\noom=").add_number(exit.oom).add("\n");
  do {
    if (try_write_exit(options.dir, text.text(), text.size(), durable)) return true;
  } while (log.drop_oldest());
  return false;
}

void remove_cgroups(const Options& options) {
  bool gone[kMaxCgroups] = {};
  for (int tries = 0; tries < 60; ++tries) {
    bool all = true;
    for (int i = 0; i < options.cgroup_count; ++i) {
      gone[i] = gone[i] || remove_group(options.cgroups[i]);
      all = all && gone[i];
    }
    if (all) return;
    bare::sleep_ms(tries < 20 ? 1 : 50);
  }
}

void exec_program(const Program& program, char** environment) {
  const char* argv[1 + 16 + 1] = {program.path};
  for (int i = 0; i < program.count; ++i) argv[i + 1] = program.arguments[i];
  // Ignored and blocked signals would be inherited.
  for (int signal = 1; signal <= 64; ++signal) bare::signal_disposition(signal, false);
  bare::signal_mask(SIG_SETMASK, 0);
  bare::call(__NR_execve, bare::word(program.path), bare::word(argv), bare::word(environment));
}

}  // namespace tare::keeper
