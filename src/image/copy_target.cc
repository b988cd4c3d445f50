// SPDX-License-Identifier: Apache-2.0
// Layouts and archives as targets of a copy. What is there of them is whole at any time: blobs get
// their names when they have all their bytes, and index.json, or the archive, is the last.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "codec/sha256.h"
#include "image/archive_writer.h"
#include "image/copy_ends.h"
#include "image/whole_file.h"
#include "store/streams.h"
#include "sys/files.h"

namespace tare::image {
namespace {

// "busybox:1" is a full name for who loads the archive; "1" is a tag and no more.
oci::Annotations name_annotations(const std::string& tag) {
  if (tag.empty()) return {};
  oci::Annotations annotations = {{kRefName, tag}};
  const auto full = Reference::parse(tag);
  if (full && tag.find_first_of("/:") != std::string::npos) annotations[kFullName] = full->text();
  return annotations;
}

// The descriptors of a copy in an index.json: what was asked for, with its name, and what refers
// to it, which nothing else would lead to.
std::vector<oci::Descriptor> entries_of(const CopyPlan& plan, const std::string& tag) {
  std::vector<oci::Descriptor> entries;
  for (const CopiedDocument& document : plan.documents) {
    if (!document.is_referrer && &document != &plan.named()) continue;
    oci::Descriptor entry = describe(document);
    if (&document == &plan.named()) entry.annotations = name_annotations(tag);
    entries.push_back(std::move(entry));
  }
  return entries;
}

class LayoutTarget : public CopyTarget {
 public:
  static Result<std::unique_ptr<CopyTarget>> open(const Location& location) {
    auto target = std::unique_ptr<LayoutTarget>(new LayoutTarget);
    target->tag_ = location.tag;
    if (::mkdir(location.place.c_str(), 0755) != 0 && errno != EEXIST)
      return fail_errno("make the directory " + quoted(location.place));
    target->dir_ = TRY(sys::open_path(location.place, O_RDONLY | O_DIRECTORY));
    const auto names = TRY(sys::list_directory(target->dir_.get()));
    const bool is_layout = std::ranges::find(names, "oci-layout") != names.end();
    const bool was_begun = std::ranges::all_of(
        names, [](const std::string& name) { return name == "blobs" || name.starts_with("."); });
    if (!is_layout && !was_begun)
      return fail(Kind::Exists, quoted(location.place) + " is neither empty nor an image layout");
    if (is_layout) {
      const std::string version =
          TRY(DirectoryArchive(target->dir_.get()).document("oci-layout"), location.place);
      TRY(oci::check_layout(version), quoted(location.place));
    }
    return target;
  }

  Result<> begin(const CopyPlan&) override {
    const sys::Fd blobs = TRY(make_directory(dir_.get(), "blobs"));
    blobs_ = TRY(make_directory(blobs.get(), "sha256"));
    return {};
  }

  // Read to its end: what somebody else has put there may be anything.
  Result<bool> has(const oci::Descriptor& blob) override {
    const auto file = sys::open_at(blobs_.get(), blob.digest.hex(),
                                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat info{};
    if (!file || ::fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode) ||
        static_cast<std::uint64_t>(info.st_size) != blob.size)
      return false;
    return verify_blob_file(file->get(), blob).has_value();
  }

  Result<> keep(const oci::Descriptor& blob, const BlobFile& file) override {
    store::FileSource source(file.fd);
    return write(source, blob);
  }

  Result<> finish(const CopyPlan& plan) override {
    for (const CopiedDocument& document : plan.documents) {
      codec::StringSource source(document.raw.text);
      TRY(write(source, describe(document)));
    }
    // Of two who write into one layout, one comes after the other.
    if (::flock(dir_.get(), LOCK_EX) != 0) return fail_errno("lock the image layout");
    TRY(write_text("oci-layout", oci::kLayoutText));
    return write_index(entries_of(plan, tag_));
  }

 private:
  LayoutTarget() = default;

  // A layout may come from anybody: no link in it leads us elsewhere.
  static Result<sys::Fd> make_directory(int dir, const char* name) {
    if (::mkdirat(dir, name, 0755) != 0 && errno != EEXIST)
      return fail_errno("make the directory " + quoted(name));
    return sys::open_in_root(dir, name, O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
  }

  Result<> write(codec::Source& content, const oci::Descriptor& expected) {
    WholeFile file = TRY(WholeFile::begin(blobs_.get()));
    store::FileSink sink(file.fd());
    codec::HashingSink hashing(sink);
    store::LimitedSource limited(content, expected.size);
    TRY(codec::copy(limited, hashing));
    const std::uint64_t bytes = hashing.bytes();
    const Digest digest = hashing.digest();
    if (bytes != expected.size || digest != expected.digest)
      return fail(Kind::Corrupt, "it has " + std::to_string(bytes) + " bytes with the digest " +
                                     digest.text() + ", but " + std::to_string(expected.size) +
                                     " with " + expected.digest.text() + " were announced");
    return file.name(expected.digest.hex());
  }

  Result<> write_text(const std::string& name, std::string_view text) {
    WholeFile file = TRY(WholeFile::begin(dir_.get()));
    TRY(sys::write_all(file.fd(), text));
    return file.name(name);
  }

  // Keeps what is there, but for what has the same tag, or is the same without one.
  Result<> write_index(const std::vector<oci::Descriptor>& entries) {
    json::Value index;
    auto text = DirectoryArchive(dir_.get()).document("index.json");
    if (!text && text.error().kind() != Kind::NotFound)
      return std::unexpected(std::move(text).error());
    if (text) index = TRY(json::parse(*text), "index.json");
    if (!text)
      index = TRY(json::parse(oci::print_index({.media_type = std::string(oci::kIndexType),
                                                .manifests = {},
                                                .annotations = {},
                                                .subject = {}})));
    json::Array kept = index["manifests"].as_array();
    for (const oci::Descriptor& entry : entries) {
      const json::Value value = oci::print_descriptor(entry);
      const std::string name = value["annotations"][kRefName].as_string();
      std::erase_if(kept, [&](const json::Value& other) {
        const std::string& its = other["annotations"][kRefName].as_string();
        return its == name && (!name.empty() || other["digest"] == value["digest"]);
      });
      kept.push_back(value);
    }
    index.set("manifests", std::move(kept));
    return write_text("index.json", json::print(index));
  }

  std::string tag_;
  sys::Fd dir_;
  sys::Fd blobs_;
};

class ArchiveTarget : public CopyTarget {
 public:
  static Result<std::unique_ptr<CopyTarget>> open(const Location& location) {
    const std::size_t slash = location.place.rfind('/');
    const bool is_here = slash == std::string::npos;
    auto target = std::unique_ptr<ArchiveTarget>(new ArchiveTarget);
    target->is_docker_ = location.type == Location::Type::DockerArchive;
    target->tag_ = location.tag;
    target->name_ = is_here ? location.place : location.place.substr(slash + 1);
    struct stat info{};
    if (::stat(location.place.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
      if (S_ISDIR(info.st_mode))
        return fail(Kind::Exists, quoted(location.place) + " is a directory");
      target->direct_ = TRY(sys::open_path(location.place, O_WRONLY));  // A pipe, a device.
      return target;
    }
    target->dir_ = TRY(sys::open_path(is_here      ? "."
                                      : slash == 0 ? "/"
                                                   : location.place.substr(0, slash),
                                      O_RDONLY | O_DIRECTORY));
    target->file_.emplace(TRY(WholeFile::begin(target->dir_.get())));
    return target;
  }

  Result<> begin(const CopyPlan& plan) override {
    std::string docker;
    if (is_docker_) docker = TRY(docker_items(plan));
    sink_.emplace(direct_ ? direct_.get() : file_->fd());
    writer_.emplace(*sink_);
    const oci::Index index{.media_type = std::string(oci::kIndexType),
                           .manifests = entries_of(plan, tag_),
                           .annotations = {},
                           .subject = {}};
    TRY(writer_->begin(oci::print_index(index), docker));
    for (const CopiedDocument& document : plan.documents) {
      codec::StringSource source(document.raw.text);
      TRY(writer_->add_blob(document.raw.digest, document.raw.text.size(), source));
    }
    return {};
  }
  Result<bool> has(const oci::Descriptor&) override { return false; }
  Result<> keep(const oci::Descriptor& blob, const BlobFile& file) override {
    store::FileSource source(file.fd);
    return writer_->add_blob(blob.digest, blob.size, source);
  }
  Result<> finish(const CopyPlan&) override {
    TRY(writer_->finish());
    return file_ ? file_->name(name_) : direct_.close();
  }
  std::string note() const override {
    return is_docker_
               ? "a docker-archive has no place for manifests that others read: who does not "
                 "find it beside manifest.json makes one, with another digest"
               : "";
  }

 private:
  ArchiveTarget() = default;

  Result<std::string> docker_items(const CopyPlan& plan) const {
    const auto* manifest = std::get_if<oci::Manifest>(&plan.named().document);
    if (manifest == nullptr || plan.documents.size() != 1 || is_artifact(plan.named().document))
      return std::unexpected(
          Error(Kind::Unsupported,
                "a docker-archive holds images for one platform: no index, no artifact")
              .hint("oci-archive:FILE holds everything"));
    DockerItem item;
    item.config = manifest->config.digest;
    for (const oci::Descriptor& layer : manifest->layers) item.layers.push_back(layer.digest);
    if (!tag_.empty()) item.names = {TRY(Reference::parse(tag_)).familiar()};
    return print_docker_items({item});
  }

  bool is_docker_ = false;
  std::string tag_;
  std::string name_;
  sys::Fd dir_;
  std::optional<WholeFile> file_;
  sys::Fd direct_;
  std::optional<store::FileSink> sink_;
  std::optional<ArchiveWriter> writer_;
};

}  // namespace

Result<std::unique_ptr<CopyTarget>> local_target(const CopyContext& context,
                                                 const Location& location) {
  switch (location.type) {
    case Location::Type::Layout:
      return LayoutTarget::open(location);
    case Location::Type::OciArchive:
    case Location::Type::DockerArchive:
      return ArchiveTarget::open(location);
    case Location::Type::Store:
      return store_target(context, location);
    case Location::Type::Registry:
      break;
  }
  return fail(Kind::Internal, "a registry is not local");
}

}  // namespace tare::image
