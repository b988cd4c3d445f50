// SPDX-License-Identifier: Apache-2.0
#include "audit/pack.h"

#include <elf.h>

#include <algorithm>

#include "audit/packer.h"
#include "base/text.h"
#include "sys/files.h"

namespace tare::audit {
namespace {

constexpr int kMaxScripts = 5;         // As the kernel. [fs/exec.c, exec_binprm]
constexpr std::size_t kShebang = 256;  // BINPRM_BUF_SIZE.
constexpr int kMaxTreeDepth = 64;
constexpr std::size_t kMaxFiles = 200'000;

std::string architecture_of(const Elf& elf) {
  switch (elf.machine) {
    case EM_X86_64:
      return "amd64";
    case EM_386:
      return "386";
    case EM_AARCH64:
      return "arm64";
    case EM_ARM:
      return "arm";
    case EM_RISCV:
      return "riscv64";
    case EM_PPC64:
      return elf.little_endian ? "ppc64le" : "ppc64";
    case EM_S390:
      return "s390x";
    default:
      return "";
  }
}

// The interpreter and its one argument, as the kernel splits the line.
struct Shebang {
  std::string interpreter;
  std::string argument;
};

Result<Shebang> parse_shebang(const std::string& path, std::string_view bytes) {
  const std::string_view line = bytes.substr(2, bytes.find('\n') - 2);
  if (line.ends_with('\r'))
    return fail(Kind::Invalid, "the first line of the script " + quoted(path) +
                                   " ends in a carriage return, so its interpreter is not found");
  const std::string_view text = trim(line);
  const std::size_t end = text.find_first_of(" \t");
  Shebang shebang{std::string(text.substr(0, end)), ""};
  if (end != std::string_view::npos) shebang.argument = trim(text.substr(end));
  if (!shebang.interpreter.starts_with('/'))
    return fail(Kind::Invalid, "the interpreter " + quoted(shebang.interpreter) +
                                   " of the script " + quoted(path) + " is not an absolute path");
  return shebang;
}

// The program that `env ARGUMENT script` starts: options and assignments come before it.
std::string name_behind_env(std::string_view argument) {
  for (const std::string& word : split(argument, ' '))
    if (!word.empty() && !word.starts_with('-') && word.find('=') == std::string::npos) return word;
  return "";
}

}  // namespace

Result<PackPlan> plan_pack(const PackRequest& request) {
  HostTree tree = TRY(HostTree::open(request.root));
  return Packer(request, std::move(tree)).run();
}

Result<PackPlan> Packer::run() {
  if (request_.programs.empty()) return fail(Kind::Invalid, "no program to pack was named");
  for (const std::string& name : request_.programs) {
    const std::string path = TRY(find_program(name), "pack " + quoted(name));
    if (entrypoint_.empty()) entrypoint_ = path;
    TRY(add_program(path, "asked for", 0), "pack " + quoted(name));
  }
  for (const ExtraFile& extra : request_.extra_files)
    TRY(add_extra(extra), "pack " + quoted(extra.source));
  TRY(add_directory("/tmp", 01777, "scratch space"));
  TRY(apply_rules());
  PackPlan plan;
  TRY(finish_files(plan));
  plan.root = request_.root;
  plan.packages = std::move(packages_);
  plan.warnings = std::move(warnings_);
  plan.config = make_config();
  return plan;
}

Result<std::string> Packer::find_program(const std::string& name) {
  if (name.starts_with('/')) return name;
  if (name.empty() || name.find('/') != std::string::npos)
    return fail(Kind::Invalid,
                "a program is named by an absolute path, or by a name to be found in PATH");
  for (const std::string& dir : split(request_.search_path, ':')) {
    if (!dir.starts_with('/')) continue;
    std::string path = (dir == "/" ? "" : dir) + "/" + name;
    const auto found = TRY(tree_.find(path));
    if (found && found->node.kind == NodeKind::File && (found->node.mode & 0111) != 0) return path;
  }
  return fail(Kind::NotFound, "not found in PATH (" + escaped(request_.search_path) + ")");
}

Result<> Packer::add_program(const std::string& path, const std::string& because, int depth) {
  auto found = TRY(tree_.find(path));
  if (!found) return fail(Kind::NotFound, quoted(path) + " does not exist");
  if (found->node.kind != NodeKind::File)
    return fail(Kind::Invalid, quoted(path) + " is not a regular file");
  if ((found->node.mode & 0111) == 0)
    return std::unexpected(Error(Kind::Invalid, quoted(path) + " is not executable")
                               .hint("Make it executable: chmod +x " + escaped(path)));
  add_links(*found);
  add_file(found->path, *found, because);
  if (!closed_.insert(path).second) return {};
  const sys::Fd fd = TRY(tree_.open_file(found->path));
  std::string first(kShebang, '\0');
  first.resize(TRY(sys::read_full(fd.get(), first.data(), first.size())));
  if (first.starts_with("#!")) return add_script(path, first, depth);
  if (!has_elf_magic(first))
    return fail(Kind::Invalid, quoted(path) + " is neither an ELF program nor a script with '#!'");
  const Object* object = TRY(search_.object(path));
  if (object == nullptr || (object->elf.type != ET_EXEC && object->elf.type != ET_DYN))
    return fail(Kind::Invalid, quoted(path) + " is an ELF file but not a program");
  return add_elf_program(*object);
}

Result<> Packer::add_script(const std::string& path, const std::string& first_bytes, int depth) {
  if (depth >= kMaxScripts)
    return fail(Kind::Invalid, "too many scripts interpret each other at " + quoted(path));
  const Shebang shebang = TRY(parse_shebang(path, first_bytes));
  TRY(add_program(shebang.interpreter, "interpreter of " + path, depth + 1),
      "interpreter of the script " + quoted(path));
  if (base_name(shebang.interpreter) != "env") return {};
  const std::string name = name_behind_env(shebang.argument);
  if (name.empty()) return {};
  const std::string program =
      TRY(find_program(name), "interpreter " + quoted(name) + " of the script " + quoted(path));
  return add_program(program, "interpreter of " + path + " through env", depth + 1);
}

Result<> Packer::add_elf_program(const Object& program) {
  Member root{{&program}, nullptr};
  if (!program.elf.interpreter.empty()) {
    root.loader = TRY(choose_loader(program));
    TRY(add_path(root.loader->path, "loader of " + program.path));
  } else if (!program.elf.needed.empty()) {
    return fail(Kind::Invalid, quoted(program.path) + " is a shared library, not a program");
  }
  return add_closure(root);
}

// Its own loader, or for a library the one of a packed program for the same machine.
Result<const Loader*> Packer::choose_loader(const Object& object) {
  if (object.elf.interpreter.empty()) {
    for (const Member& member : members_)
      if (member.loader != nullptr && member.object().elf.same_machine(object.elf))
        return member.loader;
    return nullptr;
  }
  std::unique_ptr<Loader>& loader = loaders_[object.elf.interpreter];
  if (loader == nullptr) {
    Loader read = TRY(search_.loader_of(object));
    loader = std::make_unique<Loader>(std::move(read));
  }
  return loader.get();
}

// Breadth first, as the loader does it: a library that is loaded answers to its name and its
// soname, whoever asks later.
Result<> Packer::add_closure(const Member& root) {
  members_.push_back(root);
  if (root.loader == nullptr) return {};
  std::set<std::string> loaded;
  if (const Object* loader = TRY(search_.object(root.loader->path)); loader != nullptr)
    loaded.insert(loader->elf.soname.empty() ? base_name(loader->path) : loader->elf.soname);
  std::deque<Member> queue{root};
  while (!queue.empty()) {
    const Member member = std::move(queue.front());
    queue.pop_front();
    for (const std::string& name : member.object().elf.needed)
      if (loaded.insert(name).second) TRY(add_needed(member, name, loaded, queue));
  }
  return {};
}

Result<> Packer::add_needed(const Member& member, const std::string& name,
                            std::set<std::string>& loaded, std::deque<Member>& queue) {
  const Located located = TRY(search_.locate(*member.loader, member.chain, name));
  if (located.path.empty()) return missing(member, name, located);
  std::vector<std::string> paths{located.path};
  paths.insert(paths.end(), located.variants.begin(), located.variants.end());
  for (const std::string& path : paths) {
    const bool base = path == located.path;
    TRY(add_path(
        path, (base ? "NEEDED by " : "for better processors, NEEDED by ") + member.object().path));
    const Object* object = TRY(search_.object(path));
    if (object == nullptr) continue;
    if (base && !object->elf.soname.empty()) loaded.insert(object->elf.soname);
    Member next{member.chain, member.loader};
    next.chain.push_back(object);
    if (std::none_of(members_.begin(), members_.end(),
                     [&](const Member& known) { return &known.object() == object; }))
      members_.push_back(next);
    queue.push_back(std::move(next));
  }
  if (located.through_cache) cache_entries_.emplace(located.path, *located.through_cache);
  return {};
}

std::unexpected<Error> Packer::missing(const Member& member, const std::string& name,
                                       const Located& located) {
  std::string text = "library " + quoted(name) + ", needed by " + quoted(member.object().path);
  for (std::size_t i = member.chain.size() - 1; i-- > 0;)
    text += ", needed by " + quoted(member.chain[i]->path);
  text += ", is not there; looked in " + join(located.looked_in, ", ");
  Error error(Kind::NotFound, std::move(text));
  if (auto owner = dpkg_.owner_of_name(name); owner && *owner)
    return std::unexpected(std::move(error).hint("The installed package '" + **owner +
                                                 "' has it: apt-get install --reinstall " +
                                                 **owner + ", or run ldconfig."));
  return std::unexpected(std::move(error).hint(
      "Install the package that has it, or put its directory into /etc/ld.so.conf.d and run "
      "ldconfig."));
}

Result<bool> Packer::add_opened(const Member& member, const std::string& name,
                                const std::string& because) {
  if (member.loader == nullptr) return false;
  const Located located = TRY(search_.locate(*member.loader, member.chain, name));
  if (located.path.empty()) return false;
  TRY(add_path(located.path, because));
  if (located.through_cache) cache_entries_.emplace(located.path, *located.through_cache);
  const Object* object = TRY(search_.object(located.path));
  if (object == nullptr || !closed_.insert(located.path).second) return true;
  Member opened{member.chain, member.loader};
  opened.chain.push_back(object);
  TRY(add_closure(opened));
  return true;
}

Result<> Packer::add_extra(const ExtraFile& extra) {
  auto found = TRY(tree_.find(extra.source));
  if (!found) return fail(Kind::NotFound, "it does not exist");
  const bool same = extra.path.empty() || extra.path == extra.source;
  if (same) add_links(*found);
  const std::string path = same ? found->path : TRY(place(extra.path));
  if (found->node.kind == NodeKind::Directory) {
    // The directory itself may be a link in the image, as /bin is.
    const std::string inside = TRY(place(path + "/inside"));
    return add_extra_tree(found->path, directory_of(inside), 0);
  }
  if (found->node.kind != NodeKind::File)
    return fail(Kind::Invalid, "it is neither a file nor a directory");
  return add_extra_file(*found, path, "asked for");
}

Result<> Packer::add_extra_tree(const std::string& source, const std::string& path, int depth) {
  if (depth > kMaxTreeDepth || files_.size() > kMaxFiles)
    return fail(Kind::Invalid, "the tree is too deep or has too many files");
  TRY(add_directory(path, 0755, "asked for"));
  for (const std::string& name : TRY(tree_.list(source))) {
    const std::string from = (source == "/" ? "" : source) + "/" + name;
    const std::string to = (path == "/" ? "" : path) + "/" + name;
    auto found = TRY(tree_.find(from));
    // The last link on the way may be the entry itself: it stays a link.
    const auto node = TRY(tree_.look(from));
    if (node.kind == NodeKind::Symlink) {
      files_.emplace(to, PackedFile{.path = to,
                                    .kind = PackedKind::Symlink,
                                    .source = from,
                                    .target = node.target,
                                    .mode = 0777,
                                    .because = "asked for"});
      if (found && source == path && found->node.kind == NodeKind::File) {
        add_links(*found);
        TRY(add_extra_file(*found, found->path, "target of " + from));
      }
    } else if (node.kind == NodeKind::Directory) {
      TRY(add_extra_tree(from, to, depth + 1));
    } else if (node.kind == NodeKind::File && found) {
      TRY(add_extra_file(*found, to, "asked for"));
    }  // Sockets, fifos and devices have no place in an image.
  }
  return {};
}

// ELF files and scripts among the extra files bring what they need.
Result<> Packer::add_extra_file(const Found& file, const std::string& path,
                                const std::string& because) {
  add_file(path, file, because);
  const sys::Fd fd = TRY(tree_.open_file(file.path));
  std::string first(kShebang, '\0');
  first.resize(TRY(sys::read_full(fd.get(), first.data(), first.size())));
  const bool executable = (file.node.mode & 0111) != 0;
  if (first.starts_with("#!") && executable && closed_.insert(file.path).second) {
    // Nobody asked to run it; a library may bring scripts for systems that are not this one.
    if (const auto added = add_script(file.path, first, 0); !added)
      warn(added.error().message() + ": it will not run");
    return {};
  }
  if (!has_elf_magic(first)) return {};
  const Object* object = TRY(search_.object(file.path));
  if (object == nullptr || (object->elf.type != ET_EXEC && object->elf.type != ET_DYN)) return {};
  if (!closed_.insert(file.path).second) return {};
  Member root{{object}, TRY(choose_loader(*object))};
  if (root.loader != nullptr) TRY(add_path(root.loader->path, "loader of " + file.path));
  return add_closure(root);
}

void Packer::add_links(const Found& found) {
  for (const Link& link : found.links)
    files_.emplace(link.path, PackedFile{.path = link.path,
                                         .kind = PackedKind::Symlink,
                                         .source = link.path,
                                         .target = link.target,
                                         .mode = 0777,
                                         .because = "leads to " + found.path});
}

void Packer::add_file(const std::string& path, const Found& source, const std::string& because) {
  files_.emplace(path, PackedFile{.path = path,
                                  .source = source.path,
                                  .mode = (source.node.mode & 0111) != 0 ? 0755u : 0644u,
                                  .size = source.node.size,
                                  .because = because});
}

Result<bool> Packer::add_path(const std::string& path, const std::string& because) {
  auto found = TRY(tree_.find(path));
  if (!found || found->node.kind != NodeKind::File) return false;
  add_links(*found);
  add_file(found->path, *found, because);
  return true;
}

Result<bool> Packer::add_tree(const std::string& path, const std::string& because, int depth) {
  auto found = TRY(tree_.find(path));
  if (!found) return false;
  if (found->node.kind == NodeKind::File) return add_path(path, because);
  if (found->node.kind != NodeKind::Directory) return true;
  if (depth > kMaxTreeDepth || files_.size() > kMaxFiles)
    return fail(Kind::Invalid, "the tree " + quoted(path) + " is too deep or has too many files");
  add_links(*found);
  TRY(add_directory(found->path, 0755, because));
  for (const std::string& name : TRY(tree_.list(found->path)))
    TRY(add_tree((found->path == "/" ? "" : found->path) + "/" + name, because, depth + 1));
  return true;
}

Result<> Packer::add_made(const std::string& path, std::string content,
                          const std::string& because) {
  const std::string real = TRY(place(path));
  PackedFile file{.path = real, .mode = 0644, .size = content.size(), .because = because};
  file.content = std::move(content);
  files_.emplace(real, std::move(file));
  return {};
}

Result<> Packer::add_directory(const std::string& path, std::uint32_t mode,
                               const std::string& because) {
  const std::string real = TRY(place(path));
  files_.emplace(
      real,
      PackedFile{.path = real, .kind = PackedKind::Directory, .mode = mode, .because = because});
  return {};
}

Result<std::string> Packer::place(const std::string& path) {
  std::string rest;
  for (std::string above = path;; above = directory_of(above)) {
    auto found = TRY(tree_.find(directory_of(above)));
    rest.insert(0, "/" + base_name(above));
    if (!found && directory_of(above) != "/") continue;
    if (!found || found->node.kind != NodeKind::Directory)
      return fail(Kind::Invalid, quoted(path) + " lies below something that is not a directory");
    add_links(*found);
    return (found->path == "/" ? "" : found->path) + rest;
  }
}

// Adds the parents, and makes the list.
Result<> Packer::finish_files(PackPlan& plan) {
  if (!cache_entries_.empty()) {
    std::vector<CacheEntry> entries;
    for (const auto& [path, entry] : cache_entries_) {
      entries.push_back(entry);
      entries.back().hwcap = 0;
    }
    TRY(add_made("/etc/ld.so.cache", print_ld_cache(std::move(entries)),
                 "leads the loader to libraries outside its own directories"));
  }
  std::vector<std::string> paths;
  for (const auto& [path, file] : files_) paths.push_back(path);
  for (const std::string& path : paths)
    for (std::string above = directory_of(path); above != "/"; above = directory_of(above)) {
      const auto [at, added] = files_.emplace(
          above, PackedFile{.path = above, .kind = PackedKind::Directory, .mode = 0755});
      if (added) continue;
      if (at->second.kind != PackedKind::Directory)
        return fail(Kind::Invalid, quoted(path) + " lies below " + quoted(above) +
                                       ", which is not a directory in the image");
      break;
    }
  for (auto& [path, file] : files_) {
    plan.size += file.size;
    plan.files.push_back(std::move(file));
  }
  return {};
}

oci::ImageConfig Packer::make_config() const {
  oci::ImageConfig config;
  config.created = request_.created;
  config.os = "linux";
  config.architecture = members_.empty() ? "" : architecture_of(members_.front().object().elf);
  config.entrypoint = {entrypoint_};
  config.env = {"PATH=" + request_.search_path};
  if (!language_.empty()) config.env.push_back("LANG=" + language_);
  config.working_dir = "/";
  oci::History step;
  step.created = request_.created;
  step.created_by = "tare pack " + join(request_.programs, " ");
  config.history.push_back(std::move(step));
  return config;
}

}  // namespace tare::audit
