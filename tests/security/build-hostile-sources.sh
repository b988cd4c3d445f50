# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# needs: python3 git
# Web servers, git repositories and archives that a build takes from strangers reach nothing of this machine.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/git.sh
. "$(dirname "$TEST_LIB")/git.sh"
image_busybox
make_repositories
mkdir app outside
echo precious >outside/file
before=$(find outside -printf '%p %m %s %T@\n')
out=
refused() { # TEXT DOCKERFILE_LINE [OPTION...]: with that in its error
  local text=$1 line=$2
  shift 2
  printf 'FROM busybox\n%s\n' "$line" >Dockerfile
  out=$(not timeout 60 tare build --network none "$@" -f Dockerfile app 2>&1)
  assert_contains "$out" "$text"
}

# What git would take for an option, a helper or a file. [CVE-2017-1000117, CVE-2019-13139]
touch_it="touch $PWD/owned"
refused option "ADD ssh://-oProxyCommand=x/y.git /x"
refused option "ADD git@host:--upload-pack=x.git /x"
refused "no branch" "ADD $url#--upload-pack=x /x"
for address in "ext::sh" "file://$repo" "$repo"; do
  printf 'FROM busybox\nADD %s /x\n' "$address" >Dockerfile
  not tare build --network none -f Dockerfile app >/dev/null 2>&1
done
exits 1 tare build "git@host:-x.git" >/dev/null 2>&1
[ ! -e owned ] || fail 'a command ran'

# The user's own configuration, hooks and helpers are none of the build's.
printf '[core]\nhooksPath=%s\nsshCommand=%s\n[credential]\nhelper=!%s\n[url "file://"]\ninsteadOf=http://\n' \
  "$PWD/hooks" "$touch_it" "$touch_it" >gitconfig
printf 'FROM busybox\nADD %s /x\n' "$url" | HOME=$PWD tare build -q --network none -f - app >/dev/null
[ ! -e owned ] || fail 'the configuration was read'
printf '[user]\nname=t\nemail=t@t\n' >gitconfig

# A tree by hand: names that lead elsewhere, or are git's own; two of one name; a link in the way.
for name in evil links; do
  git init -q "www/git/$name.git"
  echo content | git -C "www/git/$name.git" hash-object -w --stdin >blob
  printf '%s' "$PWD/outside" | git -C "www/git/$name.git" hash-object -w --stdin >target
done
# mktree refuses such names, so the object is written as it is.
raw_tree() { # REPOSITORY MODE NAME ID...
  local dir=www/git/$1.git
  shift
  python3 -c 'import sys
for mode, name, hexes in zip(*[iter(sys.argv[1:])] * 3):
    sys.stdout.buffer.write(mode.encode() + b" " + name.encode() + b"\0" + bytes.fromhex(hexes))' "$@" >"$PWD/object"
  git -C "$dir" update-ref refs/heads/main "$(git -C "$dir" commit-tree -m hostile \
    "$(git -C "$dir" hash-object --literally -t tree -w "$PWD/object")" </dev/null)"
}
blob=$(cat blob) target=$(cat target)
for name in .. .git .GIT a/../../b; do
  raw_tree evil 100644 "$name" "$blob"
  refused 'repository' "ADD http://$web/git/evil.git#main /x"
done
raw_tree evil 120000 a "$target" 100644 a "$blob"
refused 'two files' "ADD http://$web/git/evil.git#main /x"
# Links are what they are, and are followed by nobody.
raw_tree links 120000 away "$target"
printf 'FROM busybox\nADD http://%s/git/links.git#main /x\nCOPY Dockerfile /x/away/file\n' "$web" >Dockerfile
cp Dockerfile app/
tare build -q --network none -t links app >/dev/null 2>&1 || true
not tare build --network none "http://$web/git/links.git#main:away" >/dev/null 2>&1
# Submodules from where nobody may be sent, and without an end.
for where in "file://$PWD/www/git/sub.git" "ext::$touch_it" "--upload-pack=$touch_it" "-x" "ssh://-oProxyCommand=x/y"; do
  git config -f .gm submodule.m.path m
  git config -f .gm submodule.m.url "$where"
  modules=$(git -C www/git/evil.git hash-object -w --stdin <.gm)
  raw_tree evil 100644 .gitmodules "$modules" 160000 m "$one"
  refused "submodule 'm'" "ADD http://$web/git/evil.git#main /x"
done
git config -f .gm submodule.m.url "http://$web/git/evil.git"
modules=$(git -C www/git/evil.git hash-object -w --stdin <.gm)
raw_tree evil 100644 .gitmodules "$modules" 160000 m "$(git -C www/git/evil.git rev-parse main)"
tare build --network none "http://$web/git/evil.git#main" >/dev/null 2>&1 || true
[ ! -e owned ] || fail 'a submodule ran a command'
# A secret for one host is for that one.
git config -f .gm submodule.m.url "http://localhost:${web#*:}/private/git/sub.git"
modules=$(git -C www/git/evil.git hash-object -w --stdin <.gm)
raw_tree evil 100644 .gitmodules "$modules" 160000 m "$(git -C www/git/sub.git rev-parse HEAD)"
GIT_AUTH_TOKEN=t0ken refused "submodule 'm'" "ADD http://$web/git/evil.git#main /x" --secret id=GIT_AUTH_TOKEN
assert_lacks "$(said | grep private/git/sub)" Basic

# Servers: redirections to elsewhere do not get the password, one to a file nothing, and nothing fills the disk.
start_tool web www
other=$TOOL other_log=$TOOL_LOG
printf 'x\n' >www/x
refused private "ADD http://ann:s3cret@$web/to/http%3A%2F%2F$other%2Fprivate%2Fx /x"
assert_lacks "$(cat "$other_log")" Basic
refused file "ADD http://$web/to/file%3A%2F%2F%2Fetc%2Fpasswd /x"
printf 'FROM busybox\nADD http://%s/endless/ /x\n' "$web" >Dockerfile
out=$(not timeout 60 tare --store-max 200M build --network none -f Dockerfile app 2>&1)
assert_contains "$out" 'has room for'
# Archives as a context: their paths, links and devices mean nothing here.
python3 - "$PWD/outside" <<'PYTHON'
import io, sys, tarfile
def entry(tar, name, kind=tarfile.REGTYPE, link="", data=b"attack\n"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o644
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    tar.addfile(info, io.BytesIO(data))
with tarfile.open("paths.tar", "w") as tar:
    entry(tar, "Dockerfile", data=b"FROM busybox\nCOPY . /x/\n")
    entry(tar, "../" * 20 + sys.argv[1].lstrip("/") + "/file")
    entry(tar, sys.argv[1] + "/file")
    entry(tar, "abs", tarfile.SYMTYPE, sys.argv[1])
    entry(tar, "abs/file")
    entry(tar, "up", tarfile.SYMTYPE, "../" * 20 + sys.argv[1].lstrip("/"))
    entry(tar, "up/file")
with tarfile.open("hard.tar", "w") as tar:
    entry(tar, "Dockerfile", data=b"FROM busybox\nCOPY . /x/\n")
    entry(tar, "hard", tarfile.LNKTYPE, sys.argv[1] + "/file")
with tarfile.open("device.tar", "w") as tar:
    entry(tar, "Dockerfile", data=b"FROM busybox\nCOPY . /x/\n")
    entry(tar, "device", tarfile.CHRTYPE)
with tarfile.open("link.tar", "w") as tar:
    entry(tar, "Dockerfile", tarfile.SYMTYPE, "/etc/passwd")
PYTHON
for file in *.tar; do
  timeout 60 tare build --network none - <"$file" >out 2>&1 || true
  assert_lacks "$(cat out)" root:
done
assert_eq "$(find outside -printf '%p %m %s %T@\n')" "$before" 'what is outside'
assert_eq "$(cat outside/file)" precious
