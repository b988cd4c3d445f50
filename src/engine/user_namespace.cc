// SPDX-License-Identifier: Apache-2.0
#include "engine/user_namespace.h"

#include <limits>

#include "base/text.h"

namespace tare::engine {
namespace {

constexpr std::uint32_t kHighestId = std::numeric_limits<std::uint32_t>::max() - 1;

std::unexpected<Error> wrong(std::string_view text, const std::string& why) {
  return std::unexpected(
      Error(Kind::Invalid, "--userns " + quoted(text) + ": " + why)
          .hint("write auto, auto:size=N, keep-id, keep-id:uid=N,gid=N or host"));
}

Result<std::uint32_t> parse_id(std::string_view text, std::string_view whole) {
  const auto id = parse_u64(text);
  if (!id || *id > kHighestId) return wrong(whole, quoted(text) + " is not an id");
  return static_cast<std::uint32_t>(*id);
}

// "INSIDE:OUTSIDE:COUNT"
Result<sys::IdRange> parse_range(std::string_view text, std::string_view whole) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() != 3) return wrong(whole, "a mapping is INSIDE:OUTSIDE:COUNT, as 1000:2000:1");
  sys::IdRange range;
  range.inside = TRY(parse_id(parts[0], whole));
  range.outside = TRY(parse_id(parts[1], whole));
  range.count = TRY(parse_id(parts[2], whole));
  if (range.count == 0 || range.count - 1 > kHighestId - range.inside ||
      range.count - 1 > kHighestId - range.outside)
    return wrong(whole, quoted(text) + " has no ids, or more than there are");
  return range;
}

Result<> parse_option(UserNamespace& wish, std::string_view option, std::string_view whole) {
  const auto pair = split_once(option, '=');
  if (!pair) return wrong(whole, quoted(option) + " is not NAME=VALUE");
  const auto& [key, value] = *pair;
  const bool own = wish.kind == UserNamespace::Kind::Own;
  if (own && key == "size") {
    wish.size = TRY(parse_id(value, whole));
    if (wish.size == 0) return wrong(whole, "a container needs one id at least");
  } else if (own && key == "uidmapping") {
    wish.uids.push_back(TRY(parse_range(value, whole)));
  } else if (own && key == "gidmapping") {
    wish.gids.push_back(TRY(parse_range(value, whole)));
  } else if (!own && key == "uid") {
    wish.uid = TRY(parse_id(value, whole));
  } else if (!own && key == "gid") {
    wish.gid = TRY(parse_id(value, whole));
  } else {
    return wrong(whole, "there is no option " + quoted(key));
  }
  return {};
}

Result<> check_ranges(const std::vector<sys::IdRange>& ranges) {
  for (const sys::IdRange& range : ranges)
    if (TRY(is_for_containers(range)))
      return std::unexpected(
          Error(Kind::Denied, "ids " + std::to_string(range.outside) + " to " +
                                  std::to_string(range.outside + (range.count - 1)) +
                                  " outside are kept for containers")
              .hint("map an id of a user that exists, or leave it to auto:size=N"));
  return {};
}

}  // namespace

Result<UserNamespace> parse_user_namespace(std::string_view text) {
  UserNamespace wish;
  const auto pair = split_once(text, ':');
  const std::string_view kind = pair ? pair->first : text;
  if (kind == "host") {
    wish.kind = UserNamespace::Kind::Host;
    if (pair) return wrong(text, "host has no options");
  } else if (kind == "keep-id") {
    wish.kind = UserNamespace::Kind::KeepId;
  } else if (kind == "nomap" || kind == "ns" || kind == "container") {
    return std::unexpected(Error(Kind::Unsupported, "--userns " + quoted(text) +
                                                        ": every container has ids of its own")
                               .hint("auto, keep-id and host are there"));
  } else if (kind != "auto" && (pair || (!kind.empty() && kind != "private"))) {
    return wrong(text, "there is no such user namespace");
  }
  if (pair)
    for (const std::string& option : split(pair->second, ','))
      TRY(parse_option(wish, option, text));
  return wish;
}

Result<Caller> find_caller(bool ordinary_user) {
  if (!ordinary_user) return Caller{};
  const sys::IdMap ids = TRY(sys::available_ids());
  Caller caller{.ordinary_user = true};
  caller.uid = TRY(ids.outside_of(0));
  caller.gid = TRY(ids.groups().outside_of(0));
  return caller;
}

Result<> check_user_namespace(const UserNamespace& wish, const Caller& caller) {
  if (wish.kind == UserNamespace::Kind::KeepId && !caller.ordinary_user)
    return std::unexpected(
        Error(Kind::Unsupported,
              "--userns keep-id: root has no id to keep, this is for ordinary users")
            .hint(
                "bind mounts show files with the right owner without it; or call tare as the user "
                "whose id is meant"));
  TRY(check_ranges(wish.uids), "--userns auto");
  return check_ranges(wish.gids);
}

Result<sys::IdMap> make_id_map(const UserNamespace& wish, const IdClaim& claim,
                               const Caller& caller) {
  if (wish.kind == UserNamespace::Kind::Host) {
    sys::IdMap ours = TRY(sys::available_ids());
    for (auto* ranges : {&ours.ranges, &ours.group_ranges})
      for (sys::IdRange& range : *ranges) range.outside = range.inside;
    if (ours.group_ranges == ours.ranges) ours.group_ranges.clear();
    return ours;
  }
  sys::IdMap map = usual_map(claim);
  if (wish.size != 0) map.ranges = {{.inside = 0, .outside = claim.first, .count = wish.size}};
  std::vector<sys::IdRange> groups = map.ranges;
  if (wish.kind == UserNamespace::Kind::KeepId) {
    // In the namespace of an ordinary user, 0 is the user itself.
    sys::IdMap::put(map.ranges,
                    {.inside = wish.uid.value_or(caller.uid), .outside = 0, .count = 1});
    sys::IdMap::put(groups, {.inside = wish.gid.value_or(caller.gid), .outside = 0, .count = 1});
  }
  for (const sys::IdRange& range : wish.uids) sys::IdMap::put(map.ranges, range);
  // As podman: who maps users alone means both.
  for (const sys::IdRange& range : wish.gids.empty() ? wish.uids : wish.gids)
    sys::IdMap::put(groups, range);
  if (groups != map.ranges) map.group_ranges = std::move(groups);
  return map;
}

}  // namespace tare::engine
