# targets: app
/* A comment
   of two lines. */
variable "ON" { default = true } // Behind it.
variable "LIST" { default = [{ n = "a", v = 1 }, { n = "b", v = 2 }] }
variable "MAP" {
  default = { z = "last", a = "first" }
}
target "app" {
  tags = [
    for each in LIST : "${each.n}:${each.v}" if each.v > 1
  ]
  labels = { for k, v in MAP : upper(k) => "${k}-${v}" }
  contexts = ON && !false ? { one = "./one" } : {}
  args = {
    splat       = join(",", LIST[*].n)
    old_splat   = join(",", LIST.*.n)
    index       = LIST[1].n
    old_index   = LIST.0.n
    key         = MAP["z"]
    precedence  = 1 + 2 * 3 - 4 / 2
    comparison  = 1 + 1 == 2 && 3 >= 3 || false
    negative    = -2 + 5
    conditional = ON == true ? "yes" : "no"
    nested      = ON ? (false ? 1 : 2) : 3
    strings     = "tab\t quote\" back\\ \u00e4 $${no} %%{no} $ { 100%"
    trimmed     = "a   ${~ "b" ~}   c"
    "quoted-key" = "q"
    (join("", ["computed", "key"])) = "c"
    colon : "colon"
    for_keys    = join(",", [for i, v in ["x", "y"] : "${i}${v}"])
    grouped     = jsonencode({ for each in ["ab", "ac", "bd"] : substr(each, 0, 1) => each... })
    equal_types = 1 == "1"
    heredoc     = <<EOT
line ${ON}
  "quotes" \n stay
EOT
    indented    = <<-EOT
      one
        two

      three ${MAP.a}
    EOT
  }
}
