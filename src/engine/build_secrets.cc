// SPDX-License-Identifier: Apache-2.0
#include "engine/build_secrets.h"

#include <algorithm>
#include <iterator>

#include "store/layers.h"
#include "trust/secrets.h"

namespace tare::engine {

struct SecretListener::State {
  explicit State(const image::Secrets& secrets) : search(collect(secrets, ids)) {}

  static std::vector<std::string> collect(const image::Secrets& secrets,
                                          std::vector<std::string>& ids) {
    std::vector<std::string> needles;
    for (const auto& [id, content] : secrets)
      for (std::string& form : trust::forms_of(content)) {
        needles.push_back(std::move(form));
        ids.push_back(id);
      }
    return needles;
  }

  std::vector<std::string> ids;  // Of each needle.
  trust::TextSearch search;
  std::map<std::size_t, trust::TextSearch::Stream> streams;  // By step.
  std::set<std::string> said;                                // Sentences.
};

SecretListener::SecretListener(build::Reporter& reporter, const image::Secrets& secrets)
    : reporter_(reporter), state_(std::make_unique<State>(secrets)) {}
SecretListener::~SecretListener() = default;

void SecretListener::says(const build::StepInfo& step, std::string_view output) {
  if (!state_->search.empty()) {
    const auto hit = [this, label = step.label](std::size_t needle, std::string_view) {
      state_->said.insert("the secret " + quoted(state_->ids[needle]) + " was printed by " + label);
    };
    state_->streams.try_emplace(step.number, state_->search, hit).first->second.feed(output);
  }
  reporter_.says(step, output);
}

void SecretListener::ends(const build::StepInfo& step) {
  if (const auto stream = state_->streams.find(step.number); stream != state_->streams.end()) {
    stream->second.finish();
    state_->streams.erase(stream);
  }
  reporter_.ends(step);
}

std::vector<std::string> SecretListener::notes() {
  for (auto& [number, stream] : state_->streams) stream.finish();
  return {state_->said.begin(), state_->said.end()};
}

namespace {

std::string trim_slashes(std::string_view path) {
  while (path.starts_with("/") || path.starts_with("./")) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

const image::Image* base_of(const std::vector<image::Image>& images, const build::Built& built) {
  const auto number_is = [](std::size_t number) {
    return [number](const build::TracedStage& stage) { return stage.number == number; };
  };
  auto stage = std::ranges::find_if(built.stages, &build::TracedStage::is_target);
  while (stage != built.stages.end() && stage->base)
    stage = std::ranges::find_if(built.stages, number_is(*stage->base));
  if (stage == built.stages.end() || stage->image.empty()) return nullptr;
  const auto base = std::ranges::find(images, stage->image, &image::Image::manifest);
  return base == images.end() ? nullptr : &*base;
}

// Layers of the image need not be those of steps: then the last one to write the file.
std::string step_of(const store::Store& store, const build::Built& built, const Digest& layer,
                    const std::string& path) {
  const auto tell = [](const build::TracedStep& step) {
    return ", made by " + step.place + ": " + escaped(step.text);
  };
  for (const build::TracedStep& step : built.trace)
    if (step.layer.diff_id == layer) return tell(step);
  for (std::size_t i = built.trace.size(); i-- > 0;) {
    const build::TracedStep& step = built.trace[i];
    const auto index = store::load_layer(store, step.layer.diff_id);
    if (!step.is_target || step.layer.diff_id.empty() || !index) continue;
    bool wrote = false;
    (void)index->each([&](const store::IndexEntry& entry) -> Result<> {
      wrote = wrote || "/" + escaped(entry.path) == path;
      return {};
    });
    if (wrote) return tell(step);
  }
  return "";
}

std::string beginning(const image::Leak& leak) {
  return "SECRET IN THE IMAGE: " + quoted(leak.id) + " is in " + join(leak.where, ", ");
}

std::string sentence(const image::Leak& leak, const std::string& step) {
  return beginning(leak) + step + "; pushing the image is refused";
}

// Whether a path of `leak` is below `source`, as far as they are known.
bool is_below(const image::Leak& leak, const std::string& source) {
  if (leak.where.size() >= image::kMostLeakPlaces) return true;
  std::string top = "/" + escaped(trim_slashes(source));
  if (top == "/" || top == "/.") return true;
  return std::ranges::any_of(leak.where, [&](const std::string& path) {
    return path == top || path.starts_with(top + "/");
  });
}

// RUN can make anything of the files that it has from another stage: where one of them has a secret
// that was not looked for in what RUN has made, nobody knows whether that has it.
std::vector<image::Leak> suspect(const store::Store& store, const build::Built& built) {
  std::vector<image::Leak> suspected;
  for (const build::TracedStep& step : built.trace)
    for (const build::TracedMount& mount : step.mounts) {
      if (!step.is_target || step.layer.diff_id.empty()) continue;
      const auto stage = std::ranges::find(built.stages, mount.stage, &build::TracedStage::number);
      if (stage == built.stages.end()) continue;
      for (const store::Layer& layer : stage->files.layers)
        for (const image::Leak& leak : image::leaks_of(store, layer.diff_id))
          if (is_below(leak, mount.source) && !image::was_searched(store, step.layer.diff_id, leak))
            suspected.push_back({.id = leak.id,
                                 .where = {step.place + " had " + join(leak.where, ", ")},
                                 .secrets = leak.secrets});
    }
  return suspected;
}

// Also without secrets: an earlier build may have found some.
Result<std::vector<image::Leak>> leaks_of_step(store::Store& store, const image::Secrets& secrets,
                                               const build::TracedStep& step) {
  if (secrets.empty()) return image::leaks_of(store, step.layer.diff_id);
  return image::find_secrets(store, step.layer.diff_id, secrets);
}

std::string maker(const build::TracedStep& step) {
  return ", made by " + step.place + ": " + escaped(step.text);
}

}  // namespace

Result<std::vector<std::string>> find_secrets_in_steps(store::Store& store,
                                                       const image::Secrets& secrets,
                                                       const build::Built& built) {
  std::vector<std::string> notes;
  for (const build::TracedStep& step : built.trace) {
    if (!step.is_target || step.layer.diff_id.empty()) continue;
    for (const image::Leak& leak : TRY(leaks_of_step(store, secrets, step)))
      notes.push_back("SECRET IN THE OUTPUT: " + quoted(leak.id) + " is in " +
                      join(leak.where, ", ") + maker(step));
  }
  return notes;
}

Result<std::vector<std::string>> mark_secrets(store::Store& store,
                                              const std::vector<image::Image>& images,
                                              const image::Secrets& secrets,
                                              const build::Built& built) {
  std::vector<std::string> notes;
  for (const auto& [id, content] : secrets)
    if (trust::forms_of(content).empty())
      notes.push_back("the secret " + quoted(id) + " has fewer than " +
                      std::to_string(trust::kLeastSecret) +
                      " bytes, and is not looked for in the image");
  const image::Image* const base = base_of(images, built);
  for (const store::Layer& layer : built.image.layers) {
    const bool is_base =
        base != nullptr && std::ranges::find(base->layers, layer.diff_id, &store::Layer::diff_id) !=
                               base->layers.end();
    const std::vector<image::Leak> leaks =
        is_base ? image::leaks_of(store, layer.diff_id)
                : TRY(image::find_secrets(store, layer.diff_id, secrets));
    for (const image::Leak& leak : leaks)
      notes.push_back(sentence(
          leak, step_of(store, built, layer.diff_id, leak.where.empty() ? "" : leak.where[0])));
  }
  // Also what a step left that was put together with others, or is there from an earlier build.
  for (const build::TracedStep& step : built.trace) {
    if (step.layer.diff_id.empty()) continue;
    const std::vector<image::Leak> leaks = TRY(leaks_of_step(store, secrets, step));
    if (!step.is_target || leaks.empty()) continue;
    TRY(image::add_leaks(store, built.image.id, leaks));
    for (const image::Leak& leak : leaks) {
      const std::string text = sentence(leak, maker(step));
      std::erase(notes, sentence(leak, ""));  // Of the layer, whose step was not known.
      if (std::ranges::find(notes, text) == notes.end()) notes.push_back(text);
    }
  }
  std::vector<image::Leak> suspected = suspect(store, built);
  if (base != nullptr) {
    TRY(image::add_leaks(store, built.image.id, image::leaks_of(store, base->id)));
    std::ranges::move(image::suspected_of(store, base->id), std::back_inserter(suspected));
  }
  TRY(image::set_suspected(store, built.image.id, suspected));
  for (const image::Leak& leak : suspected)
    notes.push_back("the secret " + quoted(leak.id) + " may be in the image, as " +
                    join(leak.where, ", ") +
                    ", and it was not given to be looked for; pushing the image is refused");
  for (const image::Leak& leak : TRY(image::find_secrets_in_config(store, built.image, secrets))) {
    const auto is_told = [&](const std::string& note) { return note.starts_with(beginning(leak)); };
    if (std::ranges::none_of(notes, is_told)) notes.push_back(sentence(leak, ""));
  }
  return notes;
}

}  // namespace tare::engine
