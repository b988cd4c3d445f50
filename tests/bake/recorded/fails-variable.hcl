# targets: app
target "app" { tags = [NOTHING] }
