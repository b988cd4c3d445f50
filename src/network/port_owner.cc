// SPDX-License-Identifier: Apache-2.0
#include "network/port_owner.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "sys/files.h"

namespace tare::network {
namespace {

constexpr std::string_view kListening = "0A";

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words = split(line, ' ');
  std::erase(words, "");
  return words;
}

std::string hexadecimal(std::uint32_t number, int digits) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (int i = digits - 1; i >= 0; --i)
    text += kDigits[(number >> (4U * static_cast<unsigned>(i))) & 0xfU];
  return text;
}

// As the table has it: words of four bytes, in the processor's order.
std::string table_text(const Address& address) {
  std::string text;
  for (std::size_t i = 0; i < address.raw().size(); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, address.raw().data() + i, sizeof word);
    text += hexadecimal(word, 8);
  }
  return text;
}

bool is_zero(std::string_view text) { return text.find_first_not_of('0') == text.npos; }

// The process that has one of these open, if we may see it.
std::string holder_of(const std::vector<std::string>& links) {
  const auto processes = sys::list_directory(AT_FDCWD, "/proc");
  if (!processes) return "";
  for (const std::string& process : *processes) {
    if (!parse_u64(process)) continue;
    const std::string files = "/proc/" + process + "/fd";
    const auto names = sys::list_directory(AT_FDCWD, files);
    if (!names) continue;
    for (const std::string& name : *names) {
      std::array<char, 64> link{};
      const ssize_t size = ::readlink((files + "/" + name).c_str(), link.data(), link.size());
      if (size <= 0) continue;
      const std::string_view text(link.data(), static_cast<std::size_t>(size));
      if (std::ranges::find(links, text) == links.end()) continue;
      const auto comm = sys::load_file(AT_FDCWD, "/proc/" + process + "/comm");
      return ", by " + quoted(comm ? std::string(trim(*comm)) : "?") + " (process " + process + ")";
    }
  }
  return "";
}

}  // namespace

std::vector<std::string> sockets_at(std::string_view table, const PublishedPort& port) {
  constexpr std::size_t kInode = 9;
  const std::string wanted_port = hexadecimal(port.host_port, 4);
  const std::string wanted_host = table_text(port.host);
  std::vector<std::string> inodes;
  for (const std::string& line : split(table, '\n')) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() <= kInode) continue;
    const auto local = split_once(words[1], ':');
    if (!local || local->second != wanted_port) continue;
    if (!port.host.is_any() && !is_zero(local->first) && local->first != wanted_host) continue;
    // A connection that came in has the port, too.
    if (port.protocol == Protocol::Tcp && words[3] != kListening) continue;
    if (parse_u64(words[kInode]) && words[kInode] != "0") inodes.push_back(words[kInode]);
  }
  return inodes;
}

std::string port_owner(const PublishedPort& port) {
  if (port.protocol == Protocol::Sctp) return "";
  std::vector<std::string> links;
  // A socket of IPv6 may have the port of IPv4 as well.
  for (const char* const family : {"", "6"}) {
    const std::string path =
        "/proc/thread-self/net/" + std::string(protocol_text(port.protocol)) + family;
    if (const auto table = sys::load_file(AT_FDCWD, path))
      for (const std::string& inode : sockets_at(*table, port))
        links.push_back("socket:[" + inode + "]");
  }
  return links.empty() ? "" : holder_of(links);
}

}  // namespace tare::network
