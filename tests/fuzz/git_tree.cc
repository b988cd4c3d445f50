// SPDX-License-Identifier: Apache-2.0
// What git says of a stranger's repository: the first byte says which, the rest is what it says.
#include "build/git_tree.h"

#include "fuzz/fuzz.h"

using namespace tare;

namespace {

struct NoSink : codec::Sink {
  Result<> write(std::string_view) override { return {}; }
};

}  // namespace

TARE_FUZZER(git_tree) {
  if (bytes.empty()) return;
  const std::string_view text = bytes.substr(1);
  switch (static_cast<unsigned char>(bytes[0]) % 4) {
    case 0:
      if (const auto refs = build::parse_remote_refs(text))
        for (const build::RemoteRef& ref : *refs) {
          FUZZ_CHECK(build::is_commit_id(ref.id));
          FUZZ_CHECK(build::choose_ref(*refs, ref.name.substr(0, ref.name.find('^'))) ||
                     !ref.name.empty());
        }
      break;
    case 1:
      if (const auto entries = build::parse_tree(text))
        for (const build::TreeEntry& entry : *entries) {
          FUZZ_CHECK(!entry.path.empty() && !entry.path.starts_with('/'));
          FUZZ_CHECK(("/" + entry.path + "/").find("/../") == std::string::npos);
        }
      break;
    case 2:
      for (const build::Module& module : build::parse_modules(text))
        (void)build::module_address("https://host/a/b.git", module.url);
      break;
    default: {
      const std::string id(40, '1');
      std::string list = "100644 blob " + id + "\ta/b";
      list += '\0';
      list += "120000 blob " + id + "\tc";
      list += '\0';
      codec::StringSource source(text);
      NoSink sink;
      tar::Writer writer(sink);
      (void)build::write_tree(writer, "", build::parse_tree(list).value(), source, 0);
    }
  }
}
