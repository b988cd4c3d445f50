// SPDX-License-Identifier: Apache-2.0
// Many texts looked for at once in a stream of bytes.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tare::trust {

class TextSearch {
 public:
  // Each of `needles` has kLeast bytes at least; others are never found. A hit is told when `reach`
  // bytes from its begin, or all that come, are there.
  explicit TextSearch(std::vector<std::string> needles, std::size_t reach = 0);
  static constexpr std::size_t kLeast = 4;

  bool empty() const { return anchors_.empty(); }

  // One stream; the search must outlive it.
  class Stream {
   public:
    // `rest` begins with the needle.
    using Hit = std::function<void(std::size_t needle, std::string_view rest)>;
    Stream(const TextSearch& search, Hit hit) : search_(search), hit_(std::move(hit)) {}
    void feed(std::string_view bytes);
    void finish();  // The stream has ended; another one may begin.

   private:
    const TextSearch& search_;
    Hit hit_;
    std::string kept_;  // What was not looked at yet.
  };

 private:
  // Looks at places before `end` only.
  void look(std::string_view bytes, std::size_t end, const Stream::Hit& hit) const;

  using Bits = std::bitset<1 << 16>;
  std::vector<std::string> needles_;
  std::vector<std::pair<std::uint32_t, std::size_t>> anchors_;  // First bytes and needle, sorted.
  std::unique_ptr<Bits> bits_;                                  // Of the anchors' hashes.
  std::size_t reach_ = 0;
};

}  // namespace tare::trust
