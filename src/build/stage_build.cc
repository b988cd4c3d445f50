// SPDX-License-Identifier: Apache-2.0
#include "build/stage_build.h"

#include <fcntl.h>

#include <algorithm>

#include "base/text.h"
#include "build/remote_tree.h"
#include "codec/sha256.h"

namespace tare::build {
namespace {

bool is_image_context(std::string_view place) {
  return place.starts_with(kImageContext) || place.starts_with(kLayoutContext);
}

UnixNanos whole_seconds(UnixNanos time) { return time - time % 1'000'000'000; }

}  // namespace

Files Files::nothing() { return {.id = codec::sha256("tare files\n"), .layers = {}}; }

Files Files::with(const Digest& diff_id) const {
  Files files = *this;
  if (diff_id.empty()) return files;
  files.layers.push_back({.blob = diff_id, .diff_id = diff_id});
  std::string text = "tare files\n";
  for (const store::Layer& layer : files.layers) text += layer.diff_id.text() + "\n";
  files.id = codec::sha256(text);
  return files;
}

Result<image::Image> SharedBuild::find_image(const std::string& name, const std::string& platform) {
  const std::string known = name + " " + platform;
  if (const auto found = images.find(known); found != images.end()) return found->second;
  std::string wanted = name;
  if (const auto named = request.contexts.find(name); named != request.contexts.end()) {
    if (!is_image_context(named->second))
      return fail(Kind::Unsupported,
                  "the build context " + quoted(name) + " is a directory and not an image");
    wanted = named->second;
    if (wanted.starts_with(kImageContext)) wanted.erase(0, kImageContext.size());
  }
  const std::string uri = wanted.starts_with(kLayoutContext) ? wanted : "docker-image://" + wanted;
  image::Image image = TRY(find_pinned(wanted, uri, platform));
  images.emplace(known, image);
  materials.push_back({.kind = image::Material::Kind::Image,
                       .uri = uri,
                       .digest = image.manifest,
                       .revision = "",
                       .request = platform});
  return image;
}

std::string SharedBuild::platform() const {
  const oci::Platform& wanted = request.options.target_platform;
  return oci::matches_host(wanted) ? "" : wanted.text();
}

Result<std::optional<std::string>> SharedBuild::find_directory(const std::string& name) {
  const auto named = request.contexts.find(name);
  if (named == request.contexts.end() || is_image_context(named->second)) return std::nullopt;
  if (!is_remote_context(named->second)) return named->second;
  if (const auto known = fetched.find(name); known != fetched.end()) return known->second;
  RemoteTree tree = TRY(fetch_context(workshop, request, named->second, "--build-context " + name,
                                      false, [this] { return reporter.is_interrupted(); }));
  if (tree.directory.empty())
    return fail(Kind::Invalid, "the build context " + quoted(name) + " is no tar archive");
  materials.push_back(tree.material);
  fetched[name] = tree.directory;
  return tree.directory;
}

Result<image::Image> SharedBuild::find_base(const Stage& stage) {
  const std::string name = stage.is_context ? stage.name : stage.base;
  auto image = find_image(name, stage.platform ? stage.platform->text() : platform());
  if (image) return image;
  return std::unexpected(
      Error(stage.from.error(image.error().message()).hint(image.error().hint())));
}

StageBuild::StageBuild(SharedBuild& shared, std::size_t index) : shared_(shared), index_(index) {}

const Stage& StageBuild::stage() const { return shared_.graph->stages()[index_]; }

Result<bool> StageBuild::begin() {
  const StageGraph& graph = *shared_.graph;
  const BuildOptions& options = shared_.request.options;
  if (stage().base_stage) {
    const StageBuild& base = *shared_.stages[*stage().base_stage];
    if (!base.is_done()) return false;
    state_ = StageState::on(base.state());
    files_ = base.files();
    time_ = base.time();
    without_layer_ = base.without_layer_;
    inherited_ = base.inherited_;
    outputs_ = base.outputs_;
  } else if (stage().base == "scratch" && !stage().is_context) {
    const oci::Platform platform = stage().platform.value_or(options.target_platform);
    state_ = StageState::scratch(graph.globals(), options, graph.escape(), platform);
    files_ = Files::nothing();
    time_ = kFirstTime;
  } else {
    const image::Image base = TRY(shared_.find_base(stage()));
    oci::ImageConfig config = base.config;
    config.on_build.clear();
    time_ = whole_seconds(config.created == 0 ? kFirstTime : config.created);
    inherited_ = config.history.size();
    state_ = StageState(graph.globals(), options, graph.escape(), std::move(config));
    files_ = Files::of(base);
    image_ = base.manifest;
  }
  if (shared_.request.time) time_ = *shared_.request.time;
  begun_ = true;
  return true;
}

bool StageBuild::waits_for_others() const {
  return std::ranges::any_of(stage().dependencies, [this](const Dependency& dependency) {
    return dependency.instruction == next_ && dependency.stage &&
           !shared_.stages[*dependency.stage]->is_done();
  });
}

bool StageBuild::is_over() const {
  if (stage().is_context || next_ == stage().instructions.size()) return true;
  const auto& line = shared_.request.at_line;
  const Instruction& next = instruction();
  return line && index_ == shared_.graph->target().index && !next.from_trigger &&
         next.source->name() == shared_.request.dockerfile && next.range.begin.line > *line;
}

RunRequest StageBuild::here() const {
  return {.files = files_,
          .key = {},
          .what = "a shell",
          .arguments = {},
          .environment = state_->environment(),
          .directory = state_->config().working_dir,
          .user = state_->config().user,
          .network = shared_.request.network.value_or(RunNetwork::Default)};
}

Result<bool> StageBuild::advance() {
  if (done_ || running_) return false;
  if (!begun_) return begin();
  if (is_over()) {
    done_ = true;
    return true;
  }
  if (waits_for_others()) return false;
  const Instruction& written = instruction();
  Expanded expanded = TRY(state_->expand(written));
  if (written.as<Add>() != nullptr)
    expanded.instruction.text = hide_users(expanded.instruction.text);
  const Instruction& now = expanded.instruction;
  const auto work = [&]() -> Result<> {
    if (now.as<Run>() != nullptr) return do_run(now, expanded.mounts);
    TRY(state_->apply(now));
    if (const auto* copy = now.as<Copy>())
      return do_copy(now, copy->files, copy->parents, copy->optional);
    if (const auto* add = now.as<Add>()) return do_copy(now, add->files, false, false);
    if (now.as<Workdir>() != nullptr) return do_workdir();
    if (now.as<Layer>() != nullptr && !outputs_.empty()) outputs_.back().ends_layer = true;
    if (now.as<Package>() != nullptr) return do_packages(now);
    return {};
  };
  if (auto done = work(); !done) return std::unexpected(failed(written, std::move(done).error()));
  if (!running_) ++next_;
  return true;
}

// With the place, unless it is there already.
Error StageBuild::failed(const Instruction& instruction, Error error) const {
  if (error.message().find(instruction.source->name() + ":") == 0) return error;
  const std::string hint = error.hint();
  Error with_place(error.kind(), instruction.error(error.message(), instruction.range).message());
  return hint.empty() ? with_place : std::move(with_place).hint(hint);
}

StepInfo StageBuild::describe(const Instruction& instruction) const {
  const auto counts = [](const Instruction& each) { return makes_layer(each); };
  const auto& all = stage().instructions;
  const auto total = std::ranges::count_if(all, counts);
  const auto place =
      std::count_if(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(next_) + 1, counts);
  std::string text = instruction.text;
  if (const std::size_t end = text.find('\n'); end != std::string::npos) text.resize(end);
  return {.number = ++shared_.numbered,
          .label = "[" + stage().label() + " " + std::to_string(place) + "/" +
                   std::to_string(total) + "] " + escaped(text)};
}

// What an earlier build has made, if it may be used.
Result<std::optional<StepLayer>> StageBuild::find(const StepKey& key, bool had_way_out) {
  const std::string step = step_name();
  const auto& before = shared_.notes.before(step);
  std::string why = key.difference(before);
  key_ = key;
  like_ = before.empty() ? Digest() : StepKey::of(before).digest();
  if (shared_.request.is_check) key_.add("check", "yes");
  ++shared_.steps;
  const BuildRequest& request = shared_.request;
  const bool wanted =
      !request.is_check && !request.no_cache && !request.no_cache_stages.contains(stage().name);
  auto found = wanted ? TRY(shared_.workshop.find_step(key_.digest())) : std::nullopt;
  if (found)
    if (std::string unusable = shared_.unusable(*found, step_in_lock(), had_way_out);
        !unusable.empty()) {
      why = std::move(unusable);
      found.reset();
    }
  was_cached_ = found.has_value();
  if (found) {
    ++shared_.cached;
    shared_.reporter.is_cached(info_);
  } else {
    shared_.reporter.begins(info_, request.is_check ? "to be compared"
                                   : wanted         ? why
                                                    : "the cache is not wanted");
  }
  return found;
}

// Several instructions of a stage may be the same text.
std::string StageBuild::step_in_lock() const {
  LockSteps steps;
  for (const TracedStep& each : trace_) (void)steps.next(index_, each.stage, each.text);
  return steps.next(index_, stage().label(), instruction().text);
}

std::string StageBuild::step_name() const { return stage().label() + "#" + std::to_string(next_); }

// What people change: of the context, or made of it in another stage.
bool StageBuild::takes_sources(const Instruction& instruction) const {
  const auto is_source = [this](const Dependency* from) {
    return from == nullptr || from->stage || shared_.request.contexts.contains(from->image);
  };
  const auto* const copy = instruction.as<Copy>();
  const auto* const add = instruction.as<Add>();
  if (copy != nullptr) return !copy->files.paths.empty() && is_source(stage().dependency(next_));
  return add != nullptr && !add->files.paths.empty();
}

void StageBuild::take(const Instruction& instruction, const StepLayer& layer) {
  shared_.notes.note(step_name(), key_);
  files_ = files_.with(layer.diff_id);
  const std::size_t entry = state_->config().history.size() - 1;
  if (layer.diff_id.empty())
    without_layer_.insert(entry);
  else
    outputs_.push_back({.diff_id = layer.diff_id,
                        .size = layer.size,
                        .entry = entry,
                        .is_run = instruction.as<Run>() != nullptr,
                        .takes_sources = takes_sources(instruction)});
  const Dependency* const from = instruction.as<Copy>() ? stage().dependency(next_) : nullptr;
  trace_.push_back(
      {.stage = stage().label(),
       .place = instruction.source->name() + ":" + std::to_string(instruction.range.begin.line),
       .text = instruction.text,
       .from = from == nullptr ? ""
               : from->stage   ? shared_.graph->stages()[*from->stage].label()
                               : from->image,
       .layer = layer,
       .was_cached = was_cached_,
       .may_lack = instruction.as<Run>() != nullptr && may_lack_ && !layer.is_sealed,
       .key = key_.digest(),
       .stage_number = index_,
       .mounts = std::exchange(mounted_, {}),
       .inputs = key_.parts()});
}

TracedStage StageBuild::traced() const {
  return {.number = index_,
          .label = stage().label(),
          .base = stage().base_stage,
          .image = image_,
          .files = files_,
          .is_target = index_ == shared_.graph->target().index};
}

Result<> StageBuild::pump() {
  const auto says = [this](std::string_view output) { shared_.reporter.says(info_, output); };
  auto pumped = running_->pump(says);
  if (!pumped) return std::unexpected(failed(*pending_, std::move(pumped).error()));
  const std::optional<int> status = *pumped;
  if (!status) return {};
  --shared_.running;
  const Instruction run = std::move(*std::exchange(pending_, std::nullopt));
  const std::unique_ptr<Running> ended = std::move(running_);
  if (const std::string refused = ended->refused(); !refused.empty())
    return std::unexpected(
        failed(run, Error(Kind::Denied, refused)
                        .hint("a build without --locked gets it, and writes the lock anew; what a "
                              "cache mount had then is noted by tare lock update INSTRUCTION")));
  if (*status != 0 && wanted_) {
    StepKey failed_key = key_;
    failed_key.add("failed", "yes");
    if (const auto layer = ended->keep(failed_key.digest(), Running::For::ThisBuild)) {
      wanted_->files = files_.with(layer->diff_id);
      shared_.failed = std::move(wanted_);
    }
  }
  if (*status != 0)
    return std::unexpected(failed(
        run,
        Error(Kind::Invalid, "the command of RUN ended with exit status " + std::to_string(*status))
            .hint("its output above says why")));
  auto layer = ended->keep(key_.digest(), Running::For::AllBuilds);
  if (!layer) return std::unexpected(failed(run, std::move(layer).error()));
  TRY(state_->apply(run));
  take(run, *layer);
  shared_.reporter.ends(info_);
  ++next_;
  return {};
}

oci::ImageConfig StageBuild::final_config() const {
  oci::ImageConfig config = state_->config();
  config.created = time_;
  for (std::size_t i = inherited_; i < config.history.size(); ++i) {
    config.history[i].created = time_;
    if (without_layer_.contains(i)) config.history[i].empty_layer = true;
  }
  return config;
}

}  // namespace tare::build
