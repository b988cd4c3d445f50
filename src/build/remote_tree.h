// SPDX-License-Identifier: Apache-2.0
// Build contexts from elsewhere: git repositories and archives, unpacked into a directory of their
// own. [BuildKit frontend 1.20, "Build context"; docker buildx build, "--build-context"]
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "build/builder.h"

namespace tare::build {

// Of contexts that are images.
inline constexpr std::string_view kImageContext = "docker-image://";
inline constexpr std::string_view kLayoutContext = "oci-layout://";
// Whether a context's place is one that is fetched.
bool is_remote_context(std::string_view place);

// What an archive has, compressed or not, in a directory of this machine: no path, link or owner of
// it means anything outside, and it has no devices and attributes. Nothing when `file` (at its
// start) is none. Errors: Corrupt; Unavailable (no room); Unsupported (devices).
Result<std::optional<std::string>> unpack_context(Workshop& workshop, int file);

struct RemoteTree {
  std::string directory;  // Empty: it is no archive, but `text`.
  std::string text;
  image::Material material;
};
// Fetches a context, as the lock of `build` has it; what came stays in the store as if a step had
// made it. `option`: where its address stood, for people. Errors: those of pin(), Workshop::fetch()
// and unpack_context().
Result<RemoteTree> fetch_context(Workshop& workshop, const BuildRequest& build,
                                 const std::string& place, const std::string& option,
                                 bool keep_git_dir, const std::function<bool()>& is_interrupted);

// Completes a request whose context is not a directory of this machine: `request.remote`, or what
// comes on standard input (`archive`, at its start, or -1). Dockerfile and rules are read from it.
// Errors: those of fetch_context(); NotFound (no Dockerfile).
Result<> open_remote_context(Workshop& workshop, BuildRequest& request, int archive,
                             const std::function<bool()>& is_interrupted);

}  // namespace tare::build
