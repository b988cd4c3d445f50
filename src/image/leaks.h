// SPDX-License-Identifier: Apache-2.0
// Secrets in images: those that were given to a build, looked for in what it made, and what only
// secrets look like. What was found is remembered by layer and by config, so that it is known of
// every image that has them. docs/formats/leaks.md
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "image/image.h"

namespace tare::image {

struct Leak {
  std::string id;                      // Of --secret; or what it looks like.
  std::vector<std::string> where;      // Paths, or places of a config; some of them, escaped.
  std::set<std::string> secrets = {};  // Salted hashes of their contents, where they are known.
  bool operator==(const Leak&) const = default;
};

// By id.
using Secrets = std::map<std::string, std::string>;

// Whether one of them is in `text`, in any form.
bool has_secret(std::string_view text, const Secrets& secrets);

// Looks for `secrets` in a layer, unless that was done, and remembers the result, with salted
// hashes of them. Gives all that was ever found there. Errors: those of reading the layer.
Result<std::vector<Leak>> find_secrets(store::Store& store, const Digest& diff_id,
                                       const Secrets& secrets);
// The same for the history, the environment, the labels and all else in an image's config.
Result<std::vector<Leak>> find_secrets_in_config(store::Store& store, const Image& image,
                                                 const Secrets& secrets);
// So many places are remembered of one secret.
inline constexpr std::size_t kMostLeakPlaces = 8;
// What is remembered of a layer or a config, and the files of a layer that are copies of such with
// secrets. Not what is only suspected.
std::vector<Leak> leaks_of(const store::Store& store, const Digest& digest);
// What may have a secret that nobody could look for, as it was not given: remembered of a config
// until the next time, and refused as what was found.
Result<> set_suspected(store::Store& store, const Digest& digest, const std::vector<Leak>& leaks);
std::vector<Leak> suspected_of(const store::Store& store, const Digest& digest);
// Whether all secrets of `leak` were looked for in a layer.
bool was_searched(const store::Store& store, const Digest& diff_id, const Leak& leak);
// Remembers more of it.
Result<> add_leaks(store::Store& store, const Digest& digest, const std::vector<Leak>& leaks);

// Errors: Denied, naming the secret and the place, unless it is one of `allowed`.
Result<> refuse_leaks(const store::Store& store, const std::vector<Digest>& digests,
                      const std::vector<std::string>& allowed);

// What looks like a secret in the image, in layers that were made here. Layers that were looked at
// before are not read again.
Result<std::vector<Leak>> find_patterns(store::Store& store, const Image& image);

}  // namespace tare::image
