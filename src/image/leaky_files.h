// SPDX-License-Identifier: Apache-2.0
// Files that a secret was found in, known again wherever they are copied to: COPY --from a stage
// makes another layer of them. Private to the room. docs/formats/leaks.md
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "image/leaks.h"

namespace tare::image {

// Ids of secrets by the paths that they were found in, as Leak has them.
using LeakyPaths = std::map<std::string, std::set<std::string>>;

// Remembers contents and link targets of those files of a layer, by salted digests. Nothing of what
// is no layer. Errors: those of writing.
Result<> remember_leaky_files(store::Store& store, const Digest& diff_id, const LeakyPaths& paths,
                              const std::string& salt);
// Such contents and targets in a layer, by its index: no file is read.
std::vector<Leak> find_leaky_copies(const store::Store& store, const Digest& diff_id);

}  // namespace tare::image
