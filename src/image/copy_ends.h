// SPDX-License-Identifier: Apache-2.0
// The two ends of a copy: where an image, an index or an artifact comes from, and where it goes to.
// Documents keep their bytes on the way. Private to the room.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codec/compress.h"
#include "image/archive.h"
#include "image/blob_mover.h"
#include "image/image.h"
#include "image/registry.h"

namespace tare::image {

// "docker://NAME", "oci:DIR[:TAG]", "oci-archive:FILE[:TAG]", "docker-archive:FILE[:NAME]",
// "store:NAME". [containers-transports(5)]
struct Location {
  enum class Type : std::uint8_t { Registry, Layout, OciArchive, DockerArchive, Store };
  Type type = Type::Registry;
  std::string place;  // A reference, or a path.
  std::string tag;    // In a layout or archive; may be empty.

  static Result<Location> parse(std::string_view text);
};

struct CopiedDocument {
  RawManifest raw;
  oci::Document document;
  bool is_referrer = false;
};

// All that is copied. Documents that others name come before those; the one that the name stands
// for is the last.
struct CopyPlan {
  std::vector<CopiedDocument> documents;
  std::vector<MovedBlob> blobs;

  const CopiedDocument& named() const { return documents.back(); }
};

class CopySource {
 public:
  virtual ~CopySource() = default;
  // What the name stands for, and other documents by descriptors in it; verified.
  virtual Result<RawManifest> named() = 0;
  virtual Result<RawManifest> document(const oci::Descriptor& descriptor) = 0;
  virtual Result<std::string> config(const oci::Descriptor& descriptor) = 0;
  // Descriptors of what refers to a document.
  virtual Result<std::vector<oci::Descriptor>> referrers(const Digest& digest) = 0;
  // Where blobs come from (BlobEnds): a site, or files one by one, which are not verified.
  virtual const Site* site() const { return nullptr; }
  virtual Result<sys::Fd> open(const oci::Descriptor& descriptor) = 0;
  // Sentences for the user: what could not be kept.
  virtual std::string note() const { return ""; }
};

class CopyTarget {
 public:
  virtual ~CopyTarget() = default;
  // Before anything is copied. Errors: Unsupported (it cannot hold that).
  virtual Result<> begin(const CopyPlan& plan) = 0;
  virtual const Site* site() const { return nullptr; }
  virtual Result<bool> has(const oci::Descriptor& blob) = 0;
  // Verified on the way.
  virtual Result<> keep(const oci::Descriptor& blob, const BlobFile& file) = 0;
  // When all blobs are there. What it is called appears last.
  virtual Result<> finish(const CopyPlan& plan) = 0;
  virtual std::string note() const { return ""; }
};

// Adds `referrer`, which is there, to the list that a registry without one of its own has under a
// tag. Errors: those of the registry.
Result<> list_referrer(Registry& registry, const Site& site, const Digest& subject,
                       const CopiedDocument& referrer);

// The context of a copy, for both ends.
struct CopyContext {
  store::Store& store;
  store::RootfsBackend& rootfs;
  const Images& images;
  Registry* registry = nullptr;
  store::Store::Scratch* scratch = nullptr;
  const sys::IdMap* unpack_for = nullptr;
  bool all = false;  // CopyRequest::all.
};

// `site` is connected.
std::unique_ptr<CopySource> registry_source(const CopyContext& context, Site site,
                                            RawManifest named);
Result<std::unique_ptr<CopySource>> local_source(const CopyContext& context,
                                                 const Location& location);
std::unique_ptr<CopyTarget> registry_target(const CopyContext& context, Site site,
                                            const Reference& name);
Result<std::unique_ptr<CopyTarget>> local_target(const CopyContext& context,
                                                 const Location& location);
Result<std::unique_ptr<CopyTarget>> store_target(const CopyContext& context,
                                                 const Location& location);

// Names of images in layouts. [image-spec 1.1 annotations.md; containerd's own annotation]
inline constexpr const char* kRefName = "org.opencontainers.image.ref.name";
inline constexpr const char* kFullName = "io.containerd.image.name";

// [image-spec 1.1 layer.md, media types; xz has none, but Docker reads it]
std::string layer_type(codec::Compression compression);
// The descriptor of a document for an index: its type and that of an artifact.
oci::Descriptor describe(const CopiedDocument& document);
const Digest& subject_of(const oci::Document& document);
// Not a file system for containers, as a signature or a list of packages.
bool is_artifact(const oci::Document& document);

}  // namespace tare::image
