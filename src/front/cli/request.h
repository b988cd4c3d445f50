// SPDX-License-Identifier: Apache-2.0
// The values of run's and create's options, each by the rules that Docker has for it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "front/cli/options.h"
#include "sys/signals.h"

namespace tare::cli {

// -v SOURCE:TARGET[:OPTIONS]. A source that starts with "." is taken from `directory`, one without
// a slash is a volume's name, and a target alone an anonymous volume. Errors: Invalid. [docker run
// reference, --volume]
Result<engine::MountRequest> parse_volume(std::string_view text, std::string_view directory);
// --mount type=bind,source=...,target=...,readonly. Fields may stand in double quotes, as in CSV.
Result<engine::MountRequest> parse_mount(std::string_view text, std::string_view directory);
// Fields with commas between; in double quotes a comma is a comma and "" a quote. Errors: Invalid,
// naming `option`. [RFC 4180]
Result<std::vector<std::string>> csv_fields(std::string_view option, std::string_view text);
// --tmpfs TARGET[:size=64m,mode=1777,exec,ro].
Result<engine::MountRequest> parse_tmpfs(std::string_view text);

// The value of a variable of this process; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
std::optional<std::string> process_environment(const std::string& name);

// "K=V" as it is, "K" with the value it has here; nullopt when it has none.
Result<std::optional<std::string>> resolve_variable(std::string_view text,
                                                    const Environment& environment);
// The lines of an --env-file or (without environment) --label-file: "K=V" kept to the byte, "K"
// resolved, lines that start with '#' and empty ones left out. `name` is for messages. Errors:
// Invalid, with the line's number.
Result<std::vector<std::string>> parse_variable_file(std::string_view content,
                                                     std::string_view name,
                                                     const Environment* environment);
// A file that the user named: may be a link or a pipe. At most 4 MiB.
Result<std::string> read_user_file(const std::string& path);
// --env-file and --env of a command together, later ones last.
Result<std::vector<std::string>> environment_of(const Arguments& arguments);

// The NAME=VALUE of an option that may be given several times; NAME alone has an empty value.
// Errors: Invalid.
Result<std::map<std::string, std::string>> pairs_of(const Arguments& arguments,
                                                    std::string_view option);

// --ulimit NAME=SOFT[:HARD], as engine::CreateRequest wants it.
Result<std::pair<std::string, std::string>> parse_ulimit(std::string_view text);

// --device PATH[:PATH][:rwm].
Result<engine::DeviceRequest> parse_device(std::string_view text);

using sys::parse_signal;

// All options of run and create, and the operands IMAGE [COMMAND...].
Result<engine::CreateRequest> create_request(const Arguments& arguments);
// The limits that update knows, and all that create does.
Result<engine::Resources> changed_resources(const Arguments& arguments);
Result<engine::Resources> new_resources(const Arguments& arguments);
// --oom-score-adj.
Result<std::optional<int>> oom_score(const Arguments& arguments);
// Which streams are attached: -a, or stdout, stderr and with -i stdin.
Result<engine::AttachRequest> attach_request(const Arguments& arguments);

}  // namespace tare::cli
