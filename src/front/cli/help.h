// SPDX-License-Identifier: Apache-2.0
// Texts made from the table of commands.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "front/cli/options.h"

namespace tare::cli {

std::string program_help();
std::string group_help(std::string_view group);
std::string command_help(const Arguments& arguments);  // By the name it was called by.

// The manual page tare(1) in man macros. [man(7)]
std::string man_page();
// For "bash", "zsh" or "fish". Errors: Invalid.
Result<std::string> completion_script(std::string_view shell);

// What is left of the name of a command or group behind `prefix`, if that is one word.
std::optional<std::string> next_word(std::string_view name, std::string_view prefix);

// Words in lines of at most `width` characters, the following ones indented by `indent`.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace tare::cli
