// SPDX-License-Identifier: Apache-2.0
#include "engine/build_secrets.h"

#include <algorithm>

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

std::string sentence(const image::Leak& leak, const std::string& step) {
  return "SECRET IN THE IMAGE: " + quoted(leak.id) + " is in " + join(leak.where, ", ") + step +
         "; pushing the image is refused";
}

}  // namespace

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
    const std::vector<image::Leak> leaks =
        secrets.empty() ? image::leaks_of(store, step.layer.diff_id)
                        : TRY(image::find_secrets(store, step.layer.diff_id, secrets));
    if (!step.is_target || leaks.empty()) continue;
    TRY(image::add_leaks(store, built.image.id, leaks));
    for (const image::Leak& leak : leaks) {
      const std::string text =
          sentence(leak, ", made by " + step.place + ": " + escaped(step.text));
      if (std::ranges::find(notes, text) == notes.end()) notes.push_back(text);
    }
  }
  if (base != nullptr)
    TRY(image::add_leaks(store, built.image.id, image::leaks_of(store, base->id)));
  for (const image::Leak& leak : TRY(image::find_secrets_in_config(store, built.image, secrets)))
    notes.push_back(sentence(leak, ""));
  return notes;
}

}  // namespace tare::engine
