// SPDX-License-Identifier: Apache-2.0
// login and logout.
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/session.h"
#include "image/login.h"

namespace tare::cli {
namespace {

constexpr std::size_t kMaxPassword = 64 << 10;  // Tokens are long.

// A byte at a time: what is behind the line belongs to who reads next.
Result<std::string> read_line() {
  std::string line;
  char c = 0;
  while (line.size() < kMaxPassword && TRY(sys::read_full(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
    line += c;
  return std::string(trim(line));
}

Result<std::string> ask(const std::string& what, bool hidden) {
  if (::isatty(STDIN_FILENO) != 1)
    return std::unexpected(
        Error(Kind::Invalid, "there is no terminal to ask for the " + what)
            .hint("echo PASSWORD | tare login --username USER --password-stdin SERVER"));
  (void)sys::write_all(STDERR_FILENO, (hidden ? "Password: " : "Username: "));
  if (!hidden) return read_line();
  auto line = []() -> Result<std::string> {
    SignalGuard signals(false);  // Who interrupts us gets the echo back, too.
    TRY(signals.make_silent(STDIN_FILENO));
    return read_line();
  }();
  (void)sys::write_all(STDERR_FILENO, "\n");
  return line;
}

Result<std::string> password_of(const Arguments& arguments, Context& context) {
  if (arguments.flag("password-stdin")) {
    std::string text = TRY(sys::read_all(STDIN_FILENO, kMaxPassword), "read the password");
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
  }
  if (const auto given = arguments.value("password")) {
    context.warn("a password on the command line can be seen by others; use --password-stdin");
    return *given;
  }
  return ask("password", true);
}

}  // namespace

Result<int> cmd_login(Context& context, const Arguments& arguments) {
  image::LoginRequest request;
  request.server = arguments.operands.empty() ? "" : arguments.operands[0];
  if (arguments.flag("password-stdin") &&
      (!arguments.given("username") || arguments.given("password")))
    return fail(Kind::Invalid, "--password-stdin goes with --username and without --password");
  request.user = arguments.value_or("username", "");
  if (request.user.empty()) request.user = TRY(ask("user", false));
  request.password = TRY(password_of(arguments, context));
  if (request.user.empty() || request.password.empty())
    return fail(Kind::Invalid, "a user and a password are needed");
  if (arguments.given("tls-verify")) request.options.tls_verify = arguments.flag("tls-verify");
  request.options.program = transfer_program();
  const image::LoginResult result = TRY(image::login(request));
  if (result.is_plain)
    context.warn("the password is kept unencrypted in " + quoted(result.file) +
                 "; a credential helper (credsStore) keeps it better");
  context.print("Login Succeeded\n");
  return 0;
}

Result<int> cmd_logout(Context& context, const Arguments& arguments) {
  const std::string server = arguments.operands.empty() ? "" : arguments.operands[0];
  const std::string host = image::server_host(server);
  const bool known = TRY(image::logout(server));
  context.print(known ? "Removing login credentials for " + host + "\n"
                      : "Not logged in to " + host + "\n");
  return 0;
}

}  // namespace tare::cli
