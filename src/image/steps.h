// SPDX-License-Identifier: Apache-2.0
// The build cache: what steps of builds have made, each a layer in the store and a record that
// keeps it there (steps/KEY.json). A step is not an image, and images share layers with it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "image/image.h"
#include "store/store.h"

namespace tare::image {

// Something from elsewhere that went into a step: the image of FROM, what ADD and RUN fetched.
struct Material {
  enum class Kind : std::uint8_t { Image, Url, Git } kind = Kind::Url;
  std::string uri;         // As it was asked for, without passwords.
  Digest digest;           // Of its manifest (Image), of its bytes (Url), of a tar (Git).
  std::uint64_t size = 0;  // Bytes of a Url, of the tar of a Git; 0 otherwise.
  std::string revision;    // The commit (Git); "" otherwise.
  // Of a Url that a program of RUN asked for: how (transfer/recording.h; "" is GET), and the answer
  // without its body. A status of 0: a build itself took it.
  std::string request;
  int status = 0;
  std::vector<std::string> headers;

  auto operator<=>(const Material&) const = default;
};
// Whether its bytes are a blob, kept by the steps that have it.
inline bool is_kept(const Material& material) { return material.kind != Material::Kind::Image; }

struct Step {
  Digest key;              // Of all that its result depends on.
  Digest diff_id;          // Empty: it changed no file.
  std::uint64_t size = 0;  // Bytes of the files in its layer.
  std::string what;        // The instruction, for people.
  std::vector<Material> materials;
  // RUN: it had nothing from elsewhere but its materials, and all of them (build/pins.cc).
  bool is_sealed = false;
  bool is_foreign = false;  // From a cache elsewhere: all that is known of it is what that says.
  UnixNanos made_at = 0;
  UnixNanos last_used = 0;
};

class Steps {
 public:
  // Both must outlive the object.
  Steps(store::Store& store, store::RootfsBackend& rootfs) : store_(store), rootfs_(rootfs) {}

  // None is removed, and no layer, as long as this is held.
  Result<sys::Fd> hold() const;
  // Nothing when there is none, or when its layer is not there or damaged. Notes that it is used.
  Result<std::optional<Step>> find(const Digest& key) const;
  // Keeps what a step has made under its key: `tar`, an uncompressed layer, or null when it changed
  // nothing. Returns it with the layer's facts. Errors: those of taking in a layer; Corrupt (it is
  // not the layer `step` names, if it names one); nothing is left then.
  // `like`: layers that have much the same, as of store::LayerInput.
  Result<Step> add(Step step, codec::Source* tar, const std::vector<Digest>& like = {});
  // An image of layers that are here, whose diff_ids the config gets. `names`: full references.
  // `annotations`: of the manifest.
  // Whoever calls holds hold(). Errors: NotFound (a layer).
  // `may_be_there`: what is here already is good enough, and nothing is waited for then.
  Result<Image> make_image(oci::ImageConfig config, const std::vector<store::Layer>& layers,
                           const std::vector<std::string>& names,
                           const std::map<std::string, std::string>& annotations = {},
                           bool may_be_there = false);

  // Oldest use first. What cannot be read is not among them.
  Result<std::vector<Step>> list() const;
  // Layers that nothing else uses go with the next sweep().
  Result<> remove(const std::vector<Digest>& keys);
  // After the power was cut during a build: takes away all steps and file systems, of which some
  // may not be whole. After one was killed: those steps that were for it alone. Costs nothing
  // otherwise. Returns whether there was one of either.
  Result<bool> drop_unsynced();
  // Removes what nobody needs any more, now. Nothing while others are at work on images.
  Result<> sweep();

 private:
  store::Store& store_;
  store::RootfsBackend& rootfs_;
};

}  // namespace tare::image
