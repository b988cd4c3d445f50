# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# nginx, PostgreSQL, Redis, apt-get, a JVM, Node and Python do their work under the default filter.
# as: root
. "$TEST_LIB"

archive=$TEST_CACHE/applications.tar
[ -s "$archive" ] || skip 'no root file system with the applications: its mirror could not be reached'
tare import "$archive" applications >/dev/null

# inside NAME: the script of standard input, in a container; its last line has to be "NAME works".
inside() {
  local out
  out=$(tare run -i --rm --network none applications bash -euo pipefail -s 2>&1) || fail "$1: $out"
  assert_matches "$out" "(^|"$'\n'")$1 works$"
}

inside nginx <<'SCRIPT'
grep -q '^Seccomp:[[:space:]]*2$' /proc/self/status
echo page-of-nginx >/var/www/html/index.html
nginx
for _ in $(seq 100); do curl -fs http://127.0.0.1/ >page && break; sleep 0.1; done
grep -q page-of-nginx page
nginx -s reload
curl -fs --parallel $(printf 'http://127.0.0.1/ %.0s' $(seq 20)) | grep -c page-of-nginx | grep -qx 20
nginx -s quit
echo nginx works
SCRIPT

inside PostgreSQL <<'SCRIPT'
bin=$(echo /usr/lib/postgresql/*/bin)
run() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
mkdir -p /run/postgresql /data && chown postgres: /run/postgresql /data
run "$bin/initdb" -D /data -A trust >/dev/null
run "$bin/pg_ctl" -w -D /data -o '-c max_parallel_workers=4' start >/dev/null
run psql -qc 'create table t as select generate_series(1, 50000) as n; create index on t (n)' postgres
run psql -Atc 'set max_parallel_workers_per_gather = 2; select sum(n) from t' postgres | grep -qx 1250025000
run "$bin/pg_ctl" -w -D /data -m fast stop >/dev/null
echo PostgreSQL works
SCRIPT

inside Redis <<'SCRIPT'
redis-server --daemonize yes --save '' --io-threads 2 >/dev/null
for _ in $(seq 100); do redis-cli ping >/dev/null 2>&1 && break; sleep 0.1; done
redis-cli set key value | grep -qx OK
redis-cli get key | grep -qx value
redis-cli bgsave >/dev/null
for _ in $(seq 100); do redis-cli info persistence | grep -q 'rdb_bgsave_in_progress:0' && break; sleep 0.1; done
redis-cli info persistence | grep -q 'rdb_last_bgsave_status:ok'
redis-cli shutdown nosave
echo Redis works
SCRIPT

inside JVM <<'SCRIPT'
for collector in SerialGC ParallelGC G1GC ZGC; do java -XX:+Use$collector -Xmx64m -version 2>/dev/null; done
# A whole program: threads, compiler, files, randomness, cryptography.
keytool -genkeypair -keyalg RSA -keysize 2048 -alias a -dname CN=a -storepass password -keystore store 2>/dev/null
keytool -list -storepass password -keystore store | grep -q PrivateKeyEntry
echo JVM works
SCRIPT

inside Node <<'SCRIPT'
cat >work.js <<'JS'
const { Worker, isMainThread, parentPort } = require('worker_threads');
if (!isMainThread) { parentPort.postMessage(21); return; }
const { execFileSync } = require('child_process');
const http = require('http');
const crypto = require('crypto');
const fs = require('fs');
let sum = 0, left = 4;
for (let i = 0; i < 4; i++) new Worker(__filename).on('message', (n) => { sum += n; if (--left == 0) serve(); });
function serve() {
  const server = http.createServer((_, answer) => answer.end(String(sum)));
  server.listen(0, '127.0.0.1', () => http.get({ host: '127.0.0.1', port: server.address().port }, (answer) => answer.on('data', (data) => {
    server.close();
    crypto.pbkdf2Sync('a', 'b', 1000, 32, 'sha256');
    fs.watch('.').close();
    console.log(data + execFileSync('echo', ['-ok'])); })));
}
JS
node work.js | grep -qx -- 84-ok
echo Node works
SCRIPT

inside Python <<'SCRIPT'
cat >work.py <<'PY'
import asyncio, concurrent.futures, multiprocessing, os, sqlite3, subprocess, tempfile, threading
def square(n):
    return n * n
if __name__ == "__main__":
    db = sqlite3.connect("data.db")
    db.execute("pragma journal_mode = wal")
    db.execute("create table t (n)")
    db.executemany("insert into t values (?)", [(n,) for n in range(1000)])
    db.commit()
    assert db.execute("select sum(n) from t").fetchone() == (499500,)
    assert subprocess.run(["echo", "x"], capture_output=True, check=True).stdout == b"x\n"
    with multiprocessing.Pool(2) as pool:
        assert pool.map(square, range(4)) == [0, 1, 4, 9]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(square, range(100)))[-1] == 9801
    async def main():
        process = await asyncio.create_subprocess_exec("true")
        assert await process.wait() == 0
    asyncio.run(main())
    with tempfile.TemporaryDirectory() as name:
        os.mkfifo(name + "/fifo")
    print("Python works")
PY
python3 work.py
SCRIPT

# apt-get: what it installs is made here, and reaches the container without a network.
inside apt-get <<'SCRIPT'
mkdir -p package/DEBIAN package/usr/share/tare-sample
printf 'Package: tare-sample\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' \
  >package/DEBIAN/control
printf '#!/bin/sh\nadduser --system --quiet --no-create-home sample-user || useradd -r sample-user\n' >package/DEBIAN/postinst
chmod 755 package/DEBIAN/postinst
echo content >package/usr/share/tare-sample/file
dpkg-deb --root-owner-group -b package /tmp/sample.deb >/dev/null
apt-get install -qy /tmp/sample.deb >/dev/null
grep -qx content /usr/share/tare-sample/file
id sample-user >/dev/null
apt-get remove -qy tare-sample >/dev/null
echo apt-get works
SCRIPT
