// SPDX-License-Identifier: Apache-2.0
#include "store/damage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sys/files.h"

namespace tare::store {
namespace {

constexpr const char* kRoom = "damaged";

std::string mark_path(const Digest& digest) { return std::string(kRoom) + "/" + digest.hex(); }

}  // namespace

Result<> mark_damaged(const Store& store, const Digest& digest) {
  if (::mkdirat(store.dir(), kRoom, 0700) != 0 && errno != EEXIST)
    return fail_errno("note what is damaged");
  (void)TRY(sys::open_at(store.dir(), mark_path(digest), O_WRONLY | O_CREAT | O_NOFOLLOW),
            "note what is damaged");
  return {};
}

bool is_damaged(const Store& store, const Digest& digest) {
  return !digest.empty() && ::faccessat(store.dir(), mark_path(digest).c_str(), F_OK, 0) == 0;
}

std::vector<Digest> list_damaged(const Store& store) {
  std::vector<Digest> all;
  const auto names = sys::list_directory(store.dir(), kRoom);
  for (const std::string& name : names.value_or(std::vector<std::string>()))
    if (auto digest = Digest::parse("sha256:" + name)) all.push_back(std::move(*digest));
  return all;
}

void unmark_damaged(const Store& store, const Digest& digest) {
  ::unlinkat(store.dir(), mark_path(digest).c_str(), 0);
}

}  // namespace tare::store
