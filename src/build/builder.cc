// SPDX-License-Identifier: Apache-2.0
#include "build/builder.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "build/extensions.h"
#include "build/parser.h"
#include "build/stage_build.h"
#include "build/stages.h"
#include "build/unused_arguments.h"
#include "codec/sha256.h"
#include "image/build_cache.h"
#include "image/leaks.h"

namespace tare::build {
namespace {

constexpr std::size_t kMostRunning = 16;
constexpr int kLookAgainMs = 200;  // Whether somebody wants it to end.

}  // namespace

IncludeReader reader_of(int context) {
  return [context](std::string_view what, std::string_view /*from*/) -> Result<std::string> {
    constexpr std::size_t kMaxBytes = 4 << 20;
    if (context < 0) return fail(Kind::Invalid, "there is no build context to include from");
    const sys::Fd file = TRY(open_in(context, std::string(what), O_RDONLY | O_NONBLOCK));
    return sys::read_all(file.get(), kMaxBytes);
  };
}

namespace {

// All stages together.
class Builder {
 public:
  Builder(Workshop& workshop, const BuildRequest& request, Reporter& reporter)
      : shared_{.workshop = workshop, .request = request, .reporter = reporter} {}

  Result<Built> build();

 private:
  Result<> resolve();
  Result<> find_bases();
  Result<> advance_all();
  Result<> wait();
  Result<Built> finish();
  std::set<std::size_t> target_chain() const;
  bool is_done() const { return shared_.stages[shared_.graph->target().index]->is_done(); }

  SharedBuild shared_;
  std::vector<std::size_t> order_;
};

namespace {

// There is nothing to see behind the end.
Result<> check_line(const BuildRequest& request) {
  const std::string_view text = trim(request.text);
  const auto last = std::ranges::count(text, '\n') +
                    std::ranges::count(std::string_view(request.text.data(), text.data()), '\n') +
                    1;
  if (std::cmp_less_equal(*request.at_line, last)) return {};
  return std::unexpected(
      Error(Kind::Invalid, request.dockerfile + " has no line " + std::to_string(*request.at_line))
          .hint("its last is line " + std::to_string(last)));
}

}  // namespace

Result<> Builder::resolve() {
  const BuildRequest& request = shared_.request;
  if (!request.context.empty())
    shared_.context = TRY(sys::open_path(request.context, O_RDONLY | O_DIRECTORY), "build context");
  const Dockerfile file = TRY(parse_extended(request.dockerfile, request.text, request.options,
                                             reader_of(shared_.context.get())));
  shared_.graph = TRY(StageGraph::resolve(file, request.options));
  if (request.at_line) {
    TRY(check_line(request));
    TRY(shared_.graph->aim_at(request.dockerfile, *request.at_line));
  }
  if (!request.context.empty()) {
    if (!request.ignore_name.empty())
      shared_.ignore = TRY(IgnoreRules::parse(Source(request.ignore_name, request.ignore_text)));
    if (!request.lock_name.empty()) TRY(shared_.ignore.leave_out(request.lock_name));
  }
  shared_.materials = request.materials;
  const std::string place = request.remote.empty() ? request.context : hide_users(request.remote);
  const std::string& known_as = request.path.empty() ? request.dockerfile : request.path;
  shared_.note_name = codec::sha256(place + "\n" + known_as).hex();
  shared_.notes = StepNotes::parse(shared_.workshop.load_note("steps-" + shared_.note_name));
  // One that came on standard input is not that of the build before because nothing else is known
  // of it.
  if (request.path.empty() && (request.remote.empty() || request.remote == "-"))
    shared_.notes.keep_to(codec::sha256(request.text).text());
  shared_.digests = FileDigests::parse(shared_.workshop.load_note("files-" + shared_.note_name));
  shared_.stages.resize(shared_.graph->stages().size());
  return {};
}

// Their ONBUILD triggers may need further stages.
Result<> Builder::find_bases() {
  std::set<std::size_t> seen;
  while (true) {
    order_ = TRY(shared_.graph->needed());
    const auto next =
        std::ranges::find_if(order_, [&](std::size_t index) { return !seen.contains(index); });
    if (next == order_.end()) break;
    seen.insert(*next);
    const Stage& stage = shared_.graph->stages()[*next];
    if (stage.base_stage || stage.base == "scratch" || stage.is_context) continue;
    const image::Image base = TRY(shared_.find_base(stage));
    if (!base.config.on_build.empty())
      TRY(shared_.graph->add_triggers(*next, base.config.on_build));
  }
  for (const std::size_t index : order_)
    shared_.stages[index] = std::make_unique<StageBuild>(shared_, index);
  return {};
}

Result<> Builder::advance_all() {
  for (bool moved = true; moved;) {
    moved = false;
    for (const std::size_t index : order_) {
      if (shared_.running >= kMostRunning) return {};
      moved |= TRY(shared_.stages[index]->advance());
    }
  }
  return {};
}

Result<> Builder::wait() {
  std::vector<pollfd> polled;
  std::vector<StageBuild*> stages;
  for (const std::size_t index : order_)
    if (const int fd = shared_.stages[index]->fd(); fd >= 0) {
      polled.push_back({.fd = fd, .events = POLLIN});
      stages.push_back(shared_.stages[index].get());
    }
  if (polled.empty()) return fail(Kind::Internal, "the build has nothing to do and is not done");
  const int count = ::poll(polled.data(), polled.size(), kLookAgainMs);
  shared_.reporter.waits();
  if (shared_.reporter.is_interrupted())
    return fail(Kind::Unavailable, "the build was interrupted");
  if (count < 0 && errno != EINTR) return fail_errno("poll");
  for (std::size_t i = 0; count > 0 && i < polled.size(); ++i)
    if (polled[i].revents != 0) TRY(stages[i]->pump());
  return {};
}

Result<Built> Builder::finish() {
  StageBuild& target = *shared_.stages[shared_.graph->target().index];
  oci::ImageConfig config = target.final_config();
  for (const auto& [key, value] : shared_.request.labels) config.labels[key] = value;
  std::vector<std::string> notes = unused_arguments(*shared_.graph, shared_.request.options);
  std::ranges::move(shared_.sentences, std::back_inserter(notes));
  Built built{.image = {},
              .files = target.files(),
              .trace = {},
              .stages = {},
              .materials = shared_.materials,
              .notes = std::move(notes),
              .steps = shared_.steps,
              .cached = shared_.cached};
  const std::set<std::size_t> chain = target_chain();
  for (const std::size_t index : order_) {
    const StageBuild& stage = *shared_.stages[index];
    for (TracedStep step : stage.trace()) {
      step.is_target = chain.contains(index);
      built.trace.push_back(std::move(step));
    }
    built.stages.push_back(stage.traced());
  }
  const BuildRequest& request = shared_.request;
  if (request.at_line) {
    TRY(shared_.workshop.open(target.here()));
    return built;
  }
  if (request.is_check || !request.makes_image) {
    built.image.config = std::move(config);
    return built;
  }
  // A build elsewhere looks for one step after the other.
  const LayerWish wish = request.inline_cache ? LayerWish::Steps : request.layers;
  const Files files = TRY(
      make_output_layers(shared_.workshop, target.files(), target.outputs(), wish, config.history));
  auto annotations = request.annotations;
  if (request.inline_cache)
    annotations[image::kBuildCacheAnnotation] =
        image::print_build_cache(steps_of(built.trace, false));
  if (request.inline_cache &&
      image::has_secret(annotations[image::kBuildCacheAnnotation], request.secrets))
    return fail(Kind::Denied,
                "a secret is in what the steps are known by, which type=inline tells");
  built.image = TRY(shared_.workshop.make_image(config, files, request.names, annotations));
  return built;
}

// The target, and the stages that it stands on.
std::set<std::size_t> Builder::target_chain() const {
  std::set<std::size_t> chain;
  std::optional<std::size_t> index = shared_.graph->target().index;
  for (; index && chain.insert(*index).second; index = shared_.graph->stages()[*index].base_stage) {
  }
  return chain;
}

Result<Built> Builder::build() {
  TRY(resolve());
  TRY(find_bases());
  const auto work = [&]() -> Result<> {
    while (true) {
      TRY(advance_all());
      if (is_done()) return {};
      TRY(wait());
    }
  };
  auto worked = work();
  if (shared_.request.is_check) {
    TRY(std::move(worked));
    return finish();
  }
  // Also of a build that failed: what it read and made is known to the next one.
  shared_.workshop.save_note("steps-" + shared_.note_name, shared_.notes.print());
  if (shared_.digests.has_changed())
    shared_.workshop.save_note("files-" + shared_.note_name, shared_.digests.print());
  if (!worked && shared_.failed) (void)shared_.workshop.open(*shared_.failed);
  TRY(std::move(worked));
  return finish();
}

}  // namespace

std::vector<image::Step> steps_of(const std::vector<TracedStep>& trace, bool all) {
  std::vector<image::Step> steps;
  for (const TracedStep& step : trace)
    if (all || step.is_target)
      steps.push_back({.key = step.key,
                       .diff_id = step.layer.diff_id,
                       .size = step.layer.size,
                       .what = step.text,
                       .materials = step.layer.materials,
                       .is_sealed = step.layer.is_sealed});
  return steps;
}

Result<Built> build(Workshop& workshop, const BuildRequest& request, Reporter& reporter) {
  return Builder(workshop, request, reporter).build();
}

}  // namespace tare::build
