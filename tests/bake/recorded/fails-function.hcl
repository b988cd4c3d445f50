# targets: app
target "app" { tags = [nothing(1)] }
