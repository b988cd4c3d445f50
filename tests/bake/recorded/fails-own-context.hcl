# targets: app
target "app" { contexts = { a = "target:app" } }
