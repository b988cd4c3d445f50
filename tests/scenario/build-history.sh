# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: jq
# The last builds are told: how they ended, what they were given and made, and what their steps said; not secrets, neither
# those that a build was given nor arguments and addresses that sound like some.
. "$TEST_LIB"
image_busybox
mkdir app
printf 'FROM busybox AS made\nARG LEVEL API_TOKEN\nLABEL a=b\nRUN echo "level $LEVEL" && printf "no end"\nRUN echo second\n' >app/Dockerfile
history() { tare buildx history "$@"; }
build() { tare build -q --network none "$@" app 2>log; }
assert_eq "$(history ls | wc -l)" 1
exits 1 history inspect 2>log
assert_contains "$(cat log)" '0 records'

build -t app --target made --build-arg LEVEL=3 --build-arg API_TOKEN=geheimnisvoll >/dev/null
id=$(history ls --format '{{.Ref}}')
assert_matches "$id" '^[0-9a-f]{25}$'
assert_eq "$(history ls --format '{{.Name}} {{.Status}}')" 'app (made) Completed'
assert_matches "$(history ls)" "BUILD ID +NAME +STATUS +CREATED AT +DURATION"$'\n'"$id +app \\(made\\) +Completed +[^ ]+ .*ago +[0-9.]+s"
assert_eq "$(history ls --format json | jq -r '[.ref, .status, .total_steps, .completed_steps, .cached_steps] | join(" ")')" \
  "default/default/$id Completed 2 2 0"
out=$(history logs)
assert_matches "$out" '#[0-9]+ \[made [0-9]/[0-9]\] RUN echo "level'
assert_contains "$out" 'level 3'
assert_matches "$out" $'no end\n#[0-9]+ DONE'
out=$(history inspect "$id")
assert_matches "$out" 'Target: +made'
assert_matches "$out" 'Build Steps: +2/2 \(0% cached\)'
assert_matches "$out" 'LEVEL +3'
assert_matches "$out" 'API_TOKEN +\(not told\)'
assert_matches "$out" 'docker-image://[^ ]*busybox'
assert_eq "$(history inspect --format json "default/default/${id:0:20}" | jq -r '.Image + " " + .Tags[0] + " " + .Labels[0].Name')" "$(tare inspect --format '{{.Id}}' app) docker.io/library/app:latest "
assert_lacks "$(cat "$TARE_ROOT"/builds/*)" geheimnisvoll

# Nothing done is told, too; and what failed, and why.
build -t app --target made --build-arg LEVEL=3 --build-arg API_TOKEN=geheimnisvoll >/dev/null
assert_eq "$(history inspect --format '{{.NumCachedSteps}} {{.Status}}')" '2 completed'
assert_contains "$(history logs)" CACHED
assert_contains "$(history logs ^1)" 'level 3'
printf 'FROM busybox\nRUN echo before && exit 7\n' >app/Dockerfile
not build
assert_eq "$(history ls --format '{{.Status}}' | tr '\n' ' ')" 'Error Completed Completed '
assert_eq "$(history ls --filter status=error --format '{{.Status}}')" Error
assert_contains "$(history inspect)" 'Error:'
assert_contains "$(history logs)" before

# A secret that is printed is not kept, in no form; one that is too short to be looked for might be.
printf 'FROM busybox\nRUN --mount=type=secret,id=s cat /run/secrets/s; base64 /run/secrets/s; echo https://me:pa55@example.org/\n' >app/Dockerfile
echo wirklichgeheim >secret
build --secret id=s,src=secret >/dev/null
assert_eq "$(history logs 2>log)" ''
assert_contains "$(cat log)" secret
echo kurz >short
build --no-cache --secret id=s,src=short >/dev/null
assert_eq "$(history logs 2>log)" ''
for word in wirklichgeheim "$(base64 <secret | cut -c 1-16)" kurz pa55; do
  if grep -rqF "$word" "$TARE_ROOT/builds"; then fail "$word is kept"; fi
done
printf 'FROM busybox\nRUN echo https://me:pa55@example.org/\n' >app/Dockerfile
build >/dev/null
assert_contains "$(history logs)" example.org
if grep -rqF pa55 "$TARE_ROOT/builds"; then fail 'a password is kept'; fi

# What a program writes for terminals is not believed, and of much the end is kept.
printf 'FROM busybox\nRUN printf "\\033]0;title\\007\\n"; seq 100000 199999; echo end\n' >app/Dockerfile
build >/dev/null
out=$(history logs)
assert_lacks "$out" $'\033'
assert_contains "$out" '[what was said before is not kept]'
assert_lacks "$out" ' 100000'
assert_contains "$out" $' 199999\n'
assert_contains "$out" end
[ "$(stat -c %s "$TARE_ROOT"/builds/* | sort -n | tail -1)" -lt 200000 ] || fail 'a record is large'

# They are counted and bounded, and can be removed.
newest=$(history inspect --format '{{.Ref}}')
for ((i = 0; i < 99; i++)); do cp "$TARE_ROOT/builds/$newest" "$TARE_ROOT/builds/$(printf '00000000000%014x' $i)"; done
build >/dev/null
assert_eq "$(history ls --format '{{.Ref}}' | wc -l)" 100
tare df --format json >/dev/null
assert_eq "$(history rm "$newest")" "$newest"
assert_lacks "$(history ls --format '{{.Ref}}')" "$newest"
tare builder prune -f >/dev/null
assert_eq "$(history ls --format '{{.Ref}}' | wc -l)" 99
tare builder prune -a -f >/dev/null
assert_eq "$(history ls --format '{{.Ref}}' | wc -l)" 0
build >/dev/null
history rm --all >/dev/null
assert_eq "$(history ls | wc -l)" 1
exits 1 history rm 2>log
