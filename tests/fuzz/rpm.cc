// SPDX-License-Identifier: Apache-2.0
// Databases of rpm, out of any image.
#include "fuzz/fuzz.h"
#include "trust/packages.h"
#include "trust/rpm_database.h"
#include "trust/rpm_header.h"

using namespace tare;

TARE_FUZZER(rpm) {
  std::size_t told = 0;
  trust::each_rpm_header(bytes, [&](std::string_view header) { told += header.size(); });
  FUZZ_CHECK(told <= 2 * bytes.size());  // Nothing is told again and again.
  const auto read = trust::read_rpm("/var/lib/rpm/Packages", bytes, {},
                                    [](const std::string& path, const trust::Package& package) {
                                      FUZZ_CHECK(path.starts_with('/') && path.size() <= 4096);
                                      FUZZ_CHECK(!package.name.empty());
                                    });
  for (const trust::Package& each : read.packages)
    for (const char c : each.purl()) FUZZ_CHECK(c > ' ' && c < 0x7f);
  if (const auto header = trust::RpmHeader::parse(bytes)) {
    FUZZ_CHECK(header->texts(trust::RpmHeader::Tag::BaseNames).size() <= bytes.size());
    FUZZ_CHECK(header->numbers(trust::RpmHeader::Tag::Epoch).size() <= bytes.size());
  }
}
