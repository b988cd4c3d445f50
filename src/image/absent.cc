// SPDX-License-Identifier: Apache-2.0
#include "image/absent.h"

#include <algorithm>

#include "image/records.h"
#include "store/damage.h"

namespace tare::image {
namespace {

Result<> check_present(const store::Store& store, const Digest& digest) {
  if (store::has_blob_bytes(store, digest)) return {};
  return std::unexpected(Error(Kind::NotFound, "the compressed bytes of layer " + digest.text() +
                                                   " are not in the store: it was pulled in parts")
                             .hint("tare pull --whole IMAGE gets them"));
}

}  // namespace

bool is_here_in_parts(const store::Store& store, const PlannedLayer& layer) {
  return !layer.diff_id.empty() && store::has_layer(store, layer.diff_id) &&
         !store::is_damaged(store, layer.diff_id) && !store::is_damaged(store, layer.digest) &&
         has_pair(store, layer.digest, layer.diff_id, true).value_or(false);
}

bool lacks_bytes(const store::Store& store, const Image& image) {
  return std::ranges::any_of(image.layers, [&](const store::Layer& layer) {
    return !store::has_blob_bytes(store, layer.blob);
  });
}

Result<sys::Fd> open_present_file(const store::Store& store, const Digest& digest) {
  TRY(check_present(store, digest));
  return store::open_blob_file(store, digest);
}

Result<store::BlobBytes> open_present_bytes(const store::Store& store, const Digest& digest) {
  TRY(check_present(store, digest));
  return store::open_blob_bytes(store, digest);
}

}  // namespace tare::image
