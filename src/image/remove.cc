// SPDX-License-Identifier: Apache-2.0
// Removing names and images, as docker rmi does.
#include <algorithm>
#include <cerrno>

#include "base/failpoint.h"
#include "image/bin.h"
#include "image/image.h"
#include "image/records.h"
#include "sys/clock.h"
#include "sys/files.h"

namespace tare::image {
namespace {

// The full name when `wanted` is one of the image's names; empty when it is an id.
std::string name_meant(const Image& image, std::string_view wanted) {
  const auto reference = Reference::parse(wanted);
  if (!reference) return "";
  const std::string full = reference->text();
  const bool own = std::find(image.names.begin(), image.names.end(), full) != image.names.end();
  return own ? full : "";
}

std::string familiar(const std::string& name) {
  const auto reference = Reference::parse(name);
  return reference ? reference->familiar() : name;
}

bool in_several_repositories(const Image& image) {
  std::string first;
  for (const std::string& name : image.names) {
    const auto reference = Reference::parse(name);
    const std::string repository = reference ? reference->familiar_repository() : name;
    if (first.empty()) first = repository;
    if (repository != first) return true;
  }
  return false;
}

std::unexpected<Error> in_use(std::string_view wanted, const std::string& container) {
  return std::unexpected(Error(Kind::Busy, "conflict: unable to remove image " + quoted(wanted) +
                                               ": container " + quoted(container) + " uses it")
                             .hint("remove the container first; --force takes the name away only"));
}

// One that is damaged can be removed all the same.
Result<Image> find_to_remove(const Images& images, const store::Store& store,
                             std::string_view name_or_id) {
  auto found = images.find(name_or_id);
  if (found || found.error().kind() == Kind::Invalid) return found;
  const auto id = images.resolve(name_or_id);
  if (!id || !TRY(has_record(store, *id))) return found;
  Image image;
  image.id = *id;
  for (const auto& [name, holder] : TRY(load_names(store)))
    if (holder == *id) image.names.push_back(name);
  return image;
}

// Into the bin, complete, before anything of it goes: who is killed on the way leaves the image
// with fewer names, and an undo that gives them back.
Result<> keep_in_bin(store::Store& store, const Image& image, const std::string& batch) {
  const auto record = load_record(store, image.id);
  if (!record) return {};  // Damaged: there is nothing that could be brought back.
  const sys::Moment now = sys::Moment::now();
  const Binned binned{.record = *record,
                      .names = image.names,
                      .removed_at = now.wall,
                      .batch = batch,
                      .moment = now.text()};
  auto kept = put_in_bin(store, binned);
  failpoint("rmi.binned");
  // On a full disk removing has to work all the same.
  const int problem = kept ? 0 : kept.error().errnum();
  if (problem != ENOSPC && problem != EDQUOT) return kept;
  return remove_binned(store, image.id);
}

bool is_kept(const store::Store& store, const Digest& id) {
  return load_binned(store, id).has_value();
}

}  // namespace

Result<std::vector<std::string>> Images::remove(std::string_view name_or_id,
                                                const RemoveRequest& request,
                                                const InUse& in_use_by) {
  std::vector<std::string> said;
  {
    const sys::Fd lock = TRY(store_.lock(store::Store::kImagesLock));
    const Image image = TRY(find_to_remove(*this, store_, name_or_id));
    const std::string name = name_meant(image, name_or_id);
    const bool last = name.empty() || image.names.size() == 1;
    const auto container = last && in_use_by ? in_use_by(image.id) : std::nullopt;
    if (container && !request.force) return in_use(name_or_id, *container);
    if (name.empty() && !request.force && !request.all_names && in_several_repositories(image))
      return std::unexpected(Error(Kind::Busy, "conflict: unable to delete " +
                                                   image.id.short_hex() +
                                                   ": the image has names in several repositories")
                                 .hint("remove it by its names, or use --force"));
    if (last && !container && request.keep) TRY(keep_in_bin(store_, image, request.batch));
    for (const std::string& own : image.names) {
      if (!name.empty() && own != name) continue;
      TRY(remove_name(store_, own));
      said.push_back("Untagged: " + familiar(own));
    }
    if (!last) return said;
    // A container still lives on its files: the image stays, without a name, until that is gone.
    if (container) return said;
    failpoint("rmi.untagged");
    if (!request.keep) TRY(remove_binned(store_, image.id));  // Of an earlier time.
    const bool kept = is_kept(store_, image.id);
    if (!kept) TRY(want_sweep_if_it_fits(store_));
    TRY(remove_record(store_, image.id));
    failpoint("rmi.removed");
    said.push_back("Deleted: " + image.id.text());
    if (kept) return said;
    TRY(rootfs_.remove(image.id));
  }
  TRY(sweep_or_later(store_, rootfs_));
  return said;
}

}  // namespace tare::image
