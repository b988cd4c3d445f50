// SPDX-License-Identifier: Apache-2.0
// The steps that put files into a stage: COPY, ADD, WORKDIR.
#include <fcntl.h>

#include <algorithm>

#include "base/text.h"
#include "build/glob.h"
#include "build/remote_source.h"
#include "build/stage_build.h"
#include "codec/sha256.h"
#include "image/web_files.h"
#include "isolate/isolate.h"
#include "sys/files.h"

namespace tare::build {
namespace {

std::string source_name(const std::string& path) {
  return std::string(StepKey::kSource) + (path.empty() ? "." : path);
}

std::string listed(const std::vector<Text>& texts) {
  std::vector<std::string> values;
  // Parts of keys are noted for the next build.
  for (const Text& each : texts) values.push_back(hide_users(each.text));
  return StepKey::list(values);
}

// Of copied files names alone are made; what ADD takes may be archives.
Workshop::Change::Extent extent_of(const std::vector<Pick>& picks,
                                   const std::vector<Heredoc>& contents, bool is_add) {
  Workshop::Change::Extent extent;
  for (const Pick& pick : picks) {
    extent.names += pick.files.size();
    for (const PickedFile& file : pick.files)
      if (is_add) extent.bytes += static_cast<std::uint64_t>(file.info.st_size);
  }
  for (const Heredoc& content : contents) extent.bytes += heredoc_text(content).size();
  return extent;
}

std::string place_of(const Instruction& instruction) {
  return instruction.source->name() + ":" + std::to_string(instruction.range.begin.line);
}

std::string sentence_of(const Error& error) {
  return error.hint().empty() ? error.message() : error.message() + ": " + error.hint();
}

std::string digest_of(std::string_view text) { return codec::sha256(text).text(); }

}  // namespace

Result<StageBuild::OpenTree> StageBuild::open_tree(const Dependency* dependency) {
  OpenTree open;
  if (dependency == nullptr) {
    if (!shared_.context) return fail(Kind::Invalid, "there is no build context to copy from");
    open.name = "context";
    open.tree = {.root = shared_.context.get(),
                 .ignore = &shared_.ignore,
                 .leaves_out_locks = true,
                 .digests = &shared_.digests};
    return open;
  }
  if (const auto directory = TRY(shared_.find_directory(dependency->image))) {
    open.name = "context " + dependency->image;
    open.directory = TRY(sys::open_path(*directory, O_RDONLY | O_DIRECTORY),
                         "build context " + quoted(dependency->image));
    open.tree = {.root = open.directory.get(), .leaves_out_locks = true};
    return open;
  }
  Files files;
  if (dependency->stage)
    files = shared_.stages[*dependency->stage]->files();
  else
    files = Files::of(TRY(shared_.find_image(dependency->image, shared_.platform())));
  open.name = files.id.text();
  open.view = std::make_unique<View>(TRY(shared_.workshop.look(files)));
  open.tree = {.root = open.view->root.get(), .ids = &open.view->ids, .links = &open.view->links};
  return open;
}

Result<std::optional<Owner>> StageBuild::owner_of(const std::string& chown, const char* what) {
  if (chown.empty()) return std::nullopt;
  const bool only_numbers = chown.find_first_not_of("0123456789:") == std::string::npos;
  const View view = only_numbers ? View() : TRY(shared_.workshop.look(files_));
  const sys::Fd nowhere =
      only_numbers ? TRY(sys::open_path("/proc/self/fdinfo", O_PATH)) : sys::Fd();
  const auto user =
      TRY(isolate::find_user(only_numbers ? nowhere.get() : view.root.get(), chown), what);
  // Of a number alone it is the group, too. [BuildKit frontend 1.20, reference.md "COPY --chown"]
  const bool alone = chown.find(':') == std::string::npos && only_numbers;
  return Owner{.uid = user.uid, .gid = alone ? user.uid : user.gid};
}

Result<> StageBuild::do_workdir() {
  info_ = describe(instruction());
  const std::string path = state_->config().working_dir;
  StepKey key;
  key.add("instruction", "WORKDIR " + path);
  key.add("time", std::to_string(time_));
  // What is made belongs to the USER. [BuildKit frontend, dispatchWorkdir]
  const std::string user = state_->config().user;
  if (!user.empty()) key.add("user", user);
  key.add(StepKey::kFiles, files_.id.text());
  if (const auto found = TRY(find(key))) {
    take(instruction(), *found);
    return {};
  }
  const Owner owner = TRY(owner_of(user, "USER")).value_or(Owner());
  const auto make = [&](const Target& target) { return make_directory(target, path, owner); };
  const StepLayer layer = TRY(shared_.workshop.change({.files = files_,
                                                       .key = key_.digest(),
                                                       .what = info_.label,
                                                       .time = time_,
                                                       .materials = {},
                                                       .extent = Workshop::Change::Extent()},
                                                      make));
  shared_.reporter.ends(info_);
  take(instruction(), layer);
  return {};
}

Result<StageBuild::Sources> StageBuild::pick_sources(const Instruction& instruction,
                                                     const FileSources& files, bool optional) {
  Sources sources;
  if (!files.paths.empty()) sources.open = TRY(open_tree(stage().dependency(next_)));
  const Add* const add = instruction.as<Add>();
  const Copy* const copy = instruction.as<Copy>();
  const bool has_parents = copy != nullptr && copy->parents;
  std::vector<std::string> excludes;
  for (const Text& pattern : files.excludes) excludes.push_back(pattern.text);
  for (const Text& source : files.paths) {
    if (add != nullptr) {
      AddSource address = TRY(parse_add_source(source.text));
      if (address.kind != AddSource::Kind::Path) {
        sources.remotes.push_back(TRY(find_remote(std::move(address), *add)));
        continue;
      }
    }
    auto found = pick(sources.open.tree,
                      {.source = source.text, .excludes = excludes, .any_depth = has_parents});
    if (found && found->empty() && !optional)
      shared_.sentences.push_back(place_of(instruction) + ": " +
                                  sentence_of(no_match(sources.open.tree, source.text)));
    if (!found && optional && found.error().kind() == Kind::NotFound) continue;
    std::ranges::move(TRY(std::move(found)), std::back_inserter(sources.picks));
  }
  return sources;
}

Result<> StageBuild::put_sources(const Sources& sources, const Instruction& instruction,
                                 const FileSources& files, const Target& target,
                                 const std::string& destination, const CopyOptions& options) {
  const Add* const add = instruction.as<Add>();
  const Tree& tree = sources.open.tree;
  const bool several = sources.picks.size() + sources.remotes.size() + files.contents.size() > 1;
  const bool into = destination.ends_with('/') || several;
  const std::string place = into && !destination.ends_with('/') ? destination + "/" : destination;
  for (const Pick& each : sources.picks) TRY(put_pick(each, add, tree, target, place, options));
  for (const Remote& each : sources.remotes) TRY(put_remote(each, *add, target, place, options));
  for (const Heredoc& content : files.contents)
    TRY(put_file(target, into ? join_path(place, content.name) : place, heredoc_text(content),
                 options));
  return {};
}

Result<> StageBuild::do_copy(const Instruction& instruction, const FileSources& files, bool parents,
                             bool optional) {
  info_ = describe(instruction);
  TRY(check_sources(instruction));
  Sources sources = TRY(pick_sources(instruction, files, optional));
  const UnixNanos time = TRY(time_of(instruction, files, sources));
  StepKey key;
  // Several names may lead to one file.
  std::map<std::string, std::vector<std::string>> seen;
  for (Pick& each : sources.picks)
    seen[source_name(each.source)].push_back(TRY(fingerprint(sources.open.tree, each)));
  for (const auto& [name, prints] : seen)
    key.add(name, prints.size() == 1 ? prints[0] : StepKey::list(prints));
  for (const Remote& each : sources.remotes)
    key.add(source_name(image::without_user(each.request.source.text)), each.digest().text());
  for (const Heredoc& content : files.contents)
    key.add(source_name("<<" + content.name), digest_of(heredoc_text(content)));
  const std::string& directory = state_->config().working_dir;
  const std::string destination =
      join_path(directory.empty() ? "/" : directory, files.destination.text) +
      (files.destination.text.ends_with('/') ? "/" : "");
  key.add("instruction", instruction.text);
  key.add("the sources", listed(files.paths));
  key.add("the flags", StepKey::list({files.chown.text, files.chmod.text}));
  key.add("what is left out", listed(files.excludes));
  key.add("destination", destination);
  CopyOptions options{.mode = files.chmod.text, .parents = parents};
  if (!options.mode.empty()) TRY(check_mode(options.mode));
  // A layer by itself: the same on whatever files it is put. Owners alone are looked up in those.
  const Files below = files.link ? Files::nothing() : files_;
  if (files.link) {
    options.owner = TRY(owner_of(files.chown.text));
    if (options.owner)
      key.add("the owner",
              std::to_string(options.owner->uid) + ":" + std::to_string(options.owner->gid));
  } else {
    key.add(StepKey::kFiles, files_.id.text());
  }
  key.add("time", std::to_string(time));
  if (const auto found = TRY(find(key))) {
    take(instruction, *found);
    return {};
  }
  if (!files.link) options.owner = TRY(owner_of(files.chown.text));
  TRY(fetch_missing(sources.remotes));
  const auto put = [&](const Target& target) {
    return put_sources(sources, instruction, files, target, destination, options);
  };
  Workshop::Change change{.files = below,
                          .key = key_.digest(),
                          .what = info_.label,
                          .time = time,
                          .materials = {},
                          .extent = {},
                          .like = like_};
  // What was fetched is read once.
  if (sources.remotes.empty())
    change.extent = extent_of(sources.picks, files.contents, instruction.as<Add>() != nullptr);
  for (const Remote& each : sources.remotes) change.materials.push_back(each.fetched->material);
  const StepLayer layer = TRY(shared_.workshop.change(change, put));
  shared_.reporter.ends(info_);
  take(instruction, layer);
  return {};
}

}  // namespace tare::build
