// SPDX-License-Identifier: Apache-2.0
#include "engine/attest_export.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "codec/sha256.h"
#include "codec/tar.h"
#include "engine/attest.h"
#include "engine/image_packages.h"
#include "image/leaks.h"
#include "sys/files.h"
#include "trust/sbom.h"
#include "trust/statement.h"

namespace tare::engine {
namespace {

// [BuildKit, docs/attestations: exporters "local" and "tar"]
constexpr const char* kProvenanceName = "provenance.json";
constexpr const char* kPackagesName = "sbom.spdx.json";
constexpr std::uint32_t kMode = 0600;

struct Content {
  std::vector<trust::Subject> files;  // By path without a '/' in front.
  Digest digest;                      // Of all names and contents.
  UnixNanos newest = 0;
};

Content content_of(const ImageFiles& files) {
  Content content;
  std::string all;
  files.each([&](const std::string& path, const ImageFiles::Found& found) {
    const auto& inode = files.inode(found.inode);
    content.newest = std::max(content.newest, inode.mtime);
    if (inode.type != tar::Type::Regular) return;
    Digest digest = ImageFiles::digest_of(inode);
    if (digest.empty()) digest = codec::sha256("");
    all += digest.hex() + " " + escaped(path) + "\n";
    content.files.push_back({.name = path.substr(1), .digest = digest});
  });
  content.digest = codec::sha256(all);
  return content;
}

Result<> check_name(ImageFiles& files, const std::string& name) {
  if (!files.find("/" + name)) return {};
  return std::unexpected(
      Error(Kind::Invalid, "the output has a file " + quoted(name) +
                               " itself, which is also what it would be attested in")
          .hint("--output type=local,dest=DIR,attestation-prefix=PREFIX calls that otherwise"));
}

}  // namespace

Result<AttestedFiles> attest_files(const store::Store& store, const build::BuildRequest& request,
                                   const build::Built& built, const BuildExport& exports) {
  AttestedFiles attested;
  const auto& wish = request.attest;
  if (exports.places.empty() || (!wish.exports_provenance && !wish.exports_packages))
    return attested;
  ImageFiles files = TRY(ImageFiles::open(store, built.files.layers));
  const Content content = content_of(files);
  attested.time = content.newest;
  const auto add = [&](const char* name, std::string_view type, json::Value predicate) -> Result<> {
    for (const BuildExport::Place& place : exports.places)
      TRY(check_name(files, place.prefix + name));
    std::string text =
        json::print(trust::statement_value(type, content.files, std::move(predicate)),
                    json::Style::Indented) +
        "\n";
    if (image::has_secret(text, request.secrets))
      attested.notes.push_back(quoted(name) +
                               " is not written: a secret of the build would be in it");
    else
      attested.files.push_back({.name = name, .text = std::move(text)});
    return {};
  };
  if (wish.exports_provenance)
    TRY(add(kProvenanceName, trust::kProvenanceType,
            trust::print_provenance(provenance_of(request, built))));
  if (wish.exports_packages) {
    trust::PackageList list = packages_of(files);
    list.image = built.image.manifest.empty() ? content.digest : built.image.manifest;
    list.created = built.image.manifest.empty() ? content.newest : built.image.config.created;
    list.version = TARE_VERSION;
    TRY(add(kPackagesName, trust::kSpdxType, trust::print_spdx(list)));
  }
  return attested;
}

// SECURITY: a link that is there already is replaced, not followed.
Result<> write_attested(const AttestedFiles& attested, const std::string& prefix, int directory) {
  constexpr UnixNanos kSecond = 1'000'000'000;
  const timespec time{.tv_sec = attested.time / kSecond, .tv_nsec = attested.time % kSecond};
  const timespec times[2] = {time, time};
  for (const AttestedFiles::File& file : attested.files) {
    const std::string name = prefix + file.name;
    TRY(sys::replace_file(directory, name, file.text, sys::Durability::Lazy), quoted(name));
    if (::utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno(quoted(name));
  }
  return {};
}

Result<> write_attested(const AttestedFiles& attested, const std::string& prefix,
                        codec::Sink& tar) {
  // What follows it ends the archive.
  tar::Writer writer(tar);
  for (const AttestedFiles::File& file : attested.files) {
    tar::Entry entry;
    entry.name = prefix + file.name;
    entry.mode = kMode;
    entry.mtime = attested.time;
    entry.size = file.text.size();
    TRY(writer.add_file(std::move(entry), file.text));
  }
  return {};
}

}  // namespace tare::engine
