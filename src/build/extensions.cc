// SPDX-License-Identifier: Apache-2.0
#include "build/extensions.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "build/conditions.h"
#include "build/line_words.h"

namespace tare::build {
namespace {

constexpr int kMaxDepth = 16;  // Of INCLUDE and of blocks.
constexpr std::size_t kMaxLines = 100'000;
constexpr std::size_t kMaxBytes = 16 << 20;  // Of what comes out.
constexpr std::size_t kMaxWork = 64 << 20;   // Bytes that loops have looked at.

enum class Word : std::uint8_t { None, Include, If, Else, End, For, Param };

Word word_of(const LogicalLine& line, char escape) {
  constexpr std::array<std::pair<std::string_view, Word>, 6> kWords = {{{"include", Word::Include},
                                                                        {"if", Word::If},
                                                                        {"else", Word::Else},
                                                                        {"end", Word::End},
                                                                        {"for", Word::For},
                                                                        {"param", Word::Param}}};
  const std::string keyword = lower(split_parts(line.text, escape).keyword.text);
  for (const auto& [name, word] : kWords)
    if (name == keyword) return word;
  return Word::None;
}

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::ranges::all_of(text, fits);
}

// "$name" and "${name}", not behind an escape.
struct Place {
  std::size_t begin = 0;
  std::size_t size = 0;
};
std::vector<Place> places_of(std::string_view text, std::string_view name, char escape) {
  std::vector<Place> places;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == escape) {
      ++at;
      continue;
    }
    if (text[at] != '$') continue;
    const std::string_view rest = text.substr(at + 1);
    const std::string braces = "{" + std::string(name) + "}";
    if (rest.starts_with(braces))
      places.push_back({at, braces.size() + 1});
    else if (rest.starts_with(name) && !is_name("_" + std::string(rest.substr(name.size(), 1))))
      places.push_back({at, name.size() + 1});
    else if (rest == name)
      places.push_back({at, name.size() + 1});
  }
  return places;
}

// Of a line and its heredocs.
std::size_t size_of(const LogicalLine& line) {
  std::size_t size = line.text.size();
  for (const Heredoc& heredoc : line.heredocs) size += heredoc.content.size();
  return size;
}
// What replacing a variable by a value of `size` bytes would add at most.
std::size_t growth(const LogicalLine& line, std::string_view name, std::size_t size, char escape) {
  std::size_t places = places_of(line.text, name, escape).size();
  for (const Heredoc& heredoc : line.heredocs)
    places += places_of(heredoc.content, name, '\\').size();
  return places * size;
}

std::string replaced(std::string_view text, std::string_view name, std::string_view value,
                     char escape) {
  std::string out;
  std::size_t from = 0;
  for (const Place& place : places_of(text, name, escape)) {
    out += text.substr(from, place.begin - from);
    out += value;
    from = place.begin + place.size;
  }
  return out += text.substr(from);
}

// In the line and in its heredocs. What is put in stands where the variable stood.
void replace(LogicalLine& line, std::string_view name, std::string_view value, char escape) {
  std::vector<std::uint32_t> offsets;
  std::size_t from = 0;
  const auto keep_to = [&](std::size_t end) {
    offsets.insert(offsets.end(), line.offsets.begin() + static_cast<std::ptrdiff_t>(from),
                   line.offsets.begin() + static_cast<std::ptrdiff_t>(end));
  };
  for (const Place& place : places_of(line.text, name, escape)) {
    keep_to(place.begin);
    offsets.insert(offsets.end(), value.size(), line.offsets[place.begin]);
    from = place.begin + place.size;
  }
  keep_to(line.text.size());
  line.text = replaced(line.text, name, value, escape);
  line.offsets = std::move(offsets);
  for (Heredoc& heredoc : line.heredocs)
    heredoc.content = replaced(heredoc.content, name, value, '\\');
}

class Preprocessor {
 public:
  Preprocessor(const BuildOptions& options, const IncludeReader& read, char escape)
      : options_(options),
        read_(read),
        escape_(escape),
        variables_(platform_variables(options, options.target)) {}

  Result<> run(const std::vector<LogicalLine>& lines, int depth) {
    std::size_t at = 0;
    while (at < lines.size()) {
      at = TRY(take_block(lines, at, true, depth));
      if (at < lines.size())
        return wrong(lines[at], quoted(lines[at].text) + " has no IF or FOR above it");
    }
    return {};
  }
  std::vector<LogicalLine> take() { return std::move(out_); }

 private:
  std::unexpected<Error> wrong(const LogicalLine& line, const std::string& what,
                               std::string hint = "") const {
    Error error = line.source->error(line.range(0, line.text.size()), what);
    return std::unexpected(hint.empty() ? std::move(error)
                                        : std::move(error).hint(std::move(hint)));
  }

  // To the END or ELSE that is not of a block within; returns its index, or that of the end.
  // Nothing comes of lines that are not `active`.
  Result<std::size_t> take_block(const std::vector<LogicalLine>& lines, std::size_t at, bool active,
                                 int depth) {
    if (depth > kMaxDepth) return wrong(lines[at], "this is nested more than 16 deep");
    while (at < lines.size()) {
      const LogicalLine& line = lines[at];
      const Word word = word_of(line, escape_);
      work_ += line.text.size();
      if (work_ > kMaxWork) return wrong(line, "loops come to more than 64 MiB");
      if (word == Word::End || word == Word::Else) return at;
      if (word == Word::If)
        at = TRY(take_if(lines, at, active, depth));
      else if (word == Word::For)
        at = TRY(take_for(lines, at, active, depth));
      else if (active)
        TRY(take_line(line, word, depth));
      if (word != Word::If && word != Word::For) ++at;
    }
    return at;
  }

  Result<> take_line(const LogicalLine& written, Word word, int depth) {
    if (word == Word::Include) return take_include(written, depth);
    if (word == Word::Param) return take_param(written);
    LogicalLine line = written;
    for (std::size_t i = loops_.size(); i-- > 0;) {
      const auto& [name, value] = loops_[i];
      work_ += size_of(line) + growth(line, name, value.size(), escape_);
      if (work_ > kMaxWork) return wrong(written, "loops come to more than 64 MiB");
      replace(line, name, value, escape_);
    }
    bytes_ += size_of(line);
    if (out_.size() >= kMaxLines || bytes_ > kMaxBytes)
      return wrong(line, "the Dockerfile comes to more than 100000 lines or 16 MiB");
    const std::string keyword = lower(split_parts(line.text, escape_).keyword.text);
    in_stage_ = in_stage_ || keyword == "from";
    if (keyword == "arg" && !in_stage_) {
      const Instruction arg = TRY(parse_instruction(line, escape_));
      TRY(define_global(variables_, arg, options_, escape_));
    }
    out_.push_back(std::move(line));
    return {};
  }

  // The arguments of `line`, variables replaced, as words.
  Result<std::vector<std::string>> words_of(const LogicalLine& line) const {
    const LineParts parts = split_parts(line.text, escape_);
    Result<Expansion> words =
        expand(parts.arguments.text, variables_.lookup(), {.escape = escape_});
    if (!words) return wrong(line, words.error().message(), words.error().hint());
    return std::move(words->words);
  }

  // IF ... [ELSE IF ...]... [ELSE] ... END; returns what is behind END.
  Result<std::size_t> take_if(const std::vector<LogicalLine>& lines, std::size_t at, bool active,
                              int depth) {
    const LogicalLine& opening = lines[at];
    bool done = !active;  // Some part was taken already.
    bool last = false;    // This is the part of a bare ELSE.
    bool holds = false;
    if (active) holds = TRY(condition(opening, split_parts(opening.text, escape_).arguments));
    for (;;) {
      at = TRY(take_block(lines, at + 1, holds, depth + 1));
      if (at == lines.size()) return wrong(opening, "this IF has no END");
      if (word_of(lines[at], escape_) == Word::End) return at + 1;
      if (last) return wrong(lines[at], "there is an ELSE above already");
      done = done || holds;
      const LineParts parts = split_parts(lines[at].text, escape_);
      const LineParts inner = split_parts(lines[at].text, escape_, parts.arguments.begin);
      last = parts.arguments.text.empty();
      if (!last && lower(inner.keyword.text) != "if")
        return wrong(lines[at], "ELSE is followed by nothing or by IF");
      holds = !done;
      if (holds && !last) holds = TRY(condition(lines[at], inner.arguments));
    }
  }

  Result<bool> condition(const LogicalLine& line, const Piece& piece) const {
    Result<bool> holds = evaluate_condition(piece.text, variables_.lookup(), escape_);
    if (holds) return holds;
    Error error = line.source->error(line.range(piece.begin, piece.end), holds.error().message());
    return std::unexpected(std::move(error).hint(holds.error().hint()));
  }

  // FOR NAME IN WORD... ... END
  Result<std::size_t> take_for(const std::vector<LogicalLine>& lines, std::size_t at, bool active,
                               int depth) {
    const LogicalLine& opening = lines[at];
    const LineParts parts = split_parts(opening.text, escape_);
    const std::vector<Piece> head = split_words(opening.text, parts.arguments);
    if (head.size() < 2 || !is_name(head[0].text) || lower(head[1].text) != "in")
      return wrong(opening, "this is no FOR", "write FOR NAME IN WORD...");
    std::vector<std::string> words = {"", ""};
    if (active) words = TRY(words_of(opening));
    const std::size_t end = TRY(take_block(lines, at + 1, false, depth + 1));
    if (end == lines.size()) return wrong(opening, "this FOR has no END");
    if (word_of(lines[end], escape_) != Word::End) return wrong(lines[end], "a FOR has no ELSE");
    const std::optional<std::string> before = variables_.get(head[0].text);
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (++rounds_ > kMaxLines) return wrong(opening, "loops go round more than 100000 times");
      variables_.set(head[0].text, words[i]);
      loops_.emplace_back(head[0].text, words[i]);
      TRY(take_block(lines, at + 1, true, depth + 1));
      loops_.pop_back();
    }
    variables_.remove(head[0].text);
    if (before) variables_.set(head[0].text, *before);
    return end + 1;
  }

  Result<> take_include(const LogicalLine& line, int depth) {
    const std::vector<std::string> words = TRY(words_of(line));
    if (words.size() != 1) return wrong(line, "INCLUDE takes the name of one file");
    Result<std::string> text = read_(words[0], line.source->name());
    if (!text)
      return wrong(line, "INCLUDE " + words[0] + ": " + text.error().message(),
                   text.error().hint());
    const auto source = std::make_shared<const Source>(words[0], std::move(*text));
    const Lines inner = TRY(split_lines(source));
    if (inner.directives.escape != escape_)
      return wrong(line, quoted(words[0]) + " has another escape character than this file");
    bytes_ += source->text().size();
    if (bytes_ > kMaxBytes) return wrong(line, "what is included comes to more than 16 MiB");
    if (depth + 1 > kMaxDepth) return wrong(line, "files include each other more than 16 deep");
    return run(inner.lines, depth + 1);
  }

  // PARAM NAME[:TYPE][=DEFAULT] becomes ARG NAME="VALUE".
  Result<> take_param(const LogicalLine& line) {
    const LineParts parts = split_parts(line.text, escape_);
    Result<Parameter> parameter =
        read_parameter(parts.arguments.text, variables_.lookup(), escape_);
    if (!parameter) return wrong(line, parameter.error().message(), parameter.error().hint());
    if (const auto given = options_.arguments.find(parameter->name);
        given != options_.arguments.end())
      parameter->value = given->second;
    if (!parameter->value)
      return wrong(line, "the parameter " + quoted(parameter->name) + " has no value",
                   "give --build-arg " + parameter->name + "=VALUE");
    if (const Result<> fits = check_parameter(*parameter); !fits)
      return wrong(line, fits.error().message());
    std::string text = "ARG " + parameter->name + "=\"";
    for (const char c : *parameter->value) {
      if (c == '"' || c == '$' || c == escape_) text += escape_;
      text += c;
    }
    LogicalLine arg = line;
    arg.text = text + "\"";
    arg.offsets.assign(arg.text.size(), line.offsets.front());
    variables_.set(parameter->name, *parameter->value);
    out_.push_back(std::move(arg));
    return {};
  }

  const BuildOptions& options_;
  const IncludeReader& read_;
  char escape_;
  Variables variables_;  // PARAMs, variables of loops, and ARGs of before the first FROM.
  std::vector<std::pair<std::string, std::string>> loops_;  // Around the line, the innermost last.
  bool in_stage_ = false;
  std::size_t rounds_ = 0;
  std::size_t bytes_ = 0;
  std::size_t work_ = 0;
  std::vector<LogicalLine> out_;
};

// What Docker refuses in a line, "" if nothing.
std::string unknown_to_docker(const LineParts& parts) {
  const std::string keyword = lower(parts.keyword.text);
  if (keyword == "unset" || keyword == "layer" || keyword == "pkg") return parts.keyword.text;
  for (const Piece& flag : parts.flags) {
    const std::string name = flag.text.substr(0, flag.text.find('='));
    if (keyword == "run" && name == "--tools") return name;
    if (keyword == "copy" && (name == "--optional" || name == "--mtime")) return name;
  }
  return "";
}

}  // namespace

Result<Lines> expand_extensions(Lines lines, const BuildOptions& options,
                                const IncludeReader& read) {
  const char escape = lines.directives.escape;
  if (std::ranges::all_of(lines.lines, [&](const LogicalLine& line) {
        return word_of(line, escape) == Word::None;
      }))
    return lines;
  Preprocessor preprocessor(options, read, escape);
  TRY(preprocessor.run(lines.lines, 0));
  lines.lines = preprocessor.take();
  return lines;
}

Result<Dockerfile> parse_extended(std::string name, std::string text, const BuildOptions& options,
                                  const IncludeReader& read) {
  const auto source = std::make_shared<const Source>(std::move(name), std::move(text));
  Lines written = TRY(split_lines(source));
  Lines lines = TRY(expand_extensions(std::move(written), options, read));
  return parse_lines(source, std::move(lines));
}

std::string print_plain(const Lines& lines) {
  std::string out;
  const Directives& directives = lines.directives;
  if (directives.syntax) out += "# syntax=" + directives.syntax->text + "\n";
  if (directives.escape != '\\') out += std::string("# escape=") + directives.escape + "\n";
  if (directives.check) out += "# check=" + directives.check->text + "\n";
  for (const LogicalLine& line : lines.lines) {
    const LineParts parts = split_parts(line.text, directives.escape);
    const std::string unknown = unknown_to_docker(parts);
    if (lower(parts.keyword.text) == "from" && !out.empty()) out += "\n";
    for (const std::string& comment : line.comments) out += "# " + comment + "\n";
    if (!unknown.empty() && unknown.starts_with("--")) out += "# Docker has no " + unknown + ":\n";
    if (!unknown.empty() && !unknown.starts_with("--")) out += "# Docker has none of this: ";
    out += line.text + "\n";
    for (const Heredoc& heredoc : line.heredocs) out += heredoc.content + heredoc.name + "\n";
  }
  return out;
}

}  // namespace tare::build
