// SPDX-License-Identifier: Apache-2.0
// What repositories and packages say: archives of packages, indexes, releases, lists of
// repositories.
#include "codec/stream.h"
#include "deb/ar.h"
#include "deb/package.h"
#include "deb/repository.h"
#include "deb/status.h"
#include "deb/version.h"
#include "fuzz/fuzz.h"

using namespace tare;

namespace {

void check_packages(std::string_view bytes) {
  const auto packages = deb::read_index(bytes, "amd64");
  if (!packages || packages->empty() || packages->size() > 50) return;
  for (const deb::Package& package : *packages) {
    FUZZ_CHECK(deb::is_package_name(package.name));
    FUZZ_CHECK(package.filename.find("..") == std::string_view::npos ||
               deb::is_repository_path(package.filename));
    FUZZ_CHECK(deb::compare_versions(package.version, package.version) == 0);
  }
  const std::vector<deb::Wish> wishes = {{std::string(packages->front().name), ""}};
  if (const auto resolution = deb::resolve(*packages, {}, wishes, "amd64"))
    FUZZ_CHECK(!resolution->added.empty());
}

}  // namespace

TARE_FUZZER(deb) {
  codec::StringSource source(bytes);
  if (const auto deb = deb::read_deb(source)) {
    FUZZ_CHECK(deb->data.offset + deb->data.size <= bytes.size());
    FUZZ_CHECK(deb->control.offset + deb->control.size <= bytes.size());
  }
  check_packages(bytes);
  if (const auto release = deb::parse_release(bytes))
    for (const auto& [path, file] : release->files) FUZZ_CHECK(!path.starts_with('/'));
  for (const bool is_stanzas : {true, false})
    if (const auto list = deb::parse_repositories(bytes, is_stanzas, "amd64"))
      for (const deb::Repository& repository : *list)
        FUZZ_CHECK(repository.url.starts_with("http"));
  (void)deb::parse_release_time(bytes);
  (void)deb::without_packages(deb::status_stanza(bytes, {{"/x", ""}}), {"aa"});
}
