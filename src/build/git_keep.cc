// SPDX-License-Identifier: Apache-2.0
#include "build/git_keep.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "sys/files.h"

namespace tare::build {
namespace {

std::string config_of(const KeptCommit& kept) {
  const bool is_sha256 = kept.commit.size() == 64;
  std::string text = "[core]\n\trepositoryformatversion = " + std::string(is_sha256 ? "1" : "0") +
                     "\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n";
  if (is_sha256) text += "[extensions]\n\tobjectFormat = sha256\n";
  std::string url;
  for (const char c : kept.remote) url += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
  return text + "[remote \"origin\"]\n\turl = \"" + url +
         "\"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n";
}

class GitDirectory {
 public:
  GitDirectory(tar::Writer& writer, const GitPlace& place, const KeptCommit& kept)
      : writer_(writer), place_(place), kept_(kept) {}

  Result<> write();

 private:
  Result<> add_directory(const std::string& path) {
    return writer_.add(
        {.name = ".git" + path, .type = tar::Type::Directory, .mode = 0755, .mtime = kept_.time});
  }
  Result<> add_text(const std::string& path, std::string_view text) {
    return writer_.add_file({.name = ".git/" + path, .mode = 0644, .mtime = kept_.time}, text);
  }
  // What git has written.
  Result<> add_file(const std::string& path, const std::string& from);
  Result<> add_refs();
  Result<> add_packs();

  // Whether there was something before the commit, which is left out then.
  Result<bool> has_parents();

  tar::Writer& writer_;
  const GitPlace& place_;
  const KeptCommit& kept_;
  std::string tag_;  // The object of an annotated tag.
};

Result<> GitDirectory::add_file(const std::string& path, const std::string& from) {
  const sys::Fd file = TRY(sys::open_in_root(place_.directory, from, O_RDONLY | O_NONBLOCK, 0));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail_errno("fstat");
  if (!S_ISREG(info.st_mode)) return fail(Kind::Corrupt, "git has made no file " + quoted(from));
  std::uint64_t left = static_cast<std::uint64_t>(info.st_size);
  TRY(writer_.add({.name = ".git/" + path, .mode = 0644, .size = left, .mtime = kept_.time}));
  std::string buffer(256 << 10, '\0');
  while (left > 0) {
    const std::size_t count = TRY(
        sys::read_full(file.get(), buffer.data(), std::min<std::uint64_t>(left, buffer.size())));
    if (count == 0) return fail(Kind::Corrupt, "a file of git has become shorter");
    TRY(writer_.write_content({buffer.data(), count}));
    left -= count;
  }
  return {};
}

// A branch is checked out; a tag or commit is what HEAD is.
Result<> GitDirectory::add_refs() {
  const bool is_branch = kept_.ref.starts_with("refs/heads/");
  TRY(add_text("HEAD", is_branch ? "ref: " + kept_.ref + "\n" : kept_.commit + "\n"));
  TRY(add_directory("/refs"));
  TRY(add_directory("/refs/heads"));
  TRY(add_directory("/refs/tags"));
  if (kept_.ref.empty()) return {};
  return add_text("packed-refs", "# pack-refs with: sorted \n" +
                                     (tag_.empty() ? kept_.commit : tag_) + " " + kept_.ref + "\n");
}

Result<> GitDirectory::add_packs() {
  const sys::Fd wanted = TRY(sys::make_memfd("tare-objects"));
  TRY(sys::write_all(wanted.get(), kept_.commit + "\n" + (tag_.empty() ? "" : tag_ + "\n")));
  if (::lseek(wanted.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a list");
  // Beside its temporary file: Landlock keeps files in their directories. [landlock(7)]
  const std::string place = kept_.name + "/objects/pack";
  (void)TRY(run_git(place_,
                    {"--git-dir=" + kept_.name, "pack-objects", "--quiet", "--threads=1",
                     "--window=0", "--depth=0", "--compression=0", "--no-reuse-delta",
                     "--no-reuse-object", "--revs", place + "/kept"},
                    4096, wanted.get()));
  const sys::Fd keep = TRY(sys::open_in_root(place_.directory, place, O_RDONLY | O_DIRECTORY));
  std::vector<std::string> names = TRY(sys::list_directory(keep.get()));
  std::ranges::sort(names);
  TRY(add_directory("/objects"));
  TRY(add_directory("/objects/pack"));
  for (const std::string& name : names)
    if (name.starts_with("kept-") && (name.ends_with(".pack") || name.ends_with(".idx")))
      TRY(add_file("objects/pack/pack-" + name.substr(5), place + "/" + name));
  return {};
}

Result<bool> GitDirectory::has_parents() {
  const std::string text =
      TRY(run_git(place_, {"--git-dir=" + kept_.name, "cat-file", "commit", kept_.commit}));
  return text.substr(0, text.find("\n\n")).contains("\nparent ");
}

Result<> GitDirectory::write() {
  if (kept_.ref.starts_with("refs/tags/"))
    if (const auto tag = run_git(place_, {"--git-dir=" + kept_.name, "rev-parse", "--verify",
                                          "--quiet", "refs/tare/ref"}))
      tag_ = trim(*tag);
  TRY(add_directory(""));
  TRY(add_text("config", config_of(kept_)));
  TRY(add_refs());
  if (TRY(has_parents())) {
    // Also where the server has given all of them.
    const sys::Fd repository =
        TRY(sys::open_in_root(place_.directory, kept_.name, O_RDONLY | O_DIRECTORY));
    TRY(sys::replace_file(repository.get(), "shallow", kept_.commit + "\n"));
    TRY(add_text("shallow", kept_.commit + "\n"));
  }
  TRY(add_packs());
  GitPlace place = place_;
  place.environment["GIT_INDEX_FILE"] = "index";
  (void)TRY(run_git(place, {"--git-dir=" + kept_.name, "read-tree", kept_.commit}));
  return add_file("index", "index");
}

}  // namespace

Result<> write_git_dir(tar::Writer& writer, const GitPlace& place, const KeptCommit& kept) {
  return GitDirectory(writer, place, kept).write();
}

}  // namespace tare::build
