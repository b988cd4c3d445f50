// SPDX-License-Identifier: Apache-2.0
// store move and store path.
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/progress.h"

namespace tare::cli {
namespace {

// Before anything changes the working directory.
Result<std::string> absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char here[PATH_MAX];
  if (::getcwd(here, sizeof here) == nullptr) return fail_errno("find the working directory");
  return std::string(here) + "/" + path;
}

}  // namespace

Result<int> cmd_store_move(Context& context, const Arguments& arguments) {
  const std::string place = TRY(absolute(arguments.operands[0]));
  engine::Engine& engine = *TRY(context.engine());
  const bool json = arguments.flag("json");
  engine::Engine::Moved moved;
  {
    ProgressLine progress(context, arguments.flag("quiet"), json);
    moved = TRY(engine.move_store(place, arguments.flag("stop"), progress.callback()));
  }
  if (json) {
    json::Value out;
    out.set("path", moved.place);
    out.set("bytes", moved.bytes);
    out.set("restarted", json::Value(moved.restarted));
    out.set("left", json::Value(moved.left));
    context.print(json::print(out) + "\n");
  } else if (!arguments.flag("quiet")) {
    context.print("moved " + human_size(moved.bytes) + " to " + escaped(moved.place) + "; " +
                  escaped(engine.root()) + " leads there\n");
    if (!moved.restarted.empty())
      context.print("started again: " + join(moved.restarted, ", ") + "\n");
  }
  for (const std::string& name : moved.left)
    context.warn("container " + quoted(name) + " could not be started again: tare start " + name);
  return moved.left.empty() ? 0 : 1;
}

Result<int> cmd_store_path(Context& context, const Arguments& /*arguments*/) {
  engine::Engine& engine = *TRY(context.engine());
  char resolved[PATH_MAX];
  const bool found = ::realpath(engine.root().c_str(), resolved) != nullptr;
  context.print((found ? std::string(resolved) : engine.root()) + "\n");
  return 0;
}

}  // namespace tare::cli
