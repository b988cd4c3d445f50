// SPDX-License-Identifier: Apache-2.0
#include <linux/capability.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "policy/policy.h"

namespace tare::policy {
namespace {

#include "policy/capabilities.inc"

// By number. [linux/capability.h]
constexpr std::array kNames = {"CHOWN",
                               "DAC_OVERRIDE",
                               "DAC_READ_SEARCH",
                               "FOWNER",
                               "FSETID",
                               "KILL",
                               "SETGID",
                               "SETUID",
                               "SETPCAP",
                               "LINUX_IMMUTABLE",
                               "NET_BIND_SERVICE",
                               "NET_BROADCAST",
                               "NET_ADMIN",
                               "NET_RAW",
                               "IPC_LOCK",
                               "IPC_OWNER",
                               "SYS_MODULE",
                               "SYS_RAWIO",
                               "SYS_CHROOT",
                               "SYS_PTRACE",
                               "SYS_PACCT",
                               "SYS_ADMIN",
                               "SYS_BOOT",
                               "SYS_NICE",
                               "SYS_RESOURCE",
                               "SYS_TIME",
                               "SYS_TTY_CONFIG",
                               "MKNOD",
                               "LEASE",
                               "AUDIT_WRITE",
                               "AUDIT_CONTROL",
                               "SETFCAP",
                               "MAC_OVERRIDE",
                               "MAC_ADMIN",
                               "SYSLOG",
                               "WAKE_ALARM",
                               "BLOCK_SUSPEND",
                               "AUDIT_READ",
                               "PERFMON",
                               "BPF",
                               "CHECKPOINT_RESTORE"};
static_assert(kNames.size() == CAP_LAST_CAP + 1);

constexpr std::uint64_t kAll = (1ull << kNames.size()) - 1;

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

struct Wish {
  std::uint64_t set = 0;
  bool all = false;  // "ALL" was among the names.
};

Result<Wish> parse_list(const std::vector<std::string>& names) {
  Wish wish;
  for (const std::string& name : names) {
    const std::uint64_t bits = TRY(parse_capability(name));
    if (bits == kAll)
      wish.all = true;
    else
      wish.set |= bits;
  }
  return wish;
}

}  // namespace

Result<std::uint64_t> parse_capability(std::string_view name) {
  std::string word = upper(name);
  if (word == "ALL") return kAll;
  if (word.starts_with("CAP_")) word.erase(0, 4);
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (word == kNames[i]) return 1ull << i;

  Error error(Kind::Invalid, "there is no capability " + quoted(name));
  const std::vector<std::string> candidates(kNames.begin(), kNames.end());
  if (const auto meant = nearest(word, candidates))
    error = std::move(error).hint("Did you mean " + *meant + "?");
  else
    error =
        std::move(error).hint("Names are those of capabilities(7), for example NET_ADMIN, or ALL.");
  return std::unexpected(std::move(error));
}

std::vector<std::string> capability_names(std::uint64_t set) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if ((set >> i & 1) != 0) names.push_back(std::string("CAP_") + kNames[i]);
  return names;
}

std::uint64_t default_capabilities() { return kDefaultCapabilities; }

Result<std::uint64_t> combine_capabilities(const std::vector<std::string>& add,
                                           const std::vector<std::string>& drop) {
  const Wish added = TRY(parse_list(add), "capabilities to add");
  const Wish dropped = TRY(parse_list(drop), "capabilities to drop");
  // Adding ALL, a dropped one stays dropped; otherwise adding is stronger than dropping.
  // [moby 27, oci/caps TweakCapabilities]
  if (added.all) return kAll & ~dropped.set;
  if (dropped.all) return added.set;
  return (kDefaultCapabilities & ~dropped.set) | added.set;
}

}  // namespace tare::policy
