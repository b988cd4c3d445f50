// SPDX-License-Identifier: Apache-2.0
#include "front/cli/request.h"

#include <doctest/doctest.h>

#include <csignal>
#include <limits>

#include "front/cli/detach_keys.h"

using namespace tare;
using namespace tare::cli;
using engine::MountType;

namespace {

Result<engine::CreateRequest> request(std::vector<const char*> words) {
  words.insert(words.begin(), "create");
  const auto line = parse_command_line(words);
  REQUIRE(line);
  return create_request(line->arguments);
}

std::string message(const auto& result) { return result ? "" : result.error().message(); }

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("volumes of -v") {
  const auto plain = parse_volume("/a:/b", "/here");
  REQUIRE(plain);
  CHECK(plain->source == "/a");
  CHECK(plain->target == "/b");
  CHECK(plain->make_source);
  CHECK_FALSE(plain->read_only);
  CHECK(parse_volume("/a:/b:ro", "/here")->read_only);
  CHECK(parse_volume("/a:/b:z,ro", "/here")->read_only);
  CHECK(parse_volume("./a:/b", "/here")->source == "/here/./a");
  CHECK(parse_volume(".:/b", "/here")->source == "/here/.");
  const auto named = parse_volume("data:/b:ro,nocopy", "/here");
  REQUIRE(named);
  CHECK(named->type == MountType::Volume);
  CHECK(named->volume == "data");
  CHECK(named->source.empty());
  CHECK(named->read_only);
  CHECK(named->no_copy);
  CHECK_FALSE(named->anonymous);
  const auto anonymous = parse_volume("/b", "/here");
  REQUIRE(anonymous);
  CHECK(anonymous->type == MountType::Volume);
  CHECK(anonymous->target == "/b");
  CHECK(anonymous->anonymous);
  CHECK(contains(message(parse_volume("a b:/b", "/here")), "invalid characters"));
  CHECK(contains(message(parse_volume("a:/b", "/here")), "too short"));
  CHECK(contains(message(parse_volume("/a:/b:nocopy", "/here")), "nocopy goes with a volume"));
  CHECK(contains(message(parse_volume("b", "/here")), "has to start with /"));
  CHECK(contains(message(parse_volume("/a:b", "/here")), "has to start with /"));
  CHECK(contains(message(parse_volume("/a:/", "/here")), "over /"));
  CHECK(contains(message(parse_volume("/a:/b:rx", "/here")), "unknown option 'rx'"));
  CHECK(contains(message(parse_volume("/a:/b:shared", "/here")), "not there yet"));
  CHECK_FALSE(parse_volume(":/b", "/here"));
  CHECK_FALSE(parse_volume("/a:/b:ro:x", "/here"));
  CHECK_FALSE(parse_volume("", "/here"));
}

TEST_CASE("fields of --mount") {
  const auto bind = parse_mount("type=bind,src=/a,dst=/b,readonly", "/here");
  REQUIRE(bind);
  CHECK(bind->type == MountType::Bind);
  CHECK(bind->source == "/a");
  CHECK(bind->target == "/b");
  CHECK(bind->read_only);
  CHECK_FALSE(bind->make_source);
  CHECK_FALSE(parse_mount("type=bind,source=/a,target=/b,ro=false", "/")->read_only);
  CHECK(parse_mount("type=bind,\"source=/a,b\",destination=/b", "/")->source == "/a,b");
  const auto tmpfs = parse_mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700", "/");
  REQUIRE(tmpfs);
  CHECK(tmpfs->type == MountType::Tmpfs);
  CHECK(tmpfs->tmpfs_bytes == 1 << 20);
  CHECK(tmpfs->tmpfs_mode == 0700);
  CHECK_FALSE(tmpfs->executable);
  const auto volume = parse_mount("src=data,dst=/b,volume-subpath=x/y,volume-nocopy", "/");
  REQUIRE(volume);
  CHECK(volume->type == MountType::Volume);
  CHECK(volume->volume == "data");
  CHECK(volume->subpath == "x/y");
  CHECK(volume->no_copy);
  CHECK(volume->executable);
  CHECK(parse_mount("type=volume,dst=/b", "/")->anonymous);
  CHECK(contains(message(parse_mount("src=/a,dst=/b", "/")), "invalid characters"));
  CHECK(contains(message(parse_mount("type=image,src=a,dst=/b", "/")), "of type image"));
  CHECK(contains(message(parse_mount("type=bind,src=data,dst=/b", "/")), "no absolute path"));
  CHECK_FALSE(parse_mount("type=bind,src=/a,dst=/b,volume-nocopy", "/"));
  CHECK(contains(message(parse_mount("type=bind,src=/a", "/")), "is missing"));
  CHECK(contains(message(parse_mount("type=bind,dst=/a", "/")), "source is missing"));
  CHECK(contains(message(parse_mount("type=bind,src=/a,dst=/b,foo=1", "/")), "unknown key 'foo'"));
  CHECK(contains(message(parse_mount("type=bind,src=/a,dst=/b,foo", "/")), "key=value"));
  CHECK(contains(message(parse_mount("type=bind,src=/a,dst=/b,ro=x", "/")), "neither"));
  CHECK(contains(message(parse_mount("type=bind,src=/a,dst=/b,tmpfs-size=1", "/")), "type=tmpfs"));
  CHECK(contains(message(parse_mount("type=tmpfs,src=/a,dst=/b", "/")), "no source"));
  CHECK_FALSE(parse_mount("type=tmpfs,dst=/b,tmpfs-mode=9", "/"));
  CHECK_FALSE(parse_mount("type=bind,\"src=/a,dst=/b", "/"));
}

TEST_CASE("options of --tmpfs") {
  const auto plain = parse_tmpfs("/t");
  REQUIRE(plain);
  CHECK_FALSE(plain->executable);
  CHECK(plain->tmpfs_mode == 01777);
  const auto all = parse_tmpfs("/t:size=64m,mode=755,exec,ro");
  REQUIRE(all);
  CHECK(all->executable);
  CHECK(all->read_only);
  CHECK(all->tmpfs_bytes == 64 << 20);
  CHECK(all->tmpfs_mode == 0755);
  CHECK_FALSE(parse_tmpfs("t"));
  CHECK_FALSE(parse_tmpfs("/t:suid"));
  CHECK_FALSE(parse_tmpfs("/t:huge=1"));
}

TEST_CASE("environment files keep values to the byte") {
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME") return "/root";
    return std::nullopt;
  };
  const auto read = [&](std::string_view text) {
    return parse_variable_file(text, "f", &environment);
  };
  CHECK(*read("\xef\xbb\xbf# note\n\nA=1\n  B= two words \r\nC=\"q\"#x\nHOME\nMISSING\nD=\n") ==
        std::vector<std::string>{"A=1", "B= two words ", "C=\"q\"#x", "HOME=/root", "D="});
  CHECK(message(read("A=1\n=x\n")) == "line 2 of 'f': there is no name before the =");
  CHECK(contains(message(read("a b=1")), "white space"));
  CHECK(*parse_variable_file("a\nb=c", "f", nullptr) == std::vector<std::string>{"a", "b=c"});
  CHECK(*resolve_variable("HOME", environment) == "HOME=/root");
  CHECK(*resolve_variable("X=", environment) == "X=");
  CHECK_FALSE(resolve_variable("NONE", environment)->has_value());
  CHECK_FALSE(resolve_variable("", environment));
  CHECK_FALSE(resolve_variable("=x", environment));
}

TEST_CASE("signals by name and number") {
  CHECK(*parse_signal("TERM") == SIGTERM);
  CHECK(*parse_signal("sigusr1") == SIGUSR1);
  CHECK(*parse_signal("9") == SIGKILL);
  CHECK(*parse_signal("RTMIN") == SIGRTMIN);
  CHECK(*parse_signal("SIGRTMIN+3") == SIGRTMIN + 3);
  CHECK(*parse_signal("RTMAX-1") == SIGRTMAX - 1);
  CHECK(parse_signal("TREM").error().hint() == "did you mean TERM?");
  for (const char* bad : {"", "0", "65", "-1", "SIG", "RTMIN-1", "RTMIN+99", "TERM "})
    CHECK_FALSE(parse_signal(bad));
}

TEST_CASE("limits of processes") {
  CHECK(*parse_ulimit("nofile=1024") == std::pair<std::string, std::string>("nofile", "1024"));
  CHECK(parse_ulimit("nofile=1024:2048")->second == "1024:2048");
  CHECK(parse_ulimit("core=-1"));
  CHECK(parse_ulimit("core=0:unlimited"));
  CHECK(contains(message(parse_ulimit("nofiles=1")), "did you mean nofile?"));
  for (const char* bad : {"", "nofile", "nofile=", "nofile=x", "nofile=2:1", "nofile=-1:5"})
    CHECK_FALSE(parse_ulimit(bad));
}

TEST_CASE("options become a request") {
  const auto all = request({"-it",
                            "--name",
                            "n",
                            "--rm",
                            "--init",
                            "--read-only",
                            "-m",
                            "512m",
                            "--cpus=1.5",
                            "--pids-limit",
                            "-1",
                            "-l",
                            "a=b",
                            "--label",
                            "c",
                            "--entrypoint",
                            "",
                            "-w",
                            "/w",
                            "-u",
                            "1:2",
                            "--shm-size",
                            "1g",
                            "--stop-timeout=3",
                            "--stop-signal",
                            "INT",
                            "--log-opt",
                            "max-size=1m",
                            "--log-opt",
                            "max-file=2",
                            "--net",
                            "host",
                            "--memory-swap",
                            "-1",
                            "img",
                            "a",
                            "b"});
  REQUIRE(all);
  CHECK(all->tty);
  CHECK(all->open_stdin);
  CHECK(all->resources.memory_bytes == 512 << 20);
  CHECK(all->resources.memory_swap_bytes == std::numeric_limits<std::uint64_t>::max());
  CHECK(all->resources.cpus == 1.5);
  CHECK(all->resources.pids_limit == -1);
  CHECK(all->labels == std::map<std::string, std::string>{{"a", "b"}, {"c", ""}});
  CHECK(all->entrypoint == std::vector<std::string>{""});
  CHECK(all->cmd == std::vector<std::string>{"a", "b"});
  CHECK(all->network == "host");
  CHECK(all->log_files == 2);
  CHECK(all->stop_timeout_s == 3);
  const auto plain = request({"img"});
  REQUIRE(plain);
  CHECK_FALSE(plain->entrypoint);
  CHECK_FALSE(plain->resources.pids_limit);
  CHECK(plain->shm_bytes == 64 << 20);
}

TEST_CASE("wrong values name their option") {
  CHECK(contains(message(request({"-m", "lots", "i"})), "'lots' for --memory"));
  CHECK(contains(message(request({"--memory-swap", "1g", "i"})), "needs --memory"));
  CHECK(contains(message(request({"-m1g", "--memory-swap", "1m", "i"})), "less than --memory"));
  CHECK(contains(message(request({"--pull", "often", "i"})), "missing, always and never"));
  CHECK(contains(message(request({"--security-opt", "magic", "i"})), "are known"));
  CHECK(contains(message(request({"--log-driver", "syslog", "i"})), "syslog"));
  CHECK(contains(message(request({"-w", "rel", "i"})), "start with /"));
  CHECK(contains(message(request({"-v", "/a:/b", "--tmpfs", "/b", "i"})), "two mounts at '/b'"));
  CHECK_FALSE(request({"--env-file", "/nonexistent/file", "i"}));
  CHECK_FALSE(request({"-e", "", "i"}));
}

TEST_CASE("security options") {
  CHECK(request({"--security-opt", "no-new-privileges:true", "i"})->security_opt ==
        std::vector<std::string>{"no-new-privileges=true"});
  CHECK(request({"--security-opt", "seccomp:unconfined", "i"})->security_opt ==
        std::vector<std::string>{"seccomp=unconfined"});
  CHECK(request({"--security-opt", "seccomp=builtin", "i"})->security_opt.empty());
  CHECK_FALSE(request({"--security-opt", "seccomp=/nonexistent", "i"}));
  CHECK_FALSE(request({"--security-opt", "apparmor=x", "i"}));
}

TEST_CASE("detach keys are parsed") {
  CHECK(DetachKeys::parse(""));
  CHECK(DetachKeys::parse("ctrl-a,b,ctrl-\\,ctrl-@,DEL"));
  for (const char* bad : {"ctrl-", "ctrl-1", "ab", "ctrl-p,", ",", "ctrl-pp"})
    CHECK_FALSE(DetachKeys::parse(bad));
}

TEST_CASE("detach keys are found, also over several reads, and nothing else is lost") {
  DetachKeys keys = *DetachKeys::parse("");
  CHECK(keys.feed("ab").bytes == "ab");
  CHECK(keys.feed("\x10").bytes.empty());
  CHECK(keys.feed("x").bytes == "\x10x");
  CHECK(keys.feed("\x10\x10").bytes == "\x10");
  const auto end = keys.feed("\x11more");
  CHECK(end.detached);
  CHECK(end.bytes.empty());

  DetachKeys overlapping = *DetachKeys::parse("a,a,b");
  const auto typed = overlapping.feed("aaab");
  CHECK(typed.detached);
  CHECK(typed.bytes == "a");

  DetachKeys none;
  CHECK(none.feed("\x10\x11").bytes == "\x10\x11");
}
