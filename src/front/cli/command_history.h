// SPDX-License-Identifier: Apache-2.0
// Records of builds, as docker buildx history shows them.
#pragma once

#include "front/cli/context.h"
#include "front/cli/options.h"

namespace tare::cli {

inline constexpr Option kBuildRecords[] = {
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "filter", OptionKind::List, "filter", "status=completed, error or canceled; ref=ID"},
    {0, "format", OptionKind::Value, "format", "table, json, or a Go template"},
    {0, "local", OptionKind::MissingFlag, "", "there are no builds but those of this machine"},
    {0, "no-trunc", OptionKind::Flag, "", "Do not shorten names"},
};
inline constexpr Option kBuildRecordInspect[] = {
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "format", OptionKind::Value, "format", "pretty, json, or a Go template"},
};
inline constexpr Option kBuildRecordLogs[] = {
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "progress", OptionKind::MissingValue, "", "only lines of text are kept", "plain"},
};
inline constexpr Option kBuildRecordRemove[] = {
    {'a', "all", OptionKind::Flag, "", "All of them"},
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
};

Result<int> cmd_build_records(Context& context, const Arguments& arguments);
Result<int> cmd_build_record_inspect(Context& context, const Arguments& arguments);
Result<int> cmd_build_record_logs(Context& context, const Arguments& arguments);
Result<int> cmd_build_record_remove(Context& context, const Arguments& arguments);

}  // namespace tare::cli
