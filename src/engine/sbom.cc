// SPDX-License-Identifier: Apache-2.0
#include "engine/sbom.h"

#include <algorithm>

#include "base/text.h"
#include "engine/build_workshop.h"
#include "engine/image_packages.h"
#include "trust/sbom.h"
#include "trust/statement.h"

namespace tare::engine {
namespace {

constexpr std::string_view kStore = "store:";

Result<trust::PackageList> read_packages(const store::Store& store, const image::Image& image) {
  ImageFiles files = TRY(ImageFiles::open(store, image.layers));
  trust::PackageList list = packages_of(files);
  list.image = image.manifest;
  list.created = image.config.created;
  list.version = TARE_VERSION;
  return list;
}

// In full, as a registry would have it; of one without a name its id.
std::string name_of(const image::Image& image, const std::string& wanted) {
  const auto reference = image::Reference::parse(wanted);
  if (reference && std::ranges::find(image.names, reference->text()) != image.names.end())
    return reference->text();
  return image.names.empty() ? image.id.text() : image.names.front();
}

}  // namespace

Result<PackageListing> list_packages(Engine& engine, const std::string& name) {
  const image::Image image = TRY(engine.images().find(name));
  trust::PackageList list = TRY(read_packages(BuildWorkshop::store_of(engine), image));
  PackageListing listing{.packages = {}, .notes = std::move(list.notes)};
  for (const trust::Package& package : list.packages)
    listing.packages.push_back({.name = package.label(),
                                .version = package.version,
                                .type = package.type,
                                .place = package.place});
  return listing;
}

Result<json::Value> sbom_of(Engine& engine, const std::string& name, SbomFormat format) {
  const image::Image image = TRY(engine.images().find(name));
  const store::Store& store = BuildWorkshop::store_of(engine);
  const std::string_view type =
      format == SbomFormat::Spdx ? trust::kSpdxType : trust::kCycloneDxType;
  // What cannot be read of what is attested can be made again.
  if (const auto statements = image::statements_of(store, image))
    for (const image::Statement& statement : *statements)
      if (statement.predicate_type == type)
        if (auto predicate = image::predicate_of(statement)) return predicate;
  const trust::PackageList list = TRY(read_packages(store, image));
  return format == SbomFormat::Spdx ? trust::print_spdx(list) : trust::print_cyclonedx(list);
}

Result<std::optional<image::Documents>> documents_here(Engine& engine, const std::string& name,
                                                       image::DocumentDepth depth) {
  const bool is_here = name.starts_with(kStore);
  const std::string wanted = is_here ? name.substr(kStore.size()) : name;
  const store::Store& store = BuildWorkshop::store_of(engine);
  auto image = engine.images().find(wanted);
  if (!image && (is_here || image.error().kind() != Kind::NotFound))
    return std::unexpected(std::move(image).error());
  if (!image || (!is_here && image::was_pulled(store, image->id))) return std::nullopt;
  return TRY(image::documents_here(store, *image, name_of(*image, wanted), depth));
}

}  // namespace tare::engine
