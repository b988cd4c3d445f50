// SPDX-License-Identifier: Apache-2.0
// What a lock means to a build: images and files are those that it names.
#include "build/pins.h"

#include <algorithm>

#include "base/text.h"
#include "build/stage_build.h"

namespace tare::build {
namespace {

using image::Material;

std::unexpected<Error> not_in_lock(const std::string& what) {
  return std::unexpected(Error(Kind::Denied, what + " is not in the lock")
                             .hint("a build without --locked takes it, and writes the lock anew"));
}

// What came from a registry came compressed. What was built or loaded here may be made anew at any
// time, and then that is what is meant.
bool is_from_here(const image::Image& image) {
  return std::ranges::any_of(image.layers,
                             [](const store::Layer& layer) { return layer.blob == layer.diff_id; });
}

std::string with_digest(const image::Reference& reference, const Digest& digest) {
  return reference.registry + "/" + reference.repository + "@" + digest.text();
}

// As Workshop::fetch() names it.
std::string address_of(const AddSource& source) {
  if (source.kind == AddSource::Kind::Url) return hide_users(source.text);
  const GitSource& git = source.git;
  std::string address = hide_users(git.remote);
  if (!git.ref.empty() || !git.folder.empty()) address += "#" + git.ref;
  return git.folder.empty() ? address : address + ":" + git.folder;
}

}  // namespace

Result<image::Image> SharedBuild::find_pinned(const std::string& name, const std::string& uri,
                                              const std::string& platform) {
  const Material* const pin = request.lock && !request.pull
                                  ? request.lock->find(Material::Kind::Image, uri, platform)
                                  : nullptr;
  if (pin == nullptr && request.is_locked) return not_in_lock("image " + quoted(name));
  const auto reference = image::Reference::parse(name);
  const bool moves = request.lock && request.lock->is_moved(uri);
  if (pin == nullptr) return workshop.find_image(name, platform, request.pull || moves);
  const auto named = workshop.find_local(name);
  if (named && named->manifest == pin->digest) return *named;
  if (named && !request.is_locked && is_from_here(*named))
    return workshop.find_image(name, platform, false);
  const std::string pinned = reference ? with_digest(*reference, pin->digest) : name;
  auto found = workshop.find_image(pinned, platform, false);
  if (found && found->manifest != pin->digest)
    return fail(Kind::Corrupt, "image " + quoted(name) + " is not the one of the lock");
  if (found) return found;
  return std::unexpected(
      std::move(found)
          .error()
          .wrap("image " + quoted(name) + " of the lock")
          .hint(request.is_locked ? "the lock names an image that is neither here nor to be had"
                                  : "--pull takes the one that its name means now"));
}

Result<> pin(const BuildRequest& request, FetchRequest& wanted) {
  if (!request.lock || (request.pull && !request.is_locked)) return {};
  const bool is_git = wanted.source.kind == AddSource::Kind::Git;
  const std::string address = address_of(wanted.source);
  const Material* const known =
      request.lock->find(is_git ? Material::Kind::Git : Material::Kind::Url, address);
  if (known == nullptr) {
    if (request.is_locked) return not_in_lock(quoted(address));
    return {};
  }
  std::string& commit = wanted.source.git.checksum;
  const bool is_other = is_git ? !known->revision.starts_with(commit)
                               : !wanted.expected.empty() && wanted.expected != known->digest;
  if (is_other && request.is_locked)
    return not_in_lock(quoted(address) + " with the checksum that is asked for");
  if (is_git && commit.empty()) {
    commit = known->revision;
    wanted.source.git.fetch_by_commit = true;
  }
  if (!is_git && wanted.expected.empty()) wanted.expected = known->digest;
  return {};
}

Result<std::optional<std::vector<Material>>> SharedBuild::answers_for(
    const std::string& step, const std::string& what) const {
  if (!request.is_locked || !request.lock) return std::nullopt;
  if (const LockedRun* const own = request.lock->find_run(step))
    for (const Material& each : own->downloads) {
      if (each.size == 0 || workshop.has_bytes(each.digest)) continue;
      if (!each.request.empty() || each.status != 200)
        return fail(Kind::NotFound, "an answer to " + quoted(each.request + " " + each.uri) +
                                        " is not in the store any more, and cannot be had again");
      FetchRequest again{.source = {.kind = AddSource::Kind::Url, .text = each.uri},
                         .expected = each.digest,
                         .what = what};
      TRY(workshop.fetch(again),
          quoted(each.uri) + " of the lock is not in the store any more, and cannot be had again");
    }
  return request.lock->answers_for(step);
}

// SECURITY: that a step has nothing that is not in the lock is not enough: it may have got more
// than was noted, past the recorder or in a build without one. So a RUN that had any way out has to
// be one that had no other, and none of whose answers went without a note; else it is done again.
std::string SharedBuild::unusable(const StepLayer& layer, const std::string& step,
                                  bool had_way_out) const {
  if (request.lock && request.lock->is_moved(step)) return "the lock is to have it anew";
  if (!request.is_locked) return "";
  if (layer.is_foreign) return "it was made elsewhere, where nobody here saw what it had";
  if (had_way_out && !layer.is_sealed)
    return "when it was done it may have had more than the lock says";
  const auto is_in_lock = [this](const Material& each) {
    return request.lock && request.lock->has(each);
  };
  if (!std::ranges::all_of(layer.materials, is_in_lock))
    return "what it had is not what the lock says";
  return "";
}

}  // namespace tare::build
