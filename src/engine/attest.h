// SPDX-License-Identifier: Apache-2.0
// What is attested of an image that was built: how, and which step made which file. Private to the
// room. docs/formats/attestations.md
#pragma once

#include <string>
#include <vector>

#include "build/builder.h"
#include "trust/file_record.h"
#include "trust/provenance.h"

namespace tare::engine {

// The same request and the same steps give the same, on any machine.
trust::Provenance provenance_of(const build::BuildRequest& request, const build::Built& built);
// Errors: those of reading layers.
Result<trust::FileRecord> file_record_of(const store::Store& store, const build::Built& built,
                                         const trust::Provenance& provenance);
// Attests all that the request wants, unless that is attested already. Gives what was left out, in
// sentences.
Result<std::vector<std::string>> attest_build(store::Store& store,
                                              const build::BuildRequest& request,
                                              build::Built& built);

}  // namespace tare::engine
