// SPDX-License-Identifier: Apache-2.0
#include "trust/file_record.h"

#include "base/text.h"

namespace tare::trust {
namespace {

std::pair<std::string, std::string> parts_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"/", escaped(path)};
  return {slash == 0 ? "/" : escaped(path.substr(0, slash)), escaped(path.substr(slash + 1))};
}

}  // namespace

void FileList::add(std::string_view path) {
  auto [directory, name] = parts_of(path);
  count += names[std::move(directory)].insert(std::move(name)).second ? 1 : 0;
}

bool FileList::contains(std::string_view path) const {
  const auto [directory, name] = parts_of(path);
  const auto found = names.find(directory);
  return found != names.end() && found->second.contains(name);
}

json::Value print_file_record(const FileRecord& record) {
  json::Value value;
  json::Value& entries = value.set("entries", json::Array());
  for (const FileRecord::Entry& entry : record.entries) {
    json::Value& object = entries.push(json::Object());
    object.set("step", static_cast<std::uint64_t>(entry.step));
    if (entry.made_by) object.set("madeBy", static_cast<std::uint64_t>(*entry.made_by));
    json::Object files;
    for (const auto& [directory, names] : entry.files.names) {
      json::Array list(names.begin(), names.end());
      files.emplace_back(directory, std::move(list));
    }
    object.set("files", std::move(files));
  }
  return value;
}

Result<FileRecord> parse_file_record(const json::Value& predicate) {
  FileRecord record;
  if (!predicate["entries"].is_array())
    return fail(Kind::Invalid, "the record of files has no entries");
  for (const json::Value& object : predicate["entries"].as_array()) {
    FileRecord::Entry& entry = record.entries.emplace_back();
    entry.step = object["step"].as_uint();
    if (object["madeBy"].is_uint()) entry.made_by = object["madeBy"].as_uint();
    for (const auto& [directory, names] : object["files"].as_object()) {
      std::set<std::string>& known = entry.files.names[directory];
      for (std::string& name : names.as_strings()) known.insert(std::move(name));
      entry.files.count += known.size();
    }
  }
  return record;
}

}  // namespace tare::trust
