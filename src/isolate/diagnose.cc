// SPDX-License-Identifier: Apache-2.0
// Why a program could not be executed. The kernel has one errno for a dozen reasons; here the file
// is looked at as the kernel did, and the reason gets a sentence.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "isolate/elf.h"
#include "isolate/isolate.h"
#include "isolate/plan.h"
#include "sys/files.h"

namespace tare::isolate {
namespace {

constexpr std::size_t kMostNames = 20'000;

// "no such file or directory" is 127 and everything else 126, as with Docker, also where it is the
// interpreter that is missing.
int exit_code_of(int errnum) { return errnum == ENOENT || errnum == ENOTDIR ? 127 : 126; }

bool exists(int root, const std::string& path) {
  return sys::open_in_root(root, path, O_PATH).has_value();
}

// Files in the directories of PATH, for a near miss.
std::vector<std::string> known_programs(int root, const std::vector<std::string>& candidates) {
  std::vector<std::string> names;
  for (const std::string& candidate : candidates) {
    const std::string directory = candidate.substr(0, candidate.rfind('/') + 1);
    const auto opened = sys::open_in_root(root, directory, O_RDONLY | O_DIRECTORY);
    if (!opened) continue;
    auto listed = sys::list_directory(opened->get());
    if (!listed || names.size() + listed->size() > kMostNames) continue;
    std::ranges::move(*listed, std::back_inserter(names));
  }
  return names;
}

// The text of a symbolic link that leads nowhere; "" when `path` is no link.
std::string dangling_link(int root, const std::string& path) {
  const auto parent = sys::open_parent_in_root(root, path, false);
  if (!parent) return {};
  char text[4096];
  const ssize_t size = ::readlinkat(parent->dir.get(), parent->name.c_str(), text, sizeof text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

Diagnosis not_found(int root, const std::string& program,
                    const std::vector<std::string>& candidates) {
  Diagnosis diagnosis;
  diagnosis.exit_code = 127;
  if (program.find('/') != std::string::npos) {
    diagnosis.message = "there is no file " + quoted(program) + " in the image";
    diagnosis.hint = "check the path, and that nothing mounted hides it";
    const std::string link = dangling_link(root, program);
    if (!link.empty()) {
      diagnosis.message =
          quoted(program) + " is a symbolic link to " + quoted(link) + ", which does not exist";
      diagnosis.hint = "add the target to the image, or name another program";
    }
    return diagnosis;
  }
  std::vector<std::string> directories;
  for (const std::string& candidate : candidates)
    directories.push_back(candidate.substr(0, candidate.rfind('/')));
  diagnosis.message = fmt::format("{} is in no directory of PATH ({})", quoted(program),
                                  escaped(join(directories, ":")));
  const auto close = nearest(program, known_programs(root, candidates));
  diagnosis.hint = close ? "did you mean " + quoted(*close) + "?"
                         : "install it in the image, or give its full path";
  return diagnosis;
}

// The interpreter in a "#!" line, without its argument.
struct Shebang {
  std::string interpreter;
  bool carriage_return = false;
};
std::optional<Shebang> parse_shebang(std::string_view head) {
  if (!head.starts_with("#!")) return std::nullopt;
  std::string_view line = head.substr(2, head.find('\n') - 2);
  Shebang shebang;
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  shebang.carriage_return = line.ends_with('\r');
  if (shebang.carriage_return) line.remove_suffix(1);
  shebang.interpreter = line.substr(0, line.find_first_of(" \t"));
  return shebang;
}

std::optional<Diagnosis> check_script(int root, const std::string& path, std::string_view head,
                                      int code) {
  const auto shebang = parse_shebang(head);
  if (!shebang) return std::nullopt;
  if (shebang->carriage_return)
    return Diagnosis{
        .message = quoted(path) + " has Windows line ends: the kernel looks for an interpreter " +
                   quoted(shebang->interpreter + "\r"),
        .hint = "convert it: sed -i 's/\\r$//' FILE, or keep git from doing so (core.autocrlf)",
        .exit_code = code};
  if (!exists(root, shebang->interpreter))
    return Diagnosis{.message = fmt::format("{} is a script for {}, which is not in the image",
                                            quoted(path), quoted(shebang->interpreter)),
                     .hint = "install that interpreter, or change the first line of the script",
                     .exit_code = code};
  return Diagnosis{.message = fmt::format("{} is a script for {}, which could not run it",
                                          quoted(path), quoted(shebang->interpreter)),
                   .hint = "check that the interpreter itself runs",
                   .exit_code = code};
}

// Library directories of the common C libraries, for a file without a search path of its own.
std::string missing_library(int root, const ElfFacts& facts) {
  if (facts.has_search_path) return {};
  for (const std::string& library : facts.needed) {
    const auto in = [&](std::string_view directory) {
      return exists(root, std::string(directory) + "/" + library);
    };
    constexpr std::string_view kDirectories[] = {"/lib",
                                                 "/usr/lib",
                                                 "/lib64",
                                                 "/usr/lib64",
                                                 "/usr/local/lib",
                                                 "/lib/x86_64-linux-gnu",
                                                 "/usr/lib/x86_64-linux-gnu",
                                                 "/lib/aarch64-linux-gnu",
                                                 "/usr/lib/aarch64-linux-gnu"};
    if (library.find('/') == std::string::npos && std::ranges::none_of(kDirectories, in))
      return library;
  }
  return {};
}

std::optional<Diagnosis> check_elf(int root, const std::string& path, int fd, int code) {
  const auto facts = read_elf(fd);
  if (!facts && facts.error().kind() == Kind::Invalid) return std::nullopt;
  if (!facts)
    return Diagnosis{.message = quoted(path) + " is a damaged program: " + facts.error().message(),
                     .hint = "build or copy it again",
                     .exit_code = code};
  if (facts->machine != own_machine())
    return Diagnosis{
        .message = fmt::format("{} is a program for {}, and this machine is {}", quoted(path),
                               machine_name(facts->machine), machine_name(own_machine())),
        .hint = "use an image for this architecture, or install qemu-user-static with binfmt_misc",
        .exit_code = code};
  if (!facts->interpreter.empty() && !exists(root, facts->interpreter))
    return Diagnosis{.message = fmt::format("{} needs the loader {}, which is not in the image",
                                            quoted(path), quoted(facts->interpreter)),
                     .hint =
                         "it was built for another C library (glibc or musl): link it "
                         "statically, or use a base image with that loader",
                     .exit_code = code};
  const std::string library = missing_library(root, *facts);
  if (!library.empty())
    return Diagnosis{.message = fmt::format("{} needs the library {}, which is not in the image",
                                            quoted(path), quoted(library)),
                     .hint = "install the package that has it",
                     .exit_code = 127};
  return std::nullopt;
}

// What is wrong with the file by its kind and mode.
std::optional<Diagnosis> check_mode(const std::string& path, int fd, const Process& process) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return std::nullopt;
  constexpr int kCannotRun = 126;
  if (S_ISDIR(status.st_mode))
    return Diagnosis{.message = quoted(path) + " is a directory",
                     .hint = "name a program in it",
                     .exit_code = kCannotRun};
  if (!S_ISREG(status.st_mode))
    return Diagnosis{.message = quoted(path) + " is not a regular file",
                     .hint = "name a program",
                     .exit_code = kCannotRun};
  if ((status.st_mode & 0111U) == 0)
    return Diagnosis{.message = fmt::format("{} has no exec permission (mode {:04o})", quoted(path),
                                            status.st_mode & 07777U),
                     .hint = "chmod +x, or COPY --chmod=755 in the Dockerfile",
                     .exit_code = kCannotRun};
  struct statvfs system{};
  if (::fstatvfs(fd, &system) == 0 && (system.f_flag & ST_NOEXEC) != 0)
    return Diagnosis{.message = quoted(path) + " is on a file system mounted noexec",
                     .hint = "move the program, or mount with exec",
                     .exit_code = kCannotRun};
  if ((status.st_mode & 0001U) == 0 && process.uid != 0)
    return Diagnosis{.message = fmt::format("user {} may not run {} (mode {:04o})", process.uid,
                                            quoted(path), status.st_mode & 07777U),
                     .hint = "give others the exec permission, or choose another user",
                     .exit_code = kCannotRun};
  return std::nullopt;
}

Diagnosis check_content(int root, const std::string& path, const Error& error) {
  const int code = exit_code_of(error.errnum());
  Diagnosis unknown{.message = error.message(), .hint = "", .exit_code = code};
  const auto file = sys::open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return unknown;
  char bytes[256];
  const ssize_t size = ::pread(file->get(), bytes, sizeof bytes, 0);
  if (size < 0) return unknown;
  const std::string_view head(bytes, static_cast<std::size_t>(size));
  if (head.empty())
    return {
        .message = quoted(path) + " is empty", .hint = "build or copy it again", .exit_code = code};
  if (auto found = check_script(root, path, head, code)) return *found;
  if (auto found = check_elf(root, path, file->get(), code)) return *found;
  if (error.errnum() == ENOEXEC)
    return {.message = quoted(path) +
                       " is neither a program of this machine nor a script that "
                       "begins with #!",
            .hint = "a shell script needs #!/bin/sh as its first line",
            .exit_code = code};
  return unknown;
}

}  // namespace

Diagnosis diagnose_exec(int root, const Process& process, const Error& error) {
  if (process.argv.empty())
    return {.message = "no command was given", .hint = "", .exit_code = 127};
  const std::string& program = process.argv[0];
  std::vector<std::string> candidates = command_candidates(program, process.env);
  // Relative to where the process would have been.
  for (std::string& candidate : candidates)
    if (!candidate.starts_with('/')) candidate = process.cwd + "/" + candidate;
  if (error.errnum() == E2BIG)
    return {.message = "the arguments and the environment are too long",
            .hint = "pass long data in a file",
            .exit_code = 126};
  std::optional<Diagnosis> first;
  for (const std::string& candidate : candidates) {
    const auto found = sys::open_in_root(root, candidate, O_PATH);
    if (!found) continue;
    auto wrong = check_mode(candidate, found->get(), process);
    if (!wrong) return check_content(root, candidate, error);
    // The search goes on behind a file that cannot be run, as execution did.
    if (!first) first = std::move(wrong);
  }
  return first ? *first : not_found(root, program, candidates);
}

}  // namespace tare::isolate
