# SPDX-License-Identifier: Apache-2.0
"""For bench/start: many containers, the time of each start and what engines keep in memory for them."""
import pathlib
import re
import shutil
import statistics
import subprocess
import time

from common import BIN, run

SLEEP = ["/bin/busybox", "sleep", "100000"]


def pss_kb(pids):
    """Proportional set sizes, all together. A process that has ended counts nothing."""
    total = 0
    for pid in pids:
        try:
            total += int(re.search(r"^Pss:\s*(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
        except (OSError, TypeError):
            continue
    return total


def parent(pid):
    return int(re.search(r"^PPid:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def used_kb():
    """What the whole machine uses, the kernel's own objects too: rough on a machine that is not idle."""
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(r"MemTotal:\s*(\d+)", text)[1]) - int(re.search(r"MemAvailable:\s*(\d+)", text)[1])


def timed(command, env):
    """Milliseconds of one command."""
    begun = time.perf_counter()
    done = subprocess.run([str(word) for word in command], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, close_fds=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{command[0]} failed")
    return (time.perf_counter() - begun) * 1e3


def image_tar(runtimes):
    tar = runtimes.work / "sleeper.tar"
    if not tar.exists():
        run(["tar", "-C", runtimes.sleeper / "rootfs", "--owner=0", "--group=0", "-cf", tar, "."])
    return tar


def tare_growth(runtimes, count):
    run([BIN / "tare", "import", image_tar(runtimes), "sleeper"], env=runtimes.env)
    names = [f"many{i}" for i in range(count)]
    before, times = used_kb(), []
    try:
        for name in names:
            times.append(timed([BIN / "tare", "run", "-d", "--name", name, "--network", "none", "sleeper", *SLEEP],
                               runtimes.env))
        pids = []
        for first in range(0, count, 100):
            pids += run([BIN / "tare", "inspect", "--format", "{{.State.Pid}}", *names[first:first + 100]],
                        env=runtimes.env).stdout.split()
        keepers = {parent(pid) for pid in pids}
        tenth = max(count // 10, 1)
        first, last = statistics.median(times[:tenth]), statistics.median(times[-tenth:])
        return {"containers": count, "first_ms": first, "last_ms": last, "growth": last / first,
                "pss_kb_each": pss_kb(keepers) / count, "machine_kb_each": (used_kb() - before) / count}
    finally:
        for first in range(0, len(times), 100):
            subprocess.run([BIN / "tare", "rm", "-f", *names[first:first + 100]], env=runtimes.env, capture_output=True)


def in_view(runtimes, *command):
    return ["nsenter", f"--mount=/proc/{runtimes.view.pid}/ns/mnt", *map(str, command)]


def podman_memory(runtimes, count):
    if not shutil.which("podman"):
        raise RuntimeError("podman is not installed")
    work = runtimes.work
    (work / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
        f'[engine]\nevents_logger = "none"\n[network]\nnetwork_config_dir = "{work}/networks"\n')
    podman = in_view(runtimes, "podman", f"--root={work}/storage", f"--runroot={work}/run", "--runtime=crun",
                     "--cgroup-manager=cgroupfs", "--events-backend=none")
    run([*podman, "import", image_tar(runtimes), "localhost/sleeper"], env=runtimes.env)
    names, before, times = [f"many{i}" for i in range(count)], used_kb(), []
    try:
        for name in names:
            times.append(timed([*podman, "run", "-d", "--name", name, "--network=none", "localhost/sleeper", *SLEEP],
                               runtimes.env))
        pids = run([*podman, "inspect", "--format", "{{.State.Pid}}", *names], env=runtimes.env).stdout.split()
        return {"containers": count, "start_ms": statistics.median(times),
                "pss_kb_each": pss_kb({parent(pid) for pid in pids}) / count,
                "machine_kb_each": (used_kb() - before) / count}
    finally:
        subprocess.run([*podman, "rm", "-f", "-t", "0", *names], env=runtimes.env, capture_output=True)


def descendants(pid):
    """Of a process, as far as they are in its pid namespace."""
    space = pathlib.Path(f"/proc/{pid}/ns/pid").readlink()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "ns/pid").readlink() == space:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def docker_memory(runtimes, count):
    if not shutil.which("dockerd") or not shutil.which("docker"):
        raise RuntimeError("docker is not installed")
    work = runtimes.work
    docker = ["docker", "-H", f"unix://{work}/docker.sock"]
    # In a pid and a network namespace of its own: all of it ends with it, and no rule of the host's firewall changes.
    script = ("mount -t proc proc /proc; ip link set lo up; "
              f"dockerd --data-root {work}/docker --exec-root /run/docker -H unix://{work}/docker.sock "
              f"--pidfile /run/docker.pid --bridge=none --iptables=false --ip6tables=false >{work}/docker.log 2>&1 & wait")
    engine = subprocess.Popen(in_view(runtimes, "unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c",
                                      script), env=runtimes.env)
    try:
        end = time.monotonic() + 60
        while subprocess.run([*docker, "version"], env=runtimes.env, capture_output=True).returncode != 0:
            if time.monotonic() > end or engine.poll() is not None:
                raise RuntimeError("dockerd does not come up: " + (work / "docker.log").read_text()[-160:].strip())
            time.sleep(0.2)
        run([*docker, "import", image_tar(runtimes), "sleeper"], env=runtimes.env)
        child = int(pathlib.Path(f"/proc/{engine.pid}/task/{engine.pid}/children").read_text().split()[0])
        idle, before, times = pss_kb(descendants(child)), used_kb(), []
        for index in range(count):
            times.append(timed([*docker, "run", "-d", "--name", f"many{index}", "--network=none", "sleeper", *SLEEP],
                               runtimes.env))
        busy = pss_kb(descendants(child))
        return {"containers": count, "start_ms": statistics.median(times), "pss_kb_each": (busy - idle) / count,
                "pss_kb_idle": idle, "machine_kb_each": (used_kb() - before) / count}
    finally:
        names = [f"many{index}" for index in range(count)]
        subprocess.run([*docker, "rm", "-f", *names], env=runtimes.env, capture_output=True)
        engine.terminate()
        engine.wait()
