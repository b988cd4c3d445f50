// SPDX-License-Identifier: Apache-2.0
#include "oci/manifest.h"

#include <doctest/doctest.h>

#include "oci/image_config.h"

namespace tare::oci {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'b');

std::string descriptor(const std::string& type, const std::string& size = "7") {
  return R"({"mediaType":")" + type + R"(","digest":")" + kDigest + R"(","size":)" + size + "}";
}

std::string manifest(const std::string& more = "") {
  return R"({"schemaVersion":2,)" + more + R"("config":)" + descriptor(std::string(kConfigType)) +
         R"(,"layers":[)" + descriptor(std::string(kLayerType)) + "]}";
}

TEST_CASE("manifest: read and printed") {
  const auto document = parse_document(manifest(), kManifestType);
  REQUIRE(document);
  const auto& read = std::get<Manifest>(*document);
  CHECK(read.media_type == kManifestType);
  CHECK(read.layers.at(0).size == 7);
  CHECK(parse_document(print_manifest(read), ""));
}

TEST_CASE("manifest: ambiguity is refused") {
  for (const std::string& text : {
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"schemaVersion":2})"),
           std::string(R"({"schemaVersion":2,"manifests":[],"layers":[]})"),
           std::string(R"({"schemaVersion":2,"layers":null,"manifests":[]})"),
           std::string(R"({"schemaVersion":2,"Manifests":[]})"),
           std::string(R"({"schemaVersion":"2","manifests":[]})"),
           std::string(R"({"schemaVersion":1,"fsLayers":[]})"),
           std::string(R"({"schemaVersion":2,"manifests":[],"manifests":[]})"),
           std::string(R"({"schemaVersion":2,"manifests":{}})"),
           manifest(R"("mediaType":"application/vnd.oci.image.index.v1+json",)"),
           manifest(R"("mediaType":7,)"),
           R"({"schemaVersion":2,"manifests":[)" + descriptor("x", "-1") + "]}",
           R"({"schemaVersion":2,"manifests":[)" + descriptor("x", "1.5") + "]}",
           R"({"schemaVersion":2,"manifests":[)" + descriptor("x", "99999999999999999999") + "]}",
       }) {
    CAPTURE(text);
    CHECK(!parse_document(text, ""));
  }
  CHECK(!parse_document(manifest(), kIndexType));
  CHECK(!parse_document(manifest(), kConfigType));
  CHECK(parse_document(manifest(), kDockerManifestType));
}

TEST_CASE("layout: versions 1.x") {
  CHECK(check_layout(kLayoutText));
  CHECK(!check_layout(R"({"imageLayoutVersion":"2.0.0"})"));
  CHECK(!check_layout("{}"));
}

TEST_CASE("image config: read, printed, read") {
  const std::string text =
      R"({"created":"2026-01-02T03:04:05Z","author":"me","architecture":"amd64","os":"linux",)"
      R"("unknown":{"x":1},"config":{"User":"u","Env":["A=b"],"Cmd":null,"Entrypoint":["/e"],)"
      R"("ExposedPorts":{"90/udp":{},"80/tcp":{}},"Volumes":null,"WorkingDir":"/w",)"
      R"("Labels":{"z":"1","a":"2"},"StopSignal":"SIGINT","Healthcheck":{"Test":["CMD","x"],)"
      R"("Retries":3}},"rootfs":{"type":"layers","diff_ids":[")" +
      kDigest + R"("]},"history":[{"created_by":"c","empty_layer":true}]})";
  const auto config = parse_image_config(text);
  REQUIRE(config);
  CHECK(config->exposed_ports == std::vector<std::string>{"80/tcp", "90/udp"});
  CHECK(config->cmd.empty());
  CHECK(config->has_healthcheck);
  CHECK(config->healthcheck.retries == 3);
  CHECK(config->history.at(0).empty_layer);
  CHECK(config->diff_ids.at(0).text() == kDigest);
  const std::string printed = print_image_config(*config);
  const auto again = parse_image_config(printed);
  REQUIRE(again);
  CHECK(print_image_config(*again) == printed);
  CHECK(config_object(*config)["Labels"]["z"].as_string() == "1");
}

TEST_CASE("image config: wrong types are refused") {
  const std::string rootfs = R"("rootfs":{"type":"layers","diff_ids":[]})";
  CHECK(parse_image_config("{" + rootfs + "}"));
  for (const std::string& text : {
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"rootfs":{"type":"x"}})"),
           std::string(R"({"rootfs":{"type":"layers","diff_ids":["sha256:1"]}})"),
           "{" + rootfs + R"(,"config":[]})",
           "{" + rootfs + R"(,"config":{"Env":"A=b"}})",
           "{" + rootfs + R"(,"config":{"Cmd":[1]}})",
           "{" + rootfs + R"(,"config":{"User":"a\u0000b"}})",
           "{" + rootfs + R"(,"config":{"Labels":{"a":1}}})",
           "{" + rootfs + R"(,"created":"now"})",
           "{" + rootfs + R"(,"history":{}})",
           "{" + rootfs + "," + rootfs + "}",
       }) {
    CAPTURE(text);
    CHECK(!parse_image_config(text));
  }
}

}  // namespace
}  // namespace tare::oci
