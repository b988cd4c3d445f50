// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <csignal>

#include "store/erofs_writer.h"
#include "store/layers.h"
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

TEST_CASE("a compressed layer: its facts, and its tar again byte for byte") {
  if (!may_unpack()) return;
  const std::string large(3 << 20, 'x');
  const std::string tar = Tar()
                              .dir("a")
                              .file("a/b", "12345")
                              .file("a/large", large)
                              .file("a/same", large)
                              .file("a/objects", std::string(20'000, 'o'))
                              .bytes() +
                          std::string(10'000, '\0');
  for (const Contents contents : {Contents::Packs, Contents::Objects}) {
    TempStore t;
    const std::string gzip = compressed(codec::Compression::Gzip, tar);
    codec::StringSource source(gzip);
    const Layer layer{.blob = must(t.store.put_blob(source, Digest(), Store::kAnySize)).digest,
                      .diff_id = codec::sha256(tar)};
    must(ensure_layers(t.store, {layer}, contents, {}));
    CHECK(must(load_layer(t.store, layer.diff_id)).summary().tar_bytes == tar.size());
    CHECK(must(load_layer(t.store, layer.diff_id)).summary().content_bytes ==
          5 + 2 * large.size() + 20'000);
    const auto again = must(open_layer_tar(t.store, layer.diff_id));
    codec::StringSink sink;
    must(codec::copy(*again, sink));
    CHECK(sink.bytes() == tar);
    must(verify_contents(t.store, layer.diff_id));
    // The large content is there once.
    CHECK(must(sys::disk_usage(t.store.dir(), "layers")) +
              must(sys::disk_usage(t.store.dir(), "objects")) <
          large.size() + (256 << 10));
    must(retake_layers(t.store, {layer}, Contents::Packs));
    must(remove_other_layers(t.store, {layer.diff_id}));
    for (const std::string& room : must(sys::list_directory(t.store.dir(), "objects")))
      CHECK(must(sys::list_directory(t.store.dir(), "objects/" + room)).empty());
    must(verify_contents(t.store, layer.diff_id));
    must(remove_other_layers(t.store, {}));
    CHECK(must(sys::list_directory(t.store.dir(), "layers")).empty());
  }
}

TEST_CASE("layers share contents, and keep each other for as long") {
  if (!may_unpack()) return;
  TempStore t;
  const std::string shared(100'000, 's');
  const auto put = [&](const std::string& tar) {
    const Layer layer{.blob = must(t.store.put_blob(tar)).digest, .diff_id = codec::sha256(tar)};
    must(ensure_layers(t.store, {layer}, Contents::Packs, {}));
    return layer.diff_id;
  };
  const Digest first = put(Tar().file("one", shared).bytes());
  const Digest second = put(Tar().file("two", shared).file("own", "x").bytes());
  const LayerIndex index = must(load_layer(t.store, second));
  REQUIRE(index.references() == std::vector<Digest>{first});
  CHECK(index.summary().pack_bytes == kPackAlign);
  CHECK(must(with_references(t.store, {second})) == std::set<Digest>{first, second});
  must(verify_contents(t.store, second));

  // SECURITY: what the other layer has on disk now is not taken for what it says it is.
  {
    const sys::Fd pack =
        must(sys::open_at(t.store.dir(), "layers/" + first.hex() + ".pack", O_RDWR));
    REQUIRE(::pwrite(pack.get(), "S", 1, 50'000) == 1);
  }
  CHECK(verify_contents(t.store, second).error().kind() == Kind::Corrupt);
  const std::string tar = Tar().file("three", shared).bytes();
  const Layer third{.blob = must(t.store.put_blob(tar)).digest, .diff_id = codec::sha256(tar)};
  CHECK(ensure_layers(t.store, {third}, Contents::Packs, {}).error().kind() == Kind::Corrupt);
}

TEST_CASE("EROFS: an attribute or a file that its fields cannot tell the length of") {
  const auto write = [](const IndexEntry& entry) -> Result<> {
    IndexWriter writer;
    must(writer.add(entry));
    const std::string text = must(writer.finish({.pack_bytes = 1ull << 50}, {}, {}));
    const LayerIndex index = must(LayerIndex::parse(text));
    MergedTree tree;
    must(tree.apply(index));
    ErofsRequest request{.tree = &tree};
    request.device_of = [](const MergedTree::Inode&) -> std::uint16_t { return 1; };
    codec::StringSink sink;
    return write_erofs(request, sink);
  };
  IndexEntry entry{.mode = 0644};
  entry.path = "f";
  const std::string fits(65535, 'v');
  const std::string large(65536, 'v');
  entry.xattrs = {{"user.x", fits}};
  must(write(entry));
  entry.xattrs = {{"user.x", large}};
  CHECK(write(entry).error().kind() == Kind::Invalid);
  entry.xattrs = {{"user.1", fits}, {"user.2", fits}, {"user.3", fits}, {"user.4", fits}};
  CHECK(write(entry).error().kind() == Kind::Invalid);
  entry.xattrs = {{"trusted.overlay.opaque", "y"}};
  CHECK(write(entry).error().kind() == Kind::Invalid);
  entry.xattrs.clear();
  entry.content.pack = 0;
  entry.size = 1ull << 43;
  must(write(entry));
  entry.size = (1ull << 43) + 1;
  CHECK(write(entry).error().kind() == Kind::Invalid);
}

TEST_CASE("layer index: what is damaged is said to be, and nothing else happens") {
  IndexWriter writer;
  IndexEntry entry{.mode = 0644, .size = 5, .content = {.pack = 1, .offset = 4096}};
  entry.path = "a/b";
  entry.xattrs = {{"user.x", "value"}};
  must(writer.add(entry));
  const Digest other = codec::sha256("other");
  const std::string good = must(writer.finish({}, {other}, {{.offset = 8192, .size = 3}}));
  const auto read = [](const std::string& bytes) -> Result<> {
    const LayerIndex index = TRY(LayerIndex::parse(bytes));
    return index.each([](const IndexEntry&) -> Result<> { return {}; });
  };
  must(read(good));
  CHECK(must(LayerIndex::parse(good)).sums().size() == 1);
  CHECK(LayerIndex::sums_of(good)[0].offset == 8192);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    if (i < 8 || i >= 104) CHECK(read(bad).error().kind() == Kind::Corrupt);
    (void)LayerIndex::sums_of(bad);
    CHECK(!read(good.substr(0, i)));
  }
}

}  // namespace
}  // namespace tare::store
