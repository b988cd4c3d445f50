// SPDX-License-Identifier: Apache-2.0
// What a lock of a build says, and moving one entry of it.
#include <algorithm>

#include "base/text.h"
#include "engine/build.h"
#include "engine/build_packages.h"
#include "front/cli/build_lock.h"
#include "front/cli/build_request.h"
#include "front/cli/build_view.h"
#include "front/cli/handlers.h"

namespace tare::cli {
namespace {

using image::Material;

constexpr std::string_view kImage = "docker-image://";

std::string name_of(const Material& material) {
  return material.uri.starts_with(kImage) ? material.uri.substr(kImage.size()) : material.uri;
}

// Of the images that may move, as they are now; those that are not here are left out.
std::map<std::string, engine::Packages> packages_before(engine::Engine& engine,
                                                        const build::Lock& before,
                                                        const build::Lock& wanted) {
  std::map<std::string, engine::Packages> all;
  const auto images = engine.images().list().value_or(std::vector<image::Image>());
  for (const Material& each : before.sources) {
    if (each.kind != Material::Kind::Image || !wanted.is_moved(each.uri)) continue;
    // It may have no name any more.
    const auto old = std::ranges::find(images, each.digest, &image::Image::manifest);
    if (old == images.end()) continue;
    if (auto packages = engine::packages_of(engine, *old)) all[each.uri] = std::move(*packages);
  }
  return all;
}

void print_packages(Context& context, engine::Engine& engine,
                    const std::map<std::string, engine::Packages>& before,
                    const build::Lock& after) {
  for (const auto& [uri, packages] : before) {
    const Material* const now = after.find(Material::Kind::Image, uri);
    if (now == nullptr) continue;
    const auto image = engine.images().find(name_of(*now));
    if (!image || image->manifest != now->digest) continue;
    const auto has = engine::packages_of(engine, *image);
    if (!has) continue;
    for (const std::string& line : engine::package_changes(packages, *has))
      context.print(escaped(line) + "\n");
  }
}

}  // namespace

Result<int> cmd_lock_update(Context& context, const Arguments& arguments) {
  Arguments of_build = arguments;
  const std::string name = of_build.operands.front();
  of_build.operands.erase(of_build.operands.begin());
  if (of_build.operands.empty()) of_build.operands.emplace_back(".");
  build::BuildRequest request = TRY(build_request(of_build));
  const LockFile file = TRY(LockFile::open(of_build, request));
  if (!request.lock || !request.remote.empty())
    return std::unexpected(Error(Kind::NotFound, "there is no lock to be updated")
                               .hint("tare build writes it beside the Dockerfile"));
  const build::Lock before = *request.lock;
  if (request.lock->move(name) == 0)
    return std::unexpected(
        Error(Kind::NotFound, "the lock " + quoted(file.path()) + " has no " + quoted(name))
            .hint("tare lock ls lists images, addresses, steps and downloads"));
  request.makes_image = false;
  engine::Engine& engine = *TRY(context.engine());
  const auto packages = packages_before(engine, before, *request.lock);
  auto view = BuildView::make(BuildView::Style::Plain, context);
  const image::TransferProgress transfers = view->transfers();
  auto done = engine::build_image(engine, request, *view, transfers);
  if (!done) view->fails(done.error());
  view.reset();
  if (!done) return report_with_line(context, done.error());
  const build::Built built = TRY(std::move(done));
  if (const std::string why = file.update(built, request); !why.empty())
    return fail(Kind::Unavailable, why);
  const build::Lock after = build::lock_of(built, *request.lock, !request.options.target.empty());
  const auto lines = build::differences(before, after);
  for (const std::string& line : lines) context.print(escaped(line) + "\n");
  print_packages(context, engine, packages, after);
  if (lines.empty()) context.print("nothing has moved\n");
  return 0;
}

Result<int> cmd_lock_ls(Context& context, const Arguments& arguments) {
  Arguments of_build = arguments;
  if (of_build.operands.empty()) of_build.operands.emplace_back(".");
  build::BuildRequest request;
  (void)TRY(LockFile::open(of_build, request));
  if (!request.lock) return fail(Kind::NotFound, "there is no lock");
  for (const Material& each : request.lock->sources)
    context.print(escaped(name_of(each) + " " + each.digest.text()) + "\n");
  for (const build::LockedRun& run : request.lock->runs) {
    context.print(escaped(run.step) + "\n");
    for (const Material& each : run.downloads)
      context.print("  " + escaped(each.uri + " " + each.digest.text()) + "\n");
  }
  return 0;
}

}  // namespace tare::cli
