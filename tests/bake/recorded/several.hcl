# targets: app
# with: several.more.hcl several.json
variable "TAG" { default = "one" }
variable "OTHER" { default = "x" }
target "app" {
  tags = ["app:${TAG}"]
  args = { A = "first", B = "first" }
  cache-from = ["a"]
}
