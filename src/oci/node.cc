// SPDX-License-Identifier: Apache-2.0
#include "oci/node.h"

#include <fmt/format.h>

#include "base/text.h"

namespace tare::oci {

std::string Node::path() const {
  std::string path = parent_ != nullptr ? parent_->path() : "";
  if (index_ != kNoIndex) return path + fmt::format("[{}]", index_);
  if (!path.empty() && !key_.empty()) path += '.';
  return path + escaped(key_);
}

std::unexpected<Error> Node::wrong(std::string_view what, Kind kind) const {
  const std::string where = path();
  return fail(kind, fmt::format("{} {}", where.empty() ? "the document" : where, what));
}

Result<> Node::read(bool& out) const {
  if (!present()) return {};
  if (!value_->is_bool()) return wrong("is neither true nor false");
  out = value_->as_bool();
  return {};
}

Result<> Node::read(std::string& out) const {
  if (!present()) return {};
  if (!value_->is_string()) return wrong("is not a string");
  out = value_->as_string();
  if (out.find('\0') != std::string::npos) return wrong("has a NUL byte in it");
  return {};
}

Result<> Node::read(std::vector<std::string>& out) const {
  if (present() && value_->is_array()) out.reserve(value_->as_array().size());
  return each([&](const Node& element) -> Result<> { return element.require(out.emplace_back()); });
}

Result<> Node::read(std::map<std::string, std::string>& out) const {
  return members([&](std::string_view name, const Node& member) -> Result<> {
    if (name.find('\0') != std::string_view::npos)
      return member.wrong("has a NUL byte in its name");
    return member.read(out[std::string(name)]);
  });
}

Result<> Node::read_signed(std::int64_t& out, std::int64_t least, std::int64_t most) const {
  if (!value_->is_int() && !value_->is_uint()) return wrong("is not an integer");
  if (!value_->is_int() || value_->as_int() < least || value_->as_int() > most)
    return wrong(fmt::format("is not between {} and {}", least, most));
  out = value_->as_int();
  return {};
}

Result<> Node::read_unsigned(std::uint64_t& out, std::uint64_t most) const {
  if (!value_->is_int() && !value_->is_uint()) return wrong("is not an integer");
  if (!value_->is_uint() || value_->as_uint() > most)
    return wrong(fmt::format("is not between 0 and {}", most));
  out = value_->as_uint();
  return {};
}

Result<> Node::check_object() const {
  if (present() && !value_->is_object()) return wrong("is not an object");
  return {};
}

}  // namespace tare::oci
