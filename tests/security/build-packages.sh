# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# needs: gpg dpkg-deb python3 xz jq ar
# A mirror that lies and packages that reach out of the stage: nothing comes of it.
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/deb.sh"
make_key good ed25519
make_key evil ed25519
make_good() { mkdir -p files/usr/share && echo good >files/usr/share/x && make_deb tool 1; }
make_good
make_index good
serve_repository
mkdir app
cp good.asc app/
dists=$REPOSITORY/dists/stable
refused() {
  tare builder prune -af >/dev/null  # What was got before is not asked for again.
  printf 'FROM scratch\nPKG --from="%s%s %s main" --key=good.asc deb: tool\n' "${2-}" "$URL" "${3-stable}" >app/Dockerfile
  exits 1 tare build --no-lock --no-cache -t never app 2>log
  assert_contains "$(cat log)" "$1"
  not tare inspect never >/dev/null 2>&1
}
accepted() {
  tare builder prune -af >/dev/null
  printf 'FROM scratch\nPKG --from="%s%s stable main" --key=good.asc deb: tool\n' "${1-}" "$URL" >app/Dockerfile
  tare build -q --no-lock --no-cache -t app app >/dev/null || fail 'a good repository was refused'
}
accepted

# Another key; no signature; text around, in or instead of what is signed.
make_index evil
refused 'it is not signed'
cp "$dists/Release" "$dists/InRelease"
refused 'no signed document'
make_index good
cp "$dists/InRelease" kept
sed -i 's/^Origin: test/Origin: tost/' "$dists/InRelease"
refused 'it is not signed'
{ echo 'Origin: before'; cat kept; } >"$dists/InRelease"
refused 'no signed document'
sed 's/^Hash: SHA512/&\nOrigin: in-header/' kept >"$dists/InRelease"
refused 'starts with'
{ cat kept; echo 'SHA256:'; } >"$dists/InRelease"
accepted
# Release.gpg is not asked for where there is an InRelease, and verified where there is none.
rm "$dists/InRelease"
refused 'Release.gpg'
gpg --batch --quiet --local-user evil@web.test --armor --detach-sign -o "$dists/Release.gpg" "$dists/Release"
refused 'it is not signed'
rm "$dists/Release.gpg"
gpg --batch --quiet --local-user good@web.test --digest-algo SHA256 --detach-sign -o "$dists/Release.gpg" "$dists/Release"
accepted
cp kept "$dists/InRelease"

# SHA-1 is worth nothing.
gpg --batch --quiet --yes --allow-weak-digest-algos --local-user good@web.test --digest-algo SHA1 --clearsign \
  -o "$dists/InRelease" "$dists/Release" 2>/dev/null && refused 'it is not signed'
cp kept "$dists/InRelease"

# Another index, another package, another suite, an old one.
cp "$dists/main/binary-amd64/Packages.xz" index
sed 's/^Version: 1/Version: 2/' "$dists/main/binary-amd64/Packages" | xz >"$dists/main/binary-amd64/Packages.xz"
refused 'Packages.xz'
cp index "$dists/main/binary-amd64/Packages.xz"
cp "$REPOSITORY/pool/tool_1.deb" package.deb
echo more >>"$REPOSITORY/pool/tool_1.deb"
refused 'tool=1'
cp package.deb "$REPOSITORY/pool/tool_1.deb"
cp -r "$dists" "$REPOSITORY/dists/newer"
refused "says that it is 'stable', 'tested'" '' newer
RELEASE=$'Valid-Until: Sat, 10 Feb 2024 11:07:25 UTC\n' make_index good
refused 'is too old'
accepted '[check-valid-until=no] '
refused 'trusted without a signature' '[trusted=yes] '
make_index good
accepted

# Two keys in one file, and one of them taken away.
make_key mixed ed25519
make_index mixed
cat good.asc mixed.asc >app/good.asc
accepted
cp good.asc app/
refused 'it is not signed'

# Packages that reach out. pack FILES_OF_TAR...: data.tar is what Python makes of them.
pack() {
  rm -rf deb && mkdir deb
  printf 2.0 | sed 's/$/\n/' >deb/debian-binary
  printf 'Package: tool\nVersion: %s\nArchitecture: all\nMaintainer: x\nDescription: x\n' "${VERSION-1}" >deb/control
  tar -C deb -cJf deb/control.tar.xz ./control
  python3 - "$@" <<'TEXT'
import sys, tarfile, io
with tarfile.open("deb/data.tar", "w") as tar:
    for entry in sys.argv[1:]:
        kind, name, link = (entry.split(",") + [""])[:3]
        info = tarfile.TarInfo(name)
        info.mode = 0o6755
        info.type = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE,
                     "hard": tarfile.LNKTYPE, "dev": tarfile.CHRTYPE}[kind]
        info.linkname = link
        if kind == "dev":
            info.devmajor, info.devminor = 1, 3
        content = b"evil\n" if kind == "file" else b""
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
TEXT
  (cd deb && ar r package.deb debian-binary control.tar.xz data.tar 2>/dev/null)
  make_good && make_index good
  mv deb/package.deb "$REPOSITORY/pool/tool_1.deb"
  local sum size
  sum=$(sha256sum "$REPOSITORY/pool/tool_1.deb" | cut -d' ' -f1)
  size=$(stat -c %s "$REPOSITORY/pool/tool_1.deb")
  sed -i "s/^SHA256:.*/SHA256: $sum/; s/^Size:.*/Size: $size/" "$dists/main/binary-amd64/Packages"
  xz -kf "$dists/main/binary-amd64/Packages"
  {
    printf 'Suite: stable\nCodename: tested\nSHA256:\n'
    printf ' %s %s main/binary-amd64/Packages.xz\n' "$(sha256sum "$dists/main/binary-amd64/Packages.xz" | cut -d' ' -f1)" \
      "$(stat -c %s "$dists/main/binary-amd64/Packages.xz")"
  } >"$dists/Release"
  gpg --batch --quiet --yes --local-user good@web.test --clearsign -o "$dists/InRelease" "$dists/Release"
}
mark=$TMPDIR/outside
mkdir "$mark"
pack "file,../../../../../../../../../..$mark/one" "link,way,$mark" file,way/two "link,up,../../../../../../../../..$mark" file,up/three
tare build -q --no-lock --no-cache -t app app >/dev/null 2>log || true
assert_eq "$(ls "$mark")" ''
pack dev,null
refused 'device'
pack "hard,shadow,../../../../../../../../../../etc/passwd"
refused "open 'etc'"
pack file,./usr/bin/suid
accepted
image_files app >list
grep -q -- '-rwsr-sr-x 0/0 usr/bin/suid' list || fail "$(cat list)"
VERSION=2 pack file,./x
refused 'another package than its index'
