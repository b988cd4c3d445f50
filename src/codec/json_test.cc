// SPDX-License-Identifier: Apache-2.0
#include "codec/json.h"

#include <doctest/doctest.h>

#include <limits>

using namespace tare;
using json::parse;
using json::print;
using json::Value;

namespace {
// What `text` prints as after reading, or the error.
std::string again(std::string_view text) {
  const auto value = parse(text);
  return value ? print(*value) : "error: " + value.error().message();
}
bool refused(std::string_view text) {
  const auto value = parse(text);
  return !value && value.error().kind() == Kind::Invalid;
}
}  // namespace

TEST_CASE("JSON values go in and come out") {
  CHECK(again(R"({"a":[1,-2,true,false,null,"x"],"b":{}})") ==
        R"({"a":[1,-2,true,false,null,"x"],"b":{}})");
  CHECK(again(" [ ] ") == "[]");
  CHECK(again("7") == "7");
  CHECK(again(R"("\u00e9\ud83d\ude00\/\"\\\b")") == "\"\xc3\xa9\xf0\x9f\x98\x80/\\\"\\\\\\u0008\"");
  CHECK(again(R"("<&>")") == R"("<&>")");
}

TEST_CASE("JSON integers are exact or refused") {
  CHECK(parse("9223372036854775807")->as_int() == std::numeric_limits<std::int64_t>::max());
  CHECK(parse("-9223372036854775808")->as_int() == std::numeric_limits<std::int64_t>::min());
  CHECK_FALSE(parse("9223372036854775808")->is_int());
  CHECK(parse("9223372036854775808")->is_uint());
  CHECK(parse("9223372036854775808")->is_number());
  CHECK(parse("9223372036854775808")->as_int(7) == 7);
  CHECK(parse("9223372036854775808")->as_double() == 0x1p63);
  CHECK(parse("18446744073709551615")->as_uint() == std::numeric_limits<std::uint64_t>::max());
  CHECK(again("[18446744073709551615]") == "[18446744073709551615]");
  CHECK(Value(std::uint64_t{5}) == Value(5));
  CHECK(Value(std::uint64_t{5}).as_uint() == 5);
  CHECK_FALSE(Value(-1).is_uint());
  CHECK(Value(-1).as_uint(9) == 9);
  CHECK(refused("18446744073709551616"));
  CHECK(refused("-9223372036854775809"));
  CHECK(refused("1e999"));
  CHECK(parse("1e3")->is_number());
  CHECK_FALSE(parse("1e3")->is_int());
  CHECK(parse("1e3")->as_int() == 1000);
  CHECK(parse("1e30")->as_int(5) == 5);
  CHECK(again("[0.5,1e20,-1.5e-9,100.0,1e15,0.1,-0.0]") == "[0.5,1e+20,-1.5e-09,100,1e+15,0.1,0]");
  CHECK(print(Value(std::numeric_limits<double>::infinity())) == "null");
}

TEST_CASE("JSON that two readers could understand differently is refused") {
  CHECK(refused(""));
  CHECK(refused("{} {}"));
  CHECK(refused("{}x"));
  CHECK(refused("[1,]"));
  CHECK(refused("{a:1}"));
  CHECK(refused("[01]"));
  CHECK(refused("[+1]"));
  CHECK(refused("[.5]"));
  CHECK(refused("[1.]"));
  CHECK(refused("[NaN]"));
  CHECK(refused("'x'"));
  CHECK(refused("/**/1"));
  CHECK(refused("\xef\xbb\xbf{}"));
  CHECK(refused(std::string_view("{}\0{}", 5)));
  CHECK(refused(std::string_view("\"a\0b\"", 5)));
  CHECK(refused("\"a\nb\""));
  CHECK(again(R"({"a":1,"b":2,"a":3})") ==
        "error: JSON at byte 18: the key 'a' appears twice in one object");
  CHECK(refused(R"({"a":1,"\u0061":2})"));
  CHECK(refused(R"({"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"c":1})"));
  CHECK(refused(R"({"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"a":1})"));
  CHECK(again(R"({"a":1,"A":2})") == R"({"a":1,"A":2})");
  CHECK(again(R"([{"a":1},{"a":2}])") == R"([{"a":1},{"a":2}])");
}

TEST_CASE("JSON must be exact UTF-8") {
  CHECK(again("\"\xf0\x9f\x98\x80\"") == "\"\xf0\x9f\x98\x80\"");
  for (const char* bad :
       {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
        "\"\x80\"", R"("\ud800")", R"("\udc00")", R"({"\udc00":1})"})
    CHECK(refused(bad));
  CHECK(again("[\"0123456789\xff\"]") == "error: JSON at byte 12: not UTF-8");
  CHECK(again("[\"\xc3\xa9 0123456789 \xc3\xa9\"]") == "[\"\xc3\xa9 0123456789 \xc3\xa9\"]");
}

TEST_CASE("JSON limits") {
  const json::Limits limits{.bytes = 10, .depth = 2};
  CHECK(parse("[[1]]", limits).has_value());
  CHECK(parse("[[[1]]]", limits).error().message() ==
        "JSON at byte 2: arrays and objects are nested deeper than 2 levels");
  CHECK(parse("[[],{},1]", {.values = 3}).error().message() ==
        "JSON at byte 8: there are more than 3 values");
  CHECK(parse("[[],{},1]", {.values = 4}).has_value());
  CHECK(parse("[1,2,3,4,5]", limits).error().message() ==
        "JSON of 11 bytes is larger than the limit of 10 bytes");
  CHECK(refused(std::string(1 << 20, '[')));
}

TEST_CASE("JSON is indented as Docker does") {
  CHECK(print(*parse(R"({"a":[1,{"b":[]}],"c":{},"d":"e"})"), json::Style::Indented) ==
        R"({
    "a": [
        1,
        {
            "b": []
        }
    ],
    "c": {},
    "d": "e"
})");
  CHECK(print(Value(json::Array{}), json::Style::Indented) == "[]");
}

TEST_CASE("JSON strings that were never UTF-8 still print as JSON") {
  CHECK(print(Value("a\xff\xc3(")) == R"("a\ufffd\ufffd(")");
  CHECK(print(Value("\xe2\x80\xa8\xe2\x80\xa9\x01\x7f\xc2\x9b")) ==
        "\"\\u2028\\u2029\\u0001\\u007f\\u009b\"");
}

TEST_CASE("JSON accessors never fail") {
  const Value value = *parse(R"({"s":"x","n":3,"d":2.5,"b":true,"a":["p",1,"q"],"z":null})");
  CHECK(value["s"].as_string() == "x");
  CHECK(value["s"].as_int(9) == 9);
  CHECK(value["n"].as_double() == 3.0);
  CHECK(value["d"].as_int() == 2);
  CHECK(value["b"].as_bool());
  CHECK_FALSE(value["n"].as_bool());
  CHECK(value["a"].as_strings() == std::vector<std::string>{"p", "q"});
  CHECK(value["none"].is_null());
  CHECK(value.find("none") == nullptr);
  CHECK(value.find("z") != nullptr);
  CHECK(value["s"]["deeper"]["still"].as_array().empty());
  CHECK(value["n"].as_string().empty());
  CHECK(value["n"].as_object().empty());
}

TEST_CASE("JSON is built by set and push") {
  Value value;
  value.set("b", 1);
  value.set("a", "x");
  value.set("b", 2);
  value.set("list", Value()).push(Value(true));
  CHECK(print(value) == R"({"b":2,"a":"x","list":[true]})");
  CHECK(print(Value(std::vector<std::string>{"p", "q"})) == R"(["p","q"])");
  CHECK(*parse(print(value)) == value);
}

TEST_CASE("JSON members that must be there") {
  const Value value = *parse(R"({"s":"x","n":3})");
  CHECK(*json::require_string(value, "s", "manifest") == "x");
  CHECK(*json::require_int(value, "n", "manifest") == 3);
  CHECK(json::require_string(value, "n", "manifest").error().message() ==
        "manifest: 'n' is not a string");
  CHECK(json::require_int(value, "x", "manifest").error().message() == "manifest: 'x' is missing");
}
