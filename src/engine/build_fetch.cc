// SPDX-License-Identifier: Apache-2.0
// What a build takes from elsewhere.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>

#include "build/git_fetch.h"
#include "build/remote_tree.h"
#include "codec/json.h"
#include "codec/sha256.h"
#include "engine/build.h"
#include "engine/build_workshop.h"
#include "store/streams.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr auto kGitPatience = std::chrono::minutes(30);

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
  sys::Fd blob = TRY(state_.store.open_blob(file.digest));
  return build::Fetched{.material = {.kind = image::Material::Kind::Url,
                                     .uri = url,
                                     .digest = file.digest,
                                     .size = file.size,
                                     .revision = ""},
                        .file = std::move(blob)};
}

// Directories for git and for what is made of it, which git cannot write to.
struct BuildWorkshop::GitWork {
  store::Store::Scratch place;
  store::Store::Scratch result;
  build::GitWish wish;
};

Result<BuildWorkshop::GitWork> BuildWorkshop::prepare_git(const build::FetchRequest& request) {
  TRY(engine_.bound_room());
  image::NetworkSurroundings surroundings = TRY(image::find_network_surroundings());
  store::Store::Scratch place = TRY(state_.store.make_scratch());
  store::Store::Scratch result = TRY(state_.store.make_scratch());
  GitWork work{.place = std::move(place),
               .result = std::move(result),
               .wish = {.source = request.source.git, .keep_git_dir = request.keep_git_dir}};
  TRY(sys::create_file(work.place.dir.get(), "known_hosts", surroundings.known_hosts));
  work.wish.place = {.directory = work.place.dir.get(),
                     .path = state_.store.path() + "/" + work.place.name,
                     .environment = std::move(surroundings.environment),
                     .readable = std::move(surroundings.readable),
                     .settings = {},
                     .file_bytes = state_.store.room(),
                     .is_interrupted = request.is_interrupted,
                     .until = std::chrono::steady_clock::now() + kGitPatience};
  if (request_ == nullptr) return work;
  work.wish.secrets = request_->secrets;
  const auto agent = request_->agents.find("default");
  if (agent != request_->agents.end()) work.wish.agent = agent->second;
  return work;
}

Result<build::Fetched> BuildWorkshop::fetch_git(const build::FetchRequest& request) {
  GitWork work = TRY(prepare_git(request));
  const build::GitSource& source = request.source.git;
  const std::string uri = build::hide_users(source.remote);
  const build::GitCommit commit = TRY(build::find_commit(work.wish));
  std::string fragment = source.ref.empty() && source.folder.empty() ? "" : "#" + source.ref;
  if (!source.folder.empty()) fragment += ":" + source.folder;
  std::string what = "git 1\n" + uri + "\n" + commit.id + "\n" + source.folder + "\n";
  what += source.submodules.value_or(true) ? "submodules\n" : "\n";
  if (request.keep_git_dir) what += commit.ref + "\n";
  const std::string note = "git-" + codec::sha256(what).hex();
  auto known = known_file(load_note(note), state_.store);
  if (!known) {
    if (progress_) progress_({uri, "Fetching " + commit.id, 0, 0});
    const sys::Fd file =
        TRY(sys::open_at(work.result.dir.get(), "tree.tar", O_WRONLY | O_CREAT | O_EXCL, 0400));
    store::FileSink plain(file.get());
    codec::HashingSink sink(plain);
    TRY(build::write_commit(work.wish, commit, sink));
    if (::fsync(file.get()) != 0) return fail_errno("write to the store");
    known = image::WebFile{.digest = sink.digest(), .size = sink.bytes()};
    TRY(state_.store.adopt_blob(work.result.dir.get(), "tree.tar", known->digest));
    save_note(note, print_file(*known));
  }
  sys::Fd blob = TRY(state_.store.open_blob(known->digest));
  return build::Fetched{.material = {.kind = image::Material::Kind::Git,
                                     .uri = uri + fragment,
                                     .digest = known->digest,
                                     .size = known->size,
                                     .revision = commit.id},
                        .file = std::move(blob)};
}

// A step that has no layer.
Result<> BuildWorkshop::keep_material(const image::Material& material, const std::string& what) {
  const Digest key = codec::sha256("context\n" + material.uri + "\n" + material.digest.text());
  if (TRY(steps_.find(key))) return {};
  (void)TRY(steps_.add({.key = key, .what = what, .materials = {material}}, nullptr));
  return {};
}

// The store has an image by a name, until the build is over.
Result<image::Image> BuildWorkshop::find_in_layout(const std::string& place,
                                                   const std::string& platform) {
  const std::string rest = place.substr(build::kLayoutContext.size());
  const std::size_t mark = rest.find_first_of(":@", rest.rfind('/') + 1);
  const std::string tag = mark == std::string::npos ? "" : ":" + rest.substr(mark + 1);
  const std::string name = "localhost/build-context:" + codec::sha256(place).short_hex();
  const auto copied = TRY(engine_.copy({.source = "oci:" + rest.substr(0, mark) + tag,
                                        .target = "store:" + name,
                                        .platform = platform},
                                       progress_),
                          quoted(place));
  layouts_[name] = copied.image;
  return state_.images.find(copied.image.text());
}

void BuildWorkshop::forget_layouts() {
  for (const auto& [name, id] : layouts_) (void)state_.images.remove(name, {.force = true}, {});
}

// The archive that comes on standard input, in a file: it is looked into before it is unpacked.
Result<sys::Fd> BuildWorkshop::spool_input(const std::string& first) {
  TRY(engine_.bound_room());
  directories_.push_back(TRY(state_.store.make_scratch()));
  sys::Fd file =
      TRY(sys::open_at(directories_.back().dir.get(), "context", O_RDWR | O_CREAT | O_EXCL, 0600));
  store::FileSource input(STDIN_FILENO);
  store::RoomSource bounded(input, state_.store);
  store::FileSink sink(file.get());
  TRY(sink.write(first));
  (void)TRY(codec::copy(bounded, sink), "read the build context");
  return file;
}

Result<FetchedContext> fetch_context(Engine& engine, build::BuildRequest& request,
                                     const image::TransferProgress& progress) {
  if (request.remote.empty()) return nullptr;
  auto workshop = std::make_shared<BuildWorkshop>(engine, progress);
  workshop->use(request);
  TRY(workshop->begin());
  sys::Fd archive;
  if (request.remote == "-") archive = TRY(workshop->spool_input(request.input));
  TRY(build::open_remote_context(*workshop, request, archive.get(), {}));
  return workshop;
}

}  // namespace tare::engine
