// SPDX-License-Identifier: Apache-2.0
// One place in a JSON document: its value and the way to it, so that an error can name the member
// that is wrong ("mounts[2].options[0] is not a string"). The way is put into words only then.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "codec/json.h"

namespace tare::oci {

// A member that is null counts as absent everywhere: Go's encoder writes null for empty lists.
// A node refers to its parent, which must outlive it.
class Node {
 public:
  Node(const json::Value& value, std::string_view name) : value_(&value), key_(name) {}

  // The member `key`; !present() when this is absent, no object or has no such member.
  Node at(std::string_view key) const {
    const json::Value* value = value_ != nullptr ? value_->find(key) : nullptr;
    return {value, this, key, kNoIndex};
  }
  bool present() const { return value_ != nullptr; }
  const json::Value& value() const { return *value_; }  // Only of what is present().
  std::string path() const;
  // "PATH is not a string". `what` starts with a verb.
  std::unexpected<Error> wrong(std::string_view what, Kind kind = Kind::Invalid) const;

  // read(): absent members leave `out` as it is. Errors: Invalid for another type or range, and for
  // strings with NUL bytes, which nothing that we hand them to can hold.
  Result<> read(bool& out) const;
  Result<> read(std::string& out) const;
  Result<> read(std::vector<std::string>& out) const;
  Result<> read(std::map<std::string, std::string>& out) const;
  template <typename T>
    requires std::is_integral_v<T>
  Result<> read(T& out) const {
    if (!present()) return {};
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_signed_v<T>) {
      std::int64_t number = 0;
      TRY(read_signed(number, Limits::min(), Limits::max()));
      out = static_cast<T>(number);
    } else {
      std::uint64_t number = 0;
      TRY(read_unsigned(number, Limits::max()));
      out = static_cast<T>(number);
    }
    return {};
  }
  template <typename T>
  Result<> read(std::optional<T>& out) const {
    if (!present()) return {};
    T value{};
    TRY(read(value));
    out = std::move(value);
    return {};
  }
  template <typename T>
  Result<> require(T& out) const {
    if (!present()) return wrong("is missing");
    return read(out);
  }

  Result<> check_object() const;  // Invalid when present and no object.
  // `take` gets each element; nothing happens when this is absent. Errors: those of `take`.
  template <typename Take>
  Result<> each(Take take) const {
    if (!present()) return {};
    if (!value_->is_array()) return wrong("is not a list");
    std::size_t index = 0;
    for (const json::Value& element : value_->as_array())
      TRY(take(Node(&element, this, "", index++)));
    return {};
  }
  // `take` gets each member and its name.
  template <typename Take>
  Result<> members(Take take) const {
    TRY(check_object());
    if (!present()) return {};
    for (const auto& [name, member] : value_->as_object())
      TRY(take(std::string_view(name), Node(&member, this, name, kNoIndex)));
    return {};
  }

 private:
  static constexpr std::size_t kNoIndex = SIZE_MAX;

  Node(const json::Value* value, const Node* parent, std::string_view key, std::size_t index)
      : value_(value != nullptr && !value->is_null() ? value : nullptr),
        parent_(parent),
        key_(key),
        index_(index) {}

  Result<> read_signed(std::int64_t& out, std::int64_t least, std::int64_t most) const;
  Result<> read_unsigned(std::uint64_t& out, std::uint64_t most) const;

  const json::Value* value_;
  const Node* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = kNoIndex;
};

}  // namespace tare::oci
