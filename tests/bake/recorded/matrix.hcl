# targets: app single
variable "VERSIONS" { default = ["1.0", "2.0"] }
target "app" {
  matrix = {
    v = VERSIONS
  }
  name     = "app-${sanitize(v)}"
  args     = { V = v }
  tags     = ["app:${v}"]
  contexts = { base = "target:base-${replace(v, ".", "_")}" }
}
target "base" {
  name   = "base-${replace(item.v, ".", "_")}"
  matrix = { item = [{ v = "1.0", d = "One" }, { v = "2.0", d = "Two" }] }
  dockerfile = item.d
}
target "single" { args = { app = "x" } }
