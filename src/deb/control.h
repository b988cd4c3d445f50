// SPDX-License-Identifier: Apache-2.0
// Debian's control files: stanzas of "Field: value" lines, as in Packages, Release and
// /var/lib/dpkg/status; and the relations between packages in them. All views are into the text
// that was given. [deb822(5), deb-control(5), Debian Policy 4.6 section 7]
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tare::deb {

struct Stanza {
  std::string_view text;  // All of it, with the end of its last line.
  std::vector<std::pair<std::string_view, std::string_view>> fields;

  // Without spaces around it; lines after the first are as they are. "" when it is not there.
  std::string_view get(std::string_view name) const;  // Letters in either case.
};

class StanzaReader {
 public:
  explicit StanzaReader(std::string_view text) : rest_(text) {}
  // False at the end. Errors: Corrupt (a line that is neither a field nor part of one).
  Result<bool> next(Stanza& stanza);

 private:
  std::string_view take_line();

  std::string_view rest_;
};

enum class Order : std::uint8_t { Any, Earlier, NotLater, Same, NotEarlier, Later };

// "NAME[:ARCH] [(ORDER VERSION)]"
struct Relation {
  std::string_view name;
  std::string_view architecture;
  Order order = Order::Any;
  std::string_view version;

  bool allows(std::string_view other) const;  // A version.
  std::string text() const;
};
// One of these, the first preferred.
using Alternatives = std::vector<Relation>;

// Of Depends, Conflicts, Provides...: what stands for other architectures than `architecture` in
// brackets is left out, as is what build profiles want. Errors: Corrupt.
Result<std::vector<Alternatives>> parse_relations(std::string_view text,
                                                  std::string_view architecture);

// Lower-case letters, digits and "+-.", two at least.
bool is_package_name(std::string_view text);

}  // namespace tare::deb
