// SPDX-License-Identifier: Apache-2.0
#include "sys/signals.h"

#include <array>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"

namespace tare::sys {
namespace {

struct SignalName {
  const char* name;
  int number;
};
constexpr std::array kSignals = {
    SignalName{"HUP", SIGHUP},       SignalName{"INT", SIGINT},       SignalName{"QUIT", SIGQUIT},
    SignalName{"ILL", SIGILL},       SignalName{"TRAP", SIGTRAP},     SignalName{"ABRT", SIGABRT},
    SignalName{"BUS", SIGBUS},       SignalName{"FPE", SIGFPE},       SignalName{"KILL", SIGKILL},
    SignalName{"USR1", SIGUSR1},     SignalName{"SEGV", SIGSEGV},     SignalName{"USR2", SIGUSR2},
    SignalName{"PIPE", SIGPIPE},     SignalName{"ALRM", SIGALRM},     SignalName{"TERM", SIGTERM},
    SignalName{"STKFLT", SIGSTKFLT}, SignalName{"CHLD", SIGCHLD},     SignalName{"CONT", SIGCONT},
    SignalName{"STOP", SIGSTOP},     SignalName{"TSTP", SIGTSTP},     SignalName{"TTIN", SIGTTIN},
    SignalName{"TTOU", SIGTTOU},     SignalName{"URG", SIGURG},       SignalName{"XCPU", SIGXCPU},
    SignalName{"XFSZ", SIGXFSZ},     SignalName{"VTALRM", SIGVTALRM}, SignalName{"PROF", SIGPROF},
    SignalName{"WINCH", SIGWINCH},   SignalName{"IO", SIGIO},         SignalName{"PWR", SIGPWR},
    SignalName{"SYS", SIGSYS}};

// "RTMIN+3", "RTMAX-2": numbers as glibc's programs see them. [signal(7)]
std::optional<int> real_time_signal(const std::string& name) {
  constexpr int kFirst = 34;
  constexpr int kLast = 64;
  if (name == "RTMIN") return kFirst;
  if (name == "RTMAX") return kLast;
  if (name.starts_with("RTMIN+"))
    if (const auto offset = parse_u64(name.substr(6)); offset && *offset <= 30)
      return kFirst + static_cast<int>(*offset);
  if (name.starts_with("RTMAX-"))
    if (const auto offset = parse_u64(name.substr(6)); offset && *offset <= 30)
      return kLast - static_cast<int>(*offset);
  return std::nullopt;
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  if (const auto number = parse_u64(text)) {
    if (*number >= 1 && *number <= 64) return static_cast<int>(*number);
    return fail(Kind::Invalid, "signal " + quoted(text) + " is not between 1 and 64");
  }
  std::string name(text);
  for (char& c : name) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (name.starts_with("SIG")) name = name.substr(3);
  std::vector<std::string> names;
  for (const SignalName& signal : kSignals) {
    if (name == signal.name) return signal.number;
    names.emplace_back(signal.name);
  }
  if (const auto number = real_time_signal(name)) return *number;
  const auto near = nearest(name, names);
  return std::unexpected(Error(Kind::Invalid, "signal " + quoted(text) + " is not known")
                             .hint(near ? "did you mean " + *near + "?" : "kill -l lists them"));
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before_);  // It returns its error, and has none here.
}

SignalsBlocked::~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace tare::sys
