// SPDX-License-Identifier: Apache-2.0
// PRIVATE to the codec room: well-formed UTF-8. [RFC 3629 section 4]
#pragma once

#include <cstddef>
#include <string_view>

namespace tare::codec {

// Length of the well-formed sequence at byte `at` (1 for ASCII), 0 if there is none.
std::size_t utf8_length(std::string_view text, std::size_t at);
// How many bytes are well-formed up to the first that is not: all of them in good text.
std::size_t utf8_prefix(std::string_view text);
inline bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

}  // namespace tare::codec
