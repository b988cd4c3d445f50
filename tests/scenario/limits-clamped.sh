# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A limit that the caller may not give is lowered to what it may, with a sentence, and the container starts.
. "$TEST_LIB"
image_busybox

may_raise() { [ "$TEST_AS" = root ] && [ $((16#$(awk '/^CapEff/{print $2}' /proc/self/status) >> 24 & 1)) = 1 ]; }
hard=$(ulimit -Hn)
[ "$hard" != unlimited ] || skip 'the hard limit of descriptors is unlimited'
more=$((hard + 1))
out=$(busybox true 2>&1)
assert_eq "$out" '' 'what a plain start says'
inside=$(tare run --rm --network none --ulimit nofile=16:$more busybox sh -c 'ulimit -Sn; ulimit -Hn' 2>warning)
if may_raise; then
  assert_eq "$inside" $'16\n'$more
  assert_eq "$(cat warning)" ''
else
  assert_eq "$inside" $'16\n'"$hard"
  assert_contains "$(cat warning)" "nofile=16:$more"
  assert_contains "$(cat warning)" CAP_SYS_RESOURCE
fi
# Lower is no question.
assert_eq "$(tare run --rm --network none --ulimit nofile=16:32 busybox sh -c 'ulimit -Sn; ulimit -Hn' 2>&1)" $'16\n32'
# Who is killed first: later is always possible, earlier not.
own=$(cat /proc/self/oom_score_adj)
assert_eq "$(tare run --rm --network none --oom-score-adj 500 busybox cat /proc/self/oom_score_adj 2>&1)" 500
tare run -d --name web --network none --oom-score-adj 500 busybox sleep 1000 >/dev/null
pid=$(tare inspect --format '{{.State.Pid}}' web)
keeper=$(awk '/^PPid/{print $2}' "/proc/$pid/status")
assert_eq "$(cat "/proc/$keeper/oom_score_adj")" "$own" 'of the keeper'
assert_eq "$(tare inspect --format '{{.HostConfig.OomScoreAdj}}' web)" 500
# What joins later has the same, whoever asks.
assert_eq "$(tare exec web cat /proc/self/oom_score_adj 2>&1)" 500 'of exec'
tare exec -d web sh -c 'cat /proc/self/oom_score_adj >/tmp/score.new; mv /tmp/score.new /tmp/score'
eventually 5 tare exec web test -e /tmp/score
assert_eq "$(tare exec web cat /tmp/score)" 500 'of exec -d'
tare run -d --name early --network none --oom-score-adj -1000 busybox sleep 1000 >/dev/null 2>&1
inside=$(tare exec early cat /proc/self/oom_score_adj 2>warning)
tare exec -d early true 2>warning-detached
if [ "$inside" != -1000 ]; then
  assert_eq "$inside" "$own" 'of exec'
  assert_contains "$(cat warning)" oom_score_adj
  assert_contains "$(cat warning-detached)" oom_score_adj
fi
inside=$(tare run --rm --network none --oom-score-adj -1000 busybox cat /proc/self/oom_score_adj 2>warning)
if [ "$inside" != -1000 ]; then
  assert_eq "$inside" "$own"
  assert_contains "$(cat warning)" oom_score_adj
fi
exits 125 tare run --rm --oom-score-adj 1001 busybox true 2>/dev/null
