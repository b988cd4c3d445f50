// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <csignal>

#include "store/confine.h"
#include "store/unpack.h"
#include "support/images.h"

namespace tare::store {
namespace {

using namespace testing;

TEST_CASE("blobs: stored under their digest, verified both ways") {
  TempStore t;
  const Digest digest = codec::sha256("content");
  CHECK(must(t.store.put_blob("content")).digest == digest);
  CHECK(must(t.store.load_blob(digest)) == "content");
  CHECK(must(t.store.blob_size(digest)) == 7);
  const auto put = [&](const std::string& bytes, const Digest& expected, std::uint64_t size) {
    codec::StringSource source(bytes);
    return t.store.put_blob(source, expected, size);
  };
  CHECK(put("content", digest, 7));
  CHECK(put("other", digest, Store::kAnySize).error().kind() == Kind::Corrupt);
  CHECK(put("other", Digest(), 4).error().kind() == Kind::Corrupt);
  CHECK(put("other", Digest(), 6).error().kind() == Kind::Corrupt);
  CHECK(must(t.store.list_blobs()).size() == 1);
  CHECK(must(sys::list_directory(t.store.dir(), "tmp")).empty());
  CHECK(t.store.load_blob(codec::sha256("missing")).error().kind() == Kind::NotFound);
  CHECK(!t.store.load_blob(digest, 3));

  const sys::Fd blobs = must(sys::open_at(t.store.dir(), "blobs/sha256", O_RDONLY | O_DIRECTORY));
  must(sys::replace_file(blobs.get(), digest.hex(), "changed"));
  CHECK(t.store.load_blob(digest).error().kind() == Kind::Corrupt);
  must(t.store.remove_blob(digest));
  must(t.store.remove_blob(digest));
  CHECK(!t.store.has_blob(digest));
}

TEST_CASE("scratch: goes with its owner, also when that is killed") {
  TempStore t;
  {
    const auto scratch = must(t.store.make_scratch());
    must(sys::replace_file(scratch.dir.get(), "file", "x"));
    t.store.recover();
    CHECK(::faccessat(t.store.dir(), scratch.name.c_str(), F_OK, 0) == 0);
  }
  CHECK(must(sys::list_directory(t.store.dir(), "tmp")).empty());

  const sys::Pipe ready = must(sys::make_pipe());
  const pid_t child = ::fork();
  if (child == 0) {
    const auto scratch = t.store.make_scratch();
    (void)sys::write_all(ready.write.get(), "r");
    ::pause();
    ::_exit(scratch ? 0 : 1);
  }
  char byte = 0;
  CHECK(must(sys::read_full(ready.read.get(), &byte, 1)) == 1);
  t.store.recover();
  CHECK(must(sys::list_directory(t.store.dir(), "tmp")).size() == 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  (void)must(Store::open(t.store.path()));
  CHECK(must(sys::list_directory(t.store.dir(), "tmp")).empty());
  CHECK(must(sys::list_directory(t.store.dir(), "trash")).empty());
}

// SECURITY: what code of an attacker could do in the unpacker.
TEST_CASE("confined: sees one directory and can do nothing else") {
  if (!may_unpack()) return;
  TempDir dir;
  sys::IdMap own;
  own.ranges.push_back({.inside = 0, .outside = 0, .count = 1});
  const Confinement confinement{.root = dir.fd(), .ids = own, .inputs = {}};
  const auto killed = [&](void (*attack)()) {
    const auto done = run_confined(confinement,
                                   [&](const Report&) -> Result<> {
                                     attack();
                                     return {};
                                   },
                                   {});
    return !done && done.error().kind() == Kind::Internal;
  };
  CHECK(killed([] { (void)!::fork(); }));
  CHECK(killed([] { (void)::kill(1, 0); }));
  CHECK(killed([] { (void)!::chroot("/"); }));
  CHECK(killed([] { (void)::mknod("/sda", S_IFBLK | 0600, 8 << 8); }));
  CHECK(killed([] { (void)::execl("/bin/sh", "sh", nullptr); }));
  const auto looked = run_confined(
      confinement,
      [](const Report& report) -> Result<> {
        for (const char* path : {"/proc", "/etc/passwd", "/../../etc/passwd"})
          if (sys::open_path(path, O_RDONLY)) report(path);
        TRY(sys::open_path("/made", O_WRONLY | O_CREAT, 0600));
        return fail(Kind::Invalid, "a sentence\nwith \x1b[31m odd bytes");
      },
      [](std::string_view line) { FAIL("it sees " << line); });
  REQUIRE(!looked);
  CHECK(looked.error().kind() == Kind::Invalid);
  CHECK(looked.error().message() == "a sentence\\nwith \\x1b[31m odd bytes");
  CHECK(must(sys::list_directory(dir.fd())) == std::vector<std::string>{"made"});
}

TEST_CASE("measure_layer: facts of a compressed layer") {
  if (!may_unpack()) return;
  TempDir dir;
  const std::string tar = Tar().dir("a").file("a/b", "12345").bytes();
  must(sys::replace_file(dir.fd(), "layer", compressed(codec::Compression::Gzip, tar)));
  REQUIRE(::mkdirat(dir.fd(), "empty", 0700) == 0);
  const sys::Fd empty = must(sys::open_at(dir.fd(), "empty", O_RDONLY | O_DIRECTORY));
  const sys::Fd blob = must(sys::open_at(dir.fd(), "layer", O_RDONLY));
  const LayerFacts facts = must(measure_layer(blob.get(), empty.get()));
  CHECK(facts.diff_id == codec::sha256(tar));
  CHECK(facts.bytes == tar.size());
  CHECK(facts.content_bytes == 5);
}

}  // namespace
}  // namespace tare::store
