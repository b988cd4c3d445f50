// SPDX-License-Identifier: Apache-2.0
#include "deb/status.h"

#include <openssl/evp.h>

#include <array>

#include "base/text.h"
#include "deb/control.h"

namespace tare::deb {
namespace {

// What dpkg tells changed files by; it protects nothing.
std::string md5(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr);
  return to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace

std::string status_stanza(std::string_view control,
                          const std::vector<std::pair<std::string, std::string>>& conffiles) {
  StanzaReader reader(control);
  Stanza stanza;
  if (!reader.next(stanza).value_or(false)) return "";
  std::string out;
  for (const auto& [name, value] : stanza.fields) {
    if (name == "Status" || name == "Conffiles") continue;
    out += std::string(name) + ": " + std::string(value) + "\n";
    if (name == "Package") out += "Status: install ok installed\n";
  }
  if (!conffiles.empty()) out += "Conffiles:\n";
  for (const auto& [path, content] : conffiles) out += " " + path + " " + md5(content) + "\n";
  return out + "\n";
}

std::string without_packages(std::string_view status, const std::set<std::string>& names) {
  std::string out;
  StanzaReader reader(status);
  Stanza stanza;
  while (reader.next(stanza).value_or(false)) {
    if (names.contains(std::string(stanza.get("Package")))) continue;
    out += stanza.text;
    out += stanza.text.ends_with('\n') ? "\n" : "\n\n";
  }
  return out;
}

}  // namespace tare::deb
