// SPDX-License-Identifier: Apache-2.0
// load, import and save.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/text.h"
#include "codec/compress.h"
#include "front/cli/handlers.h"
#include "front/cli/progress.h"
#include "store/streams.h"

namespace tare::cli {
namespace {

bool json_wanted(const Arguments& arguments) { return arguments.flag("json"); }

void print_image(Context& context, const image::Image& image, const std::string& what, bool json) {
  if (json) {
    json::Value line;
    line.set("id", image.id.text());
    line.set("names", json::Value(image.names));
    context.print(json::print(line) + "\n");
    return;
  }
  if (image.names.empty()) context.print(what + " ID: " + image.id.text() + "\n");
  for (const std::string& name : image.names) {
    const auto reference = image::Reference::parse(name);
    context.print(what + ": " + escaped(reference ? reference->familiar() : name) + "\n");
  }
}

// Where an archive comes from: a file, a pipe, or a directory with an OCI layout.
struct Input {
  sys::Fd opened;
  int fd = -1;
  std::string directory;
};

Result<Input> open_input(const std::string& path, const std::string& command) {
  Input input;
  if (path.empty() || path == "-") {
    if (::isatty(STDIN_FILENO) == 1)
      return std::unexpected(
          Error(Kind::Invalid, "standard input is a terminal, and no archive was named")
              .hint("'tare " + command + " FILE', or '... | tare " + command + "'"));
    input.fd = STDIN_FILENO;
    return input;
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    input.directory = path;
    return input;
  }
  input.opened = TRY(sys::open_path(path, O_RDONLY));
  input.fd = input.opened.get();
  return input;
}

// The file that save writes. A new name gets it in one step at the end, so that nothing half
// written is left; what is no regular file (a pipe, /dev/stdout) is written to directly.
class OutputFile {
 public:
  static Result<std::unique_ptr<OutputFile>> open(const std::string& path) {
    auto file = std::unique_ptr<OutputFile>(new OutputFile);
    file->path_ = path;
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
      file->fd_ = TRY(sys::open_path(path, O_WRONLY));
      return file;
    }
    const std::string temporary = path + ".tare-" + std::to_string(::getpid());
    auto made = sys::open_path(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (!made) return std::unexpected(Error::sys(made.error().errnum(), "write " + quoted(path)));
    file->fd_ = std::move(*made);
    file->temporary_ = temporary;
    return file;
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  int fd() const { return fd_.get(); }
  Result<> finish() {
    TRY(fd_.close());
    if (temporary_.empty()) return {};
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      return fail_errno("rename to " + quoted(path_));
    temporary_.clear();
    return {};
  }

 private:
  OutputFile() = default;
  std::string path_;
  std::string temporary_;
  sys::Fd fd_;
};

Result<image::SaveFormat> save_format(const Arguments& arguments) {
  const std::string format = arguments.value_or("format", "docker-archive");
  if (format == "docker-archive" || format == "docker") return image::SaveFormat::DockerArchive;
  if (format == "oci-archive" || format == "oci") return image::SaveFormat::OciArchive;
  return bad_value("format", format, "docker-archive and oci-archive are known");
}

// What loading a file may take: its content twice while it is read, and unpacked; when it is
// compressed, each of that is about twice as much. Of a pipe nothing is known.
std::uint64_t bytes_needed(int fd) {
  struct stat status{};
  if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  char first[6] = {};
  const ssize_t count = ::pread(fd, first, sizeof first, 0);
  const bool plain = codec::detect_compression({first, count > 0 ? static_cast<std::size_t>(count)
                                                                 : 0}) == codec::Compression::None;
  return static_cast<std::uint64_t>(status.st_size) * (plain ? 2 : 5);
}

Result<> admit(Context& context, engine::Engine& engine, const Input& input,
               const std::string& what) {
  for (const std::string& sentence : TRY(engine.admit(bytes_needed(input.fd), what)))
    context.warn(sentence);
  return {};
}

}  // namespace

Result<int> cmd_load(Context& context, const Arguments& arguments) {
  std::string path = arguments.value_or("input", "");
  if (!arguments.operands.empty()) {
    if (!path.empty())
      return fail(Kind::Invalid,
                  "two archives: " + quoted(path) + " and " + quoted(arguments.operands[0]));
    path = arguments.operands[0];
  }
  const Input input = TRY(open_input(path, "load"));
  engine::Engine& engine = *TRY(context.engine());
  TRY(admit(context, engine, input, "load"));
  ProgressLine progress(context, arguments.flag("quiet"), json_wanted(arguments));
  auto result =
      engine.load(input.fd, input.directory, arguments.value_or("name", ""), progress.callback());
  progress.clear();
  const auto loaded = TRY(std::move(result), path.empty() || path == "-" ? "load standard input"
                                                                         : "load " + quoted(path));
  for (const image::Image& image : loaded)
    print_image(context, image, "Loaded image", json_wanted(arguments));
  return 0;
}

Result<int> cmd_import(Context& context, const Arguments& arguments) {
  const std::string& path = arguments.operands[0];
  if (path.starts_with("http://") || path.starts_with("https://"))
    return std::unexpected(Error(Kind::Unsupported, "importing from a URL is not there yet")
                               .hint("curl -L '" + path + "' | tare import -"));
  const Input input = TRY(open_input(path, "import"));
  if (!input.directory.empty())
    return std::unexpected(Error(Kind::Invalid, quoted(path) + " is a directory")
                               .hint("tar -C " + path + " -c . | tare import - NAME"));
  engine::Engine& engine = *TRY(context.engine());
  TRY(admit(context, engine, input, "import"));
  ProgressLine progress(context, arguments.flag("quiet"), json_wanted(arguments));
  const auto image =
      TRY(engine.import(input.fd, arguments.operands.size() > 1 ? arguments.operands[1] : "",
                        arguments.list("change"), arguments.value_or("message", ""),
                        progress.callback()),
          path == "-" ? "import standard input" : "import " + quoted(path));
  progress.clear();
  if (json_wanted(arguments))
    print_image(context, image, "", true);
  else
    context.print(image.id.text() + "\n");
  return 0;
}

Result<int> cmd_save(Context& context, const Arguments& arguments) {
  const image::SaveFormat format = TRY(save_format(arguments));
  const std::string path = arguments.value_or("output", "");
  const bool to_stdout = path.empty() || path == "-";
  if (to_stdout && ::isatty(STDOUT_FILENO) == 1)
    return std::unexpected(Error(Kind::Invalid, "an archive is not written to a terminal")
                               .hint("use -o FILE, or redirect standard output"));
  if (to_stdout && json_wanted(arguments))
    return fail(Kind::Invalid, "--json needs -o FILE: standard output is the archive's");
  engine::Engine& engine = *TRY(context.engine());
  ProgressLine progress(context, arguments.flag("quiet"), json_wanted(arguments));
  std::unique_ptr<OutputFile> file;
  if (!to_stdout) file = TRY(OutputFile::open(path));
  store::FileSink sink(file ? file->fd() : STDOUT_FILENO);
  auto saved = engine.images().save(arguments.operands, format, sink, progress.callback());
  progress.clear();
  if (!saved && to_stdout && saved.error().errnum() == EPIPE) die_of_broken_pipe();
  if (!saved && file && saved.error().errnum() == ENOSPC)
    return std::unexpected(std::move(saved).error().wrap("save to " + quoted(path)));
  TRY(std::move(saved));
  if (file) TRY(file->finish());
  return 0;
}

}  // namespace tare::cli
