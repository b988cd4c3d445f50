// SPDX-License-Identifier: Apache-2.0
// The instructions of a Dockerfile as types. Words are as written: variables, quotes and escapes
// are in them until StageState::expand (stage_state.h) has replaced them, where they are replaced.
// [BuildKit frontend 1.20, reference.md]
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "build/lines.h"
#include "build/source.h"

namespace tare::build {

// FROM [--platform=P] IMAGE [AS NAME]
struct From {
  Text image;  // An image, a stage before this one, a named context or "scratch".
  std::optional<Text> platform;
  std::optional<Text> name;  // In lower case.
  std::string written_name;  // As written.
  std::string as;            // "AS", as written; empty without a name.
  std::string description;   // Of a comment "# NAME description" above.
};

// What RUN, CMD and ENTRYPOINT run.
struct CommandLine {
  bool json = false;               // Else the shell form: one word, for the shell of the image.
  std::vector<std::string> words;  // Empty for "CMD []" and for a bare "CMD".
  std::vector<Heredoc> heredocs;   // Of RUN in the shell form only.
};

// Of RUN --security.
enum class Security : std::uint8_t { Sandbox, Insecure };
// Of RUN --network.
// Recorded: nothing but what records downloads; only a build as a whole asks for it.
enum class RunNetwork : std::uint8_t { Default, None, Host, Recorded };

// RUN --device=NAME[,required]: a device of the container device interface.
struct RunDevice {
  std::string name;
  bool required = false;
};

// Where RUN --tools sees the stage's files; also in its variable TARGET.
inline constexpr const char* kToolsTarget = "/target";

struct Run {
  CommandLine command;
  std::vector<Text> mounts;              // For parse_mount (mount.h), which expands variables.
  std::vector<std::string> mounts_from;  // "from" of each: "" where it has none.
  RunNetwork network = RunNetwork::Default;
  Security security = Security::Sandbox;
  std::vector<RunDevice> devices;
  std::optional<Text> tools;    // An extension: --tools=IMAGE.
  std::optional<Text> ansible;  // Another: --ansible=PLAYBOOK, instead of a command.
};

struct Cmd {
  CommandLine command;
};
struct Entrypoint {
  CommandLine command;
};

struct KeyValue {
  Text key;
  Text value;
  bool legacy = false;  // "ENV key value"
};
struct Label {
  std::vector<KeyValue> labels;
};
struct Env {
  std::vector<KeyValue> variables;
};

struct ArgDefinition {
  Text key;
  std::optional<Text> value;  // The default.
  std::string description;    // Of a comment "# NAME description" above.
};
struct Arg {
  std::vector<ArgDefinition> arguments;
};

struct Expose {
  std::vector<Text> ports;  // "80", "80/udp", "8000-8010/tcp", "$PORTS"; sorted.
};
struct Volume {
  std::vector<Text> paths;
};
struct User {
  Text user;
};
struct Workdir {
  Text path;
};
struct StopSignal {
  Text signal;
};
struct Shell {
  std::vector<std::string> words;
};
struct Maintainer {
  std::string name;
};

// What COPY and ADD have in common.
struct FileSources {
  std::vector<Text> paths;
  std::vector<Heredoc> contents;  // Files given in the Dockerfile itself.
  Text destination;
  Text chown;
  Text chmod;
  bool link = false;
  std::vector<Text> excludes;  // Patterns; variables in them are not replaced.
};
struct Copy {
  FileSources files;
  std::optional<Text> from;  // A stage's name or number, an image or a named context.
  bool parents = false;
  bool optional = false;      // An extension: nothing to copy is no failure.
  std::optional<Text> mtime;  // An extension.
};
struct Add {
  FileSources files;
  Text checksum;
  std::optional<bool> keep_git_dir;
  std::optional<bool> unpack;
};

struct OnBuild {
  std::string trigger;  // "RUN make": what goes to the image's config, heredocs included.
};

struct HealthcheckOptions {
  bool none = false;
  CommandLine command;
  std::chrono::nanoseconds interval{};  // Zero: not given. So are the others.
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds start_period{};
  std::chrono::nanoseconds start_interval{};
  std::int64_t retries = 0;
};

// Extensions, which have no meaning to Docker.
// UNSET ENV|LABEL|EXPOSE|VOLUME NAME...: what a base image has set.
struct Unset {
  enum class What : std::uint8_t { Env, Label, Expose, Volume } what = What::Env;
  std::vector<Text> names;
};
// LAYER: what stands above goes into a layer of its own.
struct Layer {
  std::string name;
};
// PKG deb: NAME...: packages unpacked into the image.
struct Package {
  std::string format;  // "deb"
  std::vector<Text> names;
  std::vector<Text> repositories;  // --from="URL SUITE COMPONENT..."
  std::vector<Text> keys;          // --key=FILE: files of the context.
};

using Body = std::variant<From, Run, Cmd, Entrypoint, Label, Env, Arg, Expose, Volume, User,
                          Workdir, StopSignal, Shell, Maintainer, Copy, Add, OnBuild,
                          HealthcheckOptions, Unset, Layer, Package>;

struct Instruction {
  SourcePtr source;
  Range range;                        // From its keyword to its end, heredocs included.
  std::string keyword;                // As written: "run".
  std::string text;                   // The whole logical line, without heredocs.
  std::vector<std::string> comments;  // Above it.
  bool from_trigger = false;          // It came out of an image's ONBUILD.
  Body body;

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&body);
  }
  // "NAME:LINE:COLUMN: what" with the place marked; the whole instruction without `where`.
  Error error(std::string_view what, std::optional<Range> where = std::nullopt) const;
};

}  // namespace tare::build
