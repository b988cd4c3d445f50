// SPDX-License-Identifier: Apache-2.0
// RUN --ansible: this machine's ansible-playbook, which changes a step's container through
// `tare exec`. Private to the room. [ansible-playbook(1)]
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "sys/fd.h"
#include "sys/minded.h"

namespace tare::engine {

class AnsibleRun {
 public:
  struct Request {
    std::string program;      // Of tare,
    std::string store;        // its store,
    std::string container;    // and the id of what runs there.
    std::string directory;    // Of the playbook and what it uses; absolute.
    std::string playbook;     // Its path in there.
    std::string scratch;      // A directory for files of ours; absolute.
    bool has_network = true;  // Ansible's own on this machine; the container's is not its business.
  };
  // SECURITY: a playbook may run programs here, as the user that this is. It sees no variables of
  // ours, no agent and no configuration; that is no protection. Errors: NotFound (no ansible).
  static Result<AnsibleRun> start(const Request& request);

  int output() const { return output_.get(); }  // What it says, to its end.
  // Waits for its end, as an exit status.
  Result<int> finish() { return process_.finish(); }

 private:
  explicit AnsibleRun(sys::Minded process) : process_(std::move(process)) {}
  sys::Minded process_;  // Ends with this, and what it has started.
  sys::Fd output_;
};

// Where its modules are put in the container: a tmpfs, so nothing of them stays.
inline constexpr const char* kAnsiblePlace = "/run/ansible";

}  // namespace tare::engine
