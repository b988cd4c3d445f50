# targets: web-*
# set: *.context=cwd://sub *.args.HOME
target "web-a" {}
target "web-b" { dockerfile = "d/../Dockerfile.b" }
target "other" {}
