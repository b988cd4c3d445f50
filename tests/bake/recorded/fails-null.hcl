# targets: app
target "app" { tags = ["a${null}"] }
