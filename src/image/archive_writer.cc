// SPDX-License-Identifier: Apache-2.0
#include "image/archive_writer.h"

#include "codec/json.h"
#include "codec/sha256.h"

namespace tare::image {
namespace {

struct Content : codec::Sink {
  explicit Content(tar::Writer& writer) : tar(writer) {}
  Result<> write(std::string_view bytes) override { return tar.write_content(bytes); }
  tar::Writer& tar;
};

tar::Entry entry_for(const std::string& name) {
  tar::Entry entry;
  entry.name = name;
  entry.mode = 0644;
  return entry;
}

}  // namespace

std::string layout_path(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

Result<> ArchiveWriter::add_directory(const std::string& name) {
  tar::Entry entry = entry_for(name);
  entry.type = tar::Type::Directory;
  entry.mode = 0755;
  return tar_.add(entry);
}

Result<> ArchiveWriter::add_text(const std::string& name, std::string_view text) {
  tar::Entry entry = entry_for(name);
  entry.size = text.size();
  return tar_.add_file(entry, text);
}

Result<> ArchiveWriter::begin(std::string_view index, std::string_view docker) {
  TRY(add_text("oci-layout", oci::kLayoutText));
  TRY(add_text("index.json", index));
  if (!docker.empty()) TRY(add_text("manifest.json", docker));
  TRY(add_directory("blobs/"));
  return add_directory("blobs/sha256/");
}

Result<> ArchiveWriter::add_blob(const Digest& digest, std::uint64_t size, codec::Source& source) {
  tar::Entry entry = entry_for(layout_path(digest));
  entry.size = size;
  TRY(tar_.add(entry));
  codec::HashingSource hashing(source);
  Content content(tar_);
  TRY(codec::copy(hashing, content), "write blob " + digest.text());
  if (hashing.digest() == digest) return {};
  return std::unexpected(
      Error(Kind::Corrupt,
            "blob " + digest.text() + " was changed on disk; nothing of use was written")
          .hint("get the image again"));
}

std::string print_docker_items(const std::vector<DockerItem>& items) {
  json::Value list = json::Array();
  for (const DockerItem& item : items) {
    json::Value& object = list.push(json::Object());
    object.set("Config", layout_path(item.config));
    json::Value tags = json::Array();
    for (const std::string& name : item.names) tags.push(name);
    object.set("RepoTags", item.names.empty() ? json::Value() : std::move(tags));
    json::Value& layers = object.set("Layers", json::Array());
    for (const Digest& layer : item.layers) layers.push(layout_path(layer));
  }
  return json::print(list);
}

}  // namespace tare::image
