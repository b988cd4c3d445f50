// SPDX-License-Identifier: Apache-2.0
// Pulling: three layers on their way at once, those that have come are read through and staged
// meanwhile, and the image gets its name when all are there.
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <limits>

#include "base/text.h"
#include "codec/sha256.h"
#include "image/absent.h"
#include "image/downloads.h"
#include "image/intake.h"
#include "image/partial_pull.h"
#include "image/rebuild.h"
#include "image/registries.h"
#include "image/remote_image.h"
#include "store/damage.h"
#include "store/layers.h"
#include "store/streams.h"

namespace tare::image {
namespace {

constexpr std::size_t kAtOnce = 3;
constexpr int kTries = 10;         // Of a layer, in a row: some half minute.
constexpr int kLookAgainMs = 100;  // Whether somebody else has finished a layer.

std::string short_name(const Digest& digest) { return digest.short_hex(); }

// The store has it, and it is not known to be damaged.
bool is_here(const store::Store& store, const Digest& digest) {
  return store::has_blob_bytes(store, digest) && !store::is_damaged(store, digest);
}

bool is_damaged(const store::Store& store, const Image& image) {
  const auto marked = [&](const store::Layer& layer) {
    return store::is_damaged(store, layer.blob) || store::is_damaged(store, layer.diff_id);
  };
  return store::is_damaged(store, image.id) || store::is_damaged(store, image.manifest) ||
         (!image.attestations.empty() && store::is_damaged(store, image.attestations)) ||
         std::ranges::any_of(image.layers, marked);
}

// One image's layers, from the registry into the intake.
class LayerPull {
 public:
  LayerPull(store::Store& store, Registry& registry, const Site& site, Intake& intake,
            Downloads& downloads, bool whole, const TransferProgress& progress)
      : store_(store),
        registry_(registry),
        site_(site),
        intake_(intake),
        downloads_(downloads),
        whole_(whole),
        progress_(progress) {}

  // Bytes that have to come.
  std::uint64_t plan(const std::vector<PlannedLayer>& layers);
  Result<> run();
  // The parts are of no more use: they are in the store, or not what they should be.
  void remove_parts();
  void remove_empty_parts();

 private:
  struct Layer {
    PlannedLayer planned;
    sys::Fd part;
    std::uint64_t request = 0;  // 0: none under way.
  };
  bool is_known(const PlannedLayer& planned) const;
  Result<> pull_parts();
  Result<bool> take_parts(const Layer& layer);
  Result<> start_some();
  Result<bool> start(Layer& layer);
  Result<bool> take_from_other(Layer& layer);
  Result<> take_event();
  Result<> import_one();
  void tell(const Layer& layer, const std::string& text, std::uint64_t done = 0,
            std::uint64_t total = 0) const;

  store::Store& store_;
  Registry& registry_;
  const Site& site_;
  Intake& intake_;
  Downloads& downloads_;
  bool whole_;  // PullWish::whole.
  const TransferProgress& progress_;
  std::deque<Layer> layers_;
  std::deque<Layer*> waiting_;
  std::vector<Layer*> active_;
  std::deque<Layer*> complete_;
  std::vector<Digest> parts_;
};

void LayerPull::tell(const Layer& layer, const std::string& text, std::uint64_t done,
                     std::uint64_t total) const {
  if (progress_) progress_({short_name(layer.planned.digest), text, done, total});
}

std::uint64_t LayerPull::plan(const std::vector<PlannedLayer>& layers) {
  std::uint64_t missing = 0;
  for (const PlannedLayer& planned : layers) {
    const bool twice = std::ranges::any_of(
        layers_, [&](const Layer& other) { return other.planned.digest == planned.digest; });
    if (twice) continue;
    Layer& layer = layers_.emplace_back();
    layer.planned = planned;
    waiting_.push_back(&layer);
    if (is_known(planned)) continue;
    const std::uint64_t left =
        planned.size - std::min(planned.size, downloads_.bytes_of(planned.digest));
    // Sizes are only what somebody wrote into a manifest.
    missing += std::min(left, std::numeric_limits<std::uint64_t>::max() - missing);
    tell(layer, "Pulling fs layer");
  }
  return missing;
}

bool LayerPull::is_known(const PlannedLayer& planned) const {
  return is_here(store_, planned.digest) || (!whole_ && is_here_in_parts(store_, planned));
}

// Before anything else is asked for: layers of which most is here. What does not fit is pulled
// whole, like all others.
Result<> LayerPull::pull_parts() {
  if (whole_) return {};
  for (std::size_t left = waiting_.size(); left > 0; --left) {
    Layer* layer = waiting_.front();
    waiting_.pop_front();
    if (!TRY(take_parts(*layer))) waiting_.push_back(layer);
  }
  return {};
}

Result<bool> LayerPull::take_parts(const Layer& layer) {
  const PlannedLayer& planned = layer.planned;
  if (is_here(store_, planned.digest)) return false;
  if (TRY(intake_.stage_known_parts(planned.path, planned))) {
    tell(layer, "Already exists");
    return true;
  }
  // Somebody has fetched much of it already.
  if (downloads_.bytes_of(planned.digest) > planned.size / 2) return false;
  const auto told = [&](std::uint64_t done, std::uint64_t total) {
    tell(layer, "Downloading", done, total);
  };
  const auto saved = PartialPull(registry_, site_, intake_).run(planned, told);
  if (!saved) tell(layer, "Pulling all of it: " + escaped(saved.error().message()));
  if (!saved || !*saved) return false;
  tell(layer, "Pull complete", (*saved)->fetched, planned.size);
  return true;
}

// False: somebody else fetches it.
Result<bool> LayerPull::start(Layer& layer) {
  const Digest& digest = layer.planned.digest;
  if (is_here(store_, digest)) {
    TRY(intake_.stage_known(layer.planned.path, digest, "layer " + digest.text()));
    const std::uint64_t bytes = intake_.layer(layer.planned.path).blob_bytes;
    if (bytes != layer.planned.size)
      return fail(Kind::Corrupt, "layer " + digest.text() + " has " + std::to_string(bytes) +
                                     " bytes, but " + std::to_string(layer.planned.size) +
                                     " were announced");
    tell(layer, "Already exists");
    return true;
  }
  auto part = TRY(downloads_.claim(digest));
  if (!part) return take_from_other(layer);
  layer.part = std::move(part->file);
  parts_.push_back(digest);
  transfer::Request request{.endpoint = site_.number,
                            .target = site_.path("blobs/" + digest.text()),
                            .scopes = pull_scope(site_),
                            .size = layer.planned.size,
                            .digest = digest,
                            .offset = std::min(part->bytes, layer.planned.size),
                            .tries = kTries};
  layer.request = TRY(registry_.client().send(std::move(request), layer.part.get()));
  active_.push_back(&layer);
  return true;
}

// Somebody else has fetched it and still holds it, because he waits for other layers, perhaps for
// one of ours: what is complete and right can be used by both.
Result<bool> LayerPull::take_from_other(Layer& layer) {
  const Digest& digest = layer.planned.digest;
  if (downloads_.bytes_of(digest) != layer.planned.size) return false;
  const auto file = sys::open_at(downloads_.dir(), Downloads::name(digest), O_RDONLY | O_NOFOLLOW);
  if (!file) return false;
  store::FileSource source(file->get());
  codec::HashingSource hashing(source);
  char buffer[65536];
  while (TRY(hashing.read(buffer, sizeof buffer)) > 0) {
  }
  if (hashing.digest() != digest) return false;
  const auto staged =
      intake_.stage_file(layer.planned.path, downloads_.dir(), Downloads::name(digest),
                         layer.planned, "layer " + digest.text());
  if (!staged && staged.error().kind() == Kind::NotFound) return false;  // Committed just now.
  TRY(staged);
  tell(layer, "Pull complete");
  return true;
}

Result<> LayerPull::start_some() {
  for (std::size_t left = waiting_.size(); left > 0 && active_.size() < kAtOnce; --left) {
    Layer* layer = waiting_.front();
    waiting_.pop_front();
    if (!TRY(start(*layer))) waiting_.push_back(layer);
  }
  return {};
}

Result<> LayerPull::take_event() {
  transfer::Event event = TRY(registry_.client().next());
  const auto found =
      std::ranges::find_if(active_, [&](const Layer* layer) { return layer->request == event.id; });
  if (found == active_.end()) return {};
  Layer& layer = **found;
  const std::string what = "layer " + layer.planned.digest.text();
  switch (event.type) {
    case transfer::Event::Type::Progress:
      tell(layer, "Downloading", event.done, layer.planned.size);
      return {};
    case transfer::Event::Type::Waiting:
      tell(layer, "Retrying: " + escaped(event.text));
      return {};
    case transfer::Event::Type::Failed:
      return std::unexpected(std::move(*event.error).wrap(what));
    case transfer::Event::Type::Done:
      break;
  }
  active_.erase(found);
  if (event.reply.status != 200 && event.reply.status != 206)
    return std::unexpected(answer_error(event.reply, site_, what));
  tell(layer, "Download complete");
  complete_.push_back(&layer);
  return {};
}

Result<> LayerPull::import_one() {
  const Layer& layer = *complete_.front();
  complete_.pop_front();
  tell(layer, "Extracting");
  TRY(intake_.stage_file(layer.planned.path, downloads_.dir(),
                         Downloads::name(layer.planned.digest), layer.planned,
                         "layer " + layer.planned.digest.text()));
  tell(layer, "Pull complete");
  return {};
}

Result<> LayerPull::run() {
  TRY(pull_parts());
  while (!waiting_.empty() || !active_.empty() || !complete_.empty()) {
    TRY(start_some());
    // What was said already is heard first: it starts the next download.
    pollfd poll{.fd = registry_.client().fd(), .events = POLLIN, .revents = 0};
    const bool can_work = !complete_.empty();
    if (active_.empty() && !can_work) {
      if (!waiting_.empty()) ::poll(nullptr, 0, kLookAgainMs);
      continue;
    }
    const int wait_ms = can_work ? 0 : waiting_.empty() ? -1 : kLookAgainMs;
    const bool heard = registry_.client().has_next() || ::poll(&poll, 1, wait_ms) > 0;
    if (heard)
      TRY(take_event());
    else if (can_work)
      TRY(import_one());
  }
  return {};
}

void LayerPull::remove_parts() {
  for (const Digest& digest : parts_) downloads_.remove(digest);
}

void LayerPull::remove_empty_parts() {
  for (const Digest& digest : parts_)
    if (downloads_.bytes_of(digest) == 0) downloads_.remove(digest);
}

// What a failure means that no later try can mend.
bool is_lasting(const Error& error) {
  return error.kind() == Kind::Corrupt || error.kind() == Kind::Invalid;
}

class Pull {
 public:
  Pull(store::Store& store, store::RootfsBackend& rootfs, const Images& images,
       const Images::PullWish& request, const TransferProgress& progress)
      : store_(store), rootfs_(rootfs), images_(images), request_(request), progress_(progress) {}

  Result<std::vector<Images::Pulled>> run();

 private:
  Result<std::vector<std::string>> tags(Registry& registry, const Site& site) const;
  Result<std::vector<Images::Pulled>> pull_reference();
  Result<std::vector<Images::Pulled>> pull_from(Registry& registry, Site& site);
  Result<Images::Pulled> pull_one(Registry& registry, const Site& site, const std::string& tag);
  Result<Image> take(Registry& registry, const Site& site, RemoteImage remote);
  void say(const std::string& text) const {
    if (progress_) progress_({"", text, 0, 0});
  }

  store::Store& store_;
  store::RootfsBackend& rootfs_;
  const Images& images_;
  const Images::PullWish& request_;
  const TransferProgress& progress_;
  Reference reference_;
  oci::Platform platform_;
};

Result<std::vector<std::string>> Pull::tags(Registry& registry, const Site& site) const {
  if (!request_.all_tags) return std::vector{reference_.tag};
  std::vector<std::string> all;
  TRY(registry.get_pages(site, site.path("tags/list"), pull_scope(site),
                         [&](const json::Value& page) -> Result<> {
                           for (std::string& tag : page["tags"].as_strings())
                             all.push_back(std::move(tag));
                           return {};
                         }));
  if (all.empty()) return fail(Kind::NotFound, site.repository + " has no tags at " + site.host);
  return all;
}

Result<Image> Pull::take(Registry& registry, const Site& site, RemoteImage remote) {
  // Blobs that we find must not be removed before we have named them.
  const sys::Fd lock = TRY(store_.lock(store::Store::kBlobsLock, sys::Lock::Shared));
  Downloads downloads = TRY(Downloads::open(store_));
  Intake intake = TRY(Intake::start(store_, rootfs_));
  LayerPull layers(store_, registry, site, intake, downloads, request_.whole, progress_);
  const std::uint64_t missing = layers.plan(remote.plan.layers);
  if (request_.admit) TRY(request_.admit(missing));
  if (missing > store_.room())
    return std::unexpected(Error(Kind::Unavailable, "its layers have " + human_size(missing) +
                                                        " compressed, and the store has room for " +
                                                        human_size(store_.room()))
                               .hint("tare df -v shows what takes space"));
  const auto work = [&]() -> Result<Image> {
    TRY(layers.run());
    TRY(intake.add(std::move(remote.plan)));
    std::vector<Image> added = TRY(intake.commit(request_.unpack_for, {}));
    return std::move(added.front());
  };
  auto image = work();
  if (image || is_lasting(image.error()))
    layers.remove_parts();
  else
    layers.remove_empty_parts();
  return image;
}

Result<Images::Pulled> Pull::pull_one(Registry& registry, const Site& site,
                                      const std::string& tag) {
  Reference name = reference_;
  name.tag = tag;
  const std::string wanted = name.digest.empty() ? tag : name.digest.text();
  RemoteImage remote = TRY(find_remote(registry, site, wanted, platform_));
  say((name.digest.empty() ? tag : name.digest.text()) + ": Pulling from " + name.repository);
  Images::Pulled pulled;
  pulled.name = name.text();
  pulled.familiar = name.familiar();
  pulled.digest = remote.named;
  // Without a tag it is found by its digest and its repository.
  Reference kept = name;
  kept.digest = Digest();
  if (!kept.tag.empty()) remote.plan.names = {kept.text()};
  remote.plan.from = name.registry + "/" + name.repository;
  const auto before = images_.find(kept.tag.empty() ? name.text() : kept.text());
  const std::string& attested = remote.plan.attested.manifest_text;
  pulled.is_new = !before || before->manifest != remote.manifest || is_damaged(store_, *before) ||
                  (!attested.empty() && codec::sha256(attested) != before->attestations) ||
                  (request_.whole && lacks_bytes(store_, *before));
  if (pulled.is_new)
    pulled.image = TRY(take(registry, site, std::move(remote)));
  else
    pulled.image = *before;
  return pulled;
}

Result<std::vector<Images::Pulled>> Pull::pull_from(Registry& registry, Site& site) {
  TRY(registry.connect(site));
  std::vector<Images::Pulled> all;
  for (const std::string& tag : TRY(tags(registry, site)))
    all.push_back(TRY(pull_one(registry, site, tag)));
  return all;
}

Result<std::vector<Images::Pulled>> Pull::run() {
  const Registries registries = TRY(load_registries());
  const std::vector<Reference> names = TRY(expand_name(request_.reference, registries));
  for (std::size_t i = 0;; ++i) {
    reference_ = names[i];
    auto pulled = pull_reference();
    if (pulled || i + 1 == names.size()) return pulled;
    say(names[i].familiar() + ": " + pulled.error().message());
  }
}

Result<std::vector<Images::Pulled>> Pull::pull_reference() {
  platform_ = TRY(parse_platform(request_.platform));
  Registry registry = TRY(Registry::open(request_.options, [&](const transfer::Event& event) {
    if (event.type == transfer::Event::Type::Waiting) say("Retrying: " + escaped(event.text));
  }));
  std::vector<Site> sites = TRY(registry.sites(reference_, Registry::Use::Pull));
  for (std::size_t i = 0;; ++i) {
    auto pulled = pull_from(registry, sites[i]);
    // What a mirror lacks, or lies about, the next one may have.
    if (pulled || i + 1 == sites.size()) return pulled;
    say(sites[i].host + ": " + pulled.error().message() + "; trying " + sites[i + 1].host);
  }
}

}  // namespace

Result<> Images::fetch_again(const Damage& damage, PullWish request,
                             const TransferProgress& progress) {
  if (!store::is_damaged(store_, damage.digest)) return {};  // It came with something else.
  const auto origin = find_origin(store_, damage);
  if (!origin)
    return std::unexpected(
        Error(Kind::Unsupported,
              "its bytes are not here any more, and the image was not pulled from a registry")
            .hint("get the image again: tare pull or tare load; what is right is kept"));
  request.reference = origin->from + "@" + origin->manifest.text();
  TRY(Pull(store_, rootfs_, *this, request, progress).run(), "get " + request.reference + " again");
  if (store::is_damaged(store_, damage.digest))
    return fail(Kind::Unavailable, "it is not part of " + request.reference);
  return {};
}

Result<std::vector<Images::Pulled>> Images::pull(const PullWish& request,
                                                 const TransferProgress& progress) {
  return Pull(store_, rootfs_, *this, request, progress).run();
}

}  // namespace tare::image
