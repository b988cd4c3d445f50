# targets: other
target "app" {}
