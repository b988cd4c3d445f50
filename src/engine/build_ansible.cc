// SPDX-License-Identifier: Apache-2.0
#include "engine/build_ansible.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr const char* kPlaces[] = {"/usr/bin/ansible-playbook", "/usr/local/bin/ansible-playbook"};

// How ansible reaches the container. [docs.ansible.com, "Connection plugins"]
constexpr const char* kPlugin = R"(# SPDX-License-Identifier: Apache-2.0
import os
import subprocess

from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: tare
short_description: Run in the container of a build step
description: [Run in the container of a build step by means of "tare exec".]
author: [Tare]
options: {}
"""


class Connection(ConnectionBase):
    transport = "tare"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def close(self):
        self._connected = False

    def _run(self, command, data):
        words = [os.environ["TARE_PROGRAM"], "--root", os.environ["TARE_STORE"], "exec", "-i", "--user", "0"]
        done = subprocess.run(words + [os.environ["TARE_ANSIBLE_HOST"]] + command, input=data, capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", cmd], in_data or b"")

    def _must(self, command, data):
        status, out, errors = self._run(command, data)
        if status != 0:
            raise AnsibleError(errors.decode(errors="replace"))
        return out

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        with open(in_path, "rb") as file:
            self._must(["/bin/sh", "-c", 'cat >"$1"', "sh", out_path], file.read())

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        with open(out_path, "wb") as file:
            file.write(self._must(["/bin/sh", "-c", 'cat "$1"', "sh", in_path], b""))
)";

std::vector<std::string> variables_of(const AnsibleRun::Request& request) {
  return {"PATH=/usr/local/bin:/usr/bin:/bin",
          "HOME=" + request.scratch,
          "LC_ALL=C.UTF-8",
          "PYTHONDONTWRITEBYTECODE=1",
          "TARE_PROGRAM=" + request.program,
          "TARE_STORE=" + request.store,
          "TARE_ANSIBLE_HOST=" + request.container,
          "ANSIBLE_CONFIG=" + request.scratch + "/ansible.cfg",
          "ANSIBLE_HOME=" + request.scratch,
          "ANSIBLE_LOCAL_TEMP=" + request.scratch + "/local",
          "ANSIBLE_REMOTE_TEMP=" + std::string(kAnsiblePlace),
          "ANSIBLE_CONNECTION_PLUGINS=" + request.scratch,
          "ANSIBLE_PYTHON_INTERPRETER=auto_silent",
          "ANSIBLE_PIPELINING=1",
          "ANSIBLE_RETRY_FILES_ENABLED=0",
          "ANSIBLE_LOCALHOST_WARNING=0",
          "ANSIBLE_NOCOLOR=1",
          "ANSIBLE_NOCOWS=1"};
}

Result<> write_files(const std::string& scratch) {
  const sys::Fd dir = TRY(sys::open_path(scratch, O_RDONLY | O_DIRECTORY));
  TRY(sys::create_file(dir.get(), "tare.py", kPlugin, sys::Durability::Lazy));
  return sys::create_file(dir.get(), "ansible.cfg", "", sys::Durability::Lazy);
}

const char* find_ansible() {
  for (const char* path : kPlaces)
    if (::access(path, X_OK) == 0) return path;
  return nullptr;
}

}  // namespace

Result<AnsibleRun> AnsibleRun::start(const Request& request) {
  const char* const program = find_ansible();
  if (program == nullptr)
    return std::unexpected(
        Error(Kind::NotFound, "ansible-playbook is not installed here, which RUN --ansible runs")
            .hint("apt-get install ansible-core"));
  TRY(write_files(request.scratch));
  sys::Pipe output = TRY(sys::make_pipe());
  const sys::Fd nothing = TRY(sys::open_path("/dev/null", O_RDONLY));
  const auto prepare = [&request]() -> Result<> {
    if (::chdir(request.directory.c_str()) != 0) return fail_errno("go to the playbook");
    if (!request.has_network && ::unshare(CLONE_NEWNET) != 0)
      return fail_errno("take the network from ansible-playbook");
    ::umask(022);
    return {};
  };
  AnsibleRun run(TRY(sys::Minded::start(
      {.program = program,
       .words = {program, "--inventory", "target,", "--connection", "tare", "--", request.playbook},
       .environment = variables_of(request),
       .streams = {nothing.get(), output.write.get(), output.write.get()},
       .confine = prepare})));
  run.output_ = std::move(output.read);
  return run;
}

}  // namespace tare::engine
