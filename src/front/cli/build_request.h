// SPDX-License-Identifier: Apache-2.0
// What `tare build` was asked for.
#pragma once

#include "build/builder.h"
#include "front/cli/options.h"

namespace tare::cli {

// Reads the Dockerfile, its .dockerignore and the secrets. To be called before the engine is made:
// that may enter a user namespace, in which others' files belong to nobody. Errors: Invalid (an
// option, by name), NotFound, Unsupported.
Result<build::BuildRequest> build_request(const Arguments& arguments);
// Without a Dockerfile: only the context, which is the directory `place`, arguments, named
// contexts, secrets, agents and what is allowed. When and errors: as above.
Result<build::BuildRequest> build_inputs(const Arguments& arguments, const std::string& place);

// SECURITY: contexts are others' work: a link in one leads to nothing outside of `directory`, and
// what is no file is not waited for. Errors: NotFound; Invalid.
Result<std::string> read_in_context(const std::string& directory, const std::string& name,
                                    std::size_t max_bytes);

}  // namespace tare::cli
