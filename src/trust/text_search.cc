// SPDX-License-Identifier: Apache-2.0
#include "trust/text_search.h"

#include <algorithm>
#include <cstring>

namespace tare::trust {
namespace {

std::uint32_t anchor_at(const char* place) {
  std::uint32_t value = 0;
  std::memcpy(&value, place, sizeof value);
  return value;
}

std::size_t hash_of(std::uint32_t anchor) {
  constexpr std::uint32_t kMultiplier = 0x9e3779b1;  // Odd, near 2^32 / golden ratio. [Knuth 6.4]
  return (anchor * kMultiplier) >> 16;
}

}  // namespace

TextSearch::TextSearch(std::vector<std::string> needles, std::size_t reach)
    : needles_(std::move(needles)), bits_(std::make_unique<Bits>()), reach_(reach) {
  for (std::size_t i = 0; i < needles_.size(); ++i) {
    if (needles_[i].size() < kLeast) continue;
    const std::uint32_t anchor = anchor_at(needles_[i].data());
    anchors_.emplace_back(anchor, i);
    bits_->set(hash_of(anchor));
    reach_ = std::max(reach_, needles_[i].size());
  }
  std::ranges::sort(anchors_);
}

void TextSearch::look(std::string_view bytes, std::size_t end, const Stream::Hit& hit) const {
  for (std::size_t at = 0; at < end && at + kLeast <= bytes.size(); ++at) {
    const std::uint32_t anchor = anchor_at(bytes.data() + at);
    if (!(*bits_)[hash_of(anchor)]) [[likely]]
      continue;
    for (auto it = std::ranges::lower_bound(anchors_, std::pair(anchor, std::size_t{0}));
         it != anchors_.end() && it->first == anchor; ++it)
      if (const std::string_view rest = bytes.substr(at); rest.starts_with(needles_[it->second]))
        hit(it->second, rest);
  }
}

void TextSearch::Stream::feed(std::string_view bytes) {
  if (search_.empty()) return;
  kept_ += bytes;
  if (kept_.size() <= search_.reach_) return;
  const std::size_t end = kept_.size() - search_.reach_;
  search_.look(kept_, end, hit_);
  kept_.erase(0, end);
}

void TextSearch::Stream::finish() {
  search_.look(kept_, kept_.size(), hit_);
  kept_.clear();
}

}  // namespace tare::trust
