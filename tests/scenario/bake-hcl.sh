# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# bake with files of HCL: variables, a matrix, images of other targets as contexts, and what is refused.
# needs: jq
. "$TEST_LIB"
image_busybox
mkdir app
echo file >app/file
bake() { tare buildx bake --progress plain "$@" 2>log; }
names() { tare images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' '; }

cat >docker-bake.hcl <<'HCL'
variable "TAG" { default = "latest" }
variable "WORDS" {
  type    = list(string)
  default = ["a", "b"]
}
group "default" { targets = ["app", "tools"] }
target "_common" {
  context = "app"
  network = "none"
  labels  = { by = "bake-${TAG}" }
}
target "app" {
  inherits          = ["_common"]
  name              = "app-${word}"
  matrix            = { word = WORDS }
  tags              = ["app-${word}:${TAG}"]
  args              = { WORD = upper(word) }
  contexts          = { base = "target:base" }
  dockerfile-inline = <<-EOT
    FROM base
    ARG WORD
    RUN echo "$WORD $(cat /made)" >/said
    COPY --from=base /made /copy
  EOT
}
target "base" {
  inherits          = ["_common"]
  tags              = ["nobody:asked"]
  dockerfile-inline = "FROM busybox\nRUN echo base >/made\n"
}
target "tools" {
  inherits          = ["_common"]
  output            = [{ type = "local", dest = "out" }]
  dockerfile-inline = "FROM scratch\nCOPY file /\n"
}
HCL
before=$(tare images -qa | sort)
TAG=1 bake || fail "$(cat log)"
assert_eq "$(tare run --rm --network none app-a:1 cat /said /copy)" $'A base\nbase'
assert_eq "$(tare run --rm --network none app-b:1 cat /said)" 'B base'
assert_eq "$(tare inspect --format '{{.Config.Labels.by}}' app-b:1)" bake-1
assert_eq "$(cat out/file)" file
# What was made for others alone leaves nothing behind.
assert_lacks "$(names)" nobody
assert_lacks "$(names)" none
tare rmi app-a:1 app-b:1 >/dev/null
assert_eq "$(tare images -qa | sort)" "$before"
# Asked for, too, it has its name; also where its output is elsewhere.
WORDS=c bake app base --set 'app-*.tags=set:1' || fail "$(cat log)"
assert_contains "$(names)" nobody:asked
assert_contains "$(names)" set:1
rm -r out
bake --var 'WORDS=d' app-d base --set base.output=type=local,dest=out || fail "$(cat log)"
assert_eq "$(cat out/made)" base

# Files one over the other, standard input, and what is printed is a file for bake again.
echo 'target "tools" { tags = ["override"] }' >docker-bake.override.hcl
assert_eq "$(tare buildx bake --print tools | jq -c '.target.tools.tags, .target.tools.output')" $'["override"]\n[{"dest":"out","type":"local"}]'
assert_eq "$(tare buildx bake --print -f - <<<'target "default" { target = "x" }' | jq -r '.target.default.target')" x
tare buildx bake --print >printed.json
tare buildx bake --print -f printed.json >again.json
assert_eq "$(jq -S . again.json)" "$(jq -S . printed.json)"
assert_eq "$(TAG=7 BUILDX_BAKE_FILE=docker-bake.hcl tare buildx bake --print app | jq -c '.target["app-a"].tags')" '["app-a:7"]'
assert_matches "$(tare buildx bake --list targets)" 'app +app-a, app-b'
assert_lacks "$(tare buildx bake --list targets)" _common
assert_eq "$(TAG=x tare buildx bake --list type=variables,format=json | jq -c '.[] | [.name, .type, .value]')" $'["TAG",null,"x"]\n["WORDS","list(string)","[\\"a\\",\\"b\\"]"]'
rm docker-bake.override.hcl

# Checks, and a file about what was built.
bake --call check tools || fail "$(cat log)"
bake --metadata-file about.json app-a || fail "$(cat log)"
assert_matches "$(jq -r '.["app-a"]["containerimage.config.digest"]' about.json)" '^sha256:'

# What is wrong is told with its place; a file allows itself nothing.
refused() {
  printf '%s\n' "$1" >wrong.hcl
  not bake -f wrong.hcl
  assert_contains "$(cat log)" "$2"
}
refused 'target "default" { tags = ["${NOTHING}"] }' "wrong.hcl:1:31: there is no variable 'NOTHING'"
refused 'target "default" { dockerfil = "x" }' "is 'dockerfile' meant?"
refused 'target "default" { network = "host" }' "needs 'network.host', which was not allowed"
refused 'target "default" { entitlements = ["security.insecure"] }' '--allow security.insecure'
refused 'target "default" { context = "/" }' '--allow fs.read=/'
refused 'target "default" { secret = ["id=s,src=/etc/passwd"] }' "reads '/etc/passwd', which was not allowed"
refused 'target "default" { output = ["../outside"] }' '--allow fs.write='
refused 'target "default" { ssh = ["default"] }' '--allow ssh'
ln -s .. above
refused 'target "default" { output = ["above/outside"] }' '--allow fs.write='
bake tools --set "tools.output=type=local,dest=$PWD/../set" || fail "$(cat log)"
assert_eq "$(cat ../set/file)" file
rm -r ../set
refused 'target "default" { policy = [] }' "'policy' of targets is not there"
refused 'target "default" { contexts = { a = "target:default" } }' 'needs itself'
refused $'target "default" {\n platforms = ["linux/amd64", "linux/arm64"]\n dockerfile-inline = "FROM scratch"\n}' 'manifest create'
refused 'variable "A" { default = A }' "variable 'A' needs itself"
echo 'services: {}' >compose.yaml
not bake -f compose.yaml
assert_contains "$(cat log)" 'compose files are not read'
mkdir empty
cd empty || fail
not bake
assert_contains "$(cat log)" 'there is no docker-bake.hcl'
