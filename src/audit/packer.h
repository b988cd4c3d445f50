// SPDX-License-Identifier: Apache-2.0
// The work behind plan_pack(): programs and their closure (pack.cc), and the rules that add what no
// ELF file names (pack_rules.cc). Private to the room.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/dpkg.h"
#include "audit/host_tree.h"
#include "audit/loader.h"
#include "audit/pack.h"

namespace tare::audit {

class Packer {
 public:
  Packer(const PackRequest& request, HostTree tree)
      : request_(request), tree_(std::move(tree)), search_(tree_), dpkg_(tree_) {}

  Result<PackPlan> run();

 private:
  using Chain = std::vector<const Object*>;
  // An ELF file of the image, with the way the loader came to it (the program first, itself last).
  struct Member {
    Chain chain;
    const Loader* loader;  // nullptr: static.
    const Object& object() const { return *chain.back(); }
  };

  // Programs and closure: pack.cc.
  Result<std::string> find_program(const std::string& name);
  Result<> add_program(const std::string& path, const std::string& because, int depth);
  Result<> add_script(const std::string& path, const std::string& first_bytes, int depth);
  Result<> add_elf_program(const Object& program);
  Result<const Loader*> choose_loader(const Object& object);
  Result<> add_closure(const Member& root);
  Result<> add_needed(const Member& member, const std::string& name, std::set<std::string>& loaded,
                      std::deque<Member>& queue);
  Result<> add_extra(const ExtraFile& extra);
  Result<> add_extra_tree(const std::string& source, const std::string& path, int depth);
  Result<> add_extra_file(const Found& file, const std::string& path, const std::string& because);
  std::unexpected<Error> missing(const Member& member, const std::string& name,
                                 const Located& located);
  Result<> finish_files(PackPlan& plan);
  oci::ImageConfig make_config() const;

  // Into the image, once each: the first reason stays.
  // A host path under its own name with all links to it. False: does not exist.
  Result<bool> add_path(const std::string& path, const std::string& because);
  Result<bool> add_tree(const std::string& path, const std::string& because, int depth = 0);
  void add_links(const Found& found);
  void add_file(const std::string& path, const Found& source, const std::string& because);
  Result<> add_made(const std::string& path, std::string content, const std::string& because);
  Result<> add_directory(const std::string& path, std::uint32_t mode, const std::string& because);
  // `path` with the links of directories that the host has resolved; these links are packed.
  Result<std::string> place(const std::string& path);
  // A library that `member` opens by itself. False: the host has none.
  Result<bool> add_opened(const Member& member, const std::string& name,
                          const std::string& because);

  // Rules: pack_rules.cc.
  Result<> apply_rules();
  Result<> rule_dlopen_notes(const Member& member);
  Result<> rule_unwinder();
  Result<> rule_names();
  Result<> rule_name_modules(const std::string& because);
  Result<> rule_certificates();
  Result<> rule_openssl(const Member& member);
  Result<> rule_zones();
  Result<> rule_character_sets();
  Result<> rule_character_set_modules(const Member& libc, const std::string& because);
  Result<> rule_locales();
  Result<> rule_terminals();
  Result<> rule_services();
  Result<> rule_merged_usr();
  Result<> rule_packages();
  Result<> rule_package_files(const std::map<std::string, DpkgPackage>& packages);
  // The sentence why a rule holds, empty when it does not: some ELF file imports one of `symbols`,
  // is a library whose name starts with one of `libraries`, or a static program has `text` in it.
  struct Trigger {
    std::initializer_list<std::string_view> symbols;
    std::initializer_list<std::string_view> libraries;
    std::initializer_list<std::string_view> texts;
  };
  Result<std::string> because_of(When when, const Trigger& trigger);
  const Member* library_named(std::string_view prefix) const;
  bool uses_glibc_before(int minor) const;
  void warn(std::string sentence) { warnings_.push_back(std::move(sentence)); }

  const PackRequest& request_;
  HostTree tree_;
  LibrarySearch search_;
  Dpkg dpkg_;
  std::map<std::string, PackedFile> files_;  // By path in the image.
  std::deque<Member> members_;               // Grows while rules run; references stay valid.
  std::set<std::string> closed_;             // Paths of programs whose closure is there.
  std::map<std::string, std::unique_ptr<Loader>> loaders_;  // By path.
  std::map<std::string, CacheEntry> cache_entries_;         // By path of the library.
  std::map<std::string, std::string> static_texts_;         // Contents of static programs, by path.
  std::vector<PackedPackage> packages_;
  std::vector<std::string> warnings_;
  std::string entrypoint_;
  std::string language_;
};

}  // namespace tare::audit
