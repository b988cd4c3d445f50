variable "TAG" { default = "two" }
target "app" {
  args = { B = "second" }
  cache-from = ["b"]
}
