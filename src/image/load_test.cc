// SPDX-License-Identifier: Apache-2.0
// Loading, saving and removing, with archives made in memory.
#include <sys/stat.h>

#include <algorithm>

#include "image/image.h"
#include "oci/manifest.h"
#include "support/images.h"

namespace tare::image {
namespace {

using namespace testing;

struct Refusal {
  Kind kind;
  std::string message;
  std::string hint;
};

struct Fixture {
  TempStore temp;
  std::unique_ptr<store::RootfsBackend> rootfs = must(store::make_backend(temp.store, "flat"));
  Images images{temp.store, *rootfs};

  Result<std::vector<Image>> load(const std::string& bytes, const std::string& name = "",
                                  const sys::IdMap* ids = nullptr) {
    codec::StringSource source(bytes);
    Images::LoadRequest request;
    request.source = &source;
    request.name = name;
    request.unpack_for = ids;
    return images.load(request, {});
  }
  Refusal refused(const std::string& bytes, const std::string& name = "") {
    const auto loaded = load(bytes, name);
    REQUIRE(!loaded);
    CAPTURE(loaded.error().message());
    CHECK(blobs() == 0);
    CHECK(must(sys::list_directory(temp.store.dir(), "tmp")).empty());
    CHECK(must(images.list()).empty());
    return {loaded.error().kind(), loaded.error().message(), loaded.error().hint()};
  }
  // Files of blobs and layers; a layer that came uncompressed has no blob.
  std::size_t blobs() {
    const auto layers = must(sys::list_directory(temp.store.dir(), "layers"));
    return must(temp.store.list_blobs()).size() +
           static_cast<std::size_t>(std::ranges::count_if(
               layers, [](const std::string& name) { return name.ends_with(".index"); }));
  }
  std::string save(const std::vector<std::string>& names, SaveFormat format) {
    codec::StringSink sink;
    must(images.save(names, format, sink, {}));
    return sink.bytes();
  }
};

std::string layer_one() {
  return Tar().dir("etc").file("etc/hostname", "one\n").file("bin/sh", "#!", 0755).bytes();
}
std::string layer_two() { return Tar().file("etc/.wh.hostname").file("two", "2").bytes(); }

oci::ImageConfig config_for(const std::vector<std::string>& layers) {
  oci::ImageConfig config;
  config.architecture = oci::host_architecture();
  config.os = "linux";
  config.cmd = {"/bin/sh"};
  config.created = 1'600'000'000'000'000'000;
  for (const std::string& layer : layers) config.diff_ids.push_back(codec::sha256(layer));
  for (std::size_t i = 0; i < layers.size(); ++i)
    config.history.push_back(
        {.created = config.created, .created_by = "step " + std::to_string(i)});
  return config;
}

// A docker-archive of the old form, with layers as HEX/layer.tar.
std::string docker_archive(const std::vector<std::string>& layers, const oci::ImageConfig& config,
                           const std::string& tag = "demo:1") {
  const std::string text = oci::print_image_config(config);
  const std::string name = codec::sha256(text).hex() + ".json";
  json::Value item;
  item.set("Config", name);
  item.set("RepoTags", tag.empty() ? json::Value() : json::Value(std::vector<std::string>{tag}));
  json::Value& paths = item.set("Layers", json::Array());
  Tar tar;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string path = std::to_string(i) + "/layer.tar";
    paths.push(path);
    tar.dir(std::to_string(i) + "/").file(path, layers[i]);
  }
  json::Value list = json::Array();
  list.push(std::move(item));
  return tar.file(name, text).file("manifest.json", json::print(list)).bytes();
}

struct Layout {
  std::map<std::string, std::string> files;

  oci::Descriptor add(const std::string& bytes, std::string_view type) {
    const Digest digest = codec::sha256(bytes);
    files["blobs/sha256/" + digest.hex()] = bytes;
    oci::Descriptor descriptor;
    descriptor.media_type = std::string(type);
    descriptor.digest = digest;
    descriptor.size = bytes.size();
    return descriptor;
  }
  oci::Descriptor add_image(const std::vector<std::string>& blobs, const oci::ImageConfig& config) {
    oci::Manifest manifest;
    manifest.media_type = std::string(oci::kManifestType);
    manifest.config = add(oci::print_image_config(config), oci::kConfigType);
    for (const std::string& blob : blobs) manifest.layers.push_back(add(blob, oci::kLayerType));
    return add(oci::print_manifest(manifest), oci::kManifestType);
  }
  oci::Descriptor add_index(const std::vector<oci::Descriptor>& manifests) {
    return add(
        oci::print_index({.media_type = std::string(oci::kIndexType), .manifests = manifests}),
        oci::kIndexType);
  }
  void set_index(const std::vector<oci::Descriptor>& manifests) {
    files["oci-layout"] = std::string(oci::kLayoutText);
    files["index.json"] =
        oci::print_index({.media_type = std::string(oci::kIndexType), .manifests = manifests});
  }
  std::string tar() const {
    Tar out;
    for (const auto& [path, bytes] : files)
      out.file(path, bytes);  // blobs/ comes before index.json.
    return out.bytes();
  }
};

oci::Descriptor named(oci::Descriptor descriptor, const std::string& name) {
  descriptor.annotations["org.opencontainers.image.ref.name"] = name;
  return descriptor;
}

TEST_CASE("load: a root file system, plain and compressed, is the same image") {
  if (!may_unpack()) return;
  Fixture f;
  const std::string tar = layer_one();
  const auto first = must(f.load(tar, "rootfs"));
  REQUIRE(first.size() == 1);
  CHECK(first[0].names == std::vector<std::string>{"docker.io/library/rootfs:latest"});
  CHECK(first[0].config.created == 1'700'000'000'000'000'000);
  CHECK(first[0].size == 6);
  for (const codec::Compression format : {codec::Compression::Gzip, codec::Compression::Zstd})
    CHECK(must(f.load(compressed(format, tar), "other")).at(0).id == first[0].id);
  CHECK(must(f.images.list()).size() == 1);
  CHECK(must(f.images.find("other")).names.size() == 2);
}

TEST_CASE("load: docker-archive, its links and its digests") {
  if (!may_unpack()) return;
  Fixture f;
  const std::vector<std::string> layers = {layer_one(), layer_two()};
  const Image image = must(f.load(docker_archive(layers, config_for(layers)))).at(0);
  CHECK(image.names == std::vector<std::string>{"docker.io/library/demo:1"});
  CHECK(image.layers.size() == 2);
  CHECK(image.id == codec::sha256(oci::print_image_config(config_for(layers))));

  const auto history = must(f.images.history("demo:1"));
  REQUIRE(history.size() == 2);
  CHECK(history[0].created_by == "step 1");
  CHECK(history[0].image == image.id);
  CHECK(history[1].size == 6);
  CHECK(f.images.inspect(image)["RepoTags"].as_strings() == std::vector<std::string>{"demo:1"});
}

TEST_CASE("load: docker-archive with a layer that is a link to another") {
  if (!may_unpack()) return;
  Fixture f;
  const std::string layer = layer_one();
  const std::string config = oci::print_image_config(config_for({layer, layer}));
  const auto make = [&](const std::string& target) {
    return Tar()
        .link("b/layer.tar", target)
        .file("a/layer.tar", layer)
        .hard_link("c.json", "config.json")
        .file("config.json", config)
        .file("manifest.json",
              R"([{"Config":"c.json","RepoTags":null,"Layers":["a/layer.tar","b/layer.tar"]}])")
        .bytes();
  };
  const Image image = must(f.load(make("../a/layer.tar"))).at(0);
  CHECK(image.names.empty());
  CHECK(image.layers[0].blob == image.layers[1].blob);
  Fixture g;
  g.refused(make("../../a/layer.tar"));
  g.refused(make("/etc/passwd"));
  g.refused(make("layer.tar"));
}

TEST_CASE("load: docker-archive, damaged") {
  if (!may_unpack()) return;
  Fixture f;
  const std::string one = layer_one();
  const std::string archive = docker_archive({one}, config_for({layer_two()}));
  const Refusal error = f.refused(archive);
  CHECK(error.kind == Kind::Corrupt);
  CHECK(error.message.find(codec::sha256(one).text()) != std::string::npos);
  CHECK(error.message.find(codec::sha256(layer_two()).text()) != std::string::npos);
  f.refused(docker_archive({one, one}, config_for({one})));
  f.refused(docker_archive({one}, config_for({one}), "UPPER CASE"));
  f.refused(archive.substr(0, archive.size() / 2));
  std::string names = "\"a:0\"";
  for (int i = 1; i <= 1000; ++i) names += ",\"a:" + std::to_string(i) + "\"";
  const Refusal many = f.refused(Tar()
                                     .file("c.json", oci::print_image_config(config_for({one})))
                                     .file("l.tar", one)
                                     .file("manifest.json", R"([{"Config":"c.json","RepoTags":[)" +
                                                                names + R"(],"Layers":["l.tar"]}])")
                                     .bytes());
  CHECK(many.message.find("'RepoTags' has more than 1000") != std::string::npos);
  oci::ImageConfig other = config_for({one});
  other.architecture = "riscv128";
  CHECK(f.refused(docker_archive({one}, other)).kind == Kind::Unsupported);
  f.refused(Tar().file("manifest.json", R"([{"Config":"../x","Layers":[]}])").bytes());
  f.refused(Tar().file("manifest.json", R"([{"Config":"x","Layers":[]}])").bytes());
}

TEST_CASE("load: OCI archive with nested indexes and other platforms") {
  if (!may_unpack()) return;
  Fixture f;
  const std::string layer = layer_one();
  Layout layout;
  oci::Descriptor ours =
      layout.add_image({compressed(codec::Compression::Zstd, layer)}, config_for({layer}));
  ours.platform = {.os = "linux", .architecture = oci::host_architecture()};
  oci::Descriptor missing = ours;
  missing.digest = codec::sha256("not here");
  missing.platform.architecture = "s390x";
  oci::Descriptor attestation = missing;
  attestation.platform = {.os = "unknown", .architecture = "unknown"};
  const oci::Descriptor index = layout.add_index({missing, ours, attestation});
  layout.set_index({named(index, "demo:2")});
  const Image image = must(f.load(layout.tar())).at(0);
  CHECK(image.names == std::vector<std::string>{"docker.io/library/demo:2"});
  CHECK(image.manifest == ours.digest);
  CHECK(must(f.images.find("demo@" + ours.digest.text())).id == image.id);

  Fixture g;
  Layout foreign;
  foreign.set_index({named(foreign.add_index({missing}), "demo:2")});
  CHECK(g.refused(foreign.tar()).message.find("s390x") != std::string::npos);
}

TEST_CASE("load: OCI archive, every digest and size is checked") {
  if (!may_unpack()) return;
  Fixture f;
  const std::string layer = layer_one();
  Layout good;
  const oci::Descriptor manifest = good.add_image({layer}, config_for({layer}));
  good.set_index({manifest});
  for (const auto& [path, bytes] : good.files) {
    if (!path.starts_with("blobs/")) continue;
    CAPTURE(path);
    Layout bad = good;
    bad.files[path].back() = '\n';  // JSON stays JSON, a tar stays a tar.
    if (bytes.front() != '{') bad.files[path][bytes.size() - 600] = 'x';
    const Refusal error = f.refused(bad.tar());
    CHECK(error.message.find(path.substr(13, 20)) != std::string::npos);
    bad.files.erase(path);
    f.refused(bad.tar());
  }
  Layout size = good;
  oci::Descriptor wrong = manifest;
  wrong.size += 1;
  size.set_index({wrong});
  f.refused(size.tar());
  Layout both = good;
  both.files["index.json"] = R"({"schemaVersion":2,"manifests":[],"layers":[],"config":{}})";
  f.refused(both.tar());
  Layout twice = good;
  twice.files["index.json"] = R"({"schemaVersion":2,"manifests":[],"manifests":[]})";
  f.refused(twice.tar());
}

TEST_CASE("load: an OCI layout directory") {
  if (!may_unpack()) return;
  Fixture f;
  const std::string layer = layer_one();
  Layout layout;
  layout.set_index({named(layout.add_image({layer}, config_for({layer})), "dir:1")});
  REQUIRE(::mkdirat(f.temp.dir.fd(), "layout", 0755) == 0);
  const sys::Fd dir = must(sys::open_at(f.temp.dir.fd(), "layout", O_RDONLY | O_DIRECTORY));
  REQUIRE(::mkdirat(dir.get(), "blobs", 0755) == 0);
  REQUIRE(::mkdirat(dir.get(), "blobs/sha256", 0755) == 0);
  for (const auto& [path, bytes] : layout.files) {
    const sys::Fd file = must(sys::open_at(dir.get(), path, O_WRONLY | O_CREAT, 0644));
    must(sys::write_all(file.get(), bytes));
  }
  Images::LoadRequest request;
  request.directory = dir.get();
  CHECK(must(f.images.load(request, {})).at(0).names.at(0) == "docker.io/library/dir:1");
}

TEST_CASE("load: what is no image gets a sentence") {
  if (!may_unpack()) return;
  Fixture f;
  CHECK(f.refused("").message.find("empty") != std::string::npos);
  CHECK(f.refused("# a\nFROM debian\n").message.find("Dockerfile") != std::string::npos);
  CHECK(f.refused("hello\n").message.find("text file") != std::string::npos);
  CHECK(f.refused("\x7f"
                  "ELF\x02\x01\x01")
            .message.find("ELF") != std::string::npos);
  CHECK(f.refused("BZh91AY").message.find("bzip2") != std::string::npos);
  CHECK(f.refused("PK\x03\x04").message.find("zip") != std::string::npos);
  CHECK(f.refused(std::string(10000, '\x90')).message.find("tar") != std::string::npos);
  CHECK(f.refused(compressed(codec::Compression::Gzip, "hello")).message.find("decompressed") !=
        std::string::npos);
  CHECK(f.refused(std::string(10240, '\0')).message.find("no files") != std::string::npos);
  const std::string tar = layer_one();
  f.refused(tar.substr(0, 700));
  const std::string gz = compressed(codec::Compression::Gzip, tar);
  f.refused(gz.substr(0, gz.size() - 12));
  f.refused(Tar().file("../evil").bytes());
  CHECK(f.refused(Tar().file("img/oci-layout").file("img/index.json", "{}").bytes())
            .hint.find("tar -C img") != std::string::npos);
  f.refused(layer_one(), "UPPER CASE");
  f.refused(layer_one(), "a@sha256:" + std::string(64, 'a'));
}

TEST_CASE("save and load again: same bytes, same ids, same manifests") {
  if (!may_unpack()) return;
  Fixture f;
  const std::vector<std::string> layers = {layer_one(), layer_two()};
  const Image image = must(f.load(docker_archive(layers, config_for(layers)))).at(0);
  must(f.images.tag("demo:1", "localhost:5000/other/name:t"));
  for (const SaveFormat format : {SaveFormat::DockerArchive, SaveFormat::OciArchive}) {
    const std::string saved = f.save({"demo:1", "localhost:5000/other/name:t"}, format);
    CHECK(saved == f.save({"localhost:5000/other/name:t", "demo:1", "demo:1"}, format));
    Fixture g;
    const Image again = must(g.load(saved)).at(0);
    CHECK(again.id == image.id);
    CHECK(again.manifest == image.manifest);
    CHECK(again.names.size() == 2);
    CHECK(g.save(again.names, format) == saved);
  }
  CHECK(must(f.load(f.save({image.id.text()}, SaveFormat::DockerArchive))).at(0).id == image.id);
  CHECK(
      !f.images.save({"nope"}, SaveFormat::OciArchive, *std::make_unique<codec::StringSink>(), {}));
}

TEST_CASE("import: a config from changes; the same input is the same image") {
  if (!may_unpack()) return;
  Fixture f;
  const std::string tar = layer_one();
  const auto import = [&](const std::string& bytes) {
    codec::StringSource source(bytes);
    Images::ImportRequest request;
    request.source = &source;
    request.name = "imp";
    request.changes = {"CMD [\"/bin/sh\"]", "ENV A=b"};
    request.created = 1'000'000'000;
    return f.images.import(request, {});
  };
  const Image image = must(import(tar));
  CHECK(image.config.env == std::vector<std::string>{"A=b"});
  CHECK(must(import(tar)).id == image.id);
  CHECK(!import(docker_archive({tar}, config_for({tar}))));
}

TEST_CASE("find: names, ids, prefixes, near misses") {
  if (!may_unpack()) return;
  Fixture f;
  CHECK(f.images.find("nothing").error().kind() == Kind::NotFound);
  const Image image = must(f.load(layer_one(), "busybox:1.36")).at(0);
  CHECK(must(f.images.find("busybox:1.36")).id == image.id);
  CHECK(must(f.images.find("docker.io/library/busybox:1.36")).id == image.id);
  CHECK(must(f.images.find(image.id.text())).id == image.id);
  CHECK(must(f.images.find(image.id.hex())).id == image.id);
  CHECK(must(f.images.find(image.id.short_hex())).id == image.id);
  CHECK(!f.images.find(image.id.hex().substr(0, 2)));
  const auto missing = f.images.find("busybos:1.36");
  REQUIRE(!missing);
  CHECK(missing.error().hint() == "did you mean 'busybox:1.36'?");
  CHECK(!f.images.find("../../etc/passwd"));
}

TEST_CASE("remove: names first, then the image and what only it used") {
  if (!may_unpack()) return;
  Fixture f;
  const sys::IdMap ids = container_ids();
  const std::string base = layer_one();
  const std::vector<std::string> two = {base, layer_two()};
  const Image a = must(f.load(docker_archive({base}, config_for({base}), "a:1"), "", &ids)).at(0);
  const Image b = must(f.load(docker_archive(two, config_for(two), "b:1"), "", &ids)).at(0);
  CHECK(f.blobs() == 6);
  CHECK(must(f.rootfs->prepared()).size() == 2);
  must(f.images.tag("a:1", "other/a:2"));
  using Said = std::vector<std::string>;
  CHECK(!f.images.remove(a.id.text(), {.force = false}, {}));
  CHECK(must(f.images.remove("a:1", {.force = false}, {})) == Said{"Untagged: a:1"});
  const auto in_use = [](const Digest&) { return std::optional<std::string>("web"); };
  CHECK(f.images.remove("other/a:2", {.force = false}, in_use).error().kind() == Kind::Busy);
  CHECK(must(f.images.remove(a.id.short_hex(), {.force = false}, {})) ==
        Said{"Untagged: other/a:2", "Deleted: " + a.id.text()});
  CHECK(f.blobs() == 4);
  CHECK(must(f.images.list()).size() == 1);
  CHECK(must(f.images.remove("b:1", {.force = true}, in_use)) == Said{"Untagged: b:1"});
  CHECK(must(f.images.find(b.id.text())).names.empty());
  must(f.images.remove(b.id.text(), {.force = false}, {}));
  CHECK(f.blobs() == 0);
  CHECK(must(f.rootfs->prepared()).empty());
  CHECK(must(sys::list_directory(f.temp.store.dir(), "trash")).empty());
}

TEST_CASE("load: killed while it names things, the next list removes what is left") {
  if (!may_unpack()) return;
  Fixture f;
  must(f.load(layer_one(), "x"));
  const std::size_t before = f.blobs();
  // As after a kill between the blobs and the record.
  must(f.temp.store.put_blob("left behind"));
  (void)must(sys::open_at(f.temp.store.dir(), "sweep", O_WRONLY | O_CREAT));
  CHECK(must(f.images.list()).size() == 1);
  CHECK(f.blobs() == before);
  CHECK(::faccessat(f.temp.store.dir(), "sweep", F_OK, 0) != 0);
}

TEST_CASE("names move, and garbage of the dead is swept") {
  if (!may_unpack()) return;
  Fixture f;
  const Image a = must(f.load(layer_one(), "x")).at(0);
  must(f.temp.store.put_blob("left behind by somebody who was killed"));
  const Image b = must(f.load(layer_two(), "x")).at(0);
  CHECK(must(f.images.find("x")).id == b.id);
  CHECK(must(f.images.find(a.id.text())).names.empty());
  CHECK(f.blobs() == 6);
}

}  // namespace
}  // namespace tare::image
