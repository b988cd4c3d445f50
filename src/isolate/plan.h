// SPDX-License-Identifier: Apache-2.0
// Turns a Spec into a launch plan (src/child/plan.h) and owns everything that the plan points to.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "child/plan.h"
#include "isolate/isolate.h"

namespace tare::isolate {

// The plan and its memory. Not movable: the plan points into it. Building fails with Invalid for
// what can be known beforehand: ids that are not mapped, bytes of zero, a missing command.
class PlanMemory {
 public:
  PlanMemory() = default;
  PlanMemory(const PlanMemory&) = delete;
  PlanMemory& operator=(const PlanMemory&) = delete;

  // Opens the host's devices, sets the attributes of bind mounts. Borrows the descriptors of
  // `spec`, which has to live as long as the plan.
  // `cgroup` is the container's.
  Result<> build_container(const Spec& spec, const sys::Cgroup& cgroup);
  // Namespaces that the container shares with us are left out.
  Result<> build_entry(const EnterSpec& spec);
  Result<> build_process(const Process& process);
  // Namespaces that the plan has to make (CLONE_NEW*), and whether the helper waits in a new user
  // namespace for its maps.
  void set_namespaces(std::uint64_t make, bool become_root) {
    container_.make |= make;
    container_.become_root = become_root;
  }
  void set_stdio(int in, int out, int err);
  void inherit_stdio();

  const child::Plan& plan() const { return plan_; }
  // Mounts and files that a report's detail may name.
  std::string detail_name(child::Step step, std::uint32_t detail) const;

 private:
  const char* keep(std::string text);
  char* const* keep_words(const std::vector<std::string>& words);
  Result<> add_namespaces(const Spec& spec);
  // Mounts: plan_mounts.cc.
  Result<> add_usual_mounts(const Spec& spec);
  Result<> add_process_mounts(const Spec& spec);
  Result<> add_device_mounts(const Spec& spec);
  child::Mount& add_own(const char* target, const char* type, std::uint64_t attributes,
                        std::vector<child::Option> options = {});
  Result<> add_host(const char* target, bool recursive, std::uint64_t attributes);
  Result<> add_usual_devices();
  Result<> add_devices(const Spec& spec);
  Result<> add_mount(const Mount& mount);
  Result<> add_bind(const Mount& mount, child::Mount& entry);
  void add_tmpfs(const Mount& mount, child::Mount& entry);
  void add_file_system(const Mount& mount, child::Mount& entry);
  Result<> add_cgroups(const Spec& spec, const Mount& mount, const sys::Cgroup& cgroup);
  void finish_mounts();
  void add_files(const Spec& spec);
  Result<> add_paths(const Spec& spec);
  void add_hooks(const std::vector<Hook>& hooks, int state, child::Hooks& to);
  void add_rlimits(const Process& process);
  void add_capabilities(const Process& process);
  Result<> add_seccomp(const Process& process);
  Result<> add_command(const Process& process);
  Result<> set_init(int fd);

  std::deque<std::string> texts_;
  std::deque<std::vector<char*>> words_;
  std::deque<std::vector<child::Option>> options_;
  std::vector<sys::Fd> fds_;
  std::vector<child::Device> devices_;
  std::vector<child::Mount> mounts_;
  std::vector<int> made_;
  std::vector<child::File> files_;
  std::vector<child::Sysctl> sysctls_;
  std::deque<std::vector<child::Hook>> hooks_;
  std::vector<const char*> read_only_paths_;
  std::vector<const char*> masked_paths_;
  std::vector<child::Rlimit> rlimits_;
  std::vector<std::uint32_t> groups_;
  std::vector<sock_filter> filter_;
  std::vector<char*> init_argv_;
  std::vector<const char*> candidates_;
  child::Container container_;
  child::Entry entry_;
  child::Plan plan_;
};

// The paths that execution tries: `program` itself when it has a slash, else one for each directory
// of PATH in `env` (Docker's default when there is none). [execvp(3)]
std::vector<std::string> command_candidates(const std::string& program,
                                            const std::vector<std::string>& env);

// Refuses a NUL byte, which would cut `text` short; `what` is for the message.
Result<> check_text(std::string_view text, std::string_view what);

// The lowest number that the channel may have: above what the process keeps.
inline int lowest_fd(std::uint32_t kept_fds) { return 3 + static_cast<int>(kept_fds); }

}  // namespace tare::isolate
