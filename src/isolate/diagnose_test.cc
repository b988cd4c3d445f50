// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "isolate/elf.h"
#include "isolate/isolate.h"
#include "isolate/plan.h"
#include "sys/files.h"

using namespace tare;

namespace {

class Image {
 public:
  Image() {
    char name[] = "/tmp/tare-diagnose-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
    for (const char* directory : {"/bin", "/lib"})
      REQUIRE(::mkdir((path_ + directory).c_str(), 0755) == 0);
    dir_ = *sys::open_path(path_, O_RDONLY | O_DIRECTORY);
  }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  ~Image() {
    const auto top = sys::open_path("/tmp", O_RDONLY | O_DIRECTORY);
    CHECK(sys::remove_tree(top->get(), path_.substr(5)));
  }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& content, unsigned mode = 0755) const {
    const auto file = sys::open_path(path_ + name, O_CREAT | O_WRONLY | O_TRUNC, mode);
    REQUIRE(file);
    REQUIRE(sys::write_all(file->get(), content));
    REQUIRE(::fchmod(file->get(), mode) == 0);
  }
  isolate::Diagnosis ask(const std::string& program, int errnum) const {
    isolate::Process process;
    process.argv = {program};
    process.env = {"PATH=/usr/bin:/bin"};
    return isolate::diagnose_exec(dir_.get(), process, Error::sys(errnum, "run"));
  }

 private:
  std::string path_;
  sys::Fd dir_;
};

// A small ELF file: header, one PT_INTERP, one PT_LOAD over all, one PT_DYNAMIC.
std::string make_elf(std::uint16_t machine, const std::string& interpreter,
                     const std::string& library) {
  constexpr std::size_t kSegments = 3;
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = machine;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = kSegments;
  const std::size_t strings = sizeof header + kSegments * sizeof(Elf64_Phdr);
  const std::string text = '\0' + interpreter + '\0' + library + '\0';
  const std::size_t dynamic = strings + text.size();
  constexpr Elf64_Addr kBase = 0x400000;
  const Elf64_Dyn entries[] = {{.d_tag = DT_NEEDED, .d_un = {.d_val = interpreter.size() + 2}},
                               {.d_tag = DT_STRTAB, .d_un = {.d_val = kBase + strings}},
                               {.d_tag = DT_NULL, .d_un = {.d_val = 0}}};
  Elf64_Phdr segments[kSegments] = {};
  segments[0] = {.p_type = PT_INTERP, .p_offset = strings + 1, .p_filesz = interpreter.size() + 1};
  segments[1] = {
      .p_type = PT_LOAD, .p_offset = 0, .p_vaddr = kBase, .p_filesz = dynamic + sizeof entries};
  segments[2] = {.p_type = PT_DYNAMIC, .p_offset = dynamic, .p_filesz = sizeof entries};
  std::string file(reinterpret_cast<const char*>(&header), sizeof header);
  file.append(reinterpret_cast<const char*>(segments), sizeof segments);
  file += text;
  file.append(reinterpret_cast<const char*>(entries), sizeof entries);
  return file;
}

}  // namespace

TEST_CASE("why a command is not found") {
  const Image image;
  image.write("/bin/nginx", "");
  CHECK(image.ask("nginxx", ENOENT).message ==
        "'nginxx' is in no directory of PATH (/usr/bin:/bin)");
  CHECK(image.ask("nginxx", ENOENT).hint == "did you mean 'nginx'?");
  CHECK(image.ask("nginxx", ENOENT).exit_code == 127);
  CHECK(image.ask("/opt/x", ENOENT).message == "there is no file '/opt/x' in the image");
  REQUIRE(::symlink("/opt/gone", (image.path() + "/bin/link").c_str()) == 0);
  CHECK(image.ask("/bin/link", ENOENT).message ==
        "'/bin/link' is a symbolic link to '/opt/gone', which does not exist");
}

TEST_CASE("why a file may not be run") {
  const Image image;
  image.write("/bin/plain", "x", 0644);
  CHECK(image.ask("plain", EACCES).message == "'/bin/plain' has no exec permission (mode 0644)");
  CHECK(image.ask("plain", EACCES).exit_code == 126);
  CHECK(image.ask("/bin", EACCES).message == "'/bin' is a directory");
  image.write("/bin/empty", "");
  CHECK(image.ask("empty", ENOEXEC).message == "'/bin/empty' is empty");
  image.write("/bin/text", "echo hello\n");
  CHECK(image.ask("text", ENOEXEC).message.find("neither a program") != std::string::npos);
}

TEST_CASE("why a script cannot be run") {
  const Image image;
  image.write("/bin/script", "#! /bin/bash -e\nexit\n");
  CHECK(image.ask("script", ENOENT).message ==
        "'/bin/script' is a script for '/bin/bash', which is not in the image");
  image.write("/bin/windows", "#!/bin/sh\r\nexit\r\n");
  CHECK(image.ask("windows", ENOENT).message ==
        "'/bin/windows' has Windows line ends: the kernel looks for an interpreter '/bin/sh\\r'");
  image.write("/bin/short", "#!");
  CHECK(!image.ask("short", ENOEXEC).message.empty());
}

TEST_CASE("why a program cannot be run") {
  const Image image;
  image.write("/bin/arm", make_elf(EM_AARCH64 + 1000, "/lib/ld.so", "libx.so"));
  CHECK(image.ask("arm", ENOEXEC).message.find("is a program for machine 1183") !=
        std::string::npos);
  image.write("/bin/own", make_elf(isolate::own_machine(), "/lib/ld.so", "libx.so"));
  CHECK(image.ask("own", ENOENT).message ==
        "'/bin/own' needs the loader '/lib/ld.so', which is not in the image");
  image.write("/lib/ld.so", "");
  CHECK(image.ask("own", ENOENT).message ==
        "'/bin/own' needs the library 'libx.so', which is not in the image");
}

TEST_CASE("a broken ELF file has no effect but a sentence") {
  const Image image;
  const std::string whole = make_elf(isolate::own_machine(), "/lib/ld.so", "libx.so");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    image.write("/bin/cut", whole.substr(0, size));
    CHECK(!image.ask("cut", ENOEXEC).message.empty());
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string wrong = whole;
    wrong[at] = static_cast<char>(0xff);
    image.write("/bin/wrong", wrong);
    CHECK(!image.ask("wrong", ENOEXEC).message.empty());
  }
}

TEST_CASE("where a command is looked for") {
  CHECK(isolate::command_candidates("/bin/x", {}) == std::vector<std::string>{"/bin/x"});
  CHECK(isolate::command_candidates("./x", {"PATH=/bin"}) == std::vector<std::string>{"./x"});
  CHECK(isolate::command_candidates("x", {"PATH=/a::/b"}) ==
        std::vector<std::string>{"/a/x", "./x", "/b/x"});
  CHECK(isolate::command_candidates("x", {"HOME=/"}).size() == 6);
}
