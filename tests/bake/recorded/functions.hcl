# targets: app
function "plus" {
  params = [a, b]
  result = a + b
}
function "tag" {
  params          = [name]
  variadic_params = rest
  result          = [for r in rest : "${name}:${r}-${plus(1, length(rest))}"]
}
target "app" {
  tags = flatten([tag("x", "a", "b"), concat(["y"], compact(["", "z"]))])
  args = {
    abs      = absolute(-3)
    base     = "${basename("/a/b.c")} ${dirname("/a/b/")} ${dirname("x")} ${basename("")}"
    base64   = "${base64encode("text")} ${base64decode("dGV4dA==")}"
    chomp    = chomp("a\n\n")
    chunk    = jsonencode(chunklist([1, 2, 3, 4, 5], 2))
    coalesce = coalesce(null, "x")
    contains = contains(["a", "b"], "b")
    distinct = join(",", distinct(["a", "b", "a"]))
    element  = element(["a", "b", "c"], 4)
    compare  = "${equal(1, 1)} ${notequal("a", "b")} ${and(true, false)} ${or(true, false)} ${not(true)}"
    less     = "${lessthan(1, 2)} ${greaterthan(1, 2)} ${lessthanorequalto(2, 2)} ${greaterthanorequalto(1, 2)}"
    format   = format("%s-%03d-%5.2f-%t-%q-%v-%x-%%", "a", 7, 1.5, true, "q", [1], 255)
    list     = join(" ", formatlist("%s=%s", ["a", "b"], "c"))
    hasindex = "${hasindex([1], 0)}"
    indent   = indent(2, "a\nb")
    index    = "${index([5, 6], 1)} ${indexof(["a", "b"], "b")}"
    numbers  = "${int(2.7)} ${ceil(1.2)} ${floor(-1.2)} ${max(1, 3, 2)} ${min(4, 2)} ${modulo(7, 3)} ${pow(2, 8)} ${signum(-4)} ${parseint("ff", 16)} ${negate(2)}"
    json     = jsondecode("{\"a\": [1, {\"b\": \"c\"}]}").a[1].b
    encode   = jsonencode({ b = 1, a = ["x", null, true] })
    keys     = join(",", concat(keys({ b = 1, a = 2 }), [for v in values({ b = "x", a = "y" }) : v]))
    length   = "${length([1, 2])} ${strlen("häß")}"
    lookup   = "${lookup({ a = "b" }, "a", "c")} ${lookup({ a = "b" }, "x", "c")}"
    case     = "${upper("aBc")} ${lower("aBc")} ${title("hello world")}"
    merge    = jsonencode(merge({ a = 1, b = 2 }, { b = 3 }))
    range    = join(",", [for n in concat(range(3), range(2, 4), range(6, 0, -2)) : "${n}"])
    replace  = "${replace("1.2.3", ".", "-")} ${replace("ab", "", "_")}"
    reverse  = "${reverse("abc")} ${join("", reverselist(["a", "b"]))}"
    sanitize = sanitize("a.b/c d_e-f")
    sets     = "${join(",", setunion(["b"], ["a"], ["b"]))} ${join(",", setintersection(["a", "b"], ["b", "c"]))} ${join(",", setsubtract(["a", "b"], ["b"]))}"
    sha      = "${sha256("x")} ${md5("x")} ${sha1("x")}"
    sha512   = sha512("x")
    slice    = join(",", slice(["a", "b", "c"], 1, 3))
    sort     = join(",", sort(["c", "a", "b"]))
    split    = join("|", split(",", "a,,b"))
    substr   = "${substr("hello", 1, 3)} ${substr("hello", -3, -1)}"
    time     = "${timeadd("2020-01-01T00:00:00Z", "25h")} ${formatdate("YYYYMMDD-hhmmss", "2021-02-03T04:05:06Z")} ${formatdate("EEE, D MMM YYYY 'at' H:mm aa ZZZ", "2021-02-03T16:05:06Z")}"
    trim     = "${trim("xxaxbxx", "x")} ${trimprefix("ab", "a")} ${trimsuffix("ab", "b")} <${trimspace("  a ")}>"
    try      = "${try(nothing.there, "other")} ${can(1 + 1)} ${can(length(1))}"
    convert  = jsonencode([convert("3", number), convert([1, "2"], list(string))])
    url      = urlencode("a b&c/ü")
    zip      = jsonencode(zipmap(["a", "b"], [1, 2]))
    expand   = max([1, 5, 2]...)
    arithmetic = "${add(1, 2)} ${subtract(1, 2)} ${multiply(3, 4)} ${divide(1, 4)} ${1.5 + 1.5} ${0.1 + 0.2} ${10 % 4} ${-(3)}"
  }
}
