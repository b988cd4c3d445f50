// SPDX-License-Identifier: Apache-2.0
#include "build/step_key.h"

#include "base/text.h"
#include "codec/json.h"
#include "codec/sha256.h"

namespace tare::build {
namespace {

constexpr std::size_t kShown = 60;  // Bytes of a value.

std::string shown(const std::string& value) {
  return value.size() > kShown ? value.substr(0, kShown) + "..." : value;
}

std::string sentence(std::string name, const std::string* was, const std::string* is) {
  if (name.starts_with(StepKey::kSource)) name.erase(0, StepKey::kSource.size());
  if (was == nullptr) return name + " is new";
  if (is == nullptr) return name + " is gone";
  // Digests tell people nothing.
  if (is->starts_with("sha256:") || is->find('\n') != std::string::npos) return name + " changed";
  return name + ": " + shown(*was) + " -> " + shown(*is);
}

}  // namespace

Digest StepKey::digest() const {
  std::vector<std::string> all;
  for (const auto& [name, value] : parts_) {
    all.push_back(name);
    all.push_back(value);
  }
  return codec::sha256("tare step 2\n" + list(all));
}

StepKey StepKey::of(std::map<std::string, std::string> parts) {
  StepKey key;
  key.parts_ = std::move(parts);
  return key;
}

std::string StepKey::list(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += std::to_string(value.size()) + ":" + value + "\n";
  return text;
}

std::string StepKey::difference(const std::map<std::string, std::string>& before) const {
  if (before.empty()) return "";
  std::string last;
  for (const auto& [name, value] : parts_) {
    const auto was = before.find(name);
    if (was != before.end() && was->second == value) continue;
    if (name == kFiles) {
      last = "what it stands on changed";
      continue;
    }
    return sentence(name, was == before.end() ? nullptr : &was->second, &value);
  }
  for (const auto& [name, value] : before)
    if (!parts_.contains(name)) return sentence(name, &value, nullptr);
  return last.empty() ? "its result is not kept any more" : last;
}

StepNotes StepNotes::parse(std::string_view text) {
  StepNotes notes;
  const auto value = json::parse(text);
  if (!value) return notes;
  for (const auto& [step, parts] : value->as_object())
    for (const auto& [name, part] : parts.as_object()) notes.before_[step][name] = part.as_string();
  return notes;
}

std::string StepNotes::print() const {
  json::Value out{json::Object()};
  for (const auto& [step, parts] : now_) {
    json::Value& object = out.set(step, json::Object());
    for (const auto& [name, part] : parts) object.set(name, part);
  }
  return json::print(out);
}

void StepNotes::keep_to(const std::string& what) {
  StepKey key;
  key.add("of", what);
  if (before("") != key.parts()) before_.clear();
  note("", key);
}

const std::map<std::string, std::string>& StepNotes::before(const std::string& step) const {
  static const std::map<std::string, std::string> nothing;
  const auto found = before_.find(step);
  return found == before_.end() ? nothing : found->second;
}

void StepNotes::note(const std::string& step, const StepKey& key) { now_[step] = key.parts(); }

}  // namespace tare::build
