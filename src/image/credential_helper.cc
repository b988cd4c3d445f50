// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "codec/json.h"
#include "image/credentials.h"
#include "sys/fd.h"

extern char** environ;

namespace tare::image {
namespace {

constexpr std::size_t kMaxAnswer = 64 << 10;
constexpr std::string_view kTokenUser = "<token>";  // The secret is an identity token.

Result<int> start(const std::string& program, const std::string& verb, int in, int out) {
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0)
    return std::unexpected(Error::sys(error, "posix_spawn"));
  ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  std::string first = program;
  std::string second = verb;
  char* const words[] = {first.data(), second.data(), nullptr};
  int pid = -1;
  const int error = ::posix_spawnp(&pid, program.c_str(), &actions, nullptr, words, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return std::unexpected(
        Error::sys(error, "start the credential helper " + quoted(program))
            .hint("the configuration of docker names it (credsStore, credHelpers)"));
  return pid;
}

struct Answer {
  std::string text;
  bool is_good = false;
};

Result<Answer> ask(const std::string& name, const std::string& verb, const std::string& request) {
  if (name.empty() || !std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
      }))
    return fail(Kind::Invalid, "the credential helper " + quoted(name) + " has no sensible name");
  // Through a file in memory: a helper that reads nothing cannot hold us up.
  const sys::Fd in = TRY(sys::make_memfd("tare-request"));
  TRY(sys::write_all(in.get(), request));
  if (::lseek(in.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a request");
  sys::Pipe out = TRY(sys::make_pipe());
  const int pid = TRY(start("docker-credential-" + name, verb, in.get(), out.write.get()));
  out.write.reset();
  auto text = sys::read_all(out.read.get(), kMaxAnswer);
  out.read.reset();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("wait for the credential helper");
  Answer answer;
  answer.text = TRY(std::move(text), "the credential helper " + quoted(name));
  answer.is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return answer;
}

std::unexpected<Error> refused(const std::string& name, const Answer& answer) {
  return fail(Kind::Unavailable, "the credential helper " + quoted(name) + " says " +
                                     quoted(trim(std::string_view(answer.text).substr(0, 200))));
}

}  // namespace

Result<Credentials> helper_get(const std::string& name, const std::string& server) {
  const Answer answer = TRY(ask(name, "get", server + "\n"));
  if (!answer.is_good) {
    if (answer.text.find("not found") != std::string::npos) return Credentials{};
    return refused(name, answer);
  }
  const auto value = json::parse(trim(answer.text));
  if (!value)  // Nothing of what it said: it may be a secret.
    return fail(Kind::Invalid, "the credential helper " + quoted(name) + " did not answer in JSON");
  Credentials credentials;
  const std::string& user = (*value)["Username"].as_string();
  const std::string& secret = (*value)["Secret"].as_string();
  if (user == kTokenUser) {
    credentials.identity_token = secret;
  } else {
    credentials.user = user;
    credentials.password = secret;
  }
  return credentials;
}

Result<> helper_store(const std::string& name, const std::string& server,
                      const Credentials& credentials) {
  json::Value value;
  value.set("ServerURL", server);
  value.set("Username", credentials.user.empty() ? std::string(kTokenUser) : credentials.user);
  value.set("Secret", credentials.user.empty() ? credentials.identity_token : credentials.password);
  const Answer answer = TRY(ask(name, "store", json::print(value)));
  if (!answer.is_good) return refused(name, answer);
  return {};
}

Result<> helper_erase(const std::string& name, const std::string& server) {
  const Answer answer = TRY(ask(name, "erase", server + "\n"));
  if (!answer.is_good) return refused(name, answer);
  return {};
}

}  // namespace tare::image
