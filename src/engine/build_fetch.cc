// SPDX-License-Identifier: Apache-2.0
// What a build takes from elsewhere.
#include <fcntl.h>

#include "codec/json.h"
#include "codec/sha256.h"
#include "engine/build_workshop.h"

namespace tare::engine {
namespace {

std::string web_note(const std::string& url) { return "web-" + codec::sha256(url).hex(); }

// What came from there before, when it is here still.
std::optional<image::WebFile> known_file(const std::string& note, const store::Store& store) {
  const auto value = json::parse(note);
  if (!value) return std::nullopt;
  const auto digest = Digest::parse((*value)["digest"].as_string());
  if (!digest || !store.has_blob(*digest)) return std::nullopt;
  return image::WebFile{.digest = *digest,
                        .size = (*value)["size"].as_uint(),
                        .etag = (*value)["etag"].as_string(),
                        .modified = (*value)["modified"].as_string()};
}

std::string print_file(const image::WebFile& file) {
  json::Value value;
  value.set("digest", file.digest.text());
  value.set("size", file.size);
  value.set("etag", file.etag);
  value.set("modified", file.modified);
  return json::print(value);
}

}  // namespace

Result<build::Fetched> BuildWorkshop::fetch(const build::FetchRequest& request) {
  if (request.source.kind == build::AddSource::Kind::Git) return fetch_git(request);
  return fetch_url(request);
}

Result<build::Fetched> BuildWorkshop::fetch_url(const build::FetchRequest& request) {
  if (!web_)
    web_.emplace(state_.store,
                 image::TransferOptions{.program = state_.programs + "/tare-transfer"});
  TRY(engine_.bound_room());
  const std::string url = image::without_user(request.source.text);
  image::WebWish wish{.url = request.source.text,
                      .expected = request.expected,
                      .known = std::nullopt,
                      .is_interrupted = request.is_interrupted};
  if (wish.expected.empty()) wish.known = known_file(load_note(web_note(url)), state_.store);
  const image::WebFile file = TRY(web_->get(wish, progress_));
  if (wish.expected.empty()) save_note(web_note(url), print_file(file));
  return build::Fetched{.material = {.kind = image::Material::Kind::Url,
                                     .uri = url,
                                     .digest = file.digest,
                                     .size = file.size,
                                     .revision = ""},
                        .file = TRY(state_.store.open_blob(file.digest))};
}

Result<build::Fetched> BuildWorkshop::fetch_git(const build::FetchRequest& request) {
  return std::unexpected(
      Error(Kind::Unsupported,
            "git repositories as " + quoted(request.source.git.remote) + " are not there yet")
          .hint("get it before the build"));
}

// A step that has no layer.
Result<> BuildWorkshop::keep_material(const image::Material& material, const std::string& what) {
  const Digest key = codec::sha256("context\n" + material.uri + "\n" + material.digest.text());
  if (TRY(steps_.find(key))) return {};
  (void)TRY(steps_.add({.key = key, .what = what, .materials = {material}}, nullptr));
  return {};
}

}  // namespace tare::engine
