// SPDX-License-Identifier: Apache-2.0
#include "image/manifest_lists.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "codec/sha256.h"
#include "image/records.h"
#include "image/registries.h"
#include "image/remote_image.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr int kVersion = 1;

Result<Reference> list_name(std::string_view text) {
  Reference name = TRY(Reference::parse(text));
  if (name.digest.empty()) return name;
  return fail(Kind::Invalid, "a manifest list has a tag and not a digest: " + quoted(text));
}

}  // namespace

Result<ManifestLists> ManifestLists::open(const std::string& root, TransferOptions options) {
  const sys::Fd store = TRY(sys::open_path(root, O_RDONLY | O_DIRECTORY));
  if (::mkdirat(store.get(), "manifests", 0700) != 0 && errno != EEXIST)
    return fail_errno("make the directory of manifest lists");
  sys::Fd dir = TRY(sys::open_at(store.get(), "manifests", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return ManifestLists(std::move(dir), std::move(options));
}

Result<ManifestLists::List> ManifestLists::load(const Reference& name) const {
  auto text = sys::load_file(dir_.get(), name_file(name.text()));
  if (!text && text.error().kind() == Kind::NotFound)
    return std::unexpected(
        Error(Kind::NotFound, "there is no manifest list " + quoted(name.familiar()) + " here")
            .hint("tare manifest create " + name.familiar() + " IMAGE..."));
  const std::string what = "manifest list " + quoted(name.familiar());
  const std::string content = TRY(std::move(text));
  const json::Value value = TRY(json::parse(content), what);
  if (TRY(json::require_int(value, "version", what)) != kVersion)
    return fail(Kind::Unsupported, what + ": it was written by another version of Tare");
  List list{.name = name, .members = {}};
  for (const json::Value& entry : value["members"].as_array()) {
    Member member;
    member.from = TRY(Reference::parse(entry["from"].as_string()), what);
    member.descriptor = TRY(oci::parse_descriptor(entry["descriptor"], what));
    list.members.push_back(std::move(member));
  }
  return list;
}

Result<> ManifestLists::save(const List& list) const {
  json::Value value;
  value.set("version", kVersion);
  value.set("name", list.name.text());
  json::Value& members = value.set("members", json::Array());
  for (const Member& member : list.members) {
    json::Value& entry = members.push(json::Object());
    entry.set("from", member.from.text());
    entry.set("descriptor", oci::print_descriptor(member.descriptor));
  }
  return sys::replace_file(dir_.get(), name_file(list.name.text()),
                           json::print(value, json::Style::Indented) + "\n");
}

// Docker's own type only when all is Docker's: others do not know it.
oci::Index ManifestLists::index_of(const List& list) {
  oci::Index index;
  const bool all_docker = std::ranges::all_of(list.members, [](const Member& member) {
    return member.descriptor.media_type == oci::kDockerManifestType;
  });
  index.media_type = std::string(all_docker ? oci::kDockerIndexType : oci::kIndexType);
  for (const Member& member : list.members) index.manifests.push_back(member.descriptor);
  return index;
}

namespace {

// One image in its registry: its name with the digest, and its descriptor with what it is for.
Result<std::pair<Reference, oci::Descriptor>> look_up(Registry& registry, const Reference& name,
                                                      const TransferOptions& options,
                                                      const Registries& registries) {
  std::vector<Site> sites = TRY(find_sites(name, Registry::Use::Pull, options, registries));
  Site& site = sites.back();
  TRY(registry.connect(site));
  const RawManifest raw =
      TRY(registry.manifest(site, name.digest.empty() ? name.tag : name.digest.text()));
  const oci::Document document = TRY(oci::parse_document(raw.text, ""));
  const auto* manifest = std::get_if<oci::Manifest>(&document);
  if (manifest == nullptr)
    return std::unexpected(Error(Kind::Unsupported, "it is an index and not an image")
                               .hint("name the images in it by their digests"));
  TRY(check_is_image(*manifest));
  const std::string text = TRY(registry.blob_text(site, manifest->config), "config");
  const oci::ImageConfig config = TRY(oci::parse_image_config(text), "config");
  oci::Descriptor descriptor;
  descriptor.media_type = manifest->media_type;
  descriptor.digest = raw.digest;
  descriptor.size = raw.text.size();
  descriptor.platform = {
      .os = config.os, .architecture = config.architecture, .variant = config.variant};
  Reference from = name;
  from.tag.clear();
  from.digest = raw.digest;
  return std::pair{std::move(from), std::move(descriptor)};
}

}  // namespace

Result<> ManifestLists::create(std::string_view name, const std::vector<std::string>& members,
                               bool amend) {
  List list{.name = TRY(list_name(name)), .members = {}};
  auto known = load(list.name);
  if (known && !amend)
    return std::unexpected(
        Error(Kind::Exists, "there is a manifest list " + quoted(list.name.familiar()))
            .hint("--amend adds to it; 'tare manifest rm' removes it"));
  if (!known && known.error().kind() != Kind::NotFound)
    return std::unexpected(std::move(known).error());
  if (known) list = std::move(*known);
  const Registries registries = TRY(load_registries());
  Registry registry = TRY(Registry::open(options_, {}));
  for (const std::string& text : members) {
    const std::vector<Reference> names = TRY(expand_name(text, registries));
    auto [from, descriptor] = TRY(look_up(registry, names.front(), options_, registries), text);
    std::erase_if(list.members, [&](const Member& other) {
      return other.descriptor.digest == descriptor.digest;
    });
    list.members.push_back({.from = std::move(from), .descriptor = std::move(descriptor)});
  }
  return save(list);
}

Result<> ManifestLists::annotate(std::string_view name, std::string_view member,
                                 const oci::Platform& platform) {
  const Reference list_reference = TRY(list_name(name));
  List list = TRY(load(list_reference));
  const Registries registries = TRY(load_registries());
  Reference wanted = TRY(expand_name(member, registries)).front();
  if (wanted.digest.empty()) {
    Registry registry = TRY(Registry::open(options_, {}));
    wanted.digest = TRY(look_up(registry, wanted, options_, registries), member).first.digest;
  }
  const auto found = std::ranges::find_if(
      list.members, [&](const Member& other) { return other.descriptor.digest == wanted.digest; });
  if (found == list.members.end())
    return fail(Kind::NotFound,
                quoted(member) + " is not in the manifest list " + quoted(list.name.familiar()));
  oci::Platform& own = found->descriptor.platform;
  if (!platform.os.empty()) own.os = platform.os;
  if (!platform.architecture.empty()) own.architecture = platform.architecture;
  if (!platform.variant.empty()) own.variant = platform.variant;
  return save(list);
}

Result<std::string> ManifestLists::text(std::string_view name) const {
  const Reference reference = TRY(list_name(name));
  const List list = TRY(load(reference));
  return oci::print_index(index_of(list));
}

Result<Digest> ManifestLists::push(std::string_view name, Images& images,
                                   const TransferProgress& progress) {
  const Reference reference = TRY(list_name(name));
  const List list = TRY(load(reference));
  for (const Member& member : list.members) {
    Reference target = list.name;
    target.tag.clear();
    target.digest = member.descriptor.digest;
    if (target.text() == member.from.text()) continue;
    (void)TRY(images.copy({.source = "docker://" + member.from.text(),
                           .target = "docker://" + target.text(),
                           .platform = {},
                           .options = options_,
                           .source_tls_verify = options_.tls_verify,
                           .target_tls_verify = options_.tls_verify},
                          progress),
              "copy " + member.from.familiar());
  }
  const oci::Index index = index_of(list);
  RawManifest raw{.text = oci::print_index(index), .media_type = index.media_type, .digest = {}};
  raw.digest = codec::sha256(raw.text);
  const Registries registries = TRY(load_registries());
  Registry registry = TRY(Registry::open(options_, {}));
  std::vector<Site> sites = TRY(find_sites(list.name, Registry::Use::Push, options_, registries));
  TRY(registry.connect(sites.front()));
  (void)TRY(registry.put_manifest(sites.front(), list.name.tag, raw));
  return raw.digest;
}

Result<> ManifestLists::remove(std::string_view name) {
  const Reference reference = TRY(list_name(name));
  (void)TRY(load(reference));
  if (::unlinkat(dir_.get(), name_file(reference.text()).c_str(), 0) != 0)
    return fail_errno("remove the manifest list " + quoted(name));
  return {};
}

}  // namespace tare::image
