# targets: a/b
target "a/b" {}
