# targets: one
# set: lib.args.X=1
target "one" { contexts = { lib = "target:lib", image = "docker-image://alpine" } }
target "lib" {
  contexts = { deep = "target:deep", gone = "" }
  tags = ["lib"]
  output = ["type=local,dest=x"]
}
target "deep" { network = "host" }
