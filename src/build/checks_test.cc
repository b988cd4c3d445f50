// SPDX-License-Identifier: Apache-2.0
#include "build/checks.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::build;

namespace {

CheckReport report_of(const std::string& text, const CheckInputs& inputs = {}) {
  const auto file = parse_dockerfile("D", text);
  REQUIRE(file.has_value());
  BuildOptions options;
  options.build_platform = options.target_platform = {"linux", "amd64", ""};
  return check_dockerfile(*file, options, inputs);
}

std::vector<std::string> names(const CheckReport& report) {
  std::vector<std::string> all;
  for (const Finding& finding : report.findings) all.emplace_back(finding.rule->name);
  return all;
}

using Names = std::vector<std::string>;

}  // namespace

// That they find what Docker's find is in tests/dockerfile/recorded.
TEST_CASE("checks: a finding says what, where and where to read on") {
  const CheckReport report = report_of("FROM scratch\nENV A=$B\n");
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].text() ==
        "UndefinedVar: '$B' is not set here\nD:2:1\n2 | ENV A=$B\n  | ^^^\n"
        "see https://docs.docker.com/go/dockerfile/rule/undefined-var/");
  CHECK_FALSE(report.fails);
}

TEST_CASE("checks: settings of the file, of an instruction, from outside") {
  CHECK(report_of("# check=error=true\nFROM scratch AS A\n").fails);
  CHECK(names(report_of("# check=skip=StageNameCasing\nFROM scratch AS A\nMAINTAINER x\n")) ==
        Names{"MaintainerDeprecated"});
  CHECK(names(report_of("FROM scratch\n# check=skip=UndefinedVar\nENV A=$B\nENV C=$D\n")).size() ==
        1);
  CheckInputs inputs;
  inputs.settings = *parse_check_settings("skip=all");
  CHECK(names(report_of("FROM scratch AS A\n", inputs)).empty());
  CHECK(report_of("# check=what\nFROM scratch\n")
            .error->message()
            .starts_with("D:1:9: checks have no option 'what'"));
  CHECK(parse_check_settings("error=maybe").error().kind() == Kind::Invalid);
  CHECK(parse_check_settings(" skip = A , B ; error = false ")->skip ==
        std::set<std::string>{"A", "B"});
}

TEST_CASE("checks: what comes from an unknown base image is not undefined") {
  const std::string text = "FROM debian:12\nENV A=$LANG\n";
  CHECK(names(report_of(text)).empty());
  CheckInputs inputs;
  inputs.base_config = [](const Stage&) {
    oci::ImageConfig config;
    config.os = "linux";
    config.architecture = "arm64";
    config.env = {"LANGS=C"};
    return config;
  };
  CHECK(names(report_of(text, inputs)) == Names{"InvalidBaseImagePlatform", "UndefinedVar"});
}

TEST_CASE("checks: what .dockerignore excludes") {
  const auto rules = IgnoreRules::parse(Source(".dockerignore", "*.o\nbuild\n"));
  CheckInputs inputs;
  inputs.ignore = &*rules;
  const std::string text =
      "FROM scratch\nCOPY a.o b /x/\nADD build/out https://h/a.o /x/\nCOPY --from=s a.o /x\n"
      "COPY . /\n";
  CHECK(names(report_of(text, inputs)) == Names{"CopyIgnoredFile", "CopyIgnoredFile"});
  const auto all = IgnoreRules::parse(Source(".dockerignore", "*\n"));
  inputs.ignore = &*all;
  CHECK(names(report_of("FROM scratch\nCOPY . /\n", inputs)) == Names{"CopyIgnoredFile"});
}

TEST_CASE("checks: every rule has a sentence, all but one a page") {
  std::size_t pages = 0;
  for (const CheckRule& rule : check_rules()) {
    CHECK_FALSE(rule.about.empty());
    pages += rule.page.empty() ? 0 : 1;
  }
  CHECK(pages == 21);
}
