// SPDX-License-Identifier: Apache-2.0
#include "codec/hcl.h"

#include <doctest/doctest.h>

#include "codec/hcl_evaluate.h"

using namespace tare;

namespace {

class NoNames final : public hcl::Scope {
 public:
  Result<std::optional<Found>> find(std::span<const std::string> path) override {
    if (path[0] != "known") return std::nullopt;
    return Found{json::Value("value"), 1};
  }
  const hcl::Function* function(const std::string&) override { return nullptr; }
  std::vector<std::string> names() const override { return {"known"}; }
};

Result<json::Value> value_of(const std::string& text) {
  const hcl::Body body = TRY(hcl::parse("file", text));
  NoNames names;
  hcl::Computing computing;
  json::Value value;
  for (const hcl::Attribute& each : body.attributes)
    value = TRY(hcl::evaluate(each.value, names, computing));
  return value;
}

std::string error_of(const std::string& text) {
  const auto value = value_of(text);
  if (value) return "no error: " + json::print(*value);
  return value.error().message() + (value.error().hint().empty() ? "" : "; ") +
         value.error().hint();
}

}  // namespace

TEST_CASE("hcl: errors have a place and say what is wrong") {
  CHECK_EQ(error_of("a = [1\n\n  2]"), "file:3:3: ',' or ']' is missing: there is '2'");
  CHECK_EQ(error_of("a = "), "file:1:5: a value is missing: the text ends here");
  CHECK_EQ(error_of("a = 1 2"), "file:1:7: the end of the line is missing: there is '2'");
  CHECK_EQ(error_of("a = \"x\n\""), "file:1:6: the text has no quote at its end");
  CHECK_EQ(error_of("a = knwn"), "file:1:5: there is no variable 'knwn'; is 'known' meant?");
  CHECK_EQ(error_of("a = uper(\"x\")"), "file:1:5: there is no function 'uper'; is 'upper' meant?");
  CHECK_EQ(error_of("b = 1\na = upper([1])"), "file:2:5: upper(): argument 1: a list is no text");
  CHECK_EQ(error_of("a = regex(\"a\", \"b\")"),
           "file:1:5: the function 'regex' of buildx is not there; 'docker buildx bake --print' "
           "writes JSON without it");
  CHECK_EQ(error_of("a = \"%{ if true }x%{ endif }\""),
           "file:1:6: directives of templates, %{...}, are not read; CONDITION ? \"this\" : "
           "\"that\" and [for ...] do the same; %%{ is the text");
  CHECK_EQ(error_of("a = <<EOT\nx"), "file:1:5: the here-document has no line 'EOT'");
  CHECK_EQ(error_of("a = 9223372036854775807 + 1"), "file:1:25: the number is too large");
  CHECK_EQ(error_of("a = 1 / 0"), "file:1:7: division by zero");
  CHECK_EQ(error_of("a = [1][1]"), "file:1:8: the list has 1 elements, and none at 1");
  CHECK_EQ(error_of("a = { first = 1 }.x"), "file:1:18: the object has no 'x'");
  CHECK_EQ(error_of("a {"), "file:1:4: the block that begins here has no '}'");
  CHECK_EQ(error_of("a = 1\na = 2"), "file:2:1: 'a' is set twice");
  CHECK_EQ(error_of("/* x"), "file:1:1: the comment has no end");
}

TEST_CASE("hcl: what others write is bounded") {
  CHECK(error_of("a = " + std::string(100, '[')).find("are in one another") != std::string::npos);
  CHECK(error_of("a = " + std::string(100, '-') + "1").find("are in one another") !=
        std::string::npos);
  std::string chain = "a = 1";
  for (int i = 0; i < 300; ++i) chain += "+1";
  CHECK(error_of(chain).find("too much in one another") != std::string::npos);
  std::string list = "a = [1";
  for (int i = 0; i < 110'000; ++i) list += ",1";
  CHECK(error_of(list + "]").find("too much in it") != std::string::npos);
  CHECK(error_of("a = [for x in range(1000) : [for y in range(1000) : range(1000)]]")
            .find("too much to compute") != std::string::npos);
  CHECK(error_of("a = format(\"%99999d\", 1)").find("1024") != std::string::npos);
  CHECK(error_of("a = join(join(\"x\", range(1000)), [for x in range(1000) : join(\"x\", "
                 "range(1000))])")
            .find("larger than 1 MiB") != std::string::npos);
  CHECK(error_of(std::string(2 << 20, '\n')).find("larger than 1 MiB") != std::string::npos);
  CHECK(error_of("a = \"\xff\"").find("UTF-8") != std::string::npos);
}

TEST_CASE("hcl: values") {
  const auto printed = [](const std::string& text) {
    const auto value = value_of(text);
    return value ? json::print(*value) : value.error().message();
  };
  CHECK_EQ(printed("a = \"${[1, 2]}\""), "[1,2]");
  CHECK_EQ(printed("a = \"x${known}\""), "\"xvalue\"");
  CHECK_EQ(printed("a = <<-EOT\r\n    x\r\n      y\r\n    EOT\r\n"), "\"x\\r\\n  y\\r\\n\"");
  CHECK_EQ(printed("a = 1e3"), "1000");
  CHECK_EQ(printed("a = \"\\u00e9\\U0001F600\""), "\"é😀\"");
  CHECK_EQ(printed("a = { for k, v in { x = 1 } : v => k }"), "{\"1\":\"x\"}");
  CHECK_EQ(printed("a = [{ b = [{ c = 1 }, { c = 2 }] }][*].b[*].c"), "[[1,2]]");
  CHECK_EQ(printed("a = (\n  1\n  +\n  2\n)"), "3");
  CHECK_EQ(printed("a = null == null"), "true");
  CHECK_EQ(printed("b { c = 1 }\na = [for x in [1, 2, 3] : x * 2 if x != 2]"), "[2,6]");
}
