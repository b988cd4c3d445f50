// SPDX-License-Identifier: Apache-2.0
// steps/KEY.json. Private to the room.
#pragma once

#include <vector>

#include "image/steps.h"

namespace tare::image {

std::string print_step(const Step& step);
// The same as JSON, where there are several.
json::Value step_value(const Step& step);
Result<Step> step_from(const Digest& key, const json::Value& value);
// `last_used` is not in it. Errors: Corrupt, Unsupported.
Result<Step> parse_step(const Digest& key, std::string_view text);
Result<> write_step(store::Store& store, const Step& step);
// Errors: NotFound, Corrupt.
Result<Step> load_step(const store::Store& store, const Digest& key);
Result<std::vector<Digest>> list_step_keys(const store::Store& store);

}  // namespace tare::image
