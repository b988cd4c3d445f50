// SPDX-License-Identifier: Apache-2.0
#include "build/remote_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "build/glob.h"
#include "build/pins.h"
#include "build/remote_source.h"

namespace tare::build {
namespace {

constexpr std::size_t kMaxDockerfile = 4 << 20;

sys::IdMap our_ids() {
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = 0, .count = 1});
  return ids;
}

Result<> rewind(int file) {
  if (::lseek(file, 0, SEEK_SET) != 0) return fail_errno("rewind a build context");
  return {};
}

// A file of the context, wherever its links lead, inside of it.
Result<std::string> read_in(int root, const std::string& path) {
  const sys::Fd file = TRY(sys::open_in_root(root, path, O_RDONLY | O_NONBLOCK));
  return sys::read_all(file.get(), kMaxDockerfile);
}

Result<> read_dockerfile(BuildRequest& request, int root, const std::string& name) {
  auto text = read_in(root, name);
  if (!text && text.error().kind() == Kind::NotFound)
    return std::unexpected(
        Error(Kind::NotFound, "the build context has no " + quoted(name))
            .hint("another name is given with -f FILE, which is looked for in the context"));
  request.text = TRY(std::move(text), "read " + quoted(name));
  return {};
}

Result<> read_rules(BuildRequest& request, int root) {
  for (const std::string& name : ignore_files(request.dockerfile)) {
    const auto text = read_in(root, name);
    if (!text) continue;
    request.ignore_name = name;
    request.ignore_text = *text;
    break;
  }
  return {};
}

}  // namespace

bool is_remote_context(std::string_view place) {
  const auto source = parse_add_source(place, true);
  // What is wrong with an address is told when it is fetched.
  return !source || source->kind != AddSource::Kind::Path;
}

Result<std::optional<std::string>> unpack_context(Workshop& workshop, int file) {
  TRY(rewind(file));
  const auto archive = TRY(workshop.open_archive(file));
  if (!archive) return std::nullopt;
  std::string place = TRY(workshop.make_directory());
  const sys::Fd root = TRY(sys::open_path(place, O_RDONLY | O_DIRECTORY));
  const sys::IdMap ids = our_ids();
  TRY(unpack_archive(*archive, {.root = root.get(), .ids = &ids}, "/",
                     {.owner = Owner(), .attributes = false}),
      "unpack the build context");
  return place;
}

Result<RemoteTree> fetch_context(Workshop& workshop, const BuildRequest& build,
                                 const std::string& place, const std::string& option,
                                 bool keep_git_dir, const std::function<bool()>& is_interrupted) {
  FetchRequest request{.source = TRY(parse_add_source(place, true), quoted(hide_users(place))),
                       .expected = Digest(),
                       .what = option + " " + hide_users(place),
                       .is_interrupted = is_interrupted};
  request.keep_git_dir = request.source.git.keep_git_dir.value_or(keep_git_dir);
  TRY(pin(build, request), option);
  const Fetched fetched = TRY(workshop.fetch(request), option);
  RemoteTree tree{.directory = "", .text = "", .material = fetched.material};
  TRY(workshop.keep_material(tree.material, request.what));
  if (auto directory = TRY(unpack_context(workshop, fetched.file.get()))) {
    tree.directory = std::move(*directory);
    return tree;
  }
  TRY(rewind(fetched.file.get()));
  tree.text = TRY(sys::read_all(fetched.file.get(), kMaxDockerfile), quoted(hide_users(place)));
  if (tree.text.contains('\0'))
    return fail(Kind::Invalid,
                quoted(hide_users(place)) + " is neither a tar archive nor a Dockerfile");
  return tree;
}

Result<> open_remote_context(Workshop& workshop, BuildRequest& request, int archive,
                             const std::function<bool()>& is_interrupted) {
  if (archive >= 0) {
    auto directory = TRY(unpack_context(workshop, archive));
    if (!directory) return fail(Kind::Invalid, "what came on standard input is no tar archive");
    request.context = std::move(*directory);
  } else {
    const auto& arguments = request.options.arguments;
    const auto keep = arguments.find("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
    const bool keeps = keep != arguments.end() && (keep->second == "1" || keep->second == "true");
    RemoteTree tree =
        TRY(fetch_context(workshop, request, request.remote, "context", keeps, is_interrupted));
    request.materials.push_back(tree.material);
    request.context = tree.directory;
    if (tree.directory.empty()) {
      request.text = std::move(tree.text);
      return {};
    }
  }
  const sys::Fd root = TRY(sys::open_path(request.context, O_RDONLY | O_DIRECTORY));
  if (request.text.empty()) TRY(read_dockerfile(request, root.get(), request.dockerfile));
  return read_rules(request, root.get());
}

}  // namespace tare::build
