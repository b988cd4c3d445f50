// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "codec/sha256.h"
#include "trust/file_record.h"
#include "trust/provenance.h"
#include "trust/statement.h"

using namespace tare;
using namespace tare::trust;

namespace {

Provenance example() {
  Provenance provenance;
  provenance.dockerfile = "Dockerfile";
  provenance.dockerfile_digest = codec::sha256("FROM x\n");
  provenance.text = "FROM x\n";
  provenance.platform = "linux/amd64";
  provenance.arguments = {{"LEVEL", "3"}, {"API_TOKEN", std::nullopt}};
  provenance.contexts = {{"more", "local"}};
  provenance.time = 1'700'000'000'000'000'000;
  provenance.stages = {{.label = "build", .base = {}, .image = codec::sha256("x")},
                       {.label = "stage-1", .base = 0, .image = {}, .is_target = true}};
  BuildStep step;
  step.stage = 1;
  step.place = "Dockerfile:2";
  step.instruction = "COPY a /b/";
  step.destination = "/b/";
  step.layer = codec::sha256("layer");
  step.inputs = {{"a", codec::sha256("a")}};
  step.materials = {{.uri = "https://example.org/a", .digest = codec::sha256("b"), .size = 12},
                    {.uri = "https://example.org/x.git", .revision = "0123"}};
  provenance.steps = {step};
  provenance.images = {{.uri = "docker-image://x", .digest = codec::sha256("x")}};
  provenance.version = "1";
  return provenance;
}

}  // namespace

TEST_CASE("provenance: what is printed reads back, and has nothing of the moment in it") {
  const json::Value predicate = print_provenance(example());
  const auto again = parse_provenance(predicate);
  REQUIRE(again);
  CHECK(*again == example());
  CHECK(predicate["buildDefinition"]["resolvedDependencies"].as_array().size() == 3);
  CHECK(predicate["runDetails"]["metadata"].is_null());
}

TEST_CASE("provenance: stages and steps that lead nowhere are refused") {
  Provenance wrong = example();
  wrong.stages[0].base = 0;
  CHECK(!parse_provenance(print_provenance(wrong)));
  wrong = example();
  wrong.stages[1].base = 7;
  CHECK(!parse_provenance(print_provenance(wrong)));
  wrong = example();
  wrong.steps[0].stage = 2;
  CHECK(!parse_provenance(print_provenance(wrong)));
  json::Value other = print_provenance(example());
  other.find("buildDefinition")->set("buildType", "https://example.org/other");
  const auto refused = parse_provenance(other);
  REQUIRE(!refused);
  CHECK(refused.error().kind() == Kind::Unsupported);
}

TEST_CASE("provenance: names of secrets") {
  for (const char* name : {"API_TOKEN", "dbPassword", "AWS_SECRET_ACCESS_KEY", "NPM_AUTH"})
    CHECK_MESSAGE(is_secret_name(name), name);
  for (const char* name : {"VERSION", "LEVEL", "MONKEY", "PATH"})
    CHECK_MESSAGE(!is_secret_name(name), name);
}

TEST_CASE("statement: of one image, and nothing else") {
  Statement statement{.predicate_type = "urn:x", .subject = codec::sha256("x"), .predicate = {}};
  statement.predicate.set("a", 1);
  const std::string text = print_statement(statement);
  const auto again = parse_statement(text);
  REQUIRE(again);
  CHECK(again->predicate_type == "urn:x");
  CHECK(again->subject == statement.subject);
  CHECK(again->predicate == statement.predicate);
  CHECK(!parse_statement("{}"));
  CHECK(!parse_statement(R"({"_type":"https://in-toto.io/Statement/v1","predicateType":"x",)"
                         R"("subject":[{"digest":{"sha256":"../../etc"}}],"predicate":{}})"));
}

TEST_CASE("file record: lists by directory, with names of any bytes") {
  FileRecord record;
  FileRecord::Entry& entry = record.entries.emplace_back();
  entry.step = 4;
  entry.made_by = 2;
  entry.files.add("/usr/bin/b");
  entry.files.add("/usr/bin/a");
  entry.files.add("/top");
  entry.files.add("/usr/\xff\x1b");
  const auto again = parse_file_record(print_file_record(record));
  REQUIRE(again);
  CHECK(*again == record);
  CHECK(again->entries[0].files.contains("/usr/bin/a"));
  CHECK(again->entries[0].files.contains("/top"));
  CHECK(again->entries[0].files.contains("/usr/\xff\x1b"));
  CHECK(!again->entries[0].files.contains("/usr/bin"));
  CHECK(!parse_file_record(json::Value()));
}
