// SPDX-License-Identifier: Apache-2.0
// RUN --tools and --ansible: programs that are not the stage's act on its files.
#include <fcntl.h>

#include <algorithm>

#include "base/text.h"
#include "build/stage_build.h"

namespace tare::build {

Result<std::optional<StageBuild::Tools>> StageBuild::find_tools(const Run& run) {
  if (!run.tools) return std::nullopt;
  const Dependency& dependency = *stage().dependency(next_, Dependency::kTools);
  if (dependency.stage) {
    const StageBuild& other = *shared_.stages[*dependency.stage];
    return Tools{.files = other.files(), .config = other.state().config(), .materials = {}};
  }
  const image::Image image = TRY(shared_.find_image(dependency.image, ""), "--tools");
  Tools tools{.files = Files::of(image), .config = image.config, .materials = {}};
  const auto& all = shared_.materials;
  const auto material = std::ranges::find(all, image.manifest, &image::Material::digest);
  if (material != all.end()) tools.materials.push_back(*material);
  return tools;
}

// The tools find what is theirs (PATH) and are root, as their users mean nothing to the target;
// what the stage has set beside that is theirs, too.
void StageBuild::use_tools(const Tools& tools, RunRequest& wanted, StepKey& key) const {
  const StageState own(shared_.graph->globals(), shared_.request.options, shared_.graph->escape(),
                       tools.config);
  std::vector<std::string> environment = own.environment();
  std::erase_if(environment, [](const std::string& each) { return each.starts_with("TARGET="); });
  environment.push_back(std::string("TARGET=") + kToolsTarget);
  for (const std::string& variable : wanted.environment) {
    const std::string name = variable.substr(0, variable.find('=') + 1);
    const auto is_it = [&](const std::string& each) { return each.starts_with(name); };
    if (std::ranges::none_of(environment, is_it)) environment.push_back(variable);
  }
  wanted.environment = std::move(environment);
  wanted.directory = join_path(kToolsTarget, std::string("./").append(wanted.directory));
  wanted.user = std::string("0");
  wanted.tools = tools.files;
  wanted.materials = tools.materials;
  key.add("the tools", tools.files.id.text());
}

Result<RunRequest::Playbook> StageBuild::take_playbook(const Run& run, StepKey& key) {
  if (!shared_.request.allow_ansible)
    return std::unexpected(
        Error(Kind::Denied,
              "RUN --ansible is not allowed: a playbook may run programs of this machine")
            .hint("--allow host.ansible, if you trust this Dockerfile and its playbooks"));
  const std::string path = join_path("/", run.ansible->text);
  const std::size_t slash = path.rfind('/');
  const OpenTree open = TRY(open_tree(nullptr));
  auto picks = TRY(pick(open.tree, {.source = slash == 0 ? "." : path.substr(1, slash - 1)}));
  for (Pick& each : picks) key.add("playbooks " + each.source, TRY(fingerprint(open.tree, each)));
  RunRequest::Playbook playbook{.directory = TRY(shared_.workshop.make_directory()),
                                .file = path.substr(slash + 1)};
  const sys::Fd to = TRY(sys::open_path(playbook.directory, O_RDONLY | O_DIRECTORY));
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = 0, .count = 65536});
  TRY(copy_files(open.tree, picks, {.root = to.get(), .ids = &ids}, "/", {.owner = Owner()}));
  if (!open_in(to.get(), playbook.file, O_PATH))
    return fail(Kind::NotFound,
                "the playbook " + quoted(run.ansible->text) + " is not in the build context");
  return playbook;
}

}  // namespace tare::build
