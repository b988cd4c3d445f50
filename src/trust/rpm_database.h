// SPDX-License-Identifier: Apache-2.0
// The three kinds of databases that rpm has kept its packages in, read as far as that needs: the
// header of each package. The bytes come from images: no page is read twice, so that the work is
// that of reading the file once, and nothing recurs. docs/decisions/0033
#pragma once

#include <functional>
#include <string_view>

namespace tare::trust {

// `header`: valid during the call.
using TakeHeader = std::function<void(std::string_view header)>;

// Calls `take` for each package's header. False when it is no such database, or is damaged: then
// not all were found.
bool each_rpm_header(std::string_view database, const TakeHeader& take);

// PRIVATE to the room: each of the three.
// rpmdb.sqlite: Fedora, RHEL 9. [SQLite documentation, "Database File Format"]
bool is_rpm_sqlite(std::string_view database);
bool each_in_sqlite(std::string_view database, const TakeHeader& take);
// Packages.db: openSUSE. [rpm's sources, lib/backend/ndb]
bool is_rpm_ndb(std::string_view database);
bool each_in_ndb(std::string_view database, const TakeHeader& take);
// Packages: RHEL 8 and before. A hash of Berkeley DB. [its sources, dbinc/db_page.h]
bool is_rpm_hash(std::string_view database);
bool each_in_hash(std::string_view database, const TakeHeader& take);

}  // namespace tare::trust
