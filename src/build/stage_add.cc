// SPDX-License-Identifier: Apache-2.0
// What ADD does that COPY does not: addresses and archives.
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "build/pins.h"
#include "build/stage_build.h"
#include "codec/tar.h"
#include "image/web_files.h"
#include "store/streams.h"

namespace tare::build {
namespace {

constexpr unsigned kWebFileMode = 0600;  // [BuildKit frontend 1.20, reference.md "ADD"]

Result<Digest> parse_checksum(const Text& text) {
  if (text.empty()) return Digest();
  auto digest = Digest::parse(text.text);
  if (digest) return digest;
  return std::unexpected(
      Error(Kind::Invalid, "--checksum: " + digest.error().message())
          .hint("of a file it is sha256: and 64 digits, as 'sha256sum FILE' prints them"));
}

Result<UnixNanos> parse_time(const Text& text) {
  constexpr std::uint64_t kLastSecond = 253'402'300'799;  // Of the year 9999.
  if (const auto seconds = parse_u64(text.text); seconds && *seconds <= kLastSecond)
    return static_cast<UnixNanos>(*seconds) * 1'000'000'000;
  if (const auto time = parse_rfc3339(text.text)) return *time;
  return std::unexpected(Error(Kind::Invalid, "--mtime: " + quoted(text.text) + " is not a time")
                             .hint("seconds since 1970, or as 2024-02-29T12:00:00Z"));
}

// Of the first entry of a tar.
Result<UnixNanos> first_time(int file) {
  if (::lseek(file, 0, SEEK_SET) != 0) return fail_errno("rewind what was fetched");
  store::FileSource source(file);
  tar::Reader reader(source);
  return TRY(reader.next()) ? reader.entry().mtime : 0;
}

// What was unpacked is what the key says, also when somebody was just writing it.
Result<> refuse_changed(int file, const Pick& pick) {
  struct stat now{};
  if (::fstat(file, &now) != 0) return fail_errno("stat " + quoted(pick.source));
  const struct stat& was = pick.files[0].info;
  const auto is_same = [](const timespec& one, const timespec& other) {
    return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
  };
  if (now.st_dev == was.st_dev && now.st_ino == was.st_ino && now.st_size == was.st_size &&
      is_same(now.st_mtim, was.st_mtim) && is_same(now.st_ctim, was.st_ctim))
    return {};
  return store::changed_while_copied(pick.source);
}

}  // namespace

Result<StageBuild::Remote> StageBuild::find_remote(AddSource source, const Add& add) {
  Remote remote{.request = {.source = std::move(source),
                            .what = info_.label,
                            .is_interrupted = [this] { return shared_.reporter.is_interrupted(); }},
                .fetched = {}};
  GitSource& git = remote.request.source.git;
  if (remote.request.source.kind == AddSource::Kind::Git) {
    if (git.checksum.empty()) git.checksum = add.checksum.text;
    remote.request.keep_git_dir = git.keep_git_dir.value_or(add.keep_git_dir.value_or(false));
  } else {
    remote.request.expected = TRY(parse_checksum(add.checksum));
  }
  TRY(pin(shared_.request, remote.request));
  // What a file has to be is all that the key is made of.
  if (remote.request.expected.empty()) remote.fetched = TRY(shared_.workshop.fetch(remote.request));
  return remote;
}

Result<> StageBuild::fetch_missing(std::vector<Remote>& remotes) {
  for (Remote& remote : remotes)
    if (!remote.fetched) remote.fetched = TRY(shared_.workshop.fetch(remote.request));
  return {};
}

Result<> StageBuild::put_remote(const Remote& remote, const Add& add, const Target& target,
                                const std::string& destination, const CopyOptions& options) {
  const int file = remote.fetched->file.get();
  const auto rewind = [&]() -> Result<> {
    if (::lseek(file, 0, SEEK_SET) != 0) return fail_errno("rewind what was fetched");
    return {};
  };
  TRY(rewind());
  const bool is_git = remote.request.source.kind == AddSource::Kind::Git;
  if (is_git || add.unpack.value_or(false)) {
    const auto archive = TRY(shared_.workshop.open_archive(file));
    if (archive) {
      TRY(unpack_archive(*archive, target, destination, options),
          "unpack " + quoted(image::without_user(remote.request.source.text)));
      return {};
    }
    TRY(rewind());
  }
  return put_open_file(
      target, destination,
      {.file = file, .name = remote.request.source.file_name, .mode = kWebFileMode}, options);
}

// A local archive is unpacked, unless it is said that it is not. Looked into only now: what a file
// is follows from its content, which is in the key.
Result<> StageBuild::put_pick(const Pick& pick, const Add* add, const Tree& tree,
                              const Target& target, const std::string& destination,
                              const CopyOptions& options) {
  if (add != nullptr && !pick.is_directory && add->unpack.value_or(true)) {
    const sys::Fd file = TRY(open_in(tree.root, pick.source, O_RDONLY | O_NONBLOCK));
    if (const auto archive = TRY(shared_.workshop.open_archive(file.get()))) {
      TRY(unpack_archive(*archive, target, destination, options), "unpack " + quoted(pick.source));
      return refuse_changed(file.get(), pick);
    }
  }
  CopyOptions own = options;
  // Owners are the stage's, which is shown with the same ids; those of this machine mean nothing.
  if (tree.ids == nullptr && !own.owner) own.owner = Owner();
  return copy_files(tree, {pick}, target, destination, own);
}

Result<UnixNanos> StageBuild::time_of(const Instruction& instruction, const FileSources& files,
                                      const Sources& sources) const {
  const Copy* const copy = instruction.as<Copy>();
  if (copy != nullptr && copy->mtime) return parse_time(*copy->mtime);
  for (const Remote& remote : sources.remotes)
    if (remote.request.source.git.commit_times && remote.fetched)
      return first_time(remote.fetched->file.get());
  // A layer by itself does not depend on what it is put on.
  return files.link ? shared_.request.time.value_or(kFirstTime) : time_;
}

}  // namespace tare::build
