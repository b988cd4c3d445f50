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
  Result<> build_container(const Spec& spec);
  // Namespaces that the container shares with us are left out.
  Result<> build_entry(const EnterSpec& spec);
  Result<> build_process(const Process& process);
  // `fd` must be above 63 (see child::Plan).
  void set_channel(int fd) { plan_.channel = fd; }
  void set_stdio(int in, int out, int err);

  const child::Plan& plan() const { return plan_; }
  // Mounts and files that a report's detail may name.
  std::string detail_name(child::Step step, std::uint32_t detail) const;

 private:
  const char* keep(std::string text);
  Result<> add_devices();
  Result<> add_mounts(const Spec& spec);
  void add_files(const Spec& spec);
  Result<> add_paths(const Spec& spec);
  void add_rlimits(const Process& process);
  Result<> find_command_line();
  Result<> add_command(const Process& process);
  Result<> set_init(int fd);

  std::deque<std::string> texts_;
  std::vector<sys::Fd> fds_;
  std::vector<child::Device> devices_;
  std::vector<child::Mount> mounts_;
  std::vector<child::File> files_;
  std::vector<child::Sysctl> sysctls_;
  std::vector<const char*> read_only_paths_;
  std::vector<const char*> masked_paths_;
  std::vector<child::Rlimit> rlimits_;
  std::vector<std::uint32_t> groups_;
  std::vector<sock_filter> filter_;
  std::vector<char*> argv_;
  std::vector<char*> envp_;
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

// Whether we may raise hard resource limits.
bool may_raise_rlimits();

}  // namespace tare::isolate
