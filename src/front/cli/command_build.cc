// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include "build/checks.h"
#include "build/mount.h"
#include "engine/build.h"
#include "engine/build_history.h"
#include "front/cli/build_caches.h"
#include "front/cli/build_call.h"
#include "front/cli/build_lock.h"
#include "front/cli/build_outputs.h"
#include "front/cli/build_request.h"
#include "front/cli/build_shell.h"
#include "front/cli/build_view.h"
#include "front/cli/handlers.h"
#include "front/cli/request.h"
#include "front/cli/transfer_view.h"
#include "store/streams.h"
#include "sys/files.h"

namespace tare::cli {
namespace {

// Empty without one.
Result<sys::Fd> open_context(const build::BuildRequest& request) {
  if (request.context.empty()) return sys::Fd();
  return sys::open_path(request.context, O_RDONLY | O_DIRECTORY);
}

// Of bases that are here the variables are known.
Result<build::BaseConfig> base_configs(Context& context) {
  image::Images& images = TRY(context.engine())->images();
  return [&images](const build::Stage& stage) -> std::optional<oci::ImageConfig> {
    if (stage.is_context) return std::nullopt;
    auto base = images.find(stage.base);
    return base ? std::optional(std::move(base->config)) : std::nullopt;
  };
}

Result<build::CheckReport> look_at(Context& context, const build::BuildRequest& request) {
  const sys::Fd place = TRY(open_context(request));
  const auto file = TRY(build::parse_extended(request.dockerfile, request.text, request.options,
                                              build::reader_of(place.get())));
  build::CheckInputs inputs;
  inputs.base_config = TRY(base_configs(context));
  return build::check_dockerfile(file, request.options, inputs);
}

// As docker build tells them at its end; each is a line.
std::string told(const build::CheckReport& report) {
  const std::size_t count = report.findings.size();
  std::string text = std::to_string(count) + (count == 1 ? " warning" : " warnings") +
                     " found (--check tells more):\n";
  for (const build::Finding& finding : report.findings) {
    const std::string whole = finding.text();
    text += " - " + whole.substr(0, whole.find('\n')) + " (line " +
            std::to_string(finding.range.begin.line) + ")\n";
  }
  return text;
}

// What `call` asks for, instead of a build.
Result<int> answer(Context& context, const BuildCall& call, const build::BuildRequest& request) {
  if (call.method == BuildCall::Method::Check)
    return print_report(context, call, TRY(look_at(context, request)));
  const sys::Fd place = TRY(open_context(request));
  const auto file = TRY(build::parse_extended(request.dockerfile, request.text, request.options,
                                              build::reader_of(place.get())));
  if (call.method == BuildCall::Method::Targets) return print_targets(context, call, file);
  const auto base_config = TRY(base_configs(context));
  const build::Outline outline = TRY(build::outline_of(file, request.options, base_config));
  return print_outline(context, call, outline, request.text);
}

// As Docker can build it, too.
Result<int> print_plain(Context& context, const build::BuildRequest& request) {
  const sys::Fd place = TRY(open_context(request));
  const auto source = std::make_shared<build::Source>(request.dockerfile, request.text);
  build::Lines written = TRY(build::split_lines(source));
  const build::Lines lines = TRY(
      build::expand_extensions(std::move(written), request.options, build::reader_of(place.get())));
  context.print(build::print_plain(lines));
  return 0;
}

Result<BuildView::Style> style_of(const Arguments& arguments) {
  // [docker build reference, BUILDKIT_PROGRESS]
  const std::string progress =
      arguments.value_or("progress", process_environment("BUILDKIT_PROGRESS").value_or("auto"));
  if (arguments.flag("quiet") || progress == "quiet" || progress == "none")
    return BuildView::Style::Quiet;
  if (progress == "rawjson") return BuildView::Style::Json;
  const std::string terminal = process_environment("TERM").value_or("");
  const bool can_draw = ::isatty(STDERR_FILENO) == 1 && !terminal.empty() && terminal != "dumb";
  if (progress == "auto" || progress == "tty")
    return can_draw ? BuildView::Style::Terminal : BuildView::Style::Plain;
  if (progress == "plain") return BuildView::Style::Plain;
  return bad_value("progress", progress, "auto, plain, tty, quiet, none or rawjson");
}

Result<> write_file(const std::string& path, std::string_view content) {
  const sys::Fd file = TRY(sys::open_path(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  return sys::write_all(file.get(), content);
}

int report_difference(Context& context, const build::StepDifference& found) {
  const std::string file =
      found.difference.path.empty() ? "" : quoted(found.difference.path) + " differs: ";
  return report_with_line(
      context, Error(Kind::Invalid, "not reproducible: " + file + found.difference.what + "\n" +
                                        found.step.place + ": " + found.step.text)
                   .hint("the step that is named writes it anew each time; the image was kept"));
}

std::string metadata(const build::Built& built, const build::BuildRequest& request) {
  json::Value value{json::Object()};
  if (!request.makes_image) return json::print(value) + "\n";
  value.set("containerimage.config.digest", built.image.id.text());
  value.set("containerimage.digest", built.image.manifest.text());
  if (!request.names.empty()) value.set("image.name", join(request.names, ","));
  return json::print(value, json::Style::Indented) + "\n";
}

// In words that programs look for in docker build's output.
// [vagrant 2.3, plugins/providers/docker/driver.rb]
std::vector<std::string> summary(const build::Built& built, const build::BuildRequest& request) {
  std::vector<std::string> lines;
  if (!built.image.id.empty()) {
    lines.push_back("writing image " + built.image.id.text());
    for (const std::string& name : request.names) lines.push_back("naming to " + name);
  }
  lines.push_back("built: " + std::to_string(built.cached) + " of " + std::to_string(built.steps) +
                  " steps were there");
  return lines;
}

Result<> report_built(Context& context, const Arguments& arguments, const build::Built& built,
                      const build::BuildRequest& request, bool prints_id) {
  const std::string id = built.image.id.text();
  const auto id_file = arguments.value("iidfile");
  if (id_file && request.makes_image) TRY(write_file(*id_file, id));
  if (const auto file = arguments.value("metadata-file"))
    TRY(write_file(*file, metadata(built, request)));
  if (prints_id) context.print(id + "\n");
  return {};
}

// One that is elsewhere; it goes with what is returned.
Result<engine::FetchedContext> fetch_context(Context& context, build::BuildRequest& request,
                                             bool quiet) {
  if (request.remote.empty()) return engine::FetchedContext();
  TransferView transfer(context, quiet, false, true);
  return engine::fetch_context(*TRY(context.engine()), request, transfer.callback());
}

}  // namespace

Result<int> cmd_build(Context& context, const Arguments& arguments) {
  const BuildView::Style style = TRY(style_of(arguments));
  // Before the engine: it may enter a user namespace, in which others' files belong to nobody.
  build::BuildRequest request = TRY(build_request(arguments));
  BuildOutputs outputs = TRY(BuildOutputs::parse(arguments));
  TRY(outputs.prepare(request, arguments));
  const engine::BuildCaches caches = TRY(build_caches(arguments, request));
  const LockFile lock = TRY(LockFile::open(arguments, request));
  const std::optional<BuildCall> call = TRY(build_call(arguments));
  const bool builds = !call && !arguments.flag("print");
  if (builds) TRY(outputs.open());
  const bool quiet = style == BuildView::Style::Quiet;
  const engine::FetchedContext fetched = TRY(fetch_context(context, request, quiet));
  if (!builds) {
    const auto status = call ? answer(context, *call, request) : print_plain(context, request);
    return status ? *status : report_with_line(context, status.error());
  }
  engine::Engine& engine = *TRY(context.engine());
  // What is wrong with the Dockerfile itself the build tells.
  const auto report = look_at(context, request);
  const bool has_findings = report && !report->error && !report->findings.empty();
  if (has_findings && report->fails) {
    (void)sys::write_all(STDERR_FILENO, told(*report));
    return fail(Kind::Invalid,
                "findings are errors, as the Dockerfile's \"check=error=true\" says");
  }
  std::optional<build::StepDifference> different;
  int shell_status = 0;
  auto view = BuildView::make(style, context);
  const auto built = [&]() -> Result<build::Built> {
    const image::TransferProgress transfers = view->transfers();
    // The second build is compared, not written anywhere.
    if (!arguments.flag("check-reproducible"))
      return engine::build_image(engine, request, *view, transfers, outputs.exports(), caches,
                                 build_shell(context, engine, *view, shell_status));
    auto checked = TRY(engine::check_reproducible(engine, request, *view, transfers));
    different = std::move(checked.different);
    return std::move(checked.built);
  }();
  if (!built)
    view->fails(built.error());
  else
    view->results(summary(*built, request));
  view.reset();
  if (!built) return report_with_line(context, built.error());
  if (different) return report_difference(context, *different);
  if (has_findings && style != BuildView::Style::Quiet && style != BuildView::Style::Json)
    (void)sys::write_all(STDERR_FILENO, told(*report));
  for (const std::string& note : built->notes) context.warn(note);
  if (const std::string why = lock.update(*built, request); !why.empty()) context.warn(why);
  TRY(outputs.finish(context, engine, *built, request, quiet));
  TRY(report_built(context, arguments, *built, request,
                   quiet && arguments.value_or("progress", "") != "none" && request.makes_image &&
                       !outputs.writes_to_stdout()));
  return request.at_line ? shell_status : 0;
}

namespace {

// What BuildKit calls them. [docker buildx du reference, "--filter"]
constexpr std::string_view kCacheMounts = "exec.cachemount";
constexpr std::string_view kSteps = "regular";

Result<std::string> wanted_type(const Arguments& arguments) {
  std::string type;
  for (const std::string& filter : arguments.list("filter")) {
    const auto pair = split_once(filter, '=');
    if (!pair || pair->first != "type") continue;
    type = pair->second;
    if (type != kCacheMounts && type != kSteps)
      return bad_value("filter", filter, "the types are exec.cachemount and regular");
  }
  return type;
}

Result<engine::PruneSteps> prune_wish(const Arguments& arguments) {
  constexpr UnixNanos kDay = 86'400'000'000'000;
  engine::PruneSteps wish{.keep_since = arguments.flag("all") ? 0 : now_ns() - kDay,
                          .dry_run = arguments.flag("dry-run")};
  for (const char* option : {"keep-storage", "reserved-space", "max-used-space"}) {
    const auto text = arguments.value(option);
    if (!text) continue;
    const auto bytes = parse_size(*text);
    if (!bytes) return bad_value(option, *text, "not a number of bytes");
    wish.keep_bytes = *bytes;
    wish.keep_since = 0;
  }
  for (const std::string& filter : arguments.list("filter")) {
    const auto pair = split_once(filter, '=');
    if (pair && pair->first == "type") continue;
    const auto span = pair && (pair->first == "until" || pair->first == "unused-for")
                          ? parse_duration(pair->second)
                          : fail(Kind::Invalid, "");
    if (!span) return bad_value("filter", filter, "write until=TIME, as until=24h");
    wish.keep_since = now_ns() - span->count();
  }
  return wish;
}

// Their records, by when they ended; --keep-storage is about what is larger.
Result<> forget_builds(engine::Engine& engine, const engine::PruneSteps& wish) {
  if (wish.dry_run || wish.keep_bytes != 0) return {};
  std::vector<std::string> ids;
  for (const engine::BuildRecord& record : TRY(engine::build_records(engine)))
    if (wish.keep_since == 0 || record.ended < wish.keep_since) ids.push_back(record.id);
  return engine::remove_builds(engine, ids);
}

}  // namespace

Result<int> cmd_builder_prune(Context& context, const Arguments& arguments) {
  const engine::PruneSteps wish = TRY(prune_wish(arguments));
  engine::Engine& engine = *TRY(context.engine());
  const auto only = TRY(wanted_type(arguments));
  TRY(ask_first(context, arguments,
                arguments.flag("all")
                    ? "WARNING! This will remove all that builds keep.\n"
                    : "WARNING! This will remove what builds keep and have not used for a day.\n"));
  if (only.empty()) TRY(forget_builds(engine, wish));
  std::vector<image::Step> gone;
  if (only != kCacheMounts) gone = TRY(engine::prune_build_cache(engine, wish));
  std::vector<engine::CacheMount> caches;
  if (only != kSteps) caches = TRY(engine::prune_cache_mounts(engine, wish));
  if (wish.dry_run || arguments.flag("verbose"))
    for (const image::Step& step : gone)
      context.print(step.key.short_hex() + "  " + human_size(step.size) + "  " +
                    escaped(step.what) + "\n");
  if (wish.dry_run || arguments.flag("verbose"))
    for (const engine::CacheMount& cache : caches)
      context.print(cache.volume + "  " + human_size(cache.bytes) + "  cache mount " +
                    escaped(cache.name) + "\n");
  context.print((wish.dry_run ? "would remove " : "removed ") + std::to_string(gone.size()) +
                " steps of builds" +
                (caches.empty() ? "" : " and " + std::to_string(caches.size()) + " cache mounts") +
                "\n");
  return 0;
}

}  // namespace tare::cli
