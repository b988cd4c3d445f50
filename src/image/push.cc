// SPDX-License-Identifier: Apache-2.0
// Pushing: blobs that the registry does not have, three at once, then the manifest as it is in the
// store, byte for byte. [distribution-spec 1.1, "Pushing blobs"]
#include <algorithm>
#include <deque>

#include "base/text.h"
#include "image/records.h"
#include "image/registry.h"
#include "store/layers.h"

namespace tare::image {
namespace {

constexpr std::size_t kAtOnce = 3;
constexpr int kTries = 5;

struct Blob {
  Digest digest;
  std::uint64_t size = 0;
  bool is_layer = true;
  std::string origin;  // A repository of the same registry that has it.
  sys::Fd file;
  enum class Step : std::uint8_t { Look, Open, Send } step = Step::Look;
  std::uint64_t request = 0;
  int rounds = 0;
};

class BlobPush {
 public:
  BlobPush(const store::Store& store, Registry& registry, const Site& site,
           const TransferProgress& progress)
      : store_(store), registry_(registry), site_(site), progress_(progress) {}

  Result<> run(std::deque<Blob> blobs);

 private:
  Result<> begin(Blob& blob);
  Result<> send(Blob& blob, transfer::Request request, int file = -1);
  Result<> answer(Blob& blob, const transfer::Reply& reply);
  Result<> open_upload(Blob& blob);
  Result<> upload(Blob& blob, const std::string& location);
  void finish(Blob& blob, const std::string& text);
  void tell(const Blob& blob, const std::string& text, std::uint64_t done = 0,
            std::uint64_t total = 0) const {
    if (progress_ && blob.is_layer) progress_({blob.digest.short_hex(), text, done, total});
  }

  const store::Store& store_;
  Registry& registry_;
  const Site& site_;
  const TransferProgress& progress_;
  std::vector<Blob*> active_;
};

Result<> BlobPush::send(Blob& blob, transfer::Request request, int file) {
  request.endpoint = site_.number;
  request.scopes = push_scope(site_);
  if (!blob.origin.empty()) request.scopes.push_back("repository:" + blob.origin + ":pull");
  request.tries = kTries;
  blob.request = TRY(registry_.client().send(std::move(request), file));
  return {};
}

Result<> BlobPush::begin(Blob& blob) {
  active_.push_back(&blob);
  tell(blob, "Preparing");
  return send(blob, {.method = "HEAD", .target = site_.path("blobs/" + blob.digest.text())});
}

Result<> BlobPush::open_upload(Blob& blob) {
  blob.step = Blob::Step::Open;
  std::string target = site_.path("blobs/uploads/");
  if (!blob.origin.empty()) target += "?mount=" + blob.digest.text() + "&from=" + blob.origin;
  return send(blob, {.method = "POST", .target = target});
}

Result<> BlobPush::upload(Blob& blob, const std::string& location) {
  if (location.empty())
    return fail(Kind::Invalid, site_.host + " does not tell where to send a blob to");
  blob.step = Blob::Step::Send;
  if (!blob.file) blob.file = TRY(store::open_blob_file(store_, blob.digest));
  transfer::Request request{.method = "PUT", .target = location};
  request.target += (location.find('?') == std::string::npos ? "?digest=" : "&digest=") +
                    std::string("sha256%3A") + blob.digest.hex();
  request.content_type = "application/octet-stream";
  request.uploads = true;
  request.size = blob.size;
  const int file = blob.file.get();
  return send(blob, std::move(request), file);
}

void BlobPush::finish(Blob& blob, const std::string& text) {
  tell(blob, text);
  blob.file.reset();
  std::erase(active_, &blob);
}

Result<> BlobPush::answer(Blob& blob, const transfer::Reply& reply) {
  const std::string what = "blob " + blob.digest.text() + " of " + site_.repository;
  switch (blob.step) {
    case Blob::Step::Look:
      if (reply.status == 200) {
        finish(blob, "Layer already exists");
        return {};
      }
      if (reply.status == 404) return open_upload(blob);
      break;
    case Blob::Step::Open:
      if (reply.status == 201) {
        finish(blob, "Mounted from " + blob.origin);
        return {};
      }
      if (reply.status == 202) return upload(blob, reply.header("location"));
      break;
    case Blob::Step::Send:
      if (reply.status == 201 || reply.status == 204) {
        finish(blob, "Pushed");
        return {};
      }
      // The upload was forgotten (the registry started anew, or a part of it was lost): once more.
      if ((reply.status == 404 || reply.status == 416) && ++blob.rounds < kTries)
        return open_upload(blob);
      break;
  }
  return std::unexpected(answer_error(reply, site_, what));
}

Result<> BlobPush::run(std::deque<Blob> blobs) {
  std::size_t next = 0;
  while (next < blobs.size() || !active_.empty()) {
    while (next < blobs.size() && active_.size() < kAtOnce) TRY(begin(blobs[next++]));
    transfer::Event event = TRY(registry_.client().next());
    const auto found =
        std::ranges::find_if(active_, [&](const Blob* blob) { return blob->request == event.id; });
    if (found == active_.end()) continue;
    Blob& blob = **found;
    if (event.type == transfer::Event::Type::Progress)
      tell(blob, "Pushing", event.done, blob.size);
    else if (event.type == transfer::Event::Type::Waiting)
      tell(blob, "Retrying: " + escaped(event.text));
    else if (event.type == transfer::Event::Type::Failed)
      return std::unexpected(std::move(*event.error).wrap("blob " + blob.digest.text()));
    else
      TRY(answer(blob, event.reply));
  }
  return {};
}

// A repository of the same registry from which or to which an image with this blob came.
std::string origin_of(const std::vector<Image>& images, const Reference& target,
                      const Digest& blob) {
  for (const Image& image : images) {
    const bool has = std::ranges::any_of(
        image.layers, [&](const store::Layer& layer) { return layer.blob == blob; });
    if (!has) continue;
    for (const std::string& name : image.names) {
      const auto other = Reference::parse(name);
      if (other && other->registry == target.registry && other->repository != target.repository)
        return other->repository;
    }
  }
  return "";
}

class Push {
 public:
  Push(const store::Store& store, const Images& images, const Images::PushRequest& request,
       const TransferProgress& progress)
      : store_(store), images_(images), request_(request), progress_(progress) {}

  Result<std::vector<Images::Pushed>> run() {
    Reference reference = TRY(Reference::parse(request_.reference));
    if (!reference.digest.empty())
      return std::unexpected(Error(Kind::Invalid, "an image is pushed to a tag, not to a digest")
                                 .hint("leave '@" + reference.digest.text() + "' out"));
    const std::vector<Reference> names = TRY(names_to_push(reference));
    Registry registry = TRY(Registry::open(request_.options, [&](const transfer::Event& event) {
      if (event.type == transfer::Event::Type::Waiting) say("Retrying: " + escaped(event.text));
    }));
    std::vector<Site> sites = TRY(registry.sites(reference, Registry::Use::Push));
    TRY(registry.connect(sites.front()));
    say("The push refers to repository [" + reference.registry + "/" + reference.repository + "]");
    std::vector<Images::Pushed> pushed;
    for (const Reference& name : names)
      pushed.push_back(TRY(push_one(registry, sites.front(), name)));
    return pushed;
  }

 private:
  Result<std::vector<Reference>> names_to_push(const Reference& reference) {
    if (!request_.all_tags) return std::vector{reference};
    std::vector<Reference> names;
    for (const Image& image : TRY(images_.list()))
      for (const std::string& text : image.names) {
        const auto name = Reference::parse(text);
        if (name && name->registry == reference.registry &&
            name->repository == reference.repository && !name->tag.empty())
          names.push_back(*name);
      }
    if (names.empty())
      return fail(Kind::NotFound,
                  "no image has a name of the repository " + reference.familiar_repository());
    return names;
  }

  Result<Images::Pushed> push_one(Registry& registry, const Site& site, const Reference& name) {
    const sys::Fd lock = TRY(store_.lock(store::Store::kBlobsLock, sys::Lock::Shared));
    const Image image = TRY(images_.find(name.text()));
    const std::string manifest = TRY(store_.load_blob(image.manifest));
    const oci::Document document = TRY(oci::parse_document(manifest, ""));
    const auto* parsed = std::get_if<oci::Manifest>(&document);
    if (parsed == nullptr) return fail(Kind::Internal, "the image's manifest is an index");
    std::deque<Blob> blobs = TRY(blobs_of(*parsed, name));
    TRY(BlobPush(store_, registry, site, progress_).run(std::move(blobs)));
    const std::string what = "manifest " + site.repository + ":" + name.tag;
    TRY(put_manifest(registry, site, name.tag, manifest, parsed->media_type), what);
    say(name.tag + ": digest: " + image.manifest.text() +
        " size: " + std::to_string(manifest.size()));
    return Images::Pushed{
        .familiar = name.familiar(), .digest = image.manifest, .size = manifest.size()};
  }

  Result<std::deque<Blob>> blobs_of(const oci::Manifest& manifest, const Reference& target) {
    const std::vector<Image> images = TRY(images_.list());
    std::deque<Blob> blobs;
    const auto add = [&](const oci::Descriptor& descriptor, bool is_layer) {
      for (const Blob& known : blobs)
        if (known.digest == descriptor.digest) return;
      Blob& blob = blobs.emplace_back();
      blob.digest = descriptor.digest;
      blob.size = descriptor.size;
      blob.is_layer = is_layer;
      if (is_layer) blob.origin = origin_of(images, target, descriptor.digest);
    };
    for (const oci::Descriptor& layer : manifest.layers) add(layer, true);
    add(manifest.config, false);
    return blobs;
  }

  static Result<> put_manifest(Registry& registry, const Site& site, const std::string& tag,
                               const std::string& text, const std::string& media_type) {
    const sys::Fd memory = TRY(sys::make_memfd("tare-manifest"));
    TRY(sys::write_all(memory.get(), text));
    transfer::Request request{.endpoint = site.number,
                              .method = "PUT",
                              .target = site.path("manifests/" + tag),
                              .scopes = push_scope(site),
                              .content_type = media_type,
                              .uploads = true,
                              .size = text.size(),
                              .tries = kTries};
    const auto reply = TRY(registry.client().run(std::move(request), memory.get()));
    if (reply.status == 200 || reply.status == 201 || reply.status == 202) return {};
    return std::unexpected(answer_error(reply, site, "the manifest"));
  }

  void say(const std::string& text) const {
    if (progress_) progress_({"", text, 0, 0});
  }

  const store::Store& store_;
  const Images& images_;
  const Images::PushRequest& request_;
  const TransferProgress& progress_;
};

}  // namespace

Result<std::vector<Images::Pushed>> Images::push(const PushRequest& request,
                                                 const TransferProgress& progress) const {
  return Push(store_, *this, request, progress).run();
}

}  // namespace tare::image
