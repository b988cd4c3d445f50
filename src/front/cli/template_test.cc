// SPDX-License-Identifier: Apache-2.0
#include "front/cli/template.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::cli;

namespace {

json::Value sample() {
  return *json::parse(R"({"ID":"abc","Names":"web","Size":12,"On":true,"None":null,
    "List":["x","y","z"],"State":{"Pid":7,"Running":true},"Labels":{"a":"1","b.c":"2"},
    "Empty":[],"Ports":{"80/tcp":[{"HostPort":"8080"}]},"Ratio":1.5,
    "Huge":18446744073709551615,"Html":"<a&b>"})");
}

std::string run(std::string_view text) {
  const auto parsed = Template::parse(text);
  if (!parsed) return "parse: " + parsed.error().message();
  const json::Value value = sample();
  const auto out = parsed->run(value);
  return out ? *out : "run: " + out.error().message() + " | " + out.error().hint();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("fields and text") {
  CHECK(run("") == "");
  CHECK(run("plain") == "plain");
  CHECK(run("{{.ID}}: {{.Names}}") == "abc: web");
  CHECK(run("{{ .State.Pid }}{{\"\\t\"}}{{`\\t`}}") == "7\t\\t");
  CHECK(run("{{.On}} {{.Size}} {{.Ratio}} {{.None}}") == "true 12 1.5 <no value>");
  CHECK(run("{{.List}} {{.State}}") == "[x y z] map[Pid:7 Running:true]");
  CHECK(run("{{.Labels.a}} {{.Labels.zzz}} {{.None.x}}") == "1 <no value> <no value>");
  CHECK(run("{{/* nothing }} */}}x") == "x");
}

TEST_CASE("trim markers take white space away") {
  CHECK(run("a  {{- .ID -}}  b") == "aabcb");
  CHECK(run("a {{.ID -}} \n b") == "a abcb");
  CHECK(run("{{-1}}") == "-1");
}

TEST_CASE("conditions") {
  CHECK(run("{{if .On}}yes{{else}}no{{end}}") == "yes");
  CHECK(run("{{if .Empty}}yes{{else}}no{{end}}") == "no");
  CHECK(run("{{if .None}}1{{else if eq .Size 12}}2{{else}}3{{end}}") == "2");
  CHECK(run("{{with .State}}{{.Pid}}{{end}}") == "7");
  CHECK(run("{{with .None}}x{{else}}{{.ID}}{{end}}") == "abc");
  CHECK(run("{{if and .On (not .None) (or .Empty .Size)}}ok{{end}}") == "ok");
  CHECK(run("{{or .None .ID}} {{and .On .Empty}}") == "abc []");
}

TEST_CASE("range over lists and objects, with variables") {
  CHECK(run("{{range .List}}[{{.}}]{{end}}") == "[x][y][z]");
  CHECK(run("{{range $i, $v := .List}}{{$i}}={{$v}} {{end}}") == "0=x 1=y 2=z ");
  CHECK(run("{{range $k, $v := .Labels}}{{$k}}:{{$v}};{{end}}") == "a:1;b.c:2;");
  CHECK(run("{{range .Empty}}x{{else}}none{{end}}") == "none");
  CHECK(run("{{range $p, $c := .Ports}}{{$p}} -> {{(index $c 0).HostPort}}{{end}}") ==
        "80/tcp -> 8080");
  CHECK(run("{{$x := .ID}}{{range .List}}{{$x}}{{end}}") == "abcabcabc");
  CHECK(run("{{$x := 1}}{{range .List}}{{$x = .}}{{end}}{{$x}}") == "z");
  CHECK(run("{{range .List}}{{$.ID}}{{end}}") == "abcabcabc");
}

TEST_CASE("functions") {
  CHECK(run("{{json .State}}") == R"({"Pid":7,"Running":true})");
  CHECK(run("{{json .Names}} {{.List | json}}") == R"("web" ["x","y","z"])");
  CHECK(run("{{json .Html}}") == R"("<a&b>")");
  CHECK(run("{{join .List \",\"}} {{upper .ID}} {{title .ID}} {{lower \"ÄB\"}}") ==
        "x,y,z ABC Abc Äb");
  CHECK(run("{{range split \"a-b\" \"-\"}}<{{.}}>{{end}}") == "<a><b>");
  CHECK(run("{{index .Labels \"b.c\"}}{{index .Labels \"q\"}}{{index .List 1}}") == "2y");
  CHECK(run("{{len .List}} {{len .ID}}") == "3 3");
  CHECK(run("{{eq .ID \"x\" \"abc\"}} {{ne .Size 1}} {{lt 1 2}} {{ge 1.5 2}}") ==
        "true true true false");
  CHECK(run("{{slice .ID 1 2}}{{slice .List 2}}") == "b[z]");
  CHECK(run("{{truncate .ID 2}}|{{pad .ID 1 2}}|") == "ab| abc  |");
  CHECK(run("{{println .ID 1}}") == "abc 1\n");
  CHECK(run("{{print 1 2 \"x\" 3}}") == "1 2x3");
}

TEST_CASE("printf") {
  CHECK(run("{{printf \"%s-%d-%v-%q%%\" .ID .Size .On .Names}}") == "abc-12-true-\"web\"%");
  CHECK(run("{{printf \"%5s|%-5s|%05d|%.2f|%x\" .ID .ID .Size .Ratio 255}}") ==
        "  abc|abc  |00012|1.50|ff");
  CHECK(run("{{.ID | printf \"%.1s\"}}") == "a");
  CHECK(run("{{.Huge}} {{printf \"%d %x\" .Huge .Huge}}") ==
        "18446744073709551615 18446744073709551615 ffffffffffffffff");
  CHECK(contains(run("{{printf \"%s\"}}"), "more verbs than values"));
  CHECK(contains(run("{{printf \"%z\" 1}}"), "does not know '%z'"));
}

TEST_CASE("methods can be asked with an argument and are not shown") {
  const json::Value value = sample();
  json::Value methods;
  methods.set("Label", *json::parse(R"({"a":"1"})"));
  const auto run_with = [&](std::string_view text) {
    return *Template::parse(text)->run(value, methods);
  };
  CHECK(run_with("{{.Label \"a\"}}{{.Label \"none\"}}") == "1");
  CHECK_FALSE(contains(run_with("{{json .}}"), "Label\""));
}

TEST_CASE("mistakes are told") {
  CHECK(contains(run("{{.Naems}}"), "there is no field '.Naems' | did you mean .Names?"));
  CHECK(contains(run("{{.State.Pod}}"), "did you mean .Pid?"));
  CHECK(contains(run("{{.ID.x}}"), "no field 'x'"));
  CHECK(contains(run("{{jsn .}}"), "there is no function 'jsn'"));
  CHECK(contains(run("{{.ID"), "}} is missing"));
  CHECK(contains(run("{{if .ID}}"), "{{end}} is missing"));
  CHECK(contains(run("{{end}}"), "without a beginning"));
  CHECK(contains(run("{{\"abc}}"), "is missing"));
  CHECK(contains(run("{{(.ID}}"), ") is missing"));
  CHECK(contains(run("{{.ID )}}"), "unexpected"));
  CHECK(contains(run("{{}}"), "a value is missing"));
  CHECK(contains(run("{{$x}}"), "no variable $x"));
  CHECK(contains(run("{{index .List 9}}"), "outside"));
  CHECK(contains(run("{{join .List}}"), "join takes 2 values, not 1"));
  CHECK(contains(run("{{range .Size}}{{end}}"), "range cannot"));
  CHECK(contains(run("{{" + std::string(200, '(') + "}}"), "too many parentheses"));
}

TEST_CASE("quotes as Go writes them") {
  CHECK(go_quote("a\"b\\c\n\x01é") == "\"a\\\"b\\\\c\\n\\x01é\"");
}

TEST_CASE("names of Go's structures, where a template was written for those") {
  const json::Value dot = *json::parse(
      R"({"manifest":{"mediaType":"m"},"image":{"os":"linux","rootfs":{"diff_ids":["a"]}}})");
  const auto with = [&](std::string_view text) {
    const auto out = Template::parse(text)->run(dot, {}, {.has_go_names = true});
    return out ? *out : "run: " + out.error().message();
  };
  CHECK(with("{{.Manifest.MediaType}} {{.Image.OS}} {{.Image.RootFS.DiffIDs}}") == "m linux [a]");
  CHECK(with("{{.Image.Author}}{{.Nothing.At.All}}") == "<no value><no value>");
  CHECK_FALSE(Template::parse("{{.Manifest}}")->run(dot));
  CHECK(*Template::parse("{{json .manifest}}")->run(dot, {}, {.indents_json = true}) ==
        "{\n    \"mediaType\": \"m\"\n}");
}
