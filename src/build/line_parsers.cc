// SPDX-License-Identifier: Apache-2.0
// Instructions that change only the image's config.
#include "build/line_parsers.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "build/flags.h"

namespace tare::build {
namespace {

std::unexpected<Error> failed(const LineContext& context, const Piece& where, std::string_view what,
                              std::string hint = "") {
  Error error = context.error(where, what);
  return std::unexpected(hint.empty() ? std::move(error) : std::move(error).hint(std::move(hint)));
}

// The whole rest of the line as one value.
Result<Text> one_argument(const LineContext& context, std::string_view example) {
  TRY(want_no_flags(context));
  TRY(want_arguments(context, example));
  return context.text(context.parts.arguments);
}

// Words, or the strings of the JSON form.
Result<std::vector<Text>> words_or_json(const LineContext& context) {
  const Piece& arguments = context.parts.arguments;
  const auto form = parse_json_form(arguments.text);
  if (!form) return failed(context, arguments, form.error().message());
  std::vector<Text> texts;
  if (*form) {
    for (const std::string& word : **form) texts.push_back({word, context.text(arguments).range});
  } else {
    for (const Piece& word : split_words(context.line.text, arguments))
      texts.push_back(context.text(word));
  }
  return texts;
}

Piece part_of(const Piece& word, std::size_t begin, std::size_t end) {
  // A word may have lost an escape at its very end.
  return {std::min(word.begin + begin, word.end), std::min(word.begin + end, word.end),
          word.text.substr(begin, end - begin)};
}

// "k=v ..." or, when the first word has no '=', "k v" to the end of the line.
Result<std::vector<KeyValue>> pairs(const LineContext& context) {
  TRY(want_no_flags(context));
  const std::string keyword = keyword_of(context);
  TRY(want_arguments(context, keyword + " NAME=VALUE"));
  const Piece& arguments = context.parts.arguments;
  const std::vector<Piece> words = split_quoted_words(context.line.text, arguments, context.escape);
  if (!words.empty() && !words[0].text.contains('=')) {
    const std::vector<Piece> plain = split_words(context.line.text, arguments);
    if (plain.size() < 2)
      return failed(context, arguments, keyword + " gives " + quoted(plain[0].text) + " no value",
                    "write " + keyword + " " + plain[0].text + "=VALUE");
    const std::size_t begin = plain[1].begin;
    const Piece value{begin, arguments.end, context.line.text.substr(begin, arguments.end - begin)};
    return std::vector{KeyValue{context.text(plain[0]), context.text(value), true}};
  }
  std::vector<KeyValue> all;
  for (const Piece& word : words) {
    const std::size_t equals = word.text.find('=');
    if (equals == std::string::npos)
      return failed(context, word, quoted(word.text) + " has no '=' and so no value",
                    "put the value before it into quotes if it goes on here");
    if (equals == 0) return failed(context, word, "there is no name before '='");
    all.push_back({context.text(part_of(word, 0, equals)),
                   context.text(part_of(word, equals + 1, word.text.size())), false});
  }
  return all;
}

}  // namespace

std::string keyword_of(const LineContext& context) {
  std::string keyword = context.parts.keyword.text;
  for (char& c : keyword)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return keyword;
}

Result<> want_arguments(const LineContext& context, std::string_view example) {
  if (context.has_arguments()) return {};
  return failed(context, context.parts.keyword, keyword_of(context) + " has no arguments",
                "write " + std::string(example));
}

Result<> want_no_flags(const LineContext& context) {
  TRY(Flags::parse(context.line, context.parts, {}));
  return {};
}

std::string description_of(const LineContext& context, std::string_view name) {
  const std::string start = std::string(name) + " ";
  for (const std::string& comment : context.line.comments)
    if (!name.empty() && comment.starts_with(start)) return comment.substr(start.size());
  return "";
}

Result<CommandLine> parse_command_line(const LineContext& context, const Piece& arguments) {
  auto form = parse_json_form(arguments.text);
  if (!form) return failed(context, arguments, form.error().message());
  CommandLine command;
  command.heredocs = context.line.heredocs;
  if (*form) {
    command.json = true;
    command.words = std::move(**form);
  } else if (!arguments.text.empty()) {
    command.words = {arguments.text};
  }
  return command;
}

Result<Body> parse_arg(const LineContext& context) {
  TRY(want_no_flags(context));
  TRY(want_arguments(context, "ARG NAME or ARG NAME=DEFAULT"));
  Arg arg;
  for (const Piece& word :
       split_quoted_words(context.line.text, context.parts.arguments, context.escape)) {
    const std::size_t equals = word.text.find('=');
    if (equals == 0) return failed(context, word, "there is no name before '='");
    ArgDefinition definition;
    definition.key = context.text(part_of(word, 0, std::min(equals, word.text.size())));
    if (equals != std::string::npos)
      definition.value = context.text(part_of(word, equals + 1, word.text.size()));
    definition.description = description_of(context, definition.key.text);
    arg.arguments.push_back(std::move(definition));
  }
  return arg;
}

Result<Body> parse_cmd(const LineContext& context) {
  TRY(want_no_flags(context));
  return Cmd{TRY(parse_command_line(context, context.parts.arguments))};
}

Result<Body> parse_entrypoint(const LineContext& context) {
  TRY(want_no_flags(context));
  return Entrypoint{TRY(parse_command_line(context, context.parts.arguments))};
}

Result<Body> parse_env(const LineContext& context) { return Env{TRY(pairs(context))}; }
Result<Body> parse_label(const LineContext& context) { return Label{TRY(pairs(context))}; }

Result<Body> parse_expose(const LineContext& context) {
  TRY(want_no_flags(context));
  TRY(want_arguments(context, "EXPOSE 8080 or EXPOSE 53/udp"));
  Expose expose;
  for (const Piece& word : split_words(context.line.text, context.parts.arguments))
    expose.ports.push_back(context.text(word));
  std::ranges::stable_sort(expose.ports, {}, &Text::text);
  return expose;
}

Result<Body> parse_maintainer(const LineContext& context) {
  return Maintainer{TRY(one_argument(context, "LABEL org.opencontainers.image.authors=NAME")).text};
}

Result<Body> parse_shell(const LineContext& context) {
  TRY(want_no_flags(context));
  TRY(want_arguments(context, R"(SHELL ["/bin/bash", "-c"])"));
  CommandLine command = TRY(parse_command_line(context, context.parts.arguments));
  if (!command.json || command.words.empty())
    return failed(context, context.parts.arguments, "SHELL takes a JSON list of strings",
                  R"(write SHELL ["/bin/bash", "-c"], with double quotes)");
  return Shell{std::move(command.words)};
}

Result<Body> parse_stopsignal(const LineContext& context) {
  return StopSignal{TRY(one_argument(context, "STOPSIGNAL SIGTERM"))};
}

Result<Body> parse_user(const LineContext& context) {
  return User{TRY(one_argument(context, "USER NAME or USER UID:GID"))};
}

Result<Body> parse_volume(const LineContext& context) {
  TRY(want_no_flags(context));
  TRY(want_arguments(context, "VOLUME /PATH"));
  Volume volume{TRY(words_or_json(context))};
  for (Text& path : volume.paths) {
    path.text = trim(path.text);
    if (path.empty()) return failed(context, context.parts.arguments, "a volume has no path");
  }
  if (volume.paths.empty())
    return failed(context, context.parts.arguments, "VOLUME has no paths", "write VOLUME /PATH");
  return volume;
}

Result<Body> parse_workdir(const LineContext& context) {
  return Workdir{TRY(one_argument(context, "WORKDIR /PATH"))};
}

Result<Body> parse_unset(const LineContext& context) {
  TRY(want_no_flags(context));
  TRY(want_arguments(context, "UNSET ENV NAME"));
  const std::vector<Piece> words = split_words(context.line.text, context.parts.arguments);
  constexpr std::array<std::pair<std::string_view, Unset::What>, 4> kWhat = {
      {{"ENV", Unset::What::Env},
       {"LABEL", Unset::What::Label},
       {"EXPOSE", Unset::What::Expose},
       {"VOLUME", Unset::What::Volume}}};
  const auto* const found =
      std::ranges::find(kWhat, words[0].text, &std::pair<std::string_view, Unset::What>::first);
  if (found == kWhat.end())
    return failed(context, words[0], "UNSET is for ENV, LABEL, EXPOSE and VOLUME");
  Unset unset{.what = found->second};
  for (std::size_t i = 1; i < words.size(); ++i) unset.names.push_back(context.text(words[i]));
  if (unset.names.empty()) return failed(context, words[0], "UNSET has no names");
  return unset;
}

Result<Body> parse_layer(const LineContext& context) {
  TRY(want_no_flags(context));
  return Layer{context.parts.arguments.text};
}

Result<Body> parse_package(const LineContext& context) {
  constexpr std::array<FlagRule, 2> kFlags = {
      {{FlagRule::Takes::Values, "from"}, {FlagRule::Takes::Values, "key"}}};
  const Flags flags = TRY(Flags::parse(context.line, context.parts, kFlags));
  TRY(want_arguments(context, "PKG deb: NAME"));
  const std::vector<Piece> words = split_words(context.line.text, context.parts.arguments);
  Package package{.format = words[0].text,
                  .names = {},
                  .repositories = flags.all("from"),
                  .keys = flags.all("key")};
  if (package.format != "deb:")
    return failed(context, words[0], "PKG knows packages of the format 'deb:'");
  package.format = "deb";
  for (std::size_t i = 1; i < words.size(); ++i) package.names.push_back(context.text(words[i]));
  if (package.names.empty()) return failed(context, words[0], "PKG has no names of packages");
  return package;
}

}  // namespace tare::build
