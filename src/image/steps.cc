// SPDX-License-Identifier: Apache-2.0
#include "image/steps.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/failpoint.h"
#include "image/intake.h"
#include "image/records.h"
#include "image/step_records.h"
#include "store/damage.h"
#include "store/unsynced.h"
#include "sys/files.h"

namespace tare::image {
namespace {

constexpr int kVersion = 1;
// A RUN may fetch ten thousands of packages, and asks for each at least once.
constexpr std::size_t kMaxRecord = 64 << 20;
constexpr json::Limits kLimits{.bytes = kMaxRecord, .values = 4'000'000};
constexpr std::size_t kMaxWhat = 1024;  // Bytes of the instruction that are kept.
constexpr const char* kRoom = "steps";

std::string step_path(const Digest& key) { return std::string(kRoom) + "/" + key.hex() + ".json"; }

bool is_usable(const store::Store& store, const Step& step) {
  return step.diff_id.empty() ||
         (store::has_layer(store, step.diff_id) && !store::is_damaged(store, step.diff_id));
}

constexpr std::string_view kMaterialKinds[] = {"image", "url", "git"};

json::Value print_material(const Material& material) {
  json::Value value;
  value.set("kind", std::string(kMaterialKinds[static_cast<std::size_t>(material.kind)]));
  value.set("uri", material.uri);
  value.set("digest", material.digest.text());
  if (material.size != 0) value.set("size", material.size);
  if (!material.revision.empty()) value.set("revision", material.revision);
  if (!material.request.empty()) value.set("request", material.request);
  if (material.status != 0) value.set("status", material.status);
  if (!material.headers.empty()) value.set("headers", json::Value(material.headers));
  return value;
}

Result<Material> parse_material(const json::Value& value, const std::string& what) {
  Material material;
  const std::string kind = TRY(json::require_string(value, "kind", what));
  const auto* const found = std::ranges::find(kMaterialKinds, kind);
  if (found == std::end(kMaterialKinds))
    return fail(Kind::Corrupt, what + ": a material is of kind " + quoted(kind));
  material.kind = static_cast<Material::Kind>(found - std::begin(kMaterialKinds));
  material.uri = TRY(json::require_string(value, "uri", what));
  const std::string digest = TRY(json::require_string(value, "digest", what));
  material.digest = TRY(Digest::parse(digest), what);
  material.size = value["size"].as_uint();
  material.revision = value["revision"].as_string();
  material.request = value["request"].as_string();
  material.status = static_cast<int>(value["status"].as_int());
  material.headers = value["headers"].as_strings();
  return material;
}

}  // namespace

json::Value step_value(const Step& step) {
  json::Value value;
  value.set("version", kVersion);
  if (!step.diff_id.empty()) value.set("diffId", step.diff_id.text());
  value.set("size", step.size);
  value.set("what", step.what);
  value.set("madeAt", rfc3339(step.made_at));
  if (step.is_sealed) value.set("sealed", true);
  if (step.is_foreign) value.set("foreign", true);
  if (!step.materials.empty()) {
    json::Value materials;
    for (const Material& each : step.materials) materials.push(print_material(each));
    value.set("materials", std::move(materials));
  }
  return value;
}

std::string print_step(const Step& step) {
  return json::print(step_value(step), json::Style::Indented) + "\n";
}

Result<Step> parse_step(const Digest& key, std::string_view text) {
  return step_from(key, TRY(json::parse(text, kLimits), "step " + key.short_hex()));
}

Result<Step> step_from(const Digest& key, const json::Value& value) {
  const std::string what = "step " + key.short_hex();
  if (TRY(json::require_int(value, "version", what)) != kVersion)
    return fail(Kind::Unsupported, what + ": it was written by another version of Tare");
  Step step;
  step.key = key;
  const std::string diff_id = value["diffId"].as_string();
  if (!diff_id.empty()) step.diff_id = TRY(Digest::parse(diff_id), what);
  const std::int64_t size = TRY(json::require_int(value, "size", what));
  if (size < 0) return fail(Kind::Corrupt, what + ": its size is below zero");
  step.size = static_cast<std::uint64_t>(size);
  step.what = TRY(json::require_string(value, "what", what));
  const std::string when = TRY(json::require_string(value, "madeAt", what));
  step.made_at = TRY(parse_rfc3339(when), what);
  for (const json::Value& each : value["materials"].as_array())
    step.materials.push_back(TRY(parse_material(each, what)));
  step.is_sealed = value["sealed"].as_bool();
  step.is_foreign = value["foreign"].as_bool();
  return step;
}

Result<> write_step(store::Store& store, const Step& step) {
  if (::mkdirat(store.dir(), kRoom, 0700) != 0 && errno != EEXIST)
    return fail_errno("make a directory for steps of builds");
  const sys::Fd dir = TRY(sys::open_at(store.dir(), kRoom, O_RDONLY | O_DIRECTORY));
  return sys::replace_file(dir.get(), step.key.hex() + ".json", print_step(step),
                           store.syncs_later() ? sys::Durability::Lazy : sys::Durability::Synced);
}

Result<Step> load_step(const store::Store& store, const Digest& key) {
  const std::string text = TRY(sys::load_file(store.dir(), step_path(key), kMaxRecord));
  return parse_step(key, text);
}

Result<std::vector<Digest>> list_step_keys(const store::Store& store) {
  std::vector<Digest> keys;
  const auto names = sys::list_directory(store.dir(), kRoom);
  if (!names && names.error().kind() == Kind::NotFound) return keys;  // Nothing was ever built.
  for (const std::string& name : TRY(names)) {
    if (!name.ends_with(".json")) continue;
    auto key = Digest::parse("sha256:" + name.substr(0, name.size() - 5));
    if (key) keys.push_back(std::move(*key));
  }
  return keys;
}

Result<sys::Fd> Steps::hold() const {
  return store_.lock(store::Store::kBlobsLock, sys::Lock::Shared);
}

Result<std::optional<Step>> Steps::find(const Digest& key) const {
  const auto step = load_step(store_, key);
  // What cannot be read is made anew.
  if (!step || !is_usable(store_, *step)) return std::nullopt;
  (void)::utimensat(store_.dir(), step_path(key).c_str(), nullptr, 0);
  return *step;
}

Result<Step> Steps::add(Step step, codec::Source* tar, const std::vector<Digest>& like) {
  if (step.what.size() > kMaxWhat) step.what.resize(kMaxWhat);
  step.made_at = now_ns();
  if (tar == nullptr) {
    TRY(write_step(store_, step));
    return step;
  }
  Intake intake = TRY(Intake::start(store_, rootfs_));
  TRY(intake.stage_tar("step", *tar, "the result of the step", like));
  const StagedLayer& layer = intake.layer("step");
  // SECURITY: of a step from elsewhere.
  if (!step.diff_id.empty() && step.diff_id != layer.facts.diff_id)
    return fail(Kind::Corrupt, "the layer of step " + step.key.short_hex() + " is " +
                                   layer.facts.diff_id.text() + ", not " + step.diff_id.text());
  step.diff_id = layer.facts.diff_id;
  step.size = layer.facts.content_bytes;
  intake.add_step(step);
  TRY(intake.commit(nullptr, {}));
  failpoint("build.step");
  return step;
}

namespace {

// The image `record` is of, when it is here with these names and nothing of it has to be written.
Result<std::optional<Image>> find_same(const store::Store& store, const Record& record,
                                       const std::vector<std::string>& names) {
  const auto here = load_record(store, record.id);
  if (!here || here->manifest != record.manifest) return std::nullopt;
  for (const Digest& digest : {record.id, record.manifest})
    if (!store.has_blob(digest) || store::is_damaged(store, digest)) return std::nullopt;
  for (const std::string& name : names)
    if (TRY(find_name(store, name)) != record.id) return std::nullopt;
  return TRY(assemble(store, *here, names));
}

}  // namespace

Result<Image> Steps::make_image(oci::ImageConfig config, const std::vector<store::Layer>& layers,
                                const std::vector<std::string>& names,
                                const std::map<std::string, std::string>& annotations,
                                bool may_be_there) {
  PlannedImage planned;
  Intake intake = TRY(Intake::start(store_, rootfs_));
  config.diff_ids.clear();
  for (const store::Layer& layer : layers) {
    PlannedLayer known{.path = layer.blob.text(),
                       .digest = layer.blob == layer.diff_id ? Digest() : layer.blob,
                       .diff_id = layer.diff_id};
    if (!TRY(intake.stage_known(known.path, known)) &&
        !TRY(intake.stage_known_parts(known.path, known)))
      return fail(Kind::NotFound, "layer " + layer.diff_id.text() + " was removed meanwhile");
    config.diff_ids.push_back(layer.diff_id);
    planned.layers.push_back(std::move(known));
  }
  planned.config_text = oci::print_image_config(config);
  planned.config = std::move(config);
  planned.names = names;
  planned.annotations = annotations;
  TRY(intake.add(std::move(planned)));
  if (may_be_there)
    if (auto same = TRY(find_same(store_, intake.last_record(), names))) return std::move(*same);
  std::vector<Image> images = TRY(intake.commit(nullptr, {}));
  return std::move(images.front());
}

Result<std::vector<Step>> Steps::list() const {
  std::vector<Step> steps;
  for (const Digest& key : TRY(list_step_keys(store_))) {
    auto step = load_step(store_, key);
    struct stat info{};
    if (!step || ::fstatat(store_.dir(), step_path(key).c_str(), &info, 0) != 0) continue;
    step->last_used = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
    steps.push_back(std::move(*step));
  }
  std::ranges::sort(steps, {}, &Step::last_used);
  return steps;
}

Result<> Steps::remove(const std::vector<Digest>& keys) {
  for (const Digest& key : keys)
    if (::unlinkat(store_.dir(), step_path(key).c_str(), 0) != 0 && errno != ENOENT)
      return fail_errno("remove step " + key.short_hex());
  return {};
}

Result<bool> Steps::drop_unsynced() {
  const store::LeftBehind left = TRY(store::find_unsynced(store_));
  if (left.has_gone) TRY(want_sweep(store_));
  if (!left.is_torn) return left.has_killed;
  // One at a time, and nobody goes on before it is done.
  const sys::Fd lock = TRY(store_.lock(kRoom));
  if (!TRY(store::find_unsynced(store_)).is_torn) return true;
  const std::vector<Digest> keys = TRY(list_step_keys(store_));
  TRY(remove(keys));
  // Whatever was made of them, and of images meanwhile; it is made again when it is needed.
  for (const Digest& id : TRY(rootfs_.prepared())) TRY(rootfs_.remove(id));
  TRY(want_sweep(store_));
  TRY(image::sweep(store_, rootfs_));
  TRY(store::forget_unsynced(store_));
  return true;
}

Result<> Steps::sweep() { return sweep_or_later(store_, rootfs_); }

}  // namespace tare::image
