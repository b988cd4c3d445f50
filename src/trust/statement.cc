// SPDX-License-Identifier: Apache-2.0
#include "trust/statement.h"

#include "base/text.h"

namespace tare::trust {
namespace {

constexpr const char* kType = "https://in-toto.io/Statement/v1";
// A name of an image is no part of what is said of it. [in-toto, ResourceDescriptor: "_"]
constexpr const char* kNoName = "_";
constexpr json::Limits kLimits{.bytes = 4 << 20, .depth = 32, .values = 400'000};

}  // namespace

json::Value digest_set(const Digest& digest) {
  json::Value value;
  value.set("sha256", digest.hex());
  return value;
}

Digest digest_in(const json::Value& set) {
  const auto digest = Digest::parse("sha256:" + set["sha256"].as_string());
  return digest ? *digest : Digest();
}

json::Value statement_value(std::string_view predicate_type, const std::vector<Subject>& subjects,
                            json::Value predicate) {
  json::Value value;
  value.set("_type", kType);
  json::Array all;
  for (const Subject& each : subjects) {
    json::Value subject;
    subject.set("name", each.name);
    subject.set("digest", digest_set(each.digest));
    all.push_back(std::move(subject));
  }
  value.set("subject", std::move(all));
  value.set("predicateType", predicate_type);
  value.set("predicate", std::move(predicate));
  return value;
}

std::string print_statement(const Statement& statement) {
  return json::print(statement_value(statement.predicate_type,
                                     {{.name = kNoName, .digest = statement.subject}},
                                     statement.predicate));
}

Result<Statement> parse_statement(std::string_view text) {
  json::Value value = TRY(json::parse(text, kLimits), "statement");
  if (value["_type"].as_string() != kType)
    return fail(Kind::Invalid,
                "the statement is of the type " + quoted(value["_type"].as_string()));
  Statement statement;
  statement.predicate_type = TRY(json::require_string(value, "predicateType", "statement"));
  const json::Array& subjects = value["subject"].as_array();
  if (subjects.size() == 1) statement.subject = digest_in(subjects[0]["digest"]);
  if (statement.subject.empty())
    return fail(Kind::Invalid, "the statement is not about one image with a SHA-256 digest");
  if (json::Value* predicate = value.find("predicate")) statement.predicate = std::move(*predicate);
  return statement;
}

}  // namespace tare::trust
