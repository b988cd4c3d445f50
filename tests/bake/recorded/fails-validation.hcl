# targets: app
variable "X" {
  default = 1
  validation {
    condition = X > 3
    error_message = "larger"
  }
}
target "app" {}
