# targets: default
# set: *.args.SET=set app.tags=t1 app.tags=t2 a*.platform=linux/arm64 other.labels.l=x app.no-cache=true other.tags+=more *.cache-from+=extra
group "default" { targets = ["app", "others"] }
group "others" {
  description = "More"
  targets     = ["other", "app"]
}
target "_common" {
  args       = { A = "common", B = "common", SET = "no" }
  labels     = { x = "y" }
  tags       = ["common"]
  cache-from = ["type=registry,ref=common"]
  secret     = ["id=s,env=PATH"]
  platforms  = ["linux/amd64"]
  dockerfile = "Common"
  no-cache-filter = ["one"]
}
target "_second" {
  args       = { B = "second" }
  cache-from = ["second"]
  no-cache-filter = ["two"]
}
target "app" {
  inherits   = ["_common", "_second"]
  args       = { C = 3, D = "$${x}" }
  cache-from = [{ type = "gha", scope = "x" }]
  cache-to   = ["type=inline", "type=local,dest=out,mode=max"]
  secret     = [{ id = "s", env = "HOME" }]
  pull       = true
  network    = "none"
  attest     = ["type=provenance,mode=max", { type = "sbom", disabled = true }]
  output     = ["type=docker", "dir", { type = "image", name = "n" }]
  shm-size   = "64m"
  ulimits    = ["nofile=1:2"]
  annotations = ["a=b"]
  extra-hosts = { h = "1.2.3.4" }
  description = "App"
}
target "other" {
  inherits = ["app"]
  context  = "./other/"
  target   = target.app.description == null ? "none" : "stage"
  tags     = target._common.tags
  dockerfile-inline = <<EOT
FROM scratch
LABEL a="$${b}"
EOT
}
