// SPDX-License-Identifier: Apache-2.0
#include "audit/pack.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "audit/dpkg.h"
#include "audit/elf_samples.h"
#include "audit/host_tree.h"
#include "audit/ld_cache.h"
#include "audit/loader.h"
#include "codec/tar.h"
#include "sys/files.h"

using namespace tare;
using namespace tare::audit;

namespace {

// A host in a temporary directory: merged /usr, a loader, libc and the program /bin/prog.
class FakeHost {
 public:
  FakeHost() {
    std::string name = "/tmp/tare-pack-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root = name;
    dir("/usr/bin");
    dir("/usr/lib64");
    dir("/usr/lib/triplet");
    link("/bin", "usr/bin");
    link("/lib", "usr/lib");
    link("/lib64", "usr/lib64");
    const std::string dirs("junk\0/lib/triplet/\0/usr/lib/triplet/\0/lib/\0/usr/lib/\0more\0", 57);
    elf("/usr/lib/triplet/ld.so", {.soname = "ld.so.2", .tail = dirs});
    link("/usr/lib64/ld.so.2", "/lib/triplet/ld.so");
    lib("libc.so.6", {.needed = {"ld.so.2"}, .imports = {"GLIBC_2.36"}});
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  ~FakeHost() {
    // By its own directory: remove_tree takes no absolute paths.
    const auto above = sys::open_path(directory_of(root), O_RDONLY | O_DIRECTORY);
    CHECK(above.has_value());
    if (above) CHECK(sys::remove_tree(above->get(), base_name(root)).has_value());
  }

  void dir(const std::string& path) { REQUIRE(sys::make_directories(root + path, 0755)); }
  void link(const std::string& path, const std::string& target) {
    REQUIRE(::symlink(target.c_str(), (root + path).c_str()) == 0);
  }
  void file(const std::string& path, const std::string& content, unsigned mode = 0644) {
    dir(directory_of(path));
    auto fd = sys::open_path(root + path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    REQUIRE(fd.has_value());
    REQUIRE(sys::write_all(fd->get(), content).has_value());
    REQUIRE(::fchmod(fd->get(), mode) == 0);
  }
  void elf(const std::string& path, const ElfSample& sample) { file(path, make_elf(sample), 0755); }
  void lib(const std::string& name, ElfSample sample) {
    sample.soname = name;
    elf("/usr/lib/triplet/" + name, sample);
  }
  void program(const std::string& name, ElfSample sample) {
    sample.interpreter = "/lib64/ld.so.2";
    elf("/usr/bin/" + name, sample);
  }
  Result<PackPlan> plan(std::vector<std::string> programs) const {
    PackRequest request;
    request.programs = std::move(programs);
    return plan(std::move(request));
  }
  Result<PackPlan> plan(PackRequest request) const {
    request.root = root;
    return plan_pack(request);
  }

  std::string root;
};

const PackedFile* file_of(const PackPlan& plan, std::string_view path) {
  for (const PackedFile& file : plan.files)
    if (file.path == path) return &file;
  return nullptr;
}

bool has_file(const PackPlan& plan, std::string_view path) {
  return file_of(plan, path) != nullptr;
}

std::string tar_of(const PackPlan& plan) {
  codec::StringSink sink;
  REQUIRE(write_pack(plan, sink).has_value());
  return sink.bytes();
}

}  // namespace

TEST_CASE("a program with its loader, its libraries and the links to them") {
  FakeHost host;
  host.elf("/usr/lib/triplet/libx.so.1.2", {.soname = "libx.so.1", .needed = {"libc.so.6"}});
  host.link("/usr/lib/triplet/libx.so.1", "libx.so.1.2");
  host.program("prog", {.needed = {"libx.so.1", "libc.so.6"}});
  const auto plan = host.plan({"/bin/prog"});
  REQUIRE(plan.has_value());
  for (const char* path :
       {"/bin", "/lib", "/lib64", "/usr/bin/prog", "/usr/lib64/ld.so.2", "/usr/lib/triplet/ld.so",
        "/usr/lib/triplet/libc.so.6", "/usr/lib/triplet/libx.so.1", "/usr/lib/triplet/libx.so.1.2",
        "/tmp", "/usr/lib"})
    CHECK_MESSAGE(has_file(*plan, path), path);
  CHECK(file_of(*plan, "/lib")->target == "usr/lib");
  CHECK(file_of(*plan, "/usr/lib/triplet/libx.so.1.2")->because == "NEEDED by /bin/prog");
  CHECK(file_of(*plan, "/usr/lib/triplet/ld.so")->because == "loader of /bin/prog");
  CHECK_FALSE(has_file(*plan, "/etc/passwd"));
  CHECK(plan->config.entrypoint == std::vector<std::string>{"/bin/prog"});
  CHECK(plan->config.architecture == "amd64");
  CHECK(explain(*plan).find("NEEDED by /bin/prog") != std::string::npos);
}

TEST_CASE("a missing library says who needs it and where it was looked for") {
  FakeHost host;
  host.lib("liba.so", {.runpath = "/opt/none", .needed = {"libgone.so.3"}});
  host.program("prog", {.needed = {"liba.so"}});
  const auto plan = host.plan({"prog"});
  REQUIRE_FALSE(plan.has_value());
  CHECK(plan.error().kind() == Kind::NotFound);
  const std::string& text = plan.error().message();
  for (const char* part : {"'libgone.so.3'", "needed by '/lib/triplet/liba.so'",
                           "needed by '/usr/bin/prog'", "RUNPATH '/opt/none'", "'/lib/triplet'"})
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  CHECK_FALSE(plan.error().hint().empty());
}

TEST_CASE("RPATH is inherited, RUNPATH is not and switches it off") {
  FakeHost host;
  host.elf("/usr/bin/own/libdeep.so", {.soname = "libdeep.so"});
  host.lib("libmid.so", {.needed = {"libdeep.so"}});
  host.program("inherits", {.rpath = "$ORIGIN/own", .needed = {"libmid.so"}});
  CHECK(has_file(host.plan({"inherits"}).value(), "/usr/bin/own/libdeep.so"));
  host.program("keeps", {.runpath = "${ORIGIN}/own", .needed = {"libmid.so"}});
  CHECK_FALSE(host.plan({"keeps"}).has_value());
  host.program("direct", {.rpath = "/none", .runpath = "/bin/own:", .needed = {"libdeep.so"}});
  CHECK(has_file(host.plan({"direct"}).value(), "/usr/bin/own/libdeep.so"));
  host.program("longer", {.runpath = "$ORIGINAL/own", .needed = {"libdeep.so"}});
  CHECK_FALSE(host.plan({"longer"}).has_value());
}

TEST_CASE("libraries of other machines are passed over, better processors' are added") {
  FakeHost host;
  host.elf("/opt/libm.so", {.machine = EM_386, .soname = "libm.so"});
  host.lib("libm.so", {});
  host.elf("/usr/lib/triplet/glibc-hwcaps/x86-64-v3/libm.so", {.soname = "libm.so"});
  host.program("prog", {.runpath = "/opt", .needed = {"libm.so"}});
  const auto plan = host.plan({"prog"});
  REQUIRE(plan.has_value());
  CHECK_FALSE(has_file(*plan, "/opt/libm.so"));
  CHECK(has_file(*plan, "/usr/lib/triplet/libm.so"));
  CHECK(has_file(*plan, "/usr/lib/triplet/glibc-hwcaps/x86-64-v3/libm.so"));
}

TEST_CASE("what only ld.so.cache knows gets a cache in the image") {
  FakeHost host;
  host.elf("/opt/lib/libo.so", {.soname = "libo.so"});
  host.program("prog", {.needed = {"libo.so"}});
  host.file("/etc/ld.so.cache", print_ld_cache({{"libo.so", "/opt/lib/libo.so", 0x303, 0},
                                                {"libq.so", "/opt/lib/libq.so", 0x303, 0}}));
  const auto plan = host.plan({"prog"});
  REQUIRE(plan.has_value());
  REQUIRE(has_file(*plan, "/etc/ld.so.cache"));
  const auto entries = read_ld_cache(file_of(*plan, "/etc/ld.so.cache")->content);
  REQUIRE(entries->size() == 1);
  CHECK(entries->front().path == "/opt/lib/libo.so");

  FakeHost configured;  // The same without a cache, from the configuration.
  configured.elf("/opt/lib/libo.so", {.soname = "libo.so"});
  configured.program("prog", {.needed = {"libo.so"}});
  configured.file("/etc/ld.so.conf", "include ld.so.conf.d/*.conf # all\n");
  configured.file("/etc/ld.so.conf.d/o.conf", "/opt/lib\n");
  CHECK(has_file(configured.plan({"prog"}).value(), "/opt/lib/libo.so"));
}

TEST_CASE("scripts bring their interpreters") {
  FakeHost host;
  host.program("env", {.needed = {"libc.so.6"}});
  host.program("lang", {.needed = {"libc.so.6"}});
  host.file("/usr/bin/tool", "#!/usr/bin/env -S lang -x\n", 0755);
  const auto plan = host.plan({"tool"});
  REQUIRE(plan.has_value());
  for (const char* path : {"/usr/bin/tool", "/usr/bin/env", "/usr/bin/lang"})
    CHECK_MESSAGE(has_file(*plan, path), path);
  host.file("/usr/bin/dos", "#!/bin/lang\r\n", 0755);
  CHECK(host.plan({"dos"}).error().message().find("carriage return") != std::string::npos);
  host.file("/usr/bin/loop", "#!/usr/bin/loop\n", 0755);
  CHECK(host.plan({"loop"}).has_value());
  host.file("/usr/bin/text", "hello\n", 0755);
  CHECK(host.plan({"text"}).error().kind() == Kind::Invalid);
  host.file("/usr/bin/plain", "#!/bin/lang\n");
  CHECK(host.plan({"/bin/plain"}).error().hint().find("chmod") != std::string::npos);
  CHECK(host.plan({"nowhere"}).error().kind() == Kind::NotFound);
}

TEST_CASE("rules follow what is imported") {
  FakeHost host;
  host.file("/usr/share/zoneinfo/Etc/UTC", "TZif");
  host.link("/usr/share/zoneinfo/UTC", "Etc/UTC");
  host.file("/etc/ssl/certs/ca-certificates.crt", "PEM");
  host.lib("libssl.so.3", {});
  host.lib("libgcc_s.so.1", {.needed = {"libc.so.6"}});
  host.program("prog", {.needed = {"libssl.so.3", "libc.so.6"},
                        .imports = {"getpwnam", "tzset", "pthread_exit"}});
  PackRequest request;
  request.programs = {"prog"};
  const auto plan = host.plan(request);
  REQUIRE(plan.has_value());
  for (const char* path : {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
                           "/usr/share/zoneinfo/UTC", "/usr/share/zoneinfo/Etc/UTC",
                           "/etc/ssl/certs/ca-certificates.crt", "/usr/lib/triplet/libgcc_s.so.1"})
    CHECK_MESSAGE(has_file(*plan, path), path);
  request.nss = request.zones = request.certs = When::Off;
  const auto less = host.plan(request);
  for (const char* path : {"/etc/passwd", "/usr/share/zoneinfo/UTC", "/etc/ssl"})
    CHECK_FALSE_MESSAGE(has_file(*less, path), path);
  request.locales = {"xx_XX.UTF-8"};
  CHECK(host.plan(request).error().kind() == Kind::NotFound);
  request.locales = {"C.UTF-8"};
  CHECK(host.plan(request)->config.env.back() == "LANG=C.UTF-8");
}

TEST_CASE("notes about opened libraries are followed") {
  FakeHost host;
  host.lib("libz.so.1", {});
  host.lib("libs.so.1", {});
  host.program(
      "prog",
      {.needed = {"libc.so.6"},
       .dlopen_note = "[{\"soname\":[\"libnone.so\",\"libz.so.1\"],\"priority\":\"required\"},"
                      "{\"soname\":[\"libs.so.1\"],\"priority\":\"suggested\"}]"});
  PackRequest request;
  request.programs = {"prog"};
  CHECK(has_file(host.plan(request).value(), "/usr/lib/triplet/libz.so.1"));
  CHECK_FALSE(has_file(host.plan(request).value(), "/usr/lib/triplet/libs.so.1"));
  request.dlopen = When::On;
  CHECK(has_file(host.plan(request).value(), "/usr/lib/triplet/libs.so.1"));
}

TEST_CASE("musl: the loader is libc") {
  FakeHost host;
  host.elf("/usr/lib/ld-musl-x86_64.so.1", {.soname = "libc.musl-x86_64.so.1"});
  host.lib("libx.so", {.needed = {"libc.musl-x86_64.so.1"}});
  host.file("/etc/ld-musl-x86_64.path", "/usr/lib/triplet\n");
  host.elf("/usr/bin/prog", {.interpreter = "/lib/ld-musl-x86_64.so.1",
                             .needed = {"libx.so", "libc.musl-x86_64.so.1"},
                             .imports = {"getpwnam"}});
  const auto plan = host.plan({"prog"});
  REQUIRE(plan.has_value());
  CHECK(has_file(*plan, "/usr/lib/ld-musl-x86_64.so.1"));
  CHECK(has_file(*plan, "/usr/lib/triplet/libx.so"));
  CHECK(has_file(*plan, "/etc/passwd"));
  CHECK_FALSE(has_file(*plan, "/etc/nsswitch.conf"));
}

TEST_CASE("extra files and directories") {
  FakeHost host;
  host.program("prog", {.needed = {"libc.so.6"}});
  host.lib("libplug.so", {});
  host.file("/srv/data/a", "A");
  host.file("/srv/data/plug.so", make_elf({.needed = {"libplug.so"}}));
  host.link("/srv/data/l", "a");
  host.file("/srv/data/other", "#!/nowhere/perl\n", 0755);
  PackRequest request;
  request.programs = {"prog"};
  request.extra_files = {ExtraFile::parse("/srv/data").value(),
                         ExtraFile::parse("/srv/data/a:/bin/b").value()};
  const auto plan = host.plan(request);
  REQUIRE(plan.has_value());
  for (const char* path :
       {"/srv/data/a", "/srv/data/l", "/usr/bin/b", "/usr/lib/triplet/libplug.so"})
    CHECK_MESSAGE(has_file(*plan, path), path);
  // A script that cannot run here is no reason to make no image.
  CHECK(has_file(*plan, "/srv/data/other"));
  CHECK(std::ranges::any_of(plan->warnings, [](const std::string& sentence) {
    return sentence.find("/nowhere/perl") != std::string::npos;
  }));
  for (const char* bad : {"", "a", "/a:b", "/a/../b", "/", "/a:/"})
    CHECK_FALSE_MESSAGE(ExtraFile::parse(bad).has_value(), bad);
}

TEST_CASE("packages of dpkg are told to scanners") {
  FakeHost host;
  host.program("prog", {.needed = {"libc.so.6"}});
  host.file("/var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib/triplet/libc.so.6\n");
  host.file("/var/lib/dpkg/status",
            "Package: other\nVersion: 9\n\nPackage: libc6\nStatus: install ok installed\n"
            "Architecture: amd64\nVersion: 2.36-9\nConffiles:\n /etc/x 123\nDescription: C\n");
  host.file("/usr/share/doc/libc6/copyright", "LGPL");
  const auto plan = host.plan({"prog"});
  REQUIRE(plan.has_value());
  REQUIRE(plan->packages.size() == 1);
  CHECK(plan->packages[0].version == "2.36-9");
  CHECK(file_of(*plan, "/usr/lib/triplet/libc.so.6")->package == "libc6");
  const std::string& status = file_of(*plan, "/var/lib/dpkg/status.d/libc6")->content;
  CHECK(status.starts_with("Package: libc6\n"));
  CHECK(status.find("/etc/x") == std::string::npos);
  CHECK(status.find("Description: C\n") != std::string::npos);
  CHECK(has_file(*plan, "/usr/share/doc/libc6/copyright"));
  CHECK_FALSE(parse_dpkg_stanza("Package: ../x\nVersion: 1\n").has_value());
}

TEST_CASE("the layer is sorted, owned by root and the same each time") {
  FakeHost host;
  host.program("prog", {.needed = {"libc.so.6"}, .imports = {"getpwnam"}});
  REQUIRE(::chmod((host.root + "/usr/bin/prog").c_str(), 04755) == 0);
  PackRequest request;
  request.programs = {"prog"};
  request.created = 86'400'000'000'000;
  const auto plan = host.plan(request);
  REQUIRE(plan.has_value());
  const std::string bytes = tar_of(*plan);
  CHECK(bytes == tar_of(host.plan(request).value()));
  codec::StringSource source(bytes);
  tar::Reader reader(source);
  std::string last;
  while (reader.next().value()) {
    const tar::Entry& entry = reader.entry();
    CHECK(last < entry.name);
    last = entry.name;
    CHECK(entry.uid == 0);
    CHECK(entry.mtime == request.created);
    if (entry.name == "usr/bin/prog") CHECK(entry.mode == 0755);  // Setuid is gone.
    if (entry.name == "etc/passwd") CHECK(entry.mode == 0644);
  }
  host.file("/usr/bin/prog", "shorter", 0755);
  codec::StringSink sink;
  CHECK(write_pack(*plan, sink).error().kind() == Kind::Busy);
}

TEST_CASE("links on the way are told, and loops end") {
  FakeHost host;
  host.link("/a", "../../b/./c");
  host.dir("/b");
  host.link("/b/c", "/usr/bin/../bin");
  host.link("/loop", "loop");
  auto tree = HostTree::open(host.root);
  const auto found = tree->find("/a/");
  REQUIRE(found->has_value());
  CHECK((*found)->path == "/usr/bin");
  REQUIRE((*found)->links.size() == 2);
  CHECK((*found)->links[1].path == "/b/c");
  CHECK(tree->find("/loop").error().kind() == Kind::Invalid);
  CHECK_FALSE(tree->find("/usr/none/x")->has_value());
  CHECK_FALSE(tree->find("relative").has_value());
}

TEST_CASE("the host's date can be packed below 3 MB") {
  PackRequest request;
  request.programs = {"/bin/date"};
  const auto plan = plan_pack(request);
  if (!plan && plan.error().kind() != Kind::Corrupt) return;  // Hosts without it.
  REQUIRE(plan.has_value());
  CHECK(plan->size > 10'000);
  CHECK(plan->size < 8'000'000);
}
