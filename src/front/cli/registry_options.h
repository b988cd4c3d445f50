// SPDX-License-Identifier: Apache-2.0
// The options of the commands that speak with registries: rows of the table in commands.cc, and of
// no use elsewhere.
#pragma once

#include "front/cli/options.h"

namespace tare::cli {

using enum OptionKind;

inline constexpr Option kTransfers[] = {
    {0, "json", Flag, "", "Print progress and result as lines of JSON"},
    {0, "rate", Value, "bytes", "At most so many bytes in a second, as 2m"},
    {0, "tls-verify", Flag, "", "Verify certificates, and ask for them (on by default)", {}, true},
};
inline constexpr Option kPull[] = {
    {'a', "all-tags", Flag, "", "All tags of the repository"},
    {0, "whole", Flag, "", "All bytes of layers, also where parts of them would do"},
    {0, "platform", Value, "os/arch", "The image for another kind of machine"},
    {'q', "quiet", Flag, "", "Print the name only"},
    {0, "disable-content-trust", Flag, "", "", {}, true, true},
};
inline constexpr Option kPush[] = {
    {'a', "all-tags", Flag, "", "All tags of the repository that are here"},
    {0, "allow-secret", List, "id", "Push it although this secret of its build is in it"},
    {'q', "quiet", Flag, "", "Print the name only"},
    {0, "platform", MissingValue, "", "an image here is for one platform"},
    {0, "disable-content-trust", Flag, "", "", {}, true, true},
};

inline constexpr Option kCopy[] = {
    {'a', "all", Flag, "", "Of an index everything: all platforms, and what else is in it"},
    {0, "allow-secret", List, "id", "To a registry although this secret of its build is in it"},
    {0,
     "dest-tls-verify",
     Flag,
     "",
     "The same as --tls-verify, for the destination only",
     {},
     true},
    {0, "platform", Value, "os/arch", "Of an index the image for another kind of machine"},
    {'q', "quiet", Flag, "", "Print the digest only"},
    {0, "referrers", Flag, "", "Also what refers to it: signatures, lists of packages"},
    {0, "src-tls-verify", Flag, "", "The same as --tls-verify, for the source only", {}, true},
};
inline constexpr Option kVerify[] = {
    {0, "tls-verify", Flag, "", "Verify certificates, and ask for them (on by default)", {}, true},
};
inline constexpr Option kManifestInspect[] = {
    {0, "insecure", Flag, "", "The same as --tls-verify=false"},
    {0, "raw", Flag, "", "Byte for byte as the registry has it"},
    {'v', "verbose", Flag, "", "Also its digest, type and size"},
};
inline constexpr Option kManifestCreate[] = {
    {'a', "amend", Flag, "", "Add to a list that is there"},
    {0, "insecure", Flag, "", "The same as --tls-verify=false"},
};
inline constexpr Option kManifestAnnotate[] = {
    {0, "arch", Value, "architecture", "The processor that the image is for"},
    {0, "insecure", Flag, "", "The same as --tls-verify=false"},
    {0, "os", Value, "system", "The operating system that the image is for"},
    {0, "os-features", MissingValue, "", "features of operating systems are not written"},
    {0, "os-version", MissingValue, "", "versions of operating systems are not written"},
    {0, "variant", Value, "variant", "Which processor of that architecture"},
};
inline constexpr Option kManifestPush[] = {
    {0, "insecure", Flag, "", "The same as --tls-verify=false"},
    {'p', "purge", Flag, "", "Remove the list here when it is pushed"},
};
inline constexpr Option kSearch[] = {
    {'f', "filter", MissingValue, "", "search does not filter yet"},
    {0, "format", Value, "format", "table, json, or a Go template as '{{.Name}}'"},
    {0, "limit", Value, "number", "At most so many (default 25)"},
    {0, "no-trunc", Flag, "", "Do not shorten descriptions"},
};
inline constexpr Option kLogin[] = {
    {'p', "password", Value, "password", "Password or token; others can see it: see the next one"},
    {0, "password-stdin", Flag, "", "Read the password from standard input"},
    {0, "tls-verify", Flag, "", "Verify certificates, and ask for them (on by default)", {}, true},
    {'u', "username", Value, "user", "User at the registry"},
};

}  // namespace tare::cli
