# targets: app
target "app" {
  tags = ["a"]
  tags = ["b"]
}
