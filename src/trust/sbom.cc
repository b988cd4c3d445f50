// SPDX-License-Identifier: Apache-2.0
#include "trust/sbom.h"

#include "codec/sha256.h"

namespace tare::trust {
namespace {

constexpr const char* kUnknown = "NOASSERTION";

// Digits of a digest that nothing else has.
std::string id_of(const Package& package) {
  return package.type + "-" + codec::sha256(package.purl() + "\n" + package.place).short_hex();
}

// To the second, as SPDX wants it.
std::string time_of(UnixNanos when) {
  constexpr UnixNanos kSecond = 1'000'000'000;
  std::string text = rfc3339(when - when % kSecond);
  if (const std::size_t dot = text.find('.'); dot != std::string::npos) text.resize(dot);
  if (!text.ends_with('Z')) text += 'Z';
  return text;
}

json::Value print_spdx_package(const Package& package) {
  json::Value value;
  value.set("SPDXID", "SPDXRef-" + id_of(package));
  value.set("name", package.label());
  if (!package.version.empty()) value.set("versionInfo", package.version);
  if (!package.vendor.empty()) value.set("supplier", "Organization: " + package.vendor);
  value.set("downloadLocation", kUnknown);
  value.set("filesAnalyzed", false);
  value.set("licenseConcluded", kUnknown);
  // What is told need not be an SPDX expression.
  value.set("licenseDeclared", kUnknown);
  if (!package.license.empty()) value.set("licenseComments", package.license);
  value.set("copyrightText", kUnknown);
  std::string source = "found in " + package.place;
  if (!package.source.empty()) source += ", built from " + package.source;
  value.set("sourceInfo", source);
  json::Value purl;
  purl.set("referenceCategory", "PACKAGE-MANAGER");
  purl.set("referenceType", "purl");
  purl.set("referenceLocator", package.purl());
  value.set("externalRefs", json::Array{std::move(purl)});
  return value;
}

json::Value relation(const std::string& from, const char* type, const std::string& to) {
  json::Value value;
  value.set("spdxElementId", from);
  value.set("relationshipType", type);
  value.set("relatedSpdxElement", to);
  return value;
}

// A UUID of the kind whose bits are ours. [RFC 9562, 5.8]
std::string uuid_of(const Digest& digest) {
  std::string hex = digest.hex().substr(0, 32);
  hex[12] = '8';
  hex[16] = "89ab"[static_cast<unsigned char>(hex[16]) % 4];
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

json::Value property(const char* name, const std::string& text) {
  json::Value value;
  value.set("name", name);
  value.set("value", text);
  return value;
}

json::Value print_component(const Package& package) {
  json::Value value;
  value.set("type", "library");
  value.set("bom-ref", id_of(package));
  if (!package.vendor.empty()) value.set("supplier", json::Object()).set("name", package.vendor);
  if (!package.space.empty()) value.set("group", package.space);
  value.set("name", package.name);
  if (!package.version.empty()) value.set("version", package.version);
  if (!package.license.empty()) {
    json::Value named;
    named.set("name", package.license);
    json::Value license;
    license.set("license", std::move(named));
    value.set("licenses", json::Array{std::move(license)});
  }
  value.set("purl", package.purl());
  json::Array properties{property("tare:place", package.place)};
  if (!package.source.empty()) properties.push_back(property("tare:source", package.source));
  value.set("properties", std::move(properties));
  return value;
}

}  // namespace

json::Value print_spdx(const PackageList& list) {
  constexpr const char* kDocument = "SPDXRef-DOCUMENT";
  constexpr const char* kImage = "SPDXRef-image";
  json::Value value;
  value.set("spdxVersion", "SPDX-2.3");
  value.set("dataLicense", "CC0-1.0");
  value.set("SPDXID", kDocument);
  value.set("name", list.image.text());
  value.set("documentNamespace", "urn:tare:spdx:" + list.image.hex());
  json::Value& info = value.set("creationInfo", json::Object());
  info.set("created", time_of(list.created));
  info.set("creators", json::Array{"Tool: tare-" + list.version});
  if (!list.notes.empty()) value.set("comment", join(list.notes, "\n"));
  json::Value image;
  image.set("SPDXID", kImage);
  image.set("name", "image");
  image.set("versionInfo", list.image.text());
  image.set("downloadLocation", kUnknown);
  image.set("filesAnalyzed", false);
  image.set("primaryPackagePurpose", "CONTAINER");
  json::Array packages{std::move(image)};
  json::Array relations{relation(kDocument, "DESCRIBES", kImage)};
  for (const Package& each : list.packages) {
    packages.push_back(print_spdx_package(each));
    relations.push_back(relation(kImage, "CONTAINS", "SPDXRef-" + id_of(each)));
  }
  value.set("packages", std::move(packages));
  value.set("relationships", std::move(relations));
  return value;
}

json::Value print_cyclonedx(const PackageList& list) {
  json::Value value;
  value.set("bomFormat", "CycloneDX");
  value.set("specVersion", "1.6");
  value.set("serialNumber", "urn:uuid:" + uuid_of(list.image));
  value.set("version", 1);
  json::Value& metadata = value.set("metadata", json::Object());
  json::Value tool;
  tool.set("type", "application");
  tool.set("name", "tare");
  tool.set("version", list.version);
  metadata.set("tools", json::Object()).set("components", json::Array{std::move(tool)});
  json::Value& image = metadata.set("component", json::Object());
  image.set("type", "container");
  image.set("bom-ref", "image");
  image.set("name", "image");
  image.set("version", list.image.text());
  if (!list.notes.empty())
    metadata.set("properties", json::Array{property("tare:note", join(list.notes, "\n"))});
  json::Array components;
  for (const Package& each : list.packages) components.push_back(print_component(each));
  if (!list.distribution.id.empty()) {
    json::Value system;
    system.set("type", "operating-system");
    system.set("bom-ref", "operating-system");
    system.set("name", escaped(list.distribution.id));
    if (!list.distribution.version.empty())
      system.set("version", escaped(list.distribution.version));
    components.push_back(std::move(system));
  }
  value.set("components", std::move(components));
  return value;
}

}  // namespace tare::trust
