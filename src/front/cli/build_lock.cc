// SPDX-License-Identifier: Apache-2.0
#include "front/cli/build_lock.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "front/cli/build_request.h"
#include "image/leaks.h"
#include "sys/fd.h"

namespace tare::cli {
namespace {

constexpr std::size_t kMaxLock = 64 << 20;

bool is_file(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// Beside the Dockerfile; "" when that is no file here.
std::string usual_path(const Arguments& arguments) {
  const std::string& place = arguments.operands[0];
  std::string file = arguments.value_or("file", "");
  if (file.empty() && place != "-") file = place + "/Dockerfile";
  if (file.empty() || file == "-" || !is_file(file)) return "";
  return file + std::string(build::kLockSuffix);
}

std::string whole(const std::string& path) {
  char buffer[PATH_MAX];
  return ::realpath(path.c_str(), buffer) == nullptr ? "" : std::string(buffer);
}

// Where it is in the context; "" when it is not below.
std::string name_in_context(const std::string& path, const std::string& context) {
  const std::size_t slash = path.rfind('/');
  const std::string dir = whole(slash == std::string::npos ? "." : path.substr(0, slash + 1));
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (context.empty() || dir.empty()) return "";
  if (dir == context) return name;
  const std::string above = context == "/" ? context : context + "/";
  return dir.starts_with(above) ? dir.substr(above.size()) + "/" + name : "";
}

Result<> replace(const std::string& path, const std::string& text) {
  const std::string part = path + ".part" + std::to_string(::getpid());
  const auto write = [&]() -> Result<> {
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const sys::Fd file(::open(part.c_str(), flags, 0666));
    if (!file) return fail_errno("make a file beside it");
    TRY(sys::write_all(file.get(), text));
    if (::rename(part.c_str(), path.c_str()) != 0) return fail_errno("replace it");
    return {};
  };
  auto written = write();
  if (!written) ::unlink(part.c_str());
  return written;
}

Result<> check_options(const Arguments& arguments) {
  const bool is_locked = arguments.flag("locked");
  if (arguments.flag("no-lock") && (is_locked || arguments.value("lock")))
    return fail(Kind::Invalid, "--no-lock contradicts --lock and --locked");
  if (is_locked && arguments.flag("pull"))
    return std::unexpected(
        Error(Kind::Invalid, "--locked takes what the lock has, and --pull what there is now")
            .hint("--pull without --locked writes the lock anew"));
  return {};
}

}  // namespace

Result<LockFile> LockFile::open(const Arguments& arguments, build::BuildRequest& request) {
  TRY(check_options(arguments));
  const std::string path =
      arguments.value_or("lock", request.remote.empty() ? usual_path(arguments) : "");
  // Also of a build that does not use it: the image is the same with and without one.
  request.lock_name = path.empty() ? request.dockerfile + std::string(build::kLockSuffix)
                                   : name_in_context(path, request.context);
  if (arguments.flag("no-lock")) {
    request.records_downloads = false;
    return LockFile();
  }
  LockFile lock = TRY(read(path, request, arguments.value("lock").has_value()));
  request.is_locked = arguments.flag("locked");
  if (request.is_locked && !request.lock)
    return std::unexpected(
        Error(Kind::NotFound,
              path.empty() ? "there is no lock for a Dockerfile that is no file of this machine"
                           : "there is no lock " + quoted(path))
            .hint("a build without --locked writes it; another file is given with --lock FILE"));
  return lock;
}

Result<LockFile> LockFile::read(const std::string& path, build::BuildRequest& request,
                                bool is_named) {
  LockFile lock;
  lock.path_ = path;
  if (path.empty() || (is_named && !is_file(path))) return lock;
  if (is_named) {
    const sys::Fd file = TRY(sys::open_path(path, O_RDONLY));
    lock.text_ = TRY(sys::read_all(file.get(), kMaxLock), path);
  } else {
    const std::string name = name_in_context(path, request.context);
    const std::size_t slash = path.rfind('/') + 1;  // npos + 1 is the beginning.
    const std::string beside = slash == 0 ? "." : path.substr(0, slash);
    auto text = name.empty() ? read_in_context(beside, path.substr(slash), kMaxLock)
                             : read_in_context(request.context, name, kMaxLock);
    if (!text && text.error().kind() == Kind::NotFound) return lock;
    if (!text) return std::unexpected(std::move(text).error().hint("--lock FILE names another"));
    lock.text_ = std::move(*text);
  }
  request.lock = TRY(build::parse_lock(lock.text_, path));
  return lock;
}

std::string LockFile::update(const build::Built& built, const build::BuildRequest& request) const {
  if (path_.empty() || request.is_locked) return "";
  const build::Lock lock =
      build::lock_of(built, request.lock.value_or(build::Lock()), !request.options.target.empty());
  if (text_.empty() && lock == build::Lock()) return "";
  const std::string text = build::print_lock(lock);
  if (text == text_) return "";
  if (image::has_secret(text, request.secrets))
    return "the lock is not written: a secret of the build would be in it, in an address or an "
           "answer";
  const auto written = replace(path_, text);
  if (written) return "";
  return "the lock " + quoted(path_) + " is not written: " + written.error().message();
}

}  // namespace tare::cli
