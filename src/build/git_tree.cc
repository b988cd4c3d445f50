// SPDX-License-Identifier: Apache-2.0
#include "build/git_tree.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "build/glob.h"

namespace tare::build {
namespace {

constexpr std::size_t kMaxPath = 4095;
constexpr std::size_t kMaxEntries = 2'000'000;
constexpr std::size_t kPiece = 256 << 10;

// As file systems elsewhere take it: ".GIT", "git~1". [CVE-2014-9390]
bool is_gits_own(std::string_view name) {
  const std::string small = lower(name);
  return small == ".git" || small == "git~1";
}

Result<> check_path(std::string_view path) {
  const auto bad = [&](const char* why) {
    return fail(Kind::Invalid, "the repository has a file " + quoted(path) + ", " + why);
  };
  if (path.empty() || path.size() > kMaxPath) return bad("whose name is too long or too short");
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return bad("which leads elsewhere");
    if (is_gits_own(part)) return bad("which is git's own");
  }
  return {};
}

// Sorted paths, of which none may be in the way of another.
Result<> check_tree(std::vector<TreeEntry>& entries) {
  std::ranges::sort(entries, {}, &TreeEntry::path);
  std::set<std::string_view> files;
  for (const TreeEntry& entry : entries) {
    if (!files.insert(entry.path).second)
      return fail(Kind::Invalid, "the repository has two files " + quoted(entry.path));
  }
  for (const TreeEntry& entry : entries)
    for (std::size_t at = entry.path.find('/'); at != std::string::npos;
         at = entry.path.find('/', at + 1))
      if (files.contains(std::string_view(entry.path).substr(0, at)))
        return fail(Kind::Invalid, "the repository has a file in the way of " + quoted(entry.path));
  return {};
}

// Reads the output of "cat-file --batch".
class Objects {
 public:
  explicit Objects(codec::Source& source) : source_(source) {}

  // "ID blob SIZE": the size.
  Result<std::uint64_t> begin(const std::string& id) {
    const std::string line = TRY(read_line());
    const std::vector<std::string> words = split(line, ' ');
    const auto size = parse_u64(words.size() == 3 ? words[2] : "");
    if (words[0] != id || !size || words[1] != "blob")
      return fail(Kind::Corrupt, "the repository has no file " + quoted(id) + ": " + quoted(line));
    return *size;
  }
  Result<std::size_t> read(char* buffer, std::size_t size) {
    if (at_ == held_.size()) {
      held_.resize(kPiece);
      held_.resize(TRY(source_.read(held_.data(), held_.size())));
      at_ = 0;
    }
    const std::size_t count = std::min(size, held_.size() - at_);
    std::copy_n(held_.data() + at_, count, buffer);
    at_ += count;
    return count;
  }
  Result<> end() {
    char line_feed = 0;
    if (TRY(read(&line_feed, 1)) != 1 || line_feed != '\n')
      return fail(Kind::Corrupt, "git said more of a file than it had announced");
    return {};
  }

 private:
  Result<std::string> read_line() {
    constexpr std::size_t kMaxLine = 256;
    std::string line;
    for (char c = 0; line.size() < kMaxLine;) {
      if (TRY(read(&c, 1)) != 1) return fail(Kind::Corrupt, "git has ended too early");
      if (c == '\n') return line;
      line += c;
    }
    return fail(Kind::Corrupt, "git said something that is not understood");
  }

  codec::Source& source_;
  std::string held_;
  std::size_t at_ = 0;
};

Result<> write_content(tar::Writer& writer, Objects& objects, std::uint64_t size) {
  std::string buffer(std::min<std::uint64_t>(size, kPiece), '\0');
  while (size > 0) {
    const std::size_t count =
        TRY(objects.read(buffer.data(), std::min<std::uint64_t>(size, buffer.size())));
    if (count == 0) return fail(Kind::Corrupt, "git has ended in the middle of a file");
    TRY(writer.write_content({buffer.data(), count}));
    size -= count;
  }
  return {};
}

Result<> write_entry(tar::Writer& writer, tar::Entry entry, const TreeEntry& from,
                     Objects& objects) {
  if (from.type == TreeEntry::Type::Module) {
    entry.type = tar::Type::Directory;
    entry.mode = 0755;
    return writer.add(entry);
  }
  const std::uint64_t size = TRY(objects.begin(from.id));
  if (from.type == TreeEntry::Type::Link) {
    if (size == 0 || size > kMaxPath)
      return fail(Kind::Invalid, "the link " + quoted(from.path) + " leads nowhere");
    entry.type = tar::Type::Symlink;
    entry.mode = 0777;
    entry.link.resize(size);
    for (std::size_t at = 0; at < size;) {
      const std::size_t count = TRY(objects.read(entry.link.data() + at, size - at));
      if (count == 0) return fail(Kind::Corrupt, "git has ended in the middle of a link");
      at += count;
    }
    TRY(writer.add(entry));
  } else {
    entry.mode = from.type == TreeEntry::Type::Program ? 0755 : 0644;
    entry.size = size;
    TRY(writer.add(entry));
    TRY(write_content(writer, objects, size));
  }
  return objects.end();
}

}  // namespace

bool is_ref_name(std::string_view name) {
  if (name.empty() || name.size() > 1024 || name.starts_with('-') || name.starts_with('/') ||
      name.ends_with('/') || name.ends_with('.') || name.ends_with(".lock") || name == "@")
    return false;
  if (name.contains("..") || name.contains("//") || name.contains("@{") || name.contains("/."))
    return false;
  return std::ranges::all_of(name, [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '\x7f' &&
           !std::string_view("~^:?*[\\").contains(c);
  });
}

bool is_commit_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<std::vector<RemoteRef>> parse_remote_refs(std::string_view text) {
  std::vector<RemoteRef> refs;
  std::string head;
  for (const std::string& line : split(text, '\n')) {
    if (line.empty()) continue;
    const auto pair = split_once(line, '\t');
    if (!pair) return fail(Kind::Invalid, "git lists " + quoted(line) + ", which is no ref");
    if (pair->first.starts_with("ref: ") && pair->second == "HEAD") {
      head = pair->first.substr(5);
      continue;
    }
    if (!is_commit_id(pair->first))
      return fail(Kind::Invalid, "git lists " + quoted(line) + ", which is no ref");
    refs.push_back(
        {.id = std::string(pair->first), .name = std::string(pair->second), .target = ""});
    if (refs.back().name == "HEAD" && is_ref_name(head)) refs.back().target = head;
  }
  return refs;
}

std::optional<RemoteRef> choose_ref(const std::vector<RemoteRef>& refs, std::string_view ref) {
  const auto find = [&](const std::string& name) -> std::optional<RemoteRef> {
    const auto found = std::ranges::find(refs, name, &RemoteRef::name);
    if (found == refs.end()) return std::nullopt;
    RemoteRef chosen = *found;
    const auto commit = std::ranges::find(refs, name + "^{}", &RemoteRef::name);
    if (commit != refs.end()) chosen.id = commit->id;
    return chosen;
  };
  if (ref.empty()) return find("HEAD");
  const std::string name(ref);
  for (const std::string& each : {"refs/heads/" + name, "refs/tags/" + name, "refs/" + name, name})
    if (auto found = find(each)) return found;
  return std::nullopt;
}

Result<std::vector<TreeEntry>> parse_tree(std::string_view text) {
  static const std::map<std::string_view, TreeEntry::Type> types = {
      {"100644", TreeEntry::Type::File},
      {"100664", TreeEntry::Type::File},
      {"100755", TreeEntry::Type::Program},
      {"120000", TreeEntry::Type::Link},
      {"160000", TreeEntry::Type::Module}};
  std::vector<TreeEntry> entries;
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto parts = split_once(line, '\t');
    const std::vector<std::string> words = split(parts ? parts->first : "", ' ');
    const auto type = types.find(words[0]);
    if (words.size() != 3 || type == types.end() || !is_commit_id(words[2]))
      return fail(Kind::Invalid, "the repository has " + quoted(line) + ", which is not known");
    TRY(check_path(parts->second));
    if (entries.size() >= kMaxEntries)
      return fail(Kind::Invalid, "the repository has too many files");
    entries.push_back({.type = type->second, .id = words[2], .path = std::string(parts->second)});
  }
  TRY(check_tree(entries));
  return entries;
}

// "submodule.NAME.path\nVALUE\0"
std::vector<Module> parse_modules(std::string_view text) {
  std::map<std::string, Module> modules;
  for (const std::string& item : split(text, '\0')) {
    const auto pair = split_once(item, '\n');
    if (!pair || !pair->first.starts_with("submodule.")) continue;
    const std::size_t dot = pair->first.rfind('.');
    Module& module = modules[std::string(pair->first.substr(0, dot))];
    if (pair->first.substr(dot) == ".path") module.path = pair->second;
    if (pair->first.substr(dot) == ".url") module.url = pair->second;
  }
  std::vector<Module> all;
  for (auto& [name, module] : modules) all.push_back(std::move(module));
  return all;
}

Result<std::string> module_address(const std::string& remote, std::string_view url) {
  if (!url.starts_with("./") && !url.starts_with("../")) return std::string(url);
  // Relative to the repository as if it were a directory. [gitmodules(5)]
  const std::size_t scheme = remote.find("://");
  const std::size_t start =
      scheme == std::string::npos ? remote.find(':') : remote.find('/', scheme + 3);
  if (start == std::string::npos)
    return fail(Kind::Invalid, quoted(url) + " is relative to nothing");
  const std::string path = clean_path("/" + remote.substr(start + 1) + "/" + std::string(url));
  return remote.substr(0, start + 1) + path.substr(1);
}

Result<> write_tree(tar::Writer& writer, const std::string& prefix,
                    const std::vector<TreeEntry>& entries, codec::Source& objects, UnixNanos time) {
  Objects content(objects);
  std::set<std::string> made;
  for (const TreeEntry& from : entries) {
    for (std::size_t at = from.path.find('/'); at != std::string::npos;
         at = from.path.find('/', at + 1)) {
      const std::string above = prefix + from.path.substr(0, at);
      if (made.insert(above).second)
        TRY(writer.add({.name = above, .type = tar::Type::Directory, .mode = 0755, .mtime = time}));
    }
    TRY(write_entry(writer, {.name = prefix + from.path, .mtime = time}, from, content));
  }
  return {};
}

}  // namespace tare::build
