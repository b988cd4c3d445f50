# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# as: root user
# needs: python3
# What an image says of itself is not obeyed by the terminal, and does not make lines of its own.
. "$TEST_LIB"

python3 - "$TEST_CACHE/busybox.tar" <<'PY'
import hashlib, io, json, sys, tarfile
layer = open(sys.argv[1], "rb").read()
odd = "a\x1b[31m\x1b]0;t\x07\r\n\t\u202e\u2028\x7f\x9bz"
config = {"architecture": "amd64", "os": "linux", "author": odd, "variant": odd,
          "config": {"Cmd": ["sleep", "1000", odd], "Env": ["PATH=/bin", "E=" + odd], "Labels": {"l" + odd: odd, "x": odd},
                     "WorkingDir": "/", "Volumes": {}, "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGKILL"},
          "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
          "history": [{"created": "2020-01-01T00:00:00Z", "created_by": odd, "comment": odd, "author": odd}]}
with tarfile.open("odd.tar", "w") as out:
    for name, data in (("c.json", json.dumps(config).encode()), ("l.tar", layer),
                       ("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": ["odd:1"], "Layers": ["l.tar"]}]).encode())):
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        out.addfile(entry, io.BytesIO(data))
PY
tare load -i odd.tar >out 2>&1
tare create --network none --name odd odd:1 >>out 2>&1
for command in 'images' 'images -a --no-trunc' 'ps -a' 'ps -a --no-trunc' 'inspect odd:1' 'inspect odd' 'history odd:1' \
  'history --no-trunc odd:1' 'df' 'df -v' 'images --format {{json}}' \
  'verify odd:1' 'info' 'manifest inspect odd:1'; do
  # shellcheck disable=SC2086  # Words.
  tare $command >one 2>&1 || true
  if LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f]' one; then fail "tare $command: $(cat -v one)"; fi
  if LC_ALL=C grep -aqP '\xc2[\x80-\x9f]' one; then fail "tare $command: control characters of 8 bits: $(cat -v one)"; fi
done
for command in images 'ps -a' 'history odd:1'; do
  # shellcheck disable=SC2086
  assert_eq "$(tare $command | wc -l)" 2 "lines of tare $command"
done
tare rm -f odd >/dev/null
