// SPDX-License-Identifier: Apache-2.0
#include "transfer/spawn.h"

#include <fcntl.h>
#include <spawn.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "sys/fd.h"

extern char** environ;

namespace tare::transfer {
namespace {

bool is_passed_on(const SpawnWish& wish, std::string_view variable) {
  const std::string name = lower(variable.substr(0, variable.find('=')));
  return std::ranges::find(wish.variables, name) != wish.variables.end();
}

// What posix_spawn is told, and what has to live as long as that.
class Preparation {
 public:
  Preparation() : error_(::posix_spawn_file_actions_init(&actions_)) {
    if (error_ != 0) return;
    error_ = ::posix_spawnattr_init(&attributes_);
    if (error_ != 0) ::posix_spawn_file_actions_destroy(&actions_);
    is_made_ = error_ == 0;
    if (is_made_) error_ = ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
  }
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  ~Preparation() {
    if (!is_made_) return;
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  int error() const { return error_; }
  // By a copy above all of the places: none is in the way of another, and none is closed there.
  void place(int descriptor, int place, int above) {
    if (error_ != 0) return;
    const sys::Fd& copy = copies_.emplace_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, above));
    error_ = copy ? ::posix_spawn_file_actions_adddup2(&actions_, copy.get(), place) : errno;
  }
  // Our memory is shared until the program runs, so nothing of it is copied.
  int spawn(int& pid, const std::string& program, char* const* words, char* const* variables) {
    return ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, words, variables);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  std::vector<sys::Fd> copies_;
  int error_;
  bool is_made_ = false;
};

}  // namespace

Result<int> spawn(const SpawnWish& wish) {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (is_passed_on(wish, *variable)) variables.push_back(*variable);
  variables.push_back(nullptr);
  std::vector<std::string> texts = wish.arguments;
  texts.insert(texts.begin(), wish.program.substr(wish.program.rfind('/') + 1));
  std::vector<char*> words;
  for (std::string& text : texts) words.push_back(text.data());
  words.push_back(nullptr);
  Preparation preparation;
  const int above = wish.first + static_cast<int>(wish.descriptors.size());
  for (std::size_t i = 0; i < wish.descriptors.size(); ++i)
    if (wish.descriptors[i] >= 0)
      preparation.place(wish.descriptors[i], wish.first + static_cast<int>(i), above);
  int pid = -1;
  int error = preparation.error();
  if (error == 0) error = preparation.spawn(pid, wish.program, words.data(), variables.data());
  if (error == 0) return pid;
  Error failed = Error::sys(error, "start " + quoted(wish.program));
  return std::unexpected(error == ENOENT ? std::move(failed).hint(wish.hint) : std::move(failed));
}

}  // namespace tare::transfer
