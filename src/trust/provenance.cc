// SPDX-License-Identifier: Apache-2.0
#include "trust/provenance.h"

#include <algorithm>
#include <set>

#include "codec/string_map.h"
#include "trust/statement.h"

namespace tare::trust {
namespace {

constexpr std::size_t kMaxSteps = 10'000;
constexpr std::string_view kImageUri = "docker-image://";

json::Value print_resource(const Resource& resource) {
  json::Value value;
  value.set("uri", resource.uri);
  json::Value digest = json::Object();
  if (!resource.digest.empty()) digest.set("sha256", resource.digest.hex());
  if (!resource.revision.empty()) digest.set("gitCommit", resource.revision);
  value.set("digest", std::move(digest));
  if (resource.size != 0) {
    json::Value annotations;
    annotations.set("size", resource.size);
    value.set("annotations", std::move(annotations));
  }
  return value;
}

Resource parse_resource(const json::Value& value) {
  return {.uri = value["uri"].as_string(),
          .digest = digest_in(value["digest"]),
          .revision = value["digest"]["gitCommit"].as_string(),
          .size = value["annotations"]["size"].as_uint()};
}

json::Value print_resources(const std::vector<Resource>& resources) {
  json::Value list = json::Array();
  for (const Resource& each : resources) list.push(print_resource(each));
  return list;
}

std::vector<Resource> parse_resources(const json::Value& list) {
  std::vector<Resource> resources;
  for (const json::Value& each : list.as_array()) resources.push_back(parse_resource(each));
  return resources;
}

json::Value print_parameters(const Provenance& provenance) {
  json::Value value;
  json::Value& file = value.set("dockerfile", json::Object());
  file.set("name", provenance.dockerfile);
  file.set("digest", digest_set(provenance.dockerfile_digest));
  if (provenance.text) file.set("content", *provenance.text);
  if (!provenance.ignore_text.empty()) value.set("dockerignore", provenance.ignore_text);
  if (!provenance.target.empty()) value.set("target", provenance.target);
  value.set("platform", provenance.platform);
  if (!provenance.network.empty()) value.set("network", provenance.network);
  json::Value& arguments = value.set("arguments", json::Object());
  for (const auto& [name, text] : provenance.arguments)
    arguments.set(name, text ? json::Value(*text) : json::Value());
  value.set("labels", json::print_map(provenance.labels));
  value.set("contexts", json::print_map(provenance.contexts));
  value.set("secrets", json::Value(provenance.secrets));
  if (provenance.time) value.set("sourceDateEpoch", *provenance.time / 1'000'000'000);
  return value;
}

json::Value print_stage(const BuildStage& stage) {
  json::Value value;
  value.set("label", stage.label);
  if (stage.base) value.set("base", static_cast<std::uint64_t>(*stage.base));
  if (!stage.image.empty()) value.set("image", digest_set(stage.image));
  if (stage.is_target) value.set("target", true);
  return value;
}

json::Value print_step(const BuildStep& step) {
  json::Value value;
  value.set("stage", static_cast<std::uint64_t>(step.stage));
  value.set("place", step.place);
  value.set("instruction", step.instruction);
  if (!step.from.empty()) value.set("from", step.from);
  if (!step.destination.empty()) value.set("destination", step.destination);
  if (!step.layer.empty()) value.set("layer", digest_set(step.layer));
  if (!step.inputs.empty()) {
    json::Value& inputs = value.set("inputs", json::Object());
    for (const auto& [name, digest] : step.inputs) inputs.set(name, digest_set(digest));
  }
  if (!step.materials.empty()) value.set("materials", print_resources(step.materials));
  return value;
}

BuildStep parse_step(const json::Value& value) {
  BuildStep step{.stage = value["stage"].as_uint(),
                 .place = value["place"].as_string(),
                 .instruction = value["instruction"].as_string(),
                 .from = value["from"].as_string(),
                 .destination = value["destination"].as_string(),
                 .layer = digest_in(value["layer"]),
                 .inputs = {},
                 .materials = parse_resources(value["materials"])};
  for (const auto& [name, digest] : value["inputs"].as_object())
    step.inputs[name] = digest_in(digest);
  return step;
}

void parse_parameters(const json::Value& value, Provenance& provenance) {
  const json::Value& file = value["dockerfile"];
  provenance.dockerfile = file["name"].as_string();
  provenance.dockerfile_digest = digest_in(file["digest"]);
  if (file["content"].is_string()) provenance.text = file["content"].as_string();
  provenance.ignore_text = value["dockerignore"].as_string();
  provenance.target = value["target"].as_string();
  provenance.platform = value["platform"].as_string();
  provenance.network = value["network"].as_string();
  for (const auto& [name, text] : value["arguments"].as_object())
    provenance.arguments[name] = text.is_string() ? std::optional(text.as_string()) : std::nullopt;
  provenance.labels = json::parse_map(value["labels"]);
  provenance.contexts = json::parse_map(value["contexts"]);
  provenance.secrets = value["secrets"].as_strings();
  constexpr std::int64_t kLastSecond = 9'000'000'000;
  const std::int64_t seconds = value["sourceDateEpoch"].as_int(-1);
  if (seconds >= 0 && seconds <= kLastSecond) provenance.time = seconds * 1'000'000'000;
}

}  // namespace

json::Value print_provenance(const Provenance& provenance) {
  json::Value value;
  json::Value& definition = value.set("buildDefinition", json::Object());
  definition.set("buildType", std::string(kBuildType));
  definition.set("externalParameters", print_parameters(provenance));
  json::Value& internal = definition.set("internalParameters", json::Object());
  json::Value& stages = internal.set("stages", json::Array());
  for (const BuildStage& each : provenance.stages) stages.push(print_stage(each));
  json::Value& steps = internal.set("steps", json::Array());
  for (const BuildStep& each : provenance.steps) steps.push(print_step(each));
  std::vector<Resource> resources = provenance.images;
  for (const BuildStep& step : provenance.steps)
    resources.insert(resources.end(), step.materials.begin(), step.materials.end());
  std::vector<Resource> once;
  for (const Resource& each : resources)
    if (std::ranges::find(once, each) == once.end()) once.push_back(each);
  definition.set("resolvedDependencies", print_resources(once));
  json::Value& details = value.set("runDetails", json::Object());
  json::Value& builder = details.set("builder", json::Object());
  builder.set("id", std::string(kBuilderId));
  builder.set("version", json::print_map({{"tare", provenance.version}}));
  return value;
}

Result<Provenance> parse_provenance(const json::Value& predicate) {
  const json::Value& definition = predicate["buildDefinition"];
  if (definition["buildType"].as_string() != kBuildType)
    return fail(Kind::Unsupported, "the provenance is of a build of the type " +
                                       quoted(definition["buildType"].as_string()));
  Provenance provenance;
  parse_parameters(definition["externalParameters"], provenance);
  const json::Value& internal = definition["internalParameters"];
  const json::Array& steps = internal["steps"].as_array();
  const json::Array& stages = internal["stages"].as_array();
  if (steps.size() > kMaxSteps || stages.size() > kMaxSteps)
    return fail(Kind::Invalid,
                "the provenance has more than " + std::to_string(kMaxSteps) + " steps or stages");
  for (const json::Value& each : stages) {
    BuildStage& stage = provenance.stages.emplace_back();
    stage.label = each["label"].as_string();
    if (each["base"].is_uint()) stage.base = each["base"].as_uint();
    stage.image = digest_in(each["image"]);
    stage.is_target = each["target"].as_bool();
    // A stage starts from one before it, so that there is an end to it.
    if (stage.base && *stage.base + 1 >= provenance.stages.size())
      return fail(Kind::Invalid, "the provenance has a stage on one that is not before it");
  }
  for (const json::Value& each : steps) {
    provenance.steps.push_back(parse_step(each));
    if (provenance.steps.back().stage >= stages.size())
      return fail(Kind::Invalid, "the provenance has a step of no stage");
  }
  // Those of steps are in there, too.
  std::set<std::string> of_steps;
  for (const BuildStep& step : provenance.steps)
    for (const Resource& each : step.materials) of_steps.insert(each.uri);
  provenance.images = parse_resources(definition["resolvedDependencies"]);
  std::erase_if(provenance.images, [&](const Resource& each) {
    return !each.uri.starts_with(kImageUri) && of_steps.contains(each.uri);
  });
  provenance.version = predicate["runDetails"]["builder"]["version"]["tare"].as_string();
  return provenance;
}

bool is_secret_name(std::string_view name) {
  const std::string text = lower(name);
  constexpr std::string_view kSecret[] = {"secret", "passw",   "passphrase", "token",
                                          "apikey", "api_key", "credential", "private_key",
                                          "pwd",    "auth",    "access_key", "signing_key"};
  return std::ranges::any_of(
      kSecret, [&](std::string_view part) { return text.find(part) != std::string::npos; });
}

}  // namespace tare::trust
