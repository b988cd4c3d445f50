# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: ansible-playbook jq
# RUN --ansible: this machine's ansible changes the stage, whose image needs none, and leaves nothing of itself there.
. "$TEST_LIB"
image_busybox
mkdir -p app/deploy/roles/app/tasks app/deploy/roles/app/files app/deploy/secret
echo given >app/deploy/roles/app/files/setting
echo hidden >app/deploy/secret/file
echo deploy/secret >app/.dockerignore
cat >app/deploy/site.yml <<'YAML'
- hosts: all
  gather_facts: false
  roles: [app]
YAML
# busybox has no Python: raw commands, which modules of ansible are made of.
cat >app/deploy/roles/app/tasks/main.yml <<'YAML'
- raw: echo "$WORD {{ lookup('file', 'setting') }} $(id -u)" >/etc/made
- raw: test ! -e /run/ansible/none && touch /run/ansible/scratch
- raw: echo "{{ lookup('pipe', 'test -e secret || echo not there') }} {{ lookup('env', 'SECRET_OF_CALLER') }}." >/etc/from-here
YAML
cat >app/Dockerfile <<'TEXT'
FROM busybox
ENV WORD=hello
USER 1000
RUN --ansible=deploy/site.yml
TEXT
build() { SECRET_OF_CALLER=x tare build --network none --progress plain -t app "$@" app 2>log; }
not build
assert_contains "$(cat log)" '--allow host.ansible'
build --allow host.ansible || fail "$(cat log)"
assert_contains "$(cat log)" 'PLAY RECAP'
inside() { tare run --rm --user 0 --network none app sh -c "$1"; }
assert_eq "$(inside 'cat /etc/made')" 'hello given 0'
assert_eq "$(inside 'cat /etc/from-here')" 'not there .'
assert_eq "$(inside 'ls -A /run /root 2>/dev/null | grep -i ansible')" ''
build --allow host.ansible || fail "$(cat log)"
assert_contains "$(cat log)" '1 of 1 steps were there'
echo other >app/deploy/roles/app/files/setting
build --allow host.ansible || fail "$(cat log)"
assert_contains "$(cat log)" 'again, because playbooks'
assert_eq "$(inside 'cat /etc/made')" 'hello other 0'
echo '- raw: exit 3' >>app/deploy/roles/app/tasks/main.yml
not build --allow host.ansible
assert_contains "$(cat log)" 'ended with exit status 2'
assert_eq "$(tare ps -aq)" ''
sed -i 's/site.yml/missing.yml/' app/Dockerfile
not build --allow host.ansible
assert_contains "$(cat log)" "the playbook 'deploy/missing.yml' is not in the build context"
printf 'FROM busybox\nRUN --ansible=x.yml true\n' >app/Dockerfile
not build
assert_contains "$(cat log)" '--ansible has a playbook instead of a command'

printf 'FROM busybox\nRUN --ansible=deploy/site.yml\n' >app/Dockerfile
# Under --locked ansible itself has no network either: nothing that it fetched could be in a lock. And only what was
# done so is taken from the cache.
printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n  - raw: echo {{ lookup("pipe", "readlink /proc/self/ns/net") }} >/network\n' >app/deploy/site.yml
build --allow host.ansible || fail "$(cat log)"
assert_eq "$(inside 'cat /network')" "$(readlink /proc/self/ns/net)"
build --allow host.ansible --locked || fail "$(cat log)"
assert_contains "$(cat log)" '0 of 1 steps were there'
assert_matches "$(inside 'cat /network')" '^net:'
not [ "$(inside 'cat /network')" = "$(readlink /proc/self/ns/net)" ]
build --allow host.ansible --locked || fail "$(cat log)"
assert_contains "$(cat log)" '1 of 1 steps were there'
