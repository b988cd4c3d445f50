// SPDX-License-Identifier: Apache-2.0
// Files of package managers, out of any image: the first byte says which, the rest is the file.
#include "trust/packages.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(packages) {
  constexpr std::string_view kPaths[] = {"/var/lib/dpkg/status",
                                         "/lib/apk/db/installed",
                                         "/node_modules/a/package.json",
                                         "/a/package-lock.json",
                                         "/a.dist-info/METADATA",
                                         "/a/requirements.txt",
                                         "/a/go.mod",
                                         "/a/Cargo.lock",
                                         "/a/composer.lock",
                                         "/a/Gemfile.lock",
                                         "/a/yarn.lock",
                                         "/a/pnpm-lock.yaml",
                                         "/a/Pipfile.lock",
                                         "/a/poetry.lock",
                                         "/a/specifications/a-1.gemspec",
                                         "/a/vendor/composer/installed.json"};
  if (bytes.empty()) return;
  const std::size_t kind = static_cast<unsigned char>(bytes[0]) % std::size(kPaths);
  const std::string_view text = bytes.substr(1);
  const trust::Distribution distribution = trust::parse_os_release(text);
  for (const trust::Package& each : trust::read_packages(kPaths[kind], text, distribution)) {
    FUZZ_CHECK(!each.name.empty());
    for (const char c : each.purl()) FUZZ_CHECK(c > ' ' && c < 0x7f);
    for (const char c : each.version + each.license + each.source)
      FUZZ_CHECK(static_cast<unsigned char>(c) >= ' ');
  }
  trust::read_apk_files(text, distribution, [](const std::string& path, const trust::Package&) {
    FUZZ_CHECK(path.starts_with('/'));
  });
}
