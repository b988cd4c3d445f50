// SPDX-License-Identifier: Apache-2.0
// Looking at images as docker buildx imagetools does, and the packages in them.
#pragma once

#include "front/cli/context.h"
#include "front/cli/options.h"

namespace tare::cli {

inline constexpr Option kImagetoolsInspect[] = {
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "format", OptionKind::Value, "format",
     "A Go template of .Name, .Manifest, .Image, .SBOM and .Provenance, as '{{json .SBOM}}'"},
    {0, "raw", OptionKind::Flag, "", "Byte for byte as it is stored"},
    {0,
     "tls-verify",
     OptionKind::Flag,
     "",
     "Verify certificates, and ask for them (on by default)",
     {},
     true},
};
inline constexpr Option kImagetoolsCreate[] = {
    {0, "append", OptionKind::MissingFlag, "", "'tare manifest create --amend' adds to a list"},
    {0, "annotation", OptionKind::MissingValue, "", "indexes cannot be annotated yet"},
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "dry-run", OptionKind::Flag, "", "Only show what would have the name"},
    {'f', "file", OptionKind::MissingValue, "", "descriptors in files are not read"},
    {0, "metadata-file", OptionKind::MissingValue, "", "the digest is printed"},
    {0, "prefer-index", OptionKind::Flag, "", "", {}, true, true},
    {0, "progress", OptionKind::Value, "how", "", {}, false, true},
    {'t', "tag", OptionKind::List, "name", "A name in a registry, which it gets"},
    {0,
     "tls-verify",
     OptionKind::Flag,
     "",
     "Verify certificates, and ask for them (on by default)",
     {},
     true},
};
inline constexpr Option kSbom[] = {
    {0, "format", OptionKind::Value, "format",
     "spdx or cyclonedx (JSON), table, json, or a Go template as '{{.Name}} {{.Version}}'"},
    {'o', "output", OptionKind::Value, "file", "Write to a file instead of standard output"},
};

Result<int> cmd_imagetools_inspect(Context& context, const Arguments& arguments);
Result<int> cmd_imagetools_create(Context& context, const Arguments& arguments);
Result<int> cmd_sbom(Context& context, const Arguments& arguments);

}  // namespace tare::cli
