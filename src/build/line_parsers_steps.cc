// SPDX-License-Identifier: Apache-2.0
// Instructions with flags: FROM, RUN, COPY, ADD, HEALTHCHECK, ONBUILD.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "build/flags.h"
#include "build/line_parsers.h"
#include "build/mount.h"

namespace tare::build {
namespace {

using Takes = FlagRule::Takes;

std::unexpected<Error> failed(const LineContext& context, const Range& where, std::string_view what,
                              std::string hint = "") {
  Error error = context.line.source->error(where, what);
  return std::unexpected(hint.empty() ? std::move(error) : std::move(error).hint(std::move(hint)));
}
std::unexpected<Error> failed(const LineContext& context, const Piece& where, std::string_view what,
                              std::string hint = "") {
  return failed(context, context.line.range(where.begin, where.end), what, std::move(hint));
}

bool is_stage_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' && std::ranges::all_of(name, fits);
}

Result<Heredoc> content_of(const LineContext& context, const Piece& word, Heredoc mark) {
  const auto& bodies = context.line.heredocs;
  // Of two with one name the last counts. [BuildKit instructions/parse.go]
  const auto body = std::ranges::find(bodies.rbegin(), bodies.rend(), mark.name, &Heredoc::name);
  if (body == bodies.rend()) return failed(context, word, "the heredoc has no body");
  mark.content = body->content;
  mark.range = body->range;
  return mark;
}

Result<FileSources> parse_sources(const LineContext& context, const Flags& flags) {
  const std::string keyword = keyword_of(context);
  const Piece& arguments = context.parts.arguments;
  TRY(want_arguments(context, keyword + " SOURCE DESTINATION"));
  const auto form = parse_json_form(arguments.text);
  if (!form) return failed(context, arguments, form.error().message());
  std::vector<Piece> words;
  if (*form)
    for (const std::string& word : **form) words.push_back({arguments.begin, arguments.end, word});
  else
    words = split_words(context.line.text, arguments);
  if (words.size() < 2)
    return failed(context, arguments, keyword + " has no destination",
                  "write " + keyword + " SOURCE DESTINATION");

  FileSources files;
  files.destination = context.text(words.back());
  if (parse_heredoc_mark(words.back().text))
    return failed(context, words.back(), "a heredoc cannot be the destination");
  words.pop_back();
  for (const Piece& word : words) {
    std::optional<Heredoc> mark = parse_heredoc_mark(word.text);
    if (mark)
      files.contents.push_back(TRY(content_of(context, word, std::move(*mark))));
    else
      files.paths.push_back(context.text(word));
  }
  files.chown = flags.text("chown");
  files.chmod = flags.text("chmod");
  files.link = flags.get_bool("link").value_or(false);
  files.excludes = flags.all("exclude");
  return files;
}

Result<RunNetwork> run_network(const LineContext& context, const Flags& flags) {
  const std::optional<Text> value = flags.get("network");
  if (!value || value->text == "default") return RunNetwork::Default;
  if (value->text == "none") return RunNetwork::None;
  if (value->text == "host") return RunNetwork::Host;
  return failed(context, value->range,
                "--network is default, none or host, not " + quoted(value->text));
}

Result<Security> run_security(const LineContext& context, const Flags& flags) {
  const std::optional<Text> value = flags.get("security");
  if (!value || value->text == "sandbox") return Security::Sandbox;
  if (value->text == "insecure") return Security::Insecure;
  return failed(context, value->range,
                "--security is sandbox or insecure, not " + quoted(value->text));
}

Result<RunDevice> run_device(const LineContext& context, const Text& value) {
  Result<std::vector<std::string>> fields = split_csv(value.text);
  if (!fields) return failed(context, value.range, fields.error().message());
  RunDevice device;
  for (const std::string& field : *fields) {
    const auto pair = split_once(field, '=');
    const std::string key = lower(pair ? pair->first : field);
    if (key == "required")
      device.required = !pair || (pair->second != "false" && pair->second != "0");
    else if (device.name.empty())
      device.name = pair && key == "name" ? std::string(pair->second) : field;
    else
      return failed(context, value.range, "a device has no " + quoted(field));
  }
  if (device.name.empty()) return failed(context, value.range, "the device has no name");
  return device;
}

// Zero when not given.
Result<std::chrono::nanoseconds> duration(const LineContext& context, const Flags& flags,
                                          std::string_view name) {
  const std::optional<Text> value = flags.get(name);
  if (!value || value->empty()) return std::chrono::nanoseconds(0);
  const std::string text = value->text == "0" ? "0s" : value->text;
  const Result<std::chrono::nanoseconds> span = parse_duration(text);
  if (!span)
    return failed(context, value->range, quoted(text) + " is no time span",
                  "write it like 30s or 1m30s");
  if (span->count() != 0 && *span < std::chrono::milliseconds(1))
    return failed(context, value->range, "--" + std::string(name) + " is less than 1ms");
  return *span;
}

Result<Body> parse_probe(const LineContext& context, const Piece& type, const Piece& rest) {
  constexpr std::array<FlagRule, 5> kFlags = {{{Takes::Value, "interval"},
                                               {Takes::Value, "timeout"},
                                               {Takes::Value, "start-period"},
                                               {Takes::Value, "start-interval"},
                                               {Takes::Value, "retries"}}};
  const Flags flags = TRY(Flags::parse(context.line, context.parts, kFlags));
  if (lower(type.text) != "cmd")
    return failed(context, type, "HEALTHCHECK is followed by CMD or NONE, not " + quoted(type.text),
                  "write HEALTHCHECK CMD " + context.parts.arguments.text);
  HealthcheckOptions check;
  check.command = TRY(parse_command_line(context, rest));
  if (check.command.words.empty()) return failed(context, type, "HEALTHCHECK CMD has no command");
  check.interval = TRY(duration(context, flags, "interval"));
  check.timeout = TRY(duration(context, flags, "timeout"));
  check.start_period = TRY(duration(context, flags, "start-period"));
  check.start_interval = TRY(duration(context, flags, "start-interval"));
  if (const auto text = flags.get("retries"); text && !text->empty()) {
    const Result<std::uint64_t> retries = parse_u64(text->text);
    if (!retries || *retries > INT32_MAX)
      return failed(context, text->range, "--retries is a number, not " + quoted(text->text));
    check.retries = static_cast<std::int64_t>(*retries);
  }
  return check;
}

}  // namespace

Result<Body> parse_from(const LineContext& context) {
  constexpr std::array<FlagRule, 1> kFlags = {{{Takes::Value, "platform"}}};
  const Flags flags = TRY(Flags::parse(context.line, context.parts, kFlags));
  TRY(want_arguments(context, "FROM IMAGE or FROM IMAGE AS NAME"));
  const std::vector<Piece> words = split_words(context.line.text, context.parts.arguments);
  const bool named = words.size() == 3 && lower(words[1].text) == "as";
  if (words.size() != 1 && !named)
    return failed(context, words[1], "FROM takes an image, and AS and a name if anything",
                  words.size() == 2 ? "write FROM " + words[0].text + " AS " + words[1].text
                                    : "write FROM IMAGE AS NAME");
  From from{.image = context.text(words[0]), .platform = flags.get("platform")};
  if (named) {
    from.as = words[1].text;
    from.written_name = words[2].text;
    from.name = Text{lower(words[2].text), context.text(words[2]).range};
    if (!is_stage_name(from.name->text))
      return failed(context, words[2], quoted(words[2].text) + " cannot be the name of a stage",
                    "start with a letter and use letters, digits, '-', '_' and '.'");
    from.description = description_of(context, from.name->text);
  }
  return from;
}

Result<Body> parse_run(const LineContext& context) {
  constexpr std::array<FlagRule, 6> kFlags = {{{Takes::Values, "mount"},
                                               {Takes::Value, "ansible"},
                                               {Takes::Value, "network"},
                                               {Takes::Value, "security"},
                                               {Takes::Values, "device"},
                                               {Takes::Value, "tools"}}};
  const Flags flags = TRY(Flags::parse(context.line, context.parts, kFlags));
  Run run;
  run.command = TRY(parse_command_line(context, context.parts.arguments));
  run.ansible = flags.get("ansible");
  if (run.command.words.empty() && !run.ansible)
    return failed(context, context.parts.keyword, "RUN has no command", "write RUN COMMAND");
  if (run.ansible && (!run.command.words.empty() || flags.get("tools") || flags.get("security")))
    return failed(
        context, run.ansible->range,
        "--ansible has a playbook instead of a command, and neither --tools nor --security");
  run.mounts = flags.all("mount");
  for (const Text& mount : run.mounts) {
    Result<std::string> from = mount_from(mount.text);
    if (!from) {
      Error error = context.line.source->error(mount.range, from.error().message());
      return std::unexpected(std::move(error).hint(from.error().hint()));
    }
    run.mounts_from.push_back(std::move(*from));
  }
  run.network = TRY(run_network(context, flags));
  run.security = TRY(run_security(context, flags));
  for (const Text& device : flags.all("device"))
    run.devices.push_back(TRY(run_device(context, device)));
  run.tools = flags.get("tools");
  return run;
}

Result<Body> parse_copy(const LineContext& context) {
  constexpr std::array<FlagRule, 8> kFlags = {{{Takes::Value, "chown"},
                                               {Takes::Value, "chmod"},
                                               {Takes::Bool, "link"},
                                               {Takes::Values, "exclude"},
                                               {Takes::Value, "from"},
                                               {Takes::Bool, "parents"},
                                               {Takes::Bool, "optional"},
                                               {Takes::Value, "mtime"}}};
  const Flags flags = TRY(Flags::parse(context.line, context.parts, kFlags));
  Copy copy;
  copy.files = TRY(parse_sources(context, flags));
  copy.from = flags.get("from");
  if (copy.from && copy.from->empty()) copy.from.reset();  // As if it were not there.
  copy.parents = flags.get_bool("parents").value_or(false);
  copy.optional = flags.get_bool("optional").value_or(false);
  copy.mtime = flags.get("mtime");
  return copy;
}

Result<Body> parse_add(const LineContext& context) {
  constexpr std::array<FlagRule, 7> kFlags = {{{Takes::Value, "chown"},
                                               {Takes::Value, "chmod"},
                                               {Takes::Bool, "link"},
                                               {Takes::Values, "exclude"},
                                               {Takes::Value, "checksum"},
                                               {Takes::Bool, "keep-git-dir"},
                                               {Takes::Bool, "unpack"}}};
  const Flags flags = TRY(Flags::parse(context.line, context.parts, kFlags));
  Add add;
  add.files = TRY(parse_sources(context, flags));
  add.checksum = flags.text("checksum");
  add.keep_git_dir = flags.get_bool("keep-git-dir");
  add.unpack = flags.get_bool("unpack");
  return add;
}

Result<Body> parse_healthcheck(const LineContext& context) {
  TRY(want_arguments(context, "HEALTHCHECK CMD COMMAND or HEALTHCHECK NONE"));
  const std::vector<Piece> words = split_words(context.line.text, context.parts.arguments);
  const std::size_t end = context.parts.arguments.end;
  const std::size_t begin = words.size() > 1 ? words[1].begin : end;
  const Piece rest{begin, end, context.line.text.substr(begin, end - begin)};
  if (lower(words[0].text) != "none") return parse_probe(context, words[0], rest);
  TRY(want_no_flags(context));
  if (!rest.text.empty()) return failed(context, rest, "HEALTHCHECK NONE takes nothing");
  return HealthcheckOptions{.none = true};
}

Result<Body> parse_onbuild(const LineContext& context) {
  TRY(want_no_flags(context));
  TRY(want_arguments(context, "ONBUILD INSTRUCTION"));
  const LogicalLine& line = context.line;
  const std::size_t begin = context.parts.arguments.begin;
  LogicalLine inner{.source = line.source, .text = line.text.substr(begin)};
  inner.offsets.assign(line.offsets.begin() + static_cast<std::ptrdiff_t>(begin),
                       line.offsets.end());
  inner.heredocs = line.heredocs;
  const Piece keyword = split_parts(inner.text, context.escape).keyword;
  const Piece place{begin, begin + keyword.text.size(), keyword.text};
  const std::string name = lower(keyword.text);
  if (name == "onbuild" || name == "from" || name == "maintainer")
    return failed(context, place, quoted(keyword.text) + " cannot be a trigger");
  OnBuild onbuild{inner.text};
  // What is wrong with the trigger is wrong here, not in the images that are built on this one.
  TRY(parse_line_body(inner, context.escape));
  for (const Heredoc& heredoc : line.heredocs)
    onbuild.trigger += "\n" + heredoc.content + heredoc.name;
  return onbuild;
}

}  // namespace tare::build
