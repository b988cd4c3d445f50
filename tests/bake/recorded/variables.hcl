# targets: app
# env: TAG=1.2 DEBUG=true COUNT=7 NAMES=a,b WHERE_JSON={"x":"y"}
variable "TAG" { default = "latest" }
variable "DEBUG" { default = false }
variable "COUNT" {
  type    = number
  default = 2
  validation {
    condition     = COUNT > 1
    error_message = "COUNT is too small."
  }
}
variable "EMPTY" {}
variable "NAMES" {
  type    = list(string)
  default = ["n"]
}
variable "WHERE" { type = map(string) }
variable "REPOSITORY" { default = "r/${TAG}" }
prefix = "p-${TAG}"
target "app" {
  tags = ["${REPOSITORY}:${TAG}", "${prefix}x", EMPTY]
  args = {
    DEBUG   = DEBUG
    NEXT    = COUNT + 1
    HALF    = COUNT / 2
    NAMES   = join("+", NAMES)
    WHERE   = WHERE["x"]
    EMPTY   = "<${EMPTY}>"
    NOTHING = null
    LOCAL   = split("/", BAKE_LOCAL_PLATFORM)[0]
    CONTEXT = BAKE_CMD_CONTEXT
  }
}
