// SPDX-License-Identifier: Apache-2.0
// What is attested of files that leave the store: documents that go with them. Private to the room.
// docs/formats/attestations.md, "With files"
#pragma once

#include <string>
#include <vector>

#include "base/text.h"
#include "build/builder.h"
#include "engine/build.h"

namespace tare::engine {

struct AttestedFiles {
  struct File {
    std::string name;  // Below the output's root, without a prefix.
    std::string text;
  };
  std::vector<File> files;
  UnixNanos time = 0;              // Of them: that of the newest file of the output.
  std::vector<std::string> notes;  // What was left out, in sentences.
};

// As `request` asks; nothing when no output wants it. The same files of the same build give the
// same. Errors: Invalid (the output has a file of that name itself); Corrupt.
Result<AttestedFiles> attest_files(const store::Store& store, const build::BuildRequest& request,
                                   const build::Built& built, const BuildExport& exports);
// Into a directory (borrowed), and in front of a tar.
Result<> write_attested(const AttestedFiles& attested, const std::string& prefix, int directory);
Result<> write_attested(const AttestedFiles& attested, const std::string& prefix, codec::Sink& tar);

}  // namespace tare::engine
