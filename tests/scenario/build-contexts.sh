# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# needs: python3 git skopeo
# Build contexts that are no directory: archives on standard input and from the web, a Dockerfile from there, git
# repositories; named contexts of all kinds; and that all of them give the same image as the directory.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/git.sh
. "$(dirname "$TEST_LIB")/git.sh"
image_busybox
make_repositories
mkdir -p app/dir
cat >app/Dockerfile <<'TEXT'
FROM busybox
COPY . /app/
RUN ls /app >/list
TEXT
printf 'secret\n*.dockerignore\n' >app/.dockerignore
echo a >app/dir/file
echo b >app/secret
chmod 4750 app/dir/file
ln -s dir/file app/link
ln app/dir/file app/hard
sed s/list/other/ app/Dockerfile >app/dir/other
echo link >app/dir/other.dockerignore
build() { tare build --network none --progress plain -t app "$@" >out 2>&1 || fail "$(cat out)"; }
id() { tare inspect --format '{{.Id}}' app; }
build app
want=$(id)
assert_eq "$(tare run --rm --network none app stat -c %h /app/hard)" 2 'names of a file that has two'
tar -C app -cf www/app.tar .
build - <www/app.tar
assert_eq "$(id)" "$want" 'the image of a tar'
for tool in gzip xz zstd; do
  command -v "$tool" >/dev/null || continue
  $tool -kqf www/app.tar
done
for file in www/app.tar.*; do
  build - <"$file"
  assert_contains "$(cat out)" '2 of 2 steps were there'
  assert_eq "$(id)" "$want" "the image of $file"
done
# What other tars call the top, and owners of elsewhere, mean nothing.
tar -C app --owner 4000 --group 5000 -cf - Dockerfile .dockerignore dir link hard | build -
assert_eq "$(id)" "$want" 'the image of a tar with other owners'
not tare build --network none -f nothing - <www/app.tar >out 2>&1
assert_contains "$(cat out)" "no 'nothing'"
build -f dir/other - <www/app.tar
assert_lacks "$(tare run --rm --network none app ls /app)" link
not tare build --network none -f dir/other - <app/Dockerfile >out 2>&1
assert_contains "$(cat out)" 'no tar archive'
printf 'BZh91AY' | not tare build - >out 2>&1
assert_contains "$(cat out)" 'no tar archive'
assert_contains "$(tare build --check - <www/app.tar)" 'no warnings'

# From the web, with the Dockerfile from here, too.
build "http://$web/app.tar.gz"
assert_eq "$(id)" "$want" 'the image of an archive of the web'
: >"$log"
build "http://$web/app.tar.gz"
assert_contains "$(said)" ' 304 '
assert_contains "$(grep -h uri "$TARE_ROOT"/steps/*)" "http://$web/app.tar.gz"
printf 'FROM busybox\nCOPY link /here\n' >Mine
build -f - "http://$web/app.tar.gz" <Mine
printf 'FROM busybox\nRUN echo plain >/plain\n' >www/Dockerfile
build "http://$web/Dockerfile"
assert_eq "$(tare run --rm --network none app cat /plain)" plain
not tare build "http://$web/nothing.tar" >out 2>&1
assert_contains "$(cat out)" nothing.tar

# git: the whole and a folder, an address that only contexts have, and the repository in it.
cp app/Dockerfile app/.dockerignore www/git/x.git/dir/
printf 'FROM busybox\nCOPY . /app/\n' >www/git/x.git/Dockerfile
in_repo add -f . 2>/dev/null
in_repo commit -qm build
build "$url"
assert_eq "$(tare run --rm --network none app cat /app/file /app/module/file | xargs)" 'two sub'
not tare run --rm --network none app ls /app/.git 2>/dev/null
build "$url#main:dir"
assert_eq "$(tare run --rm --network none app cat /app/deep/file)" below
build --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$url"
assert_eq "$(tare run --rm --network none app cat /app/.git/HEAD)" 'ref: refs/heads/main'
not tare build "$url#nowhere" >out 2>&1
assert_contains "$(cat out)" "no 'nowhere'"

# Named ones.
mkdir other
cat >other/Dockerfile <<'TEXT'
FROM base
COPY --from=git file /git
COPY --from=web dir/file /web
RUN --mount=type=bind,from=web,target=/web-files cat /web-files/dir/file >/mounted
COPY --from=local dir/file /local
TEXT
skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" oci:layout:tag
skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" oci:layout:same
images=$(tare images -q | sort)
for base in docker-image://busybox oci-layout://layout:tag \
  "oci-layout://$PWD/layout@$(jq -r '.manifests[0].digest' layout/index.json)"; do
  build --build-context base="$base" --build-context git="$url#v1" \
    --build-context web="http://$web/app.tar.xz" --build-context local=app other
  assert_eq "$(tare run --rm --network none app cat /git /web /mounted /local | xargs)" 'one a a a'
done
tare rmi -f app >/dev/null
assert_eq "$(tare images -q | sort)" "$images" 'images after a build on a layout'
build --build-context unused=http://127.0.0.1:1/x.tar app
