# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2034
# A repository of Debian packages for tests, signed with keys of its own, on the loopback device:
# . "$(dirname "$TEST_LIB")/deb.sh"

GNUPGHOME=$(mktemp -d "$TMPDIR/gpg.XXXXXX")
export GNUPGHOME
REPOSITORY=$(mktemp -d "$TMPDIR/repository.XXXXXX")
DEB_PIDS=()
stop_repository() {
  local status=$?
  gpgconf --kill all 2>/dev/null || true
  [ ${#DEB_PIDS[@]} = 0 ] || kill -KILL "${DEB_PIDS[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  set +e
  (exit $status)
  clean_up
}
trap stop_repository EXIT

# make_key NAME ALGORITHM: ed25519 or rsa2048; its public half is NAME.asc.
make_key() {
  gpg --batch --quiet --passphrase '' --quick-generate-key "$1 <$1@web.test>" "$2" sign never 2>/dev/null
  gpg --batch --quiet --armor --export "$1@web.test" >"$1.asc"
}

# make_deb NAME VERSION [CONTROL_LINE...]: of the directory files/, which has DEBIAN/ scripts if any.
make_deb() {
  local name=$1 version=$2
  shift 2
  mkdir -p files/DEBIAN "$REPOSITORY/pool"
  printf '%s\n' "Package: $name" "Version: $version" 'Maintainer: nobody <nobody@web.test>' \
    'Architecture: all' "$@" "Description: $name of a test" ' and more.' ' .' ' The end.' >files/DEBIAN/control
  dpkg-deb --root-owner-group "-Z${COMPRESSION-xz}" -b files "$REPOSITORY/pool/${name}_$version.deb" >/dev/null
  rm -rf files
}

# make_index KEY... : of what is in the pool, signed with these keys. RELEASE has further lines.
make_index() {
  local dir=$REPOSITORY/dists/stable file key keys=()
  mkdir -p "$dir/main/binary-amd64"
  ln -sfn stable "$REPOSITORY/dists/tested"
  (
    cd "$REPOSITORY" || exit
    for file in pool/*.deb; do
      dpkg-deb -f "$file"
      printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d' ' -f1)"
    done
  ) >"$dir/main/binary-amd64/Packages"
  xz -kf "$dir/main/binary-amd64/Packages"
  {
    printf 'Origin: test\nSuite: stable\nCodename: tested\n%s' "${RELEASE-}"
    echo 'SHA256:'
    for file in main/binary-amd64/Packages main/binary-amd64/Packages.xz; do
      printf ' %s %s %s\n' "$(sha256sum "$dir/$file" | cut -d' ' -f1)" "$(stat -c %s "$dir/$file")" "$file"
    done
  } >"$dir/Release"
  for key; do keys+=(--local-user "$key@web.test"); done
  gpg --batch --quiet --yes "${keys[@]}" --digest-algo SHA512 --clearsign -o "$dir/InRelease" "$dir/Release"
}

# Sets URL.
serve_repository() {
  python3 -u -m http.server --bind 127.0.0.1 --directory "$REPOSITORY" 0 >"$TMPDIR/repository.log" 2>&1 &
  DEB_PIDS+=("$!")
  eventually 10 grep -q '^Serving HTTP' "$TMPDIR/repository.log"
  URL=http://127.0.0.1:$(sed -n 's/^Serving HTTP on .* port \([0-9]*\).*/\1/p' "$TMPDIR/repository.log" | head -1)
}

# What the layers of the image NAME have in them together: "MODE OWNER PATH [-> LINK]", and a file.
image_files() {
  rm -rf image && mkdir image
  tare save "$1" -o image.tar
  tar -C image -xf image.tar
  jq -r '.[0].Layers[]' image/manifest.json | while read -r layer; do
    tar --numeric-owner -tvf "image/$layer"
  done | awk '{print $1, $2, $6, $7, $8}' | sed 's/ *$//'
}
image_file() {
  jq -r '.[0].Layers[]' image/manifest.json | while read -r layer; do
    tar -xOf "image/$layer" "$1" 2>/dev/null || true
  done
}
