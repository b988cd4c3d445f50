// SPDX-License-Identifier: Apache-2.0
// Statements about an image. [in-toto Attestation Framework v1.0, spec/v1/statement.md]
// docs/formats/attestations.md
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "codec/json.h"

namespace tare::trust {

inline constexpr std::string_view kProvenanceType = "https://slsa.dev/provenance/v1";
inline constexpr std::string_view kFilesType = "urn:tare:files:v1";
inline constexpr std::string_view kSpdxType = "https://spdx.dev/Document";
inline constexpr std::string_view kCycloneDxType = "https://cyclonedx.org/bom";

struct Statement {
  std::string predicate_type;
  Digest subject;  // The manifest of an image.
  json::Value predicate;
};

// Of a statement that is about files: which, by their names.
struct Subject {
  std::string name;
  Digest digest;
};
json::Value statement_value(std::string_view predicate_type, const std::vector<Subject>& subjects,
                            json::Value predicate);
// The same statement gives the same bytes.
std::string print_statement(const Statement& statement);
// Bytes from anywhere. Errors: Invalid (no statement, none about one thing with a SHA-256 digest,
// too much of it).
Result<Statement> parse_statement(std::string_view text);

// {"sha256": HEX}
json::Value digest_set(const Digest& digest);
// Empty when there is none.
Digest digest_in(const json::Value& set);

}  // namespace tare::trust
