# SPDX-License-Identifier: Apache-2.0
"""What bench/run and bench/start share: the peers' view, the bundle, and what a run costs."""
import json
import os
import pathlib
import re
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent
BIN, TESTS = TOP / "build/release/bin", TOP / "build/release/tests"
OUT = TOP / "build/bench"

V1 = "cpu cpuacct cpuset memory devices freezer blkio pids systemd".split()


def run(command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True,
                          **options)


def start_view():
    """A process whose mount namespace is for the peers: /run and /var/lib of their own, so that
    they leave nothing behind, and where the host has both, the v1 control groups only, because crun and podman
    refuse a tree with both. The host's own mounts are not touched."""
    script = "set -e; mount --make-rprivate /; mount -t tmpfs v /run; mount -t tmpfs v /var/lib; "
    if pathlib.Path("/sys/fs/cgroup/unified/cgroup.procs").exists():
        script += "mkdir /run/view; mount -t tmpfs v /run/view; "
        for name in V1:
            if pathlib.Path("/sys/fs/cgroup", name).is_dir():
                script += f"mkdir /run/view/{name}; mount --bind /sys/fs/cgroup/{name} /run/view/{name}; "
        script += "mount --move /run/view /sys/fs/cgroup; "
    script += "echo ready; exec sleep 100000"
    view = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    if view.stdout.readline() != "ready\n":
        raise RuntimeError("cannot make a mount namespace for the peers")
    return view


def podman_groups():
    return {str(path) for path in pathlib.Path("/sys/fs/cgroup").glob("*/libpod_parent")}


class Measurer:
    """A working directory with a bundle in it, an environment, and the numbers of programs run there."""

    def __init__(self, work):
        self.work = work
        self.groups = podman_groups()
        self.view = start_view()
        self.env = {"PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(work), "LANG": "C",
                    "TARE_ROOT": str(work / "tare"), "XDG_RUNTIME_DIR": str(work / "xdg"),
                    "CONTAINERS_CONF": str(work / "containers.conf")}
        (work / "xdg").mkdir(mode=0o700)
        root = work / "bundle/rootfs"
        for name in ("bin", "dev", "proc", "sys", "etc", "tmp"):
            (root / name).mkdir(parents=True)
        shutil.copy(TESTS / "probe-true", root / "bin/true")
        os.chmod(root / "bin/true", 0o755)
        run(["tar", "-C", root, "--owner=0", "--group=0", "-cf", work / "true.tar", "."])

    def prepare_bundle(self):
        config = self.work / "bundle/config.json"
        if config.exists():
            return
        run(["runc", "spec"] if shutil.which("runc") else ["crun", "spec"], cwd=config.parent)
        spec = json.loads(config.read_text())
        spec["process"].update(terminal=False, args=["/bin/true"])
        spec["process"].pop("rlimits", None)
        config.write_text(json.dumps(spec))

    def measure(self, command, in_view):
        """The numbers of a run: of one command, or of several with + or +wait between
        (bench/measure.c). Raises with what the program said when it failed."""
        result = self.work / "measured"
        done = subprocess.run(self.measured(result, command, in_view), env=self.env, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)
        numbers = json.loads(result.read_text()) if result.stat().st_size else {"status": 2}
        if numbers["status"] != 0:
            raise RuntimeError((done.stderr.strip() or f"exit status {numbers['status']}").splitlines()[-1])
        return numbers

    def measured(self, result, command, in_view):
        """The command line of bench-measure, every program with its path."""
        words = [str(TESTS / "bench-measure"), str(result), f"/proc/{self.view.pid}/ns/mnt" if in_view else "-"]
        is_program = True
        for word in map(str, command):
            if is_program:
                program = shutil.which(word, path=self.env["PATH"])
                if not program:
                    raise FileNotFoundError(f"{pathlib.Path(word).name} is not installed")
                word = program
            words.append(word)
            is_program = word in ("+", "+wait")
        return words

    def traced(self, command, in_view):
        log, result = self.work / "calls", self.work / "traced"
        done = subprocess.run(["strace", "-f", "-qq", "-c", "-U", "name,calls,errors", "-o", str(log),
                               *self.measured(result, command, in_view)],
                              env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0 or json.loads(result.read_text())["status"] != 0:
            raise RuntimeError((done.stderr.strip() or "failed under strace").splitlines()[-1])
        calls = execs = 0
        for line in log.read_text().splitlines():
            match = re.match(r"^(\w+)\s+(\d+)(?:\s+(\d+))?$", line.strip())
            if match and match[1] not in ("total", "syscall"):
                calls += int(match[2])
                if match[1] in ("execve", "execveat"):
                    execs += int(match[2]) - int(match[3] or 0)
        return calls, execs

    def count_calls(self, command, in_view):
        """System calls and executed programs of one run, all processes together, without
        bench-measure's own: those of the same run with programs that make two calls each."""
        if not shutil.which("strace"):
            return None, None
        empty = [TESTS / "probe-true"]
        for word in command:
            if word in ("+", "+wait"):
                empty += [word, TESTS / "probe-true"]
        calls, execs = self.traced(command, in_view)
        own_calls, own_execs = self.traced(empty, in_view)
        programs = (len(empty) + 1) // 2
        return calls - own_calls + 2 * programs, execs - own_execs + programs

    def close(self):
        self.view.kill()
        self.view.wait()
        for group in podman_groups() - self.groups:
            subprocess.run(["find", group, "-depth", "-type", "d", "-delete"], capture_output=True)
        subprocess.run(["umount", "-l", self.work / "storage/overlay"], capture_output=True)
        if str(self.work) not in pathlib.Path("/proc/self/mountinfo").read_text():
            shutil.rmtree(self.work, ignore_errors=True)
