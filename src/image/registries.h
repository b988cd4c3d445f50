// SPDX-License-Identifier: Apache-2.0
// Where registries are and how they may be spoken to: registries.conf and the directories of
// certificates. [containers-registries.conf(5), containers-certs.d(5); Docker's certs.d] Private to
// the room.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "image/registry.h"

namespace tare::image {

struct MirrorRule {
  std::string location;
  bool insecure = false;
  enum class For : std::uint8_t { All, Digests, Tags } use = For::All;
};

struct RegistryRule {
  std::string prefix;    // Of "registry/repository", or "*.example.com".
  std::string location;  // Stands in its place; empty: the same.
  bool insecure = false;
  bool blocked = false;
  std::vector<MirrorRule> mirrors;
  std::string file;
};

struct Registries {
  std::vector<RegistryRule> rules;
  std::vector<std::string> search;             // For names without a registry.
  std::map<std::string, std::string> aliases;  // "fedora": "registry.fedoraproject.org/fedora".
};

// What the files of this machine and user say. Errors: Invalid, naming the file.
Result<Registries> load_registries();
// Adds what one file says. Errors: Invalid.
Result<> add_registries(Registries& registries, std::string_view text, const std::string& file);

// What a name as the user wrote it may stand for, in the order in which to look: itself, or what
// aliases and unqualified-search-registries make of a name without a registry.
Result<std::vector<Reference>> expand_name(std::string_view text, const Registries& registries);

// The site of a registry by its host, with its credentials and certificates.
Result<Site> make_site(const std::string& host, const std::string& repository, bool insecure,
                       const TransferOptions& options);
Result<std::vector<Site>> find_sites(const Reference& reference, Registry::Use use,
                                     const TransferOptions& options, const Registries& registries);

}  // namespace tare::image
