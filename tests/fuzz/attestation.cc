// SPDX-License-Identifier: Apache-2.0
// Statements of images that were pulled: what is accepted prints, and reads back as the same.
#include "fuzz/fuzz.h"
#include "trust/file_record.h"
#include "trust/provenance.h"
#include "trust/statement.h"

using namespace tare;

TARE_FUZZER(attestation) {
  const auto statement = trust::parse_statement(bytes);
  if (!statement) return;
  const std::string printed = trust::print_statement(*statement);
  const auto again = trust::parse_statement(printed);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(trust::print_statement(*again) == printed);
  if (const auto record = trust::parse_file_record(statement->predicate)) {
    const auto same = trust::parse_file_record(trust::print_file_record(*record));
    FUZZ_CHECK(same && *same == *record);
  }
  if (const auto provenance = trust::parse_provenance(statement->predicate)) {
    const auto same = trust::parse_provenance(trust::print_provenance(*provenance));
    FUZZ_CHECK(same.has_value());
    FUZZ_CHECK(trust::print_provenance(*same) == trust::print_provenance(*provenance));
    for (std::size_t i = 0; i < provenance->stages.size(); ++i)
      FUZZ_CHECK(!provenance->stages[i].base || *provenance->stages[i].base < i);
  }
}
