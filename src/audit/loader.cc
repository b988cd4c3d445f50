// SPDX-License-Identifier: Apache-2.0
#include "audit/loader.h"

#include <elf.h>

#include <fnmatch.h>
#include <algorithm>
#include <array>

#include "base/text.h"

namespace tare::audit {
namespace {

constexpr std::size_t kMaxLoaderFile = 16 << 20;
constexpr std::size_t kMaxCacheFile = 64 << 20;
constexpr std::size_t kMaxConfFile = 1 << 20;
constexpr int kMaxIncludes = 8;

struct Platform {
  std::uint16_t machine;
  bool is_64;
  const char* name;           // AT_PLATFORM of the weakest machine, for $PLATFORM.
  const char* triplet;        // Debian's directory.
  std::uint32_t cache_flags;  // Of ld.so.cache. [glibc sysdeps/generic/ldconfig.h]
};
constexpr Platform kPlatforms[] = {
    {EM_X86_64, true, "x86_64", "x86_64-linux-gnu", 0x0303},
    {EM_X86_64, false, "x86_64", "x86_64-linux-gnux32", 0x0803},
    {EM_386, false, "i686", "i386-linux-gnu", 0x0003},
    {EM_AARCH64, true, "aarch64", "aarch64-linux-gnu", 0x0a03},
    {EM_ARM, false, "v7l", "arm-linux-gnueabihf", 0x0903},
    {EM_RISCV, true, "riscv64", "riscv64-linux-gnu", 0x1003},
    {EM_PPC64, true, "power8", "powerpc64le-linux-gnu", 0x0503},
    {EM_S390, true, "z900", "s390x-linux-gnu", 0x0403},
};

const Platform* platform_of(const Elf& elf) {
  for (const Platform& platform : kPlatforms)
    if (platform.machine == elf.machine && platform.is_64 == elf.is_64) return &platform;
  return nullptr;
}

// Replaces $NAME and ${NAME}. A name goes on as long as letters do: $ORIGINAL is not $ORIGIN.
bool replace_token(std::string& text, std::string_view name, std::string_view value) {
  bool any = false;
  for (std::size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at)) {
    const std::string_view rest = std::string_view(text).substr(at + 1);
    std::size_t length = 0;
    if (rest.starts_with('{') && rest.substr(1).starts_with(name) &&
        rest.substr(1 + name.size()).starts_with('}'))
      length = name.size() + 3;
    else if (rest.starts_with(name) &&
             (rest.size() == name.size() ||
              !(std::isalnum(static_cast<unsigned char>(rest[name.size()])) != 0 ||
                rest[name.size()] == '_')))
      length = name.size() + 1;
    if (length == 0) {
      ++at;
      continue;
    }
    text.replace(at, length, value);
    at += value.size();
    any = true;
  }
  return any;
}

// musl has these inside its loader, whatever follows the dot. [musl ldso/dynlink.c, load_library]
bool is_inside_musl(std::string_view name) {
  constexpr std::string_view kReserved[] = {"libc.",  "libpthread.", "librt.",  "libm.",
                                            "libdl.", "libutil.",    "libxnet."};
  return std::any_of(std::begin(kReserved), std::end(kReserved),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_library_directory(std::string_view text) {
  return text.size() > 1 && text.size() < 256 && text.front() == '/' && text.back() == '/' &&
         text.find("lib") != std::string_view::npos &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "_.+-/") == std::string_view::npos;
}

}  // namespace

std::vector<std::string> built_in_directories(std::string_view loader_bytes) {
  // glibc keeps them as one string: each ends in '/' and NUL, one after another. [glibc
  // elf/dl-load.c, system_dirs]
  constexpr std::string_view kBetween("/\0/", 3);
  std::vector<std::string> best;
  for (std::size_t at = loader_bytes.find(kBetween); at != std::string_view::npos;) {
    // The start of the run: the byte after the NUL before the first directory.
    std::size_t start = loader_bytes.rfind('\0', at);
    start = start == std::string_view::npos ? 0 : start + 1;
    std::vector<std::string> run;
    std::size_t next = start;
    for (;;) {
      const std::size_t end = loader_bytes.find('\0', next);
      if (end == std::string_view::npos) break;
      const std::string_view text = loader_bytes.substr(next, end - next);
      if (!is_library_directory(text)) break;
      run.emplace_back(text.substr(0, text.size() - 1));
      next = end + 1;
    }
    if (run.size() > best.size()) best = std::move(run);
    at = loader_bytes.find(kBetween, std::max(next, at + 1));
  }
  return best.size() >= 2 ? best : std::vector<std::string>();
}

Result<const Object*> LibrarySearch::object(const std::string& path) {
  if (const auto known = objects_.find(path); known != objects_.end()) return known->second.get();
  std::unique_ptr<Object>& slot = objects_[path];
  auto found = TRY(tree_.find(path));
  if (!found || found->node.kind != NodeKind::File) return nullptr;
  const sys::Fd fd = TRY(tree_.open_file(found->path));
  const FileBytes bytes(fd.get(), found->node.size);
  auto elf = read_elf(bytes);
  if (!elf && elf.error().kind() == Kind::Invalid) return nullptr;
  if (!elf) return std::unexpected(std::move(elf).error().wrap("read " + quoted(path)));
  slot = std::make_unique<Object>(Object{path, std::move(*found), std::move(*elf)});
  return slot.get();
}

Result<Loader> LibrarySearch::loader_of(const Object& program) {
  Loader loader;
  loader.path = program.elf.interpreter;
  if (!loader.path.starts_with('/'))
    return fail(Kind::Invalid, quoted(program.path) + " names the loader " + quoted(loader.path) +
                                   ", which is not an absolute path");
  const Object* object = TRY(this->object(loader.path));
  if (object == nullptr)
    return fail(Kind::NotFound, "the loader " + quoted(loader.path) + " of " +
                                    quoted(program.path) + " does not exist");
  loader.musl = base_name(loader.path).starts_with("ld-musl-");
  if (loader.musl) {
    // /lib/ld-musl-ARCH.so.1 reads /etc/ld-musl-ARCH.path: lines or ':' between directories.
    const std::string name = base_name(loader.path);
    auto conf = TRY(tree_.find("/etc/" + name.substr(0, name.find('.')) + ".path"));
    std::string text = "/lib:/usr/local/lib:/usr/lib";
    if (conf && conf->node.kind == NodeKind::File)
      text = TRY(tree_.read_file(conf->path, kMaxConfFile));
    std::replace(text.begin(), text.end(), '\n', ':');
    for (std::string& dir : split(text, ':'))
      if (!dir.empty()) loader.default_dirs.push_back(std::move(dir));
    return loader;
  }
  loader.default_dirs =
      built_in_directories(TRY(tree_.read_file(object->file.path, kMaxLoaderFile)));
  if (!loader.default_dirs.empty()) return loader;
  if (const Platform* platform = platform_of(program.elf))
    for (const char* base : {"/lib/", "/usr/lib/"})
      loader.default_dirs.push_back(std::string(base) + platform->triplet);
  if (program.elf.is_64)
    loader.default_dirs.insert(loader.default_dirs.end(), {"/lib64", "/usr/lib64"});
  loader.default_dirs.insert(loader.default_dirs.end(), {"/lib", "/usr/lib"});
  return loader;
}

// The loader skips files of another class or machine and goes on searching.
Result<bool> LibrarySearch::try_file(const std::string& path, const Elf& program) {
  const Object* object = TRY(this->object(path));
  return object != nullptr && object->elf.type == ET_DYN && object->elf.same_machine(program);
}

Result<> LibrarySearch::add_variants(const std::string& directory, const Object& program,
                                     const std::string& name, Located& located) {
  auto hwcaps = TRY(tree_.find(directory + "/glibc-hwcaps"));
  if (!hwcaps || hwcaps->node.kind != NodeKind::Directory) return {};
  for (const std::string& level : TRY(tree_.list(hwcaps->path))) {
    const std::string path = directory + "/glibc-hwcaps/" + level + "/" + name;
    if (TRY(try_file(path, program.elf))) located.variants.push_back(path);
  }
  return {};
}

Result<bool> LibrarySearch::try_directory(const Directory& directory, const Object& program,
                                          const std::string& name, Located& located) {
  located.looked_in.push_back(std::string(directory.why) + quoted(directory.path));
  TRY(add_variants(directory.path, program, name, located));
  const std::string path = (directory.path == "/" ? "" : directory.path) + "/" + name;
  if (!TRY(try_file(path, program.elf))) return false;
  located.path = path;
  return true;
}

std::vector<std::string> LibrarySearch::expand(const std::string& paths, const Object& owner,
                                               bool is_program) const {
  // Of the program the kernel tells the real place, of libraries the loader knows only the name it
  // opened. [glibc elf/dl-origin.c, _dl_get_origin]
  const std::string origin = directory_of(is_program ? owner.file.path : owner.path);
  const Platform* platform = platform_of(owner.elf);
  std::vector<std::string> dirs;
  for (std::string dir : split(paths, ':')) {
    if (dir.empty()) continue;  // The working directory, which is another one in every container.
    replace_token(dir, "ORIGIN", origin);
    if (platform != nullptr) replace_token(dir, "PLATFORM", platform->name);
    while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
    // What $LIB means is built into the loader: Debian's way, else the common one.
    std::vector<std::string> meanings{dir};
    if (std::string probe = dir; replace_token(probe, "LIB", "lib")) {
      meanings.clear();
      const std::string multiarch =
          platform == nullptr ? "lib" : std::string("lib/") + platform->triplet;
      for (const std::string& lib :
           {multiarch, std::string(owner.elf.is_64 ? "lib64" : "lib32"), std::string("lib")}) {
        std::string meaning = dir;
        replace_token(meaning, "LIB", lib);
        meanings.push_back(std::move(meaning));
      }
    }
    for (std::string& meaning : meanings)
      if (meaning.starts_with('/')) dirs.push_back(std::move(meaning));
  }
  return dirs;
}

// DT_RPATH of who asks and of those above it, then DT_RUNPATH of who asks only; DT_RPATH beside a
// DT_RUNPATH is ignored, and a DT_RUNPATH of who asks switches all DT_RPATH off. musl knows no
// difference and inherits both.
Result<std::vector<LibrarySearch::Directory>> LibrarySearch::own_paths(
    const Loader& loader, const std::vector<const Object*>& chain) {
  std::vector<Directory> dirs;
  const Object& asking = *chain.back();
  const auto add = [&](const std::string& paths, std::size_t index, const char* why) {
    for (std::string& dir : expand(paths, *chain[index], index == 0))
      dirs.push_back({std::move(dir), why});
  };
  if (loader.musl) {
    for (std::size_t i = chain.size(); i-- > 0;)
      add(chain[i]->elf.has_runpath ? chain[i]->elf.runpath : chain[i]->elf.rpath, i, "RPATH ");
    return dirs;
  }
  if (!asking.elf.has_runpath)
    for (std::size_t i = chain.size(); i-- > 0;)
      if (!chain[i]->elf.has_runpath) add(chain[i]->elf.rpath, i, "RPATH ");
  if (asking.elf.has_runpath) add(asking.elf.runpath, chain.size() - 1, "RUNPATH ");
  return dirs;
}

Result<const std::vector<CacheEntry>*> LibrarySearch::cache() {
  if (cache_read_) return cache_usable_ ? &cache_ : nullptr;
  cache_read_ = true;
  auto found = TRY(tree_.find("/etc/ld.so.cache"));
  if (!found || found->node.kind != NodeKind::File) return nullptr;
  auto entries = read_ld_cache(TRY(tree_.read_file(found->path, kMaxCacheFile)));
  if (!entries && entries.error().kind() == Kind::Unsupported) return nullptr;
  cache_ = TRY(std::move(entries));
  for (const CacheEntry& entry : cache_) by_name_.emplace(entry.name, &entry);
  cache_usable_ = true;
  return &cache_;
}

Result<bool> LibrarySearch::try_cache(const Loader& loader, const Object& program,
                                      const std::string& name, Located& located) {
  if (TRY(cache()) == nullptr) {
    for (const std::string& dir : TRY(configured_dirs()))
      if (TRY(try_directory({dir, "ld.so.conf "}, program, name, located))) {
        const Platform* platform = platform_of(program.elf);
        located.through_cache = CacheEntry{.name = name, .path = located.path};
        located.through_cache->flags = platform == nullptr ? 3 : platform->cache_flags;
        break;
      }
  } else {
    located.looked_in.emplace_back("/etc/ld.so.cache");
    const auto [first, last] = by_name_.equal_range(name);
    std::vector<const CacheEntry*> entries;
    for (auto i = first; i != last; ++i) entries.push_back(i->second);
    // Equal keys come out in no promised order: the file's order is the loader's.
    std::sort(entries.begin(), entries.end());
    for (const CacheEntry* entry : entries) {
      if (!TRY(try_file(entry->path, program.elf))) continue;
      if (entry->hwcap != 0) {
        located.variants.push_back(entry->path);
      } else if (located.path.empty()) {
        located.path = entry->path;
        located.through_cache = *entry;
      }
    }
  }
  if (located.path.empty()) return false;
  // In a default directory the loader of the image finds it without a cache.
  const auto& dirs = loader.default_dirs;
  if (std::find(dirs.begin(), dirs.end(), directory_of(located.path)) != dirs.end())
    located.through_cache.reset();
  return true;
}

Result<> LibrarySearch::read_conf(const std::string& path, int depth,
                                  std::vector<std::string>& dirs) {
  auto found = TRY(tree_.find(path));
  if (!found || found->node.kind != NodeKind::File || depth > kMaxIncludes) return {};
  const std::string text = TRY(tree_.read_file(found->path, kMaxConfFile));
  for (const std::string& raw : split(text, '\n')) {
    const std::string_view line = trim(std::string_view(raw).substr(0, raw.find('#')));
    if (line.starts_with('/')) dirs.emplace_back(line.substr(0, line.find('=')));
    if (!line.starts_with("include")) continue;
    std::string pattern(trim(line.substr(7)));
    if (!pattern.starts_with('/')) pattern = "/etc/" + pattern;
    auto dir = TRY(tree_.find(directory_of(pattern)));
    if (!dir || dir->node.kind != NodeKind::Directory) continue;
    const std::string last = base_name(pattern);
    for (const std::string& name : TRY(tree_.list(dir->path)))
      if (::fnmatch(last.c_str(), name.c_str(), FNM_PERIOD) == 0)
        TRY(read_conf(dir->path + "/" + name, depth + 1, dirs));
  }
  return {};
}

// What ldconfig would read, for hosts without a cache.
Result<std::vector<std::string>> LibrarySearch::configured_dirs() {
  if (!configured_) {
    std::vector<std::string> dirs;
    TRY(read_conf("/etc/ld.so.conf", 0, dirs));
    configured_ = std::move(dirs);
  }
  return *configured_;
}

Result<Located> LibrarySearch::locate(const Loader& loader, const std::vector<const Object*>& chain,
                                      const std::string& name) {
  Located located;
  const Object& program = *chain.front();
  if (loader.musl && is_inside_musl(name)) {
    located.path = loader.path;
    return located;
  }
  if (name.find('/') != std::string::npos) {
    const std::vector<std::string> paths = expand(name, *chain.back(), chain.size() == 1);
    located.looked_in.push_back(quoted(paths.empty() ? name : paths.front()));
    for (const std::string& path : paths)
      if (located.path.empty() && TRY(try_file(path, program.elf))) located.path = path;
    return located;
  }
  for (const Directory& dir : TRY(own_paths(loader, chain)))
    if (TRY(try_directory(dir, program, name, located))) return located;
  if (chain.back()->elf.no_default_libraries) return located;
  if (!loader.musl && TRY(try_cache(loader, program, name, located))) {
    // The cache may know the library through an alias of the directory: look for variants there.
    TRY(add_variants(directory_of(located.path), program, name, located));
    return located;
  }
  for (const std::string& dir : loader.default_dirs)
    if (TRY(try_directory({dir, ""}, program, name, located))) return located;
  return located;
}

}  // namespace tare::audit
