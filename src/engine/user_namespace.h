// SPDX-License-Identifier: Apache-2.0
// --userns: which ids a container has, and whose they are outside.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/id_ranges.h"

namespace tare::engine {

// What "auto", "auto:size=N,uidmapping=C:H:S,gidmapping=C:H:S", "keep-id", "keep-id:uid=U,gid=G"
// and "host" ask for. [podman-run(1), "--userns"]
struct UserNamespace {
  enum class Kind : std::uint8_t {
    Own,     // Ids that no other container has.
    KeepId,  // The same, but one of them is the calling user's.
    Host,    // No user namespace of its own.
  } kind = Kind::Own;
  std::uint32_t size = 0;            // 0: the usual number of ids.
  std::optional<std::uint32_t> uid;  // KeepId: the caller's id inside; its own without.
  std::optional<std::uint32_t> gid;
  std::vector<sys::IdRange> uids;  // Own: these stand for those of ours.
  std::vector<sys::IdRange> gids;
};
// "" and "private" are auto. Errors: Invalid; Unsupported (ns:PATH, container:NAME, nomap).
Result<UserNamespace> parse_user_namespace(std::string_view text);

// Who called us, in ids outside of the namespace that we entered for that.
struct Caller {
  bool ordinary_user = false;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
// Call it when an ordinary user's own root namespace has been entered.
Result<Caller> find_caller(bool ordinary_user);

// Errors: Unsupported (keep-id of root, who has no id to keep), Denied (ids that are kept for
// containers).
Result<> check_user_namespace(const UserNamespace& wish, const Caller& caller);
// Without a claim (Host): all ids that we have.
Result<sys::IdMap> make_id_map(const UserNamespace& wish, const IdClaim& claim,
                               const Caller& caller);

}  // namespace tare::engine
