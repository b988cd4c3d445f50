# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# needs: python3 git
# ADD --keep-git-dir: git takes it for a repository, and it is the same each time.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/git.sh
. "$(dirname "$TEST_LIB")/git.sh"
image_busybox
mkdir app
make_repositories
build() { tare build --network none --progress plain -t app -f - app >out 2>&1 || fail "$(cat out)"; }
look() { tare run --rm --network none app "$@"; }
printf 'FROM busybox\nADD --keep-git-dir=true %s#main /kept\nADD --keep-git-dir %s#v1 /tag\n' "$url" "$url" >kept
build <kept
kept=$(tare inspect --format '{{.Id}}' app)
look tar -C / -c kept tag >kept.tar
mkdir unpacked
tar -C unpacked -xf kept.tar
assert_eq "$(git -C unpacked/kept rev-parse --abbrev-ref HEAD)" main
assert_eq "$(git -C unpacked/kept rev-list --all)" "$two"
assert_eq "$(git -C unpacked/kept fsck 2>&1)" ''
assert_eq "$(git -C unpacked/tag describe)" v1
assert_eq "$(git -C unpacked/tag status --porcelain -uno | grep -v ' text' || true)" ''
[ ! -e unpacked/kept/.git/logs ] || fail 'there is a log'
tare builder prune -af >/dev/null
tare rmi -f app >/dev/null
tare system prune -f >/dev/null
in_repo gc -q
build <kept
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$kept" 'the image with a repository'
