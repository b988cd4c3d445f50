// SPDX-License-Identifier: Apache-2.0
// Finds libraries as the dynamic loader of a program would, in the same order.
// [ld.so(8), "$ORIGIN" and search order; glibc elf/dl-load.c as of 2.36; musl ldso/dynlink.c]
// Environment (LD_LIBRARY_PATH, LD_PRELOAD) and the directories of glibc before 2.37 named after
// single processors (tls, haswell, avx512_1) are left out: an image must not depend on them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/elf.h"
#include "audit/host_tree.h"
#include "audit/ld_cache.h"

namespace tare::audit {

// A library or program on the host, and the name under which the loader opens it.
struct Object {
  std::string path;  // As the loader opens it: "/lib/x86_64-linux-gnu/libc.so.6".
  Found file;
  Elf elf;
};

// What one search gave.
struct Located {
  std::string path;                   // To be opened; empty: not found.
  std::vector<std::string> variants;  // The same library below glibc-hwcaps, for better machines.
  std::optional<CacheEntry> through_cache;  // Then the image needs such an entry as well.
  std::vector<std::string> looked_in;       // In words, for the error message.
};

// The loader that PT_INTERP of a program names, and what it knows by itself.
struct Loader {
  std::string path;  // PT_INTERP.
  bool musl = false;
  std::vector<std::string> default_dirs;  // Built into it.
};

class LibrarySearch {
 public:
  explicit LibrarySearch(HostTree& tree) : tree_(tree) {}

  // The parsed ELF file at `path`; remembered. nullptr: no such file, or it is not ELF.
  // Errors: Corrupt, Denied.
  Result<const Object*> object(const std::string& path);

  // Reads what the loader says about itself. Errors: NotFound with `program` named.
  Result<Loader> loader_of(const Object& program);

  // Where `name`, wanted by the last of `chain`, is found. `chain` leads from the program over who
  // needed whom: DT_RPATH is inherited along it.
  Result<Located> locate(const Loader& loader, const std::vector<const Object*>& chain,
                         const std::string& name);

 private:
  struct Directory {
    std::string path;
    const char* why;
  };

  Result<bool> try_file(const std::string& path, const Elf& program);
  Result<bool> try_directory(const Directory& directory, const Object& program,
                             const std::string& name, Located& located);
  Result<bool> try_cache(const Loader& loader, const Object& program, const std::string& name,
                         Located& located);
  Result<> add_variants(const std::string& directory, const Object& program,
                        const std::string& name, Located& located);
  Result<std::vector<Directory>> own_paths(const Loader& loader,
                                           const std::vector<const Object*>& chain);
  Result<const std::vector<CacheEntry>*> cache();
  Result<std::vector<std::string>> configured_dirs();
  Result<> read_conf(const std::string& path, int depth, std::vector<std::string>& dirs);
  std::vector<std::string> expand(const std::string& paths, const Object& owner,
                                  bool is_program) const;

  HostTree& tree_;
  std::unordered_map<std::string, std::unique_ptr<Object>> objects_;  // By path; null: not ELF.
  bool cache_read_ = false;
  bool cache_usable_ = false;
  std::vector<CacheEntry> cache_;
  std::unordered_multimap<std::string, const CacheEntry*> by_name_;
  std::optional<std::vector<std::string>> configured_;
};

// The directories built into a glibc loader, from its own bytes; empty when not recognised.
std::vector<std::string> built_in_directories(std::string_view loader_bytes);

}  // namespace tare::audit
