// SPDX-License-Identifier: Apache-2.0
// Which step of a build made which file, where the layers of the image do not tell: what COPY took
// from another stage, and what steps wrote whose layers are not those of the image.
// docs/formats/attestations.md
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace tare::trust {

// Escaped (base/text.h): names of files are bytes, and JSON has characters.
struct FileList {
  std::map<std::string, std::set<std::string>> names;  // By directory, "/" or "/usr/bin".
  std::size_t count = 0;

  void add(std::string_view path);  // Absolute.
  bool contains(std::string_view path) const;
  bool operator==(const FileList&) const = default;
};

struct FileRecord {
  // Files of the image that a step made; `made_by`: and where it copied them from, another did.
  struct Entry {
    std::size_t step = 0;  // Numbers of Provenance::steps.
    std::optional<std::size_t> made_by;
    FileList files;
    bool operator==(const Entry&) const = default;
  };
  std::vector<Entry> entries;
  bool operator==(const FileRecord&) const = default;
};

json::Value print_file_record(const FileRecord& record);
// Errors: Invalid.
Result<FileRecord> parse_file_record(const json::Value& predicate);

}  // namespace tare::trust
