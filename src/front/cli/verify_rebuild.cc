// SPDX-License-Identifier: Apache-2.0
#include "front/cli/verify_rebuild.h"

#include <unistd.h>

#include "engine/rebuild.h"
#include "front/cli/build_lock.h"
#include "front/cli/build_request.h"
#include "front/cli/build_view.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

void report_other(Context& context, const std::string& name, const engine::Rebuilt& rebuilt) {
  const std::string begin = "image " + quoted(name) + " does not come from its recipe: ";
  if (!rebuilt.different) {
    context.report(Error(Kind::Invalid, begin + rebuilt.other));
    return;
  }
  const build::StepDifference& found = *rebuilt.different;
  const std::string file =
      found.difference.path.empty() ? "" : quoted(found.difference.path) + " differs: ";
  const std::string step = found.step.text.substr(0, found.step.text.find('\n'));
  context.report(Error(Kind::Invalid, begin + file + found.difference.what + " (" +
                                          found.step.place + ": " + step + ")")
                     .hint("the first time is the build of the image, the second time this one; a "
                           "context as it was then is given behind the image"));
}

}  // namespace

Result<int> verify_rebuild(Context& context, const Arguments& arguments) {
  const std::vector<std::string>& operands = arguments.operands;
  if (operands.empty() || operands.size() > 2)
    return fail(Kind::Invalid, "--rebuild takes an image and, behind it, its build context");
  const std::string place = operands.size() > 1 ? operands[1] : ".";
  // Before the engine: it may enter a user namespace, in which others' files belong to nobody.
  build::BuildRequest given = TRY(build_inputs(arguments, place));
  const auto read_lock = [&](build::BuildRequest& request) -> Result<> {
    // No part of the context, whichever is used.
    request.lock_name = request.dockerfile + ".lock";
    if (arguments.flag("no-lock")) return {};
    TRY(LockFile::read(arguments.value_or("lock", request.context + "/" + request.lock_name),
                       request, arguments.value("lock").has_value()));
    if (arguments.given("lock") && !request.lock)
      return fail(Kind::NotFound, "there is no lock " + quoted(*arguments.value("lock")));
    return {};
  };
  engine::Engine& engine = *TRY(context.engine());
  const bool quiet = arguments.flag("quiet");
  auto view = BuildView::make(quiet                          ? BuildView::Style::Quiet
                              : ::isatty(STDERR_FILENO) == 1 ? BuildView::Style::Terminal
                                                             : BuildView::Style::Plain,
                              context);
  const auto rebuilt = engine::rebuild_image(engine, operands[0], std::move(given), read_lock,
                                             *view, view->transfers());
  if (!rebuilt) view->fails(rebuilt.error());
  view.reset();
  if (!rebuilt) return report_with_line(context, rebuilt.error());
  if (rebuilt->different || !rebuilt->other.empty()) {
    report_other(context, operands[0], *rebuilt);
    return 1;
  }
  if (!quiet)
    context.print(escaped(operands[0]) +
                  " comes from its recipe: " + std::to_string(rebuilt->steps) + " steps, " +
                  std::to_string(rebuilt->layers) + " layers\n");
  return 0;
}

}  // namespace tare::cli
