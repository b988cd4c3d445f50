// SPDX-License-Identifier: Apache-2.0
// docker-archive, as docker save writes it since 1.10: manifest.json names config and layers by
// their paths. Only the config's name and the diff_ids in it tell digests.
#include <algorithm>

#include "codec/sha256.h"
#include "image/plan.h"
#include "store/layer_path.h"

namespace tare::image {
namespace {

constexpr std::size_t kMaxImages = 1024;

struct Item {
  std::string config;
  std::vector<std::string> layers;
  std::vector<std::string> names;
};

Result<std::vector<std::string>> strings(const json::Value& object, std::string_view key) {
  std::vector<std::string> out;
  const json::Value& list = object[key];
  if (list.is_null()) return out;
  constexpr std::size_t kMaxStrings = 1000;  // Docker's own limit of layers is 127.
  if (list.is_array() && list.as_array().size() > kMaxStrings)
    return fail(Kind::Invalid, "manifest.json: " + quoted(key) + " has more than " +
                                   std::to_string(kMaxStrings) + " entries");
  if (!list.is_array()) return fail(Kind::Invalid, "manifest.json: " + quoted(key) + " is no list");
  for (const json::Value& text : list.as_array()) {
    if (!text.is_string())
      return fail(Kind::Invalid, "manifest.json: " + quoted(key) + " is not a list of strings");
    out.push_back(text.as_string());
  }
  return out;
}

Result<std::vector<Item>> parse_items(const Archive& archive) {
  const std::string text = TRY(archive.document("manifest.json"));
  const json::Value value = TRY(json::parse(text), "manifest.json");
  if (!value.is_array())
    return fail(Kind::Invalid, "manifest.json is not a list of images as docker save writes it");
  if (value.as_array().size() > kMaxImages)
    return fail(Kind::Invalid,
                "manifest.json has more than " + std::to_string(kMaxImages) + " images");
  std::vector<Item> items;
  for (const json::Value& object : value.as_array()) {
    Item item;
    item.config = TRY(json::require_string(object, "Config", "manifest.json"));
    item.layers = TRY(strings(object, "Layers"));
    for (const std::string& tag : TRY(strings(object, "RepoTags"))) {
      const Reference reference = TRY(Reference::parse(tag), "manifest.json");
      if (!reference.tag.empty()) item.names.push_back(reference.text());
    }
    items.push_back(std::move(item));
  }
  return items;
}

// "HEX.json" and "blobs/sha256/HEX" promise a digest; other names promise nothing.
Result<> check_config_name(const std::string& path, const Digest& found) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".json")) name.resize(name.size() - 5);
  const auto promised = Digest::parse("sha256:" + name);
  if (!promised || *promised == found) return {};
  return fail(Kind::Corrupt, "the config " + quoted(path) + " has the content of " + found.text() +
                                 ": its digest does not match its name");
}

Result<PlannedImage> plan_item(const Archive& archive, Item item) {
  PlannedImage image;
  const std::string path = TRY(store::member_path(item.config), "manifest.json");
  image.config_text = TRY(archive.document(path));
  TRY(check_config_name(path, codec::sha256(image.config_text)));
  image.config = TRY(oci::parse_image_config(image.config_text), quoted(path));
  if (image.config.diff_ids.size() != item.layers.size())
    return fail(Kind::Corrupt, "manifest.json lists " + std::to_string(item.layers.size()) +
                                   " layers, but the config " + quoted(path) + " has " +
                                   std::to_string(image.config.diff_ids.size()));
  for (const std::string& layer : item.layers) {
    const std::string file = TRY(store::member_path(layer), "manifest.json");
    PlannedLayer planned;
    planned.path = TRY(archive.resolve(file));
    image.layers.push_back(std::move(planned));
  }
  image.names = std::move(item.names);
  return image;
}

}  // namespace

Result<std::vector<PlannedImage>> plan_docker(const Archive& archive) {
  std::vector<PlannedImage> images;
  std::vector<Item> items = TRY(parse_items(archive));
  std::size_t bytes = 0;
  for (Item& item : items) {
    images.push_back(TRY(plan_item(archive, std::move(item))));
    TRY(check_plan(images.back(), bytes));
  }
  if (images.empty()) return fail(Kind::Invalid, "manifest.json of the archive lists no image");
  return images;
}

Result<> add_docker_names(const Archive& archive, std::vector<PlannedImage>& images) {
  for (const Item& item : TRY(parse_items(archive))) {
    const std::string path = TRY(store::member_path(item.config), "manifest.json");
    const auto config = archive.document(path);
    if (!config) continue;  // Of another platform, and not in this archive.
    for (PlannedImage& image : images)
      if (image.config_text == *config)
        for (const std::string& name : item.names)
          if (std::find(image.names.begin(), image.names.end(), name) == image.names.end())
            image.names.push_back(name);
  }
  return {};
}

Result<> check_plan(const PlannedImage& image, std::size_t& bytes) {
  if (image.layers.size() > kMaxLayers)
    return fail(Kind::Invalid, "the image has " + std::to_string(image.layers.size()) +
                                   " layers; " + std::to_string(kMaxLayers) + " are allowed");
  bytes += image.manifest_text.size() + image.config_text.size();
  if (bytes <= kMaxPlanned) return {};
  return fail(Kind::Invalid, "the manifests and configs of its images have more than " +
                                 human_size(kMaxPlanned) + " together");
}

Result<> check_platform(const oci::ImageConfig& config, const std::string& what) {
  if ((config.os.empty() || config.os == "linux") &&
      (config.architecture.empty() || config.architecture == oci::host_architecture()))
    return {};
  return std::unexpected(Error(Kind::Unsupported, what + " is for " + escaped(config.os) + "/" +
                                                      escaped(config.architecture) +
                                                      "; this machine runs linux/" +
                                                      oci::host_architecture())
                             .hint("get the image for linux/" + oci::host_architecture()));
}

}  // namespace tare::image
