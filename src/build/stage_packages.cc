// SPDX-License-Identifier: Apache-2.0
// PKG: packages unpacked into the stage.
#include <fcntl.h>

#include <ctime>

#include "base/text.h"
#include "build/deb_install.h"
#include "build/deb_plan.h"
#include "build/pins.h"
#include "build/stage_build.h"
#include "codec/sha256.h"
#include "sys/files.h"

namespace tare::build {
namespace {

constexpr std::size_t kMostKeyBytes = 4 << 20;

Result<deb::Wish> wish_of(const std::string& text) {
  const auto pair = split_once(text, '=');
  deb::Wish wish{.name = std::string(pair ? pair->first : std::string_view(text)),
                 .version = std::string(pair ? pair->second : std::string_view())};
  if (!deb::is_package_name(wish.name))
    return fail(Kind::Invalid, quoted(text) + " is no name of a package");
  return wish;
}

std::vector<std::string> texts_of(const std::vector<Text>& all) {
  std::vector<std::string> out;
  for (const Text& each : all) out.push_back(each.text);
  return out;
}

}  // namespace

Result<std::string> StageBuild::read_key_file(const std::string& name) {
  const OpenTree open = TRY(open_tree(nullptr));
  const auto picks = TRY(pick(open.tree, {.source = name}));
  if (picks.size() != 1 || picks[0].is_directory)
    return fail(Kind::Invalid, "--key=" + name + " is not one file");
  const sys::Fd file = TRY(open_in(open.tree.root, picks[0].source, O_RDONLY | O_NONBLOCK));
  return sys::read_all(file.get(), kMostKeyBytes);
}

// Which packages come is not in the key, as what RUN downloads is not: --no-cache looks again.
Result<> StageBuild::do_packages(const Instruction& instruction) {
  info_ = describe(instruction);
  const Package& package = *instruction.as<Package>();
  const oci::ImageConfig& config = state_->config();
  const std::string architecture = TRY(deb_architecture(config.architecture, config.variant));
  DebRequest wanted{.architecture = architecture,
                    .wishes = {},
                    .repositories = texts_of(package.repositories),
                    .keys = {},
                    .now = shared_.request.is_locked ? 0 : std::time(nullptr),
                    .what = info_.label,
                    .says = [this](std::string_view text) { shared_.reporter.says(info_, text); },
                    .is_interrupted = [this] { return shared_.reporter.is_interrupted(); },
                    .pin = [this](FetchRequest& each) { return pin(shared_.request, each); }};
  StepKey key;
  key.add("the packages", join(texts_of(package.names), " "));
  key.add("the repositories", join(wanted.repositories, "\n"));
  key.add("the architecture", architecture);
  for (const Text& name : package.names) wanted.wishes.push_back(TRY(wish_of(name.text)));
  for (const Text& name : package.keys) {
    wanted.keys.push_back(TRY(read_key_file(name.text)));
    key.add("the key " + name.text, codec::sha256(wanted.keys.back()).text());
  }
  key.add("time", std::to_string(time_));
  key.add(StepKey::kFiles, files_.id.text());
  if (const auto found = TRY(find(key))) {
    take(instruction, *found);
    return {};
  }
  View view;
  if (!files_.layers.empty()) {
    view = TRY(shared_.workshop.look(files_));
    wanted.root = view.root.get();
  }
  const DebPlan plan = TRY(plan_packages(shared_.workshop, wanted));
  const std::string directory = TRY(shared_.workshop.make_directory());
  std::vector<std::string> scripts;
  const auto unpack = [&](const Target& target) {
    return install_packages(shared_.workshop, plan, target, architecture, directory, scripts);
  };
  const StepLayer layer = TRY(shared_.workshop.change({.files = files_,
                                                       .key = key.digest(),
                                                       .what = info_.label,
                                                       .time = time_,
                                                       .materials = plan.materials},
                                                      unpack));
  for (const std::string& script : scripts)
    wanted.says("note: " + script +
                " was not run; RUN it with the argument configure if it matters\n");
  shared_.reporter.ends(info_);
  take(instruction, layer);
  return {};
}

}  // namespace tare::build
