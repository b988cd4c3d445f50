// SPDX-License-Identifier: Apache-2.0
// run and create.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/help.h"
#include "front/cli/network_options.h"
#include "front/cli/progress.h"
#include "front/cli/request.h"
#include "front/cli/transfer_view.h"

namespace tare::cli {
namespace {

using Clock = std::chrono::steady_clock;

// --cidfile: made before the container, so that two runs cannot share it; removed when there will
// be no container.
class IdFile {
 public:
  static Result<IdFile> open(const Arguments& arguments) {
    IdFile file;
    file.path_ = arguments.value_or("cidfile", "");
    if (file.path_.empty()) return file;
    auto opened = sys::open_path(file.path_, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (!opened && opened.error().kind() == Kind::Exists)
      return std::unexpected(
          Error(Kind::Exists, "--cidfile: " + quoted(file.path_) + " is there already")
              .hint("remove it when its container is not running any more"));
    file.fd_ = TRY(std::move(opened), "--cidfile");
    return file;
  }
  IdFile(IdFile&&) = default;
  ~IdFile() {
    if (fd_) ::unlink(path_.c_str());
  }

  Result<> write(const std::string& id) {
    if (!fd_) return {};
    TRY(sys::write_all(fd_.get(), id), "--cidfile");
    sys::Fd written = std::move(fd_);
    return written.close();
  }

 private:
  IdFile() = default;

  std::string path_;
  sys::Fd fd_;
};

// --pull: the image from its registry, when it is wanted from there. What is shown goes to standard
// error, as Docker's does: standard output is the container's.
Result<> pull_if_wanted(Context& context, const Arguments& arguments,
                        engine::CreateRequest& request) {
  const std::string when = arguments.value_or("pull", "missing");
  if (when == "never") return {};
  engine::Engine& engine = *TRY(context.engine());
  if (when == "missing") {
    const auto found = engine.images().find(request.image);
    const auto reference = image::Reference::parse(request.image);
    if (found || found.error().kind() != Kind::NotFound || !reference) return {};
    const std::string& near = found.error().hint();
    (void)sys::write_all(STDERR_FILENO,
                         "Unable to find image '" + escaped(reference->familiar()) + "' locally" +
                             (near.starts_with("did you mean") ? "; " + near : "") + "\n");
  }
  TransferView view(context, arguments.flag("quiet"), false, true);
  image::Images::PullWish pull;
  pull.reference = request.image;
  const auto pulled =
      TRY(engine.pull(std::move(pull), view.callback()), "pull " + quoted(request.image));
  if (!arguments.flag("quiet"))
    (void)sys::write_all(STDERR_FILENO, "Digest: " + pulled.front().digest.text() + "\n");
  return {};
}

Result<std::string> create_container(Context& context, const Arguments& arguments,
                                     engine::CreateRequest& request) {
  engine::Engine& engine = *TRY(context.engine());
  constexpr std::string_view kOther = "container:";
  if (request.network.starts_with(kOther))
    request.network = std::string(kOther) +
                      TRY(engine.find(request.network.substr(kOther.size())), "--network").id;
  for (const std::string& sentence : discard_ports(request)) context.warn(sentence);
  TRY(pull_if_wanted(context, arguments, request));
  ProgressLine progress(context, arguments.flag("quiet"), false);
  IdFile id_file = TRY(IdFile::open(arguments));
  std::string id = TRY(engine.create(request, progress.callback()));
  TRY(id_file.write(id));
  return id;
}

std::string milliseconds(std::chrono::nanoseconds span) {
  return fmt::format("{:.1f} ms", static_cast<double>(span.count()) / 1e6);
}

struct Times {
  Clock::time_point begin;
  Clock::time_point started;
  Clock::time_point exited;
  Clock::time_point end;
  engine::Timing timing;
};

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

// --report: one paragraph on standard error.
void print_report(Context& context, const std::vector<std::string>& sentences, const Times& times) {
  constexpr std::size_t kNarrow = 40;
  constexpr std::size_t kWide = 100;
  std::string text = "What isolated it: ";
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    text += i == 0 ? sentences[i] : capitalized(sentences[i]);
    text += sentences[i].ends_with('.') ? " " : ". ";
  }
  text += "Start took " + milliseconds(times.started - times.begin) + " (" +
          milliseconds(times.timing.prepare) + " to prepare the root file system, " +
          milliseconds(times.timing.launch) + " from clone to exec), stop and removal " +
          milliseconds(times.end - times.exited) + ".";
  const std::size_t columns = window_size().columns;
  const std::size_t width = columns == 0 ? 80 : std::clamp(columns, kNarrow, kWide);
  (void)context.flush();
  (void)sys::write_all(STDERR_FILENO, "\n" + wrapped(escaped(text), 0, width) + "\n");
}

Result<int> run_detached(Context& context, const Arguments& arguments,
                         const engine::CreateRequest& request, const std::string& id) {
  engine::Engine& engine = *TRY(context.engine());
  const bool auto_remove = request.auto_remove;
  // Who is interrupted while it waits for services removes it like any that cannot be started.
  std::optional<SignalGuard> signals;
  if (!request.net.with.empty()) signals.emplace(true);
  ProgressLine progress(context, arguments.flag("quiet"), false);
  auto started = engine.start(
      id, {.attach = {}, .gives_up = [&] { return signals && is_interrupted(*signals); }},
      progress.callback());
  progress.clear();
  if (!started) {
    if (auto_remove) (void)engine.remove(id, {.force = true});
    return report_start_failure(context, started.error());
  }
  for (const std::string& warning : started->warnings) context.warn(warning);
  context.warn_people(started->room);
  context.print(id + "\n");
  return 0;
}

// An exit code alone does not say that it was the limit.
void tell_out_of_memory(Context& context, const engine::CreateRequest& request, int exit_code) {
  constexpr int kKilled = 137;
  const std::uint64_t limit = request.resources.memory_bytes;
  const std::string at = limit == 0 ? "" : " at its limit of " + human_size(limit);
  context.report(Error(Kind::Unavailable,
                       (exit_code == kKilled ? "the container ran out of memory"
                                             : "a process of the container ran out of memory") +
                           at + " and was killed")
                     .hint("give it more: --memory SIZE"));
}

Result<int> run_attached(Context& context, const Arguments& arguments,
                         const engine::CreateRequest& request, const std::string& id, Times times) {
  engine::Engine& engine = *TRY(context.engine());
  AttachedRun run{.id = id, .tty = request.tty};
  const engine::AttachRequest attach = TRY(attach_request(arguments));
  run.stdin = attach.stdin;
  run.sig_proxy = arguments.flag("sig-proxy");
  run.detach_keys = TRY(detach_keys_of(arguments));
  SignalGuard signals(run.sig_proxy);
  const WindowSize size = request.tty ? window_size() : WindowSize{};
  ProgressLine progress(context, arguments.flag("quiet"), false);
  auto started = engine.start(id,
                              {.attach = attach,
                               .owner = request.auto_remove,
                               .rows = size.rows,
                               .columns = size.columns,
                               .gives_up = [&signals] { return is_interrupted(signals); }},
                              progress.callback());
  progress.clear();
  if (!started) {
    if (request.auto_remove) (void)engine.remove(id, {.force = true});
    return report_start_failure(context, started.error());
  }
  for (const std::string& warning : started->warnings) context.warn(warning);
  context.warn_people(started->room);
  times.started = Clock::now();
  times.timing = started->timing;
  const SessionEnd end = TRY(attached_session(context, signals, *started->attachment, run));
  if (end.how != SessionEnd::How::Exited) return end.exit_code;
  times.exited = Clock::now();
  if (end.oom_killed) tell_out_of_memory(context, request, end.exit_code);
  std::vector<std::string> sentences;
  if (arguments.flag("report"))
    if (const auto container = engine.find(id)) sentences = engine.isolation_report(*container);
  if (request.auto_remove)
    if (auto removed = engine.remove(id, {.force = true}); !removed)
      context.report(removed.error());
  times.end = Clock::now();
  if (arguments.flag("report")) print_report(context, sentences, times);
  return end.exit_code;
}

}  // namespace

Result<int> cmd_create(Context& context, const Arguments& arguments) {
  engine::CreateRequest request = TRY(create_request(arguments));
  context.print(TRY(create_container(context, arguments, request)) + "\n");
  return 0;
}

Result<int> cmd_run(Context& context, const Arguments& arguments) {
  const Times times{.begin = Clock::now()};
  engine::CreateRequest request = TRY(create_request(arguments));
  const bool detached = arguments.flag("detach");
  if (detached && arguments.given("attach"))
    return fail(Kind::Invalid, "--attach and --detach contradict each other");
  if (detached && arguments.flag("report"))
    return fail(Kind::Invalid, "--report comes after the exit, so it does not go with --detach");
  if (!detached) {
    const bool attaches_stdin = TRY(attach_request(arguments)).stdin;
    if (const auto checked = check_terminal(attaches_stdin, request.tty); !checked) {
      context.report(checked.error());
      return 1;
    }
    TRY(detach_keys_of(arguments));
  }
  const std::string id = TRY(create_container(context, arguments, request));
  if (detached) return run_detached(context, arguments, request, id);
  return run_attached(context, arguments, request, id, times);
}

}  // namespace tare::cli
