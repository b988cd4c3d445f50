// SPDX-License-Identifier: Apache-2.0
#include "store/seals.h"

#include "base/text.h"

namespace tare::store {
namespace {

std::string nanos(const timespec& time) {
  return std::to_string(time.tv_sec * 1'000'000'000 + time.tv_nsec);
}

}  // namespace

std::string Seals::line(const struct stat& info, const std::string& verity) {
  return std::to_string(info.st_size) + " " + std::to_string(info.st_ino) + " " +
         nanos(info.st_mtim) + " " + nanos(info.st_ctim) + " " + (verity.empty() ? "-" : verity);
}

Seals Seals::parse(std::string_view text) {
  Seals seals;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t space = line.rfind(' ');
    if (space != std::string::npos) seals.lines_[line.substr(space + 1)] = line.substr(0, space);
  }
  return seals;
}

std::string Seals::print() const {
  std::string text;
  for (const auto& [name, line] : lines_) text += line + " " + name + "\n";
  return text;
}

}  // namespace tare::store
