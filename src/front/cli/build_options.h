// SPDX-License-Identifier: Apache-2.0
// The options of build.
#pragma once

#include "front/cli/options.h"
#include "front/cli/resource_options.h"

namespace tare::cli {

inline constexpr Option kBuild[] = {
    {0, "add-host", OptionKind::List, "name:address", "Of RUN: a name in /etc/hosts"},
    {0, "allow", OptionKind::List, "entitlement",
     "Allow security.insecure, network.host or host.ansible"},
    {0, "annotation", OptionKind::List, "[place:]name=value",
     "Annotate the image: its manifest (manifest:), its index: or its manifest-descriptor: there"},
    {0, "at", OptionKind::Value, "line", "Build up to this line, and open a shell there"},
    {0, "build-arg", OptionKind::List, "name[=value]", "Set a variable of ARG"},
    // There is one.
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "build-context", OptionKind::List, "name=place",
     "A further context: a directory, an archive's or git URL, docker-image://, oci-layout://"},
    {0, "cache-from", OptionKind::List, "spec",
     "Steps that builds elsewhere made: NAME, type=registry,ref=NAME or type=local,src=DIR"},
    {0, "cache-to", OptionKind::List, "spec",
     "Keep steps for them: type=registry,ref=NAME, type=local,dest=DIR, type=inline; mode=min|max"},
    {0, "call", OptionKind::Value, "method",
     "Instead of building: check, outline (what can be given), targets; with ,format=json as JSON"},
    {0, "cgroup-parent", OptionKind::Value, "path", "Of RUN: below this control group"},
    {0, "check", OptionKind::Flag, "", "The same as --call check"},
    {0, "check-reproducible", OptionKind::Flag, "",
     "Build it twice under different circumstances and name the first file that differs"},
    {'f', "file", OptionKind::Value, "file", "The Dockerfile (default: Dockerfile of the context)"},
    {0, "force-rm", OptionKind::Flag, "", "", {}, false, true},
    // Contexts do not go over a network.
    {0, "compress", OptionKind::Flag, "", "", {}, false, true},
    resource_options::kCpuPeriod,
    resource_options::kCpuQuota,
    resource_options::kCpuShares,
    resource_options::kCpusetCpus,
    resource_options::kCpusetMems,
    {0, "iidfile", OptionKind::Value, "file", "Write the id of the image to it"},
    {0, "isolation", OptionKind::MissingValue, "", "there is one way to isolate RUN here",
     "default"},
    {0, "label", OptionKind::List, "name=value", "Set a label of the image"},
    resource_options::kMemory,
    resource_options::kMemorySwap,
    {0, "metadata-file", OptionKind::Value, "file", "Write what was built to it, as JSON"},
    {0, "network", OptionKind::Value, "mode", "Of RUN: default, none, host, recorded"},
    {0, "lock", OptionKind::Value, "file", "The lock (default: beside the Dockerfile)"},
    {0, "locked", OptionKind::Flag, "", "Take nothing but what the lock has"},
    {0, "no-lock", OptionKind::Flag, "",
     "Without a lock, and without recording what RUN downloads"},
    {0, "no-cache", OptionKind::Flag, "", "Do every step again"},
    {0, "no-cache-filter", OptionKind::List, "stages", "Do the steps of these stages again"},
    {'o', "output", OptionKind::List, "spec",
     "Where it goes: DIR, -, type=local|tar|oci|docker|image|registry|cacheonly,dest=PLACE"},
    {0, "platform", OptionKind::Value, "platform", "Of base images and the result"},
    {0, "print", OptionKind::Flag, "", "Print a Dockerfile without extensions, and build nothing"},
    {0, "progress", OptionKind::Value, "how", "auto, plain, tty, quiet, none, rawjson"},
    {0, "pull", OptionKind::Flag, "", "Get base images again, even if they are here"},
    {'q', "quiet", OptionKind::Flag, "", "Print nothing but the id of the image"},
    {0, "rm", OptionKind::Flag, "", "", {}, false, true},
    {0, "secret", OptionKind::List, "id=id[,src=file|,env=name]", "A secret for RUN --mount"},
    {0, "security-opt", OptionKind::List, "option",
     "Of RUN: no-new-privileges, seccomp=FILE, seccomp=unconfined, systempaths=unconfined"},
    {0, "shm-size", OptionKind::Value, "bytes", "Of RUN: size of /dev/shm (default 64m)"},
    {0, "shell-on-error", OptionKind::Flag, "", "Open a shell where a RUN failed"},
    {0, "ssh", OptionKind::List, "id[=socket]", "An SSH agent for RUN --mount"},
    {'t', "tag", OptionKind::List, "name", "Name of the image"},
    {0, "target", OptionKind::Value, "stage", "Build up to this stage"},
    {0, "ulimit", OptionKind::List, "name=soft[:hard]", "Of RUN: a resource limit"},
    {0, "attest", OptionKind::List, "type=provenance|sbom[,...]",
     "What is said of the image in it: type=provenance,mode=min|max, type=sbom; disabled=true"},
    {0, "provenance", OptionKind::Value, "mode=min|max|false",
     "How the image was built, attached to it (default mode=max)"},
    {0, "sbom", OptionKind::Value, "true|false",
     "The packages in the image, attached to it (on by default)"},
    {0, "load", OptionKind::Flag, "", "Into the store, also with other outputs"},
    {0, "push", OptionKind::Flag, "", "Push the image by its names"},
    {0, "layer-per-step", OptionKind::Flag, "",
     "A layer for each step, as docker build makes them"},
    {0, "squash", OptionKind::Flag, "", "One layer for all steps"},
    {0, "squash-all", OptionKind::Flag, "", "One layer for all steps and the base image"},
};

inline constexpr Option kBuilders[] = {
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "format", OptionKind::Value, "format", "json, or a Go template"},
    {0, "no-trunc", OptionKind::Flag, "", "", {}, false, true},
};
inline constexpr Option kBuilderInspect[] = {
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "bootstrap", OptionKind::Flag, "", "", {}, false, true},
};
inline constexpr Option kBuilderCreate[] = {
    {0, "append", OptionKind::Flag, "", "", {}, false, true},
    {0, "bootstrap", OptionKind::Flag, "", "", {}, false, true},
    {0, "driver", OptionKind::Value, "driver", "docker or docker-container: no other is there"},
    {0, "leave", OptionKind::Flag, "", "", {}, false, true},
    {0, "name", OptionKind::Value, "name", "What the one builder is called in the answer"},
    {0, "platform", OptionKind::List, "platform", "", {}, false, true},
    {0, "use", OptionKind::Flag, "", "", {}, false, true},
    // Of a server for builds, which there is not.
    {0, "driver-opt", OptionKind::List, "option", "", {}, false, true},
    {0, "buildkitd-flags", OptionKind::List, "flags", "", {}, false, true},
    {0, "buildkitd-config", OptionKind::List, "file", "", {}, false, true},
    {0, "config", OptionKind::List, "file", "", {}, false, true},
    {0, "node", OptionKind::Value, "name", "", {}, false, true},
};
inline constexpr Option kBuilderUse[] = {
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "all-inactive", OptionKind::Flag, "", "", {}, false, true},
    {0, "default", OptionKind::Flag, "", "", {}, false, true},
    {'f', "force", OptionKind::Flag, "", "", {}, false, true},
    {0, "global", OptionKind::Flag, "", "", {}, false, true},
    {0, "keep-daemon", OptionKind::Flag, "", "", {}, false, true},
    {0, "keep-state", OptionKind::Flag, "", "", {}, false, true},
};
inline constexpr Option kBake[] = {
    {0, "allow", OptionKind::List, "entitlement", "As of build; a file cannot say it"},
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "call", OptionKind::Value, "method", "build or check"},
    {0, "check", OptionKind::Flag, "", "The same as --call check"},
    {'f', "file", OptionKind::List, "file",
     "The targets, as HCL or JSON (default: docker-bake.json and .hcl, then "
     "docker-bake.override.*)"},
    {0, "list", OptionKind::Value, "what", "List targets or variables; type=WHAT,format=json"},
    {0, "load", OptionKind::Flag, "", "Into the store, also with other outputs"},
    {0, "metadata-file", OptionKind::Value, "file", "Write what was built to it, as JSON"},
    {0, "no-cache", OptionKind::Flag, "", "Do every step again"},
    {0, "print", OptionKind::Flag, "", "Print what would be built, and build nothing"},
    {0, "progress", OptionKind::Value, "how", "auto, plain, tty, quiet, rawjson"},
    {0, "provenance", OptionKind::Value, "mode=min|max|false", "As of build, for all"},
    {0, "pull", OptionKind::Flag, "", "Get base images again, even if they are here"},
    {0, "push", OptionKind::Flag, "", "Push the images by their names"},
    {0, "sbom", OptionKind::Value, "true|false", "As of build, for all"},
    {0, "set", OptionKind::List, "target.member=value", "Say otherwise than the file; '*' is all"},
    {0, "var", OptionKind::List, "name=value", "Set a variable of the file"},
};
inline constexpr Option kBuilderUsage[] = {
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {0, "filter", OptionKind::MissingValue, "", "'tare builder prune --dry-run --filter' has some"},
    {0, "format", OptionKind::Value, "format", "json, or a Go template"},
    {0, "verbose", OptionKind::Flag, "", "What each step was, whole"},
};

inline constexpr Option kWhy[] = {
    {0, "format", OptionKind::Value, "format", "json, or a Go template"},
    {0, "json", OptionKind::Flag, "", "The same as --format json"},
};

inline constexpr Option kLockLs[] = {
    {'f', "file", OptionKind::Value, "file",
     "The Dockerfile (default: Dockerfile of the directory)"},
    {0, "lock", OptionKind::Value, "file", "The lock (default: beside the Dockerfile)"},
    {0, "locked", OptionKind::Flag, "", "", {}, false, true},
    {0, "no-lock", OptionKind::Flag, "", "", {}, false, true},
    {0, "pull", OptionKind::Flag, "", "", {}, false, true},
};

inline constexpr Option kBuilderPrune[] = {
    {0, "builder", OptionKind::Value, "name", "", {}, false, true},
    {'a', "all", OptionKind::Flag, "", "Also what was used within a day"},
    {0, "dry-run", OptionKind::Flag, "", "Only say what would go"},
    {0, "filter", OptionKind::List, "filter", "until=24h: what was not used for so long"},
    {'f', "force", OptionKind::Flag, "", "Do not ask"},
    {0, "keep-storage", OptionKind::Value, "bytes", "Keep so much of what was used last"},
    {0, "max-used-space", OptionKind::Value, "bytes", "The same", {}, false, true},
    {0, "reserved-space", OptionKind::Value, "bytes", "The same", {}, false, true},
    {0, "verbose", OptionKind::Flag, "", "List what goes"},
};

}  // namespace tare::cli
