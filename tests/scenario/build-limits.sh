# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What tare build gives to every RUN: names in /etc/hosts, the size of /dev/shm, limits. Others are other steps.
. "$TEST_LIB"
image_busybox
mkdir app
cat >app/Dockerfile <<'TEXT'
FROM busybox
RUN grep wonder /etc/hosts >/hosts; df -k /dev/shm | awk 'NR==2 {print $2}' >/shm; ulimit -n >/files
TEXT
made() { tare run --rm --network none --ulimit nofile=1000 app cat /hosts /shm /files; }
build() { tare build -q --network none --no-lock -t app "$@" app >id 2>log || fail "$(cat log)"; }
build --ulimit nofile=640:700 --shm-size 8m --add-host wonder:192.0.2.7
assert_eq "$(made | tr -s '\t ' ' ')" $'192.0.2.7 wonder\n8192\n640'
first=$(cat id)
tare build --progress plain --network none --no-lock --ulimit nofile=640:700 --shm-size 8m --add-host wonder=192.0.2.8 app 2>log || fail "$(cat log)"
assert_contains "$(cat log)" '--add-host'
build
assert_lacks "$(made)" 8192
assert_lacks "$(made)" wonder
build --ulimit nofile=640:700 --shm-size 8m --add-host wonder:192.0.2.7
assert_eq "$(cat id)" "$first"
for bad in --add-host=wonder --shm-size=x --ulimit=nofile --ulimit=files=1; do
  not tare build -q "$bad" app 2>log
  assert_contains "$(cat log)" "${bad%%=*}"
done

# Memory, time and processors, where the control group has them; they make no other step.
if has_controller memory && has_controller cpu && has_controller cpuset; then
  printf 'FROM busybox\nRUN nproc; dd if=/dev/zero of=/dev/null bs=100M count=1\n' >app/Dockerfile
  limits=(--cpu-shares 512 --cpu-period 50000 --cpu-quota 40000 --cpuset-cpus 0)
  exits 1 tare build --progress plain --network none -m 32m --memory-swap 32m "${limits[@]}" app >log 2>&1
  assert_matches "$(cat log)" $'#1 [0-9.]*s 1\n'
  assert_matches "$(cat log)" 'ran out of memory|exit status 137'
  build -m 1g "${limits[@]}"
  tare build --progress plain --network none app >log 2>&1
  assert_contains "$(cat log)" CACHED
fi
printf 'FROM busybox\nRUN grep Seccomp: /proc/self/status | tr -d "\\t"\n' >app/Dockerfile
tare build --progress plain --network none app >log 2>&1
assert_contains "$(cat log)" 'Seccomp:2'
tare build --progress plain --network none --security-opt seccomp=unconfined app >log 2>&1
assert_contains "$(cat log)" 'Seccomp:0'
# As docker build has them, and nothing has to be done for them.
build --compress --isolation default --isolation=default --security-opt no-new-privileges
for bad in --memory=x --memory-swap=1g --cpu-quota=-5 --isolation=hyperv --security-opt=apparmor=x --cpu-shares=x; do
  not tare build -q "$bad" app 2>log
  assert_contains "$(cat log)" "${bad%%=*}"
done
