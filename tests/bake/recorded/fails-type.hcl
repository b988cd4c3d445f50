# targets: app
target "app" { tags = "text" }
