# targets: a b c
# set: *.push=true c.load=true
target "a" {}
target "b" { output = ["type=image", "type=docker"] }
target "c" { output = ["type=local,dest=out"] }
