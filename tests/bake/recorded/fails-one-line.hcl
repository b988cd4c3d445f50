# targets: app
target "app" { target = "a" tags = ["b"] }
