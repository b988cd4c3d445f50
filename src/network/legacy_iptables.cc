// SPDX-License-Identifier: Apache-2.0
// [iptables' libiptc; linux net/ipv4/netfilter/ip_tables.c, get_info(), get_entries()]
#include "network/legacy_iptables.h"

#include <fcntl.h>
#include <netinet/in.h>
// Behind it, or the two have the same things twice.
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include <cstring>

#include "base/text.h"
#include "sys/fd.h"

namespace tare::network {
namespace {

constexpr std::string_view kTable = "filter";
constexpr std::size_t kMostBytes = 64 << 20;

bool is_loaded(bool is_v6) {
  const auto file = sys::open_path(
      is_v6 ? "/proc/thread-self/net/ip6_tables_names" : "/proc/thread-self/net/ip_tables_names",
      O_RDONLY);
  if (!file) return false;
  const auto names = sys::read_all(file->get(), 65536);
  if (!names) return false;
  for (const std::string& name : split(*names, '\n'))
    if (name == kTable) return true;
  return false;
}

// The policy is the rule behind the last: its target is a verdict, -(NF_DROP) - 1.
template <typename Entry>
bool is_drop(std::string_view entries, std::size_t offset) {
  Entry entry;
  if (offset + sizeof entry > entries.size()) return false;
  std::memcpy(&entry, entries.data() + offset, sizeof entry);
  xt_standard_target target;
  const std::size_t start = offset + entry.target_offset;
  if (start + sizeof target > entries.size()) return false;
  std::memcpy(&target, entries.data() + start, sizeof target);
  return target.verdict == -NF_DROP - 1;
}

template <typename Info, typename Entries, typename Entry>
Result<LegacyForward> read_table(int family, int level, int info_option, int entries_option) {
  const sys::Fd socket(::socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!socket) return fail_errno("ask for rules of iptables");
  Info info{};
  kTable.copy(info.name, sizeof info.name - 1);
  socklen_t size = sizeof info;
  if (::getsockopt(socket.get(), level, info_option, &info, &size) < 0)
    return fail_errno("ask for rules of iptables");
  if (info.size > kMostBytes) return fail(Kind::Unavailable, "too many rules of iptables");
  Entries head{};
  kTable.copy(head.name, sizeof head.name - 1);
  head.size = info.size;
  std::string bytes(sizeof head + info.size, '\0');
  std::memcpy(bytes.data(), &head, sizeof head);
  size = static_cast<socklen_t>(bytes.size());
  if (::getsockopt(socket.get(), level, entries_option, bytes.data(), &size) < 0)
    return fail_errno("ask for rules of iptables");
  LegacyForward forward;
  forward.entries = bytes.substr(sizeof head);
  forward.drops = is_drop<Entry>(forward.entries, info.underflow[NF_INET_FORWARD]);
  return forward;
}

}  // namespace

Result<LegacyForward> legacy_forward(bool is_v6) {
  if (!is_loaded(is_v6)) return LegacyForward();
  if (is_v6)
    return read_table<ip6t_getinfo, ip6t_get_entries, ip6t_entry>(
        AF_INET6, SOL_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES);
  return read_table<ipt_getinfo, ipt_get_entries, ipt_entry>(AF_INET, SOL_IP, IPT_SO_GET_INFO,
                                                             IPT_SO_GET_ENTRIES);
}

}  // namespace tare::network
