# targets: app
target "app" { tags = [upper("a", "b")] }
