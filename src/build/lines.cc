// SPDX-License-Identifier: Apache-2.0
#include "build/lines.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "build/expansion.h"
#include "build/line_words.h"

namespace tare::build {
namespace {

constexpr std::size_t kMaxBytes = 4 << 20;
constexpr std::string_view kBlanks = " \t\v\f\r";

// One line of the file: [begin, end) without its line end, `next` behind that.
struct Physical {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t next = 0;
};

class Splitter {
 public:
  explicit Splitter(const SourcePtr& source) : source_(source), text_(source->text()) {}

  Result<Lines> run() {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // A byte order mark.
    TRY(read_directives());
    while (at_ < text_.size()) TRY(read_instruction());
    return std::move(out_);
  }

 private:
  Physical take() {
    Physical line{.begin = at_, .end = std::min(text_.find('\n', at_), text_.size())};
    line.next = at_ = std::min(line.end + 1, text_.size());
    while (line.end > line.begin && text_[line.end - 1] == '\r') --line.end;
    return line;
  }
  std::string_view view(const Physical& line) const {
    return text_.substr(line.begin, line.end - line.begin);
  }
  std::size_t first_non_blank(const Physical& line) const {
    const std::size_t at = text_.find_first_not_of(kBlanks, line.begin);
    return std::min(at, line.end);
  }
  bool is_comment(const Physical& line) const {
    const std::size_t at = first_non_blank(line);
    return at < line.end && text_[at] == '#';
  }
  std::unexpected<Error> wrong(std::size_t begin, std::size_t end, std::string_view what) const {
    return std::unexpected(
        source_->error({source_->position(begin), source_->position(end)}, what));
  }

  // "# name = value" lines, before everything else.
  Result<> read_directives() {
    bool has_escape = false;
    const bool shebang = text_.substr(at_).starts_with("#!");
    if (shebang) take();
    for (;;) {
      const std::size_t here = at_;
      const Physical line = take();
      const std::size_t begin = first_non_blank(line);
      const std::string_view comment = text_.substr(begin, line.end - begin);
      const auto pair =
          comment.starts_with('#') ? split_once(comment.substr(1), '=') : std::nullopt;
      const std::string name = pair ? lower(trim(pair->first)) : "";
      const std::string_view value = pair ? trim(pair->second) : std::string_view();
      if (value.empty() || (name != "syntax" && name != "check" && name != "escape")) {
        at_ = here;
        return {};
      }
      const auto value_at = static_cast<std::size_t>(value.data() - text_.data());
      const Text text{std::string(value),
                      {source_->position(value_at), source_->position(value_at + value.size())}};
      std::optional<Text>& place = name == "check" ? out_.directives.check : out_.directives.syntax;
      if (name == "escape" ? std::exchange(has_escape, true) : place.has_value())
        return wrong(begin, line.end, "there is already a directive '" + name + "' above");
      if (name != "escape") {
        place = text;
      } else if (value != "\\" && value != "`") {
        return wrong(value_at, value_at + value.size(),
                     quoted(value) + " cannot be the escape character: it is '\\' or '`'");
      } else if (!shebang) {  // BuildKit takes a line "#!" for the end of them, for this one only.
        out_.directives.escape = value[0];
      }
    }
  }

  // Takes the escape character off the end of a line that goes on in the next.
  bool continues(Physical& line) const {
    std::size_t end = line.end;
    while (end > line.begin && (text_[end - 1] == ' ' || text_[end - 1] == '\t')) --end;
    const char escape = out_.directives.escape;
    if (end == line.begin || text_[end - 1] != escape) return false;
    if (end - line.begin >= 2 && text_[end - 2] == escape) return false;
    line.end = end - 1;
    return true;
  }

  void note_comment(const Physical& line) {
    const std::size_t begin = first_non_blank(line) + 1;
    const std::string_view text = trim(text_.substr(begin, line.end - begin));
    if (text.empty())
      comments_.clear();
    else
      comments_.emplace_back(text);
  }

  void append(LogicalLine& line, const Physical& part) const {
    for (std::size_t i = part.begin; i < part.end; ++i) {
      line.text += text_[i];
      line.offsets.push_back(static_cast<std::uint32_t>(i));
    }
  }

  Result<> read_instruction() {
    Physical part = take();
    if (is_comment(part)) {
      note_comment(part);
      return {};
    }
    part.begin = first_non_blank(part);
    LogicalLine line;
    line.source = source_;
    bool more = continues(part);
    if (!more && part.begin == part.end) return {};
    append(line, part);
    bool blank_seen = false;
    while (more && at_ < text_.size()) {
      part = take();
      if (is_comment(part)) continue;
      if (first_non_blank(part) == part.end) {
        const Position place = source_->position(part.begin);
        if (!std::exchange(blank_seen, true)) out_.empty_continuations.push_back({place, place});
        continue;
      }
      more = continues(part);
      append(line, part);
    }
    line.last_line = source_->position(part.end).line;
    line.comments = std::exchange(comments_, {});
    trim_ends(line);
    if (line.text.empty()) return {};
    TRY(read_heredocs(line));
    out_.lines.push_back(std::move(line));
    return {};
  }

  static void trim_ends(LogicalLine& line) {
    const std::size_t size = std::min(line.text.find_last_not_of(kBlanks) + 1, line.text.size());
    line.text.resize(size);
    const std::size_t begin = std::min(line.text.find_first_not_of(kBlanks), size);
    line.text.erase(0, begin);
    line.offsets.resize(size);
    line.offsets.erase(line.offsets.begin(),
                       line.offsets.begin() + static_cast<std::ptrdiff_t>(begin));
  }

  Result<> read_heredocs(LogicalLine& line) {
    if (!line.text.contains("<<") || !takes_heredocs(line.text, out_.directives.escape)) return {};
    // The escape is always '\' here. [BuildKit parser.go: the words are the shell's, not ours]
    const Result<Expansion> words = expand(
        line.text, no_variables, {.keep_quotes = true, .keep_escapes = true, .keep_unset = true});
    if (!words) return {};  // Quotes that do not match are the shell's affair.
    for (const std::string& word : words->words) {
      std::optional<Heredoc> heredoc = parse_heredoc_mark(word);
      if (!heredoc) continue;
      if (!read_body(*heredoc)) {
        const std::size_t at = line.text.find("<<" + std::string(heredoc->strip_tabs ? "-" : ""));
        const std::size_t end = line.text.find_first_of(kBlanks, at);
        return std::unexpected(
            source_->error(line.range(at, std::min(end, line.text.size())),
                           "the heredoc has no line " + quoted(heredoc->name) + " that ends it"));
      }
      line.last_line = source_->position(at_ == 0 ? 0 : at_ - 1).line;
      line.heredocs.push_back(std::move(*heredoc));
    }
    return {};
  }

  bool read_body(Heredoc& heredoc) {
    const std::size_t begin = at_;
    while (at_ < text_.size()) {
      const Physical line = take();
      std::string_view text = view(line);
      if (heredoc.strip_tabs)
        text.remove_prefix(std::min(text.find_first_not_of('\t'), text.size()));
      if (text == heredoc.name) {
        heredoc.content = text_.substr(begin, line.begin - begin);
        heredoc.range = {source_->position(begin), source_->position(line.begin)};
        return true;
      }
    }
    return false;
  }

  SourcePtr source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> comments_;
  Lines out_;
};

}  // namespace

Range LogicalLine::range(std::size_t begin, std::size_t end) const {
  if (offsets.empty()) return {};
  const auto offset = [&](std::size_t i) -> std::size_t {
    return i < offsets.size() ? offsets[i] : std::size_t{offsets.back()} + 1;
  };
  const Position first = source->position(offset(begin));
  if (end <= begin) return {first, first};
  return {first, source->position(std::size_t{offsets[std::min(end, offsets.size()) - 1]} + 1)};
}

Range LogicalLine::whole() const {
  Range range = this->range(0, text.size());
  if (last_line > range.end.line) {
    const auto columns = static_cast<std::uint32_t>(source->line(last_line).size());
    range.end = {.line = last_line, .column = columns + 1};
  }
  return range;
}

std::string heredoc_text(const Heredoc& heredoc) {
  if (!heredoc.strip_tabs) return heredoc.content;
  std::string out;
  bool at_start = true;
  for (const char c : heredoc.content) {
    if (at_start && c == '\t') continue;
    out += c;
    at_start = c == '\n';
  }
  return out;
}

std::optional<Heredoc> parse_heredoc_mark(std::string_view word) {
  Heredoc heredoc;
  const std::size_t mark = std::min(word.find_first_not_of("0123456789"), word.size());
  std::string_view rest = word.substr(mark);
  if (!rest.starts_with("<<")) return std::nullopt;
  rest.remove_prefix(2);
  heredoc.strip_tabs = rest.starts_with('-');
  if (heredoc.strip_tabs) rest.remove_prefix(1);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n\f"), rest.size()));
  if (rest.empty() || rest.contains('<')) return std::nullopt;
  const Result<std::uint64_t> number = parse_u64(word.substr(0, mark));
  heredoc.descriptor = number && *number < 1024 ? static_cast<unsigned>(*number) : 0;

  const Result<Expansion> plain = expand(rest, no_variables, {.keep_unset = true});
  const Result<Expansion> raw =
      expand(rest, no_variables, {.keep_quotes = true, .keep_unset = true});
  if (!plain || !raw || plain->words.size() != 1 || raw->words.size() != 1) return std::nullopt;
  const auto quotes = [](const std::string& text) {
    return std::ranges::count(text, '\'') + std::ranges::count(text, '"');
  };
  heredoc.name = plain->words[0];
  heredoc.expand = quotes(plain->words[0]) == quotes(raw->words[0]);
  return heredoc;
}

Result<Lines> split_lines(const SourcePtr& source) {
  if (source->text().size() > kMaxBytes)
    return fail(Kind::Invalid, source->name() + ": has more than 4 MiB");
  if (const std::size_t at = source->text().find('\0'); at != std::string::npos) {
    const Position place = source->position(at);
    return std::unexpected(source->error({place, place}, "there is a NUL byte: this is no text"));
  }
  return Splitter(source).run();
}

}  // namespace tare::build
