// SPDX-License-Identifier: Apache-2.0
// How everything in Tare fails: one Error type with a kind (what the caller can do about it) and a
// sentence for the operator. Functions that can fail return Result<T>; TRY passes failures up.
#pragma once

#include <cstdint>
#include <expected>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace tare {

// What the caller can do about a failure. Fronts map kinds one to one to exit status or HTTP
// status, with a switch that has no default, so a new kind has to be added everywhere.
enum class Kind : std::uint8_t {
  Invalid,      // The request is wrong: change it.
  NotFound,     // What was named does not exist.
  Exists,       // The name is taken.
  Denied,       // Permission or policy refuses.
  Busy,         // In use; may work later.
  Unsupported,  // This kernel, file system or build cannot do it.
  Corrupt,      // Data does not match its digest or its format.
  Unavailable,  // A resource ran out or a peer did not answer.
  Internal,     // Our own fault.
};

// Not inline, and cold: every TRY has a copy of what is done on failure, and the compiler keeps
// that apart from what runs. A program of which less is touched starts faster.
#define TARE_COLD [[gnu::cold, gnu::noinline]]

class [[nodiscard]] Error {
 public:
  TARE_COLD Error(Kind kind, std::string message,
                  std::source_location where = std::source_location::current());
  TARE_COLD Error(const Error& other);
  TARE_COLD Error(Error&& other) noexcept;
  TARE_COLD Error& operator=(const Error& other);
  TARE_COLD Error& operator=(Error&& other) noexcept;
  TARE_COLD ~Error();

  // From a failed system call. `errnum` is a positive errno value (errno(3)); the kind follows from
  // it. `call` says what was called on what: "openat2 '/etc/passwd'".
  TARE_COLD static Error sys(int errnum, std::string_view call,
                             std::source_location where = std::source_location::current());

  // An error that crossed a process boundary, put together again.
  static Error restore(Kind kind, int errnum, std::string message) {
    Error error(kind, std::move(message));
    error.errnum_ = errnum;
    return error;
  }

  // Adds what we were trying to do. The inner text stays last: "start web: mount /proc: EPERM".
  TARE_COLD Error wrap(std::string_view doing) &&;

  // Adds the next thing to try; shown on a line of its own. The outermost hint is dropped if an
  // inner one exists, because the inner one knows more.
  TARE_COLD Error hint(std::string text) &&;

  Kind kind() const { return kind_; }
  int errnum() const { return errnum_; }  // 0 when no system call failed.
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const std::source_location& where() const { return where_; }  // For debugging, never for users.

 private:
  Kind kind_;
  int errnum_ = 0;
  std::string message_;
  std::string hint_;
  std::source_location where_;
};

// A class and not an alias: libstdc++ 12 does not mark std::expected [[nodiscard]], so with an
// alias the compiler says nothing about an ignored failure.
template <typename T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

TARE_COLD std::unexpected<Error> fail(Kind kind, std::string message,
                                      std::source_location where = std::source_location::current());

// Fails with the current errno. To be called before anything else can change errno.
TARE_COLD std::unexpected<Error> fail_errno(
    std::string_view call, std::source_location where = std::source_location::current());

// The symbolic name of an errno value, "ENOENT"; "errno 4711" for unknown ones.
std::string errno_name(int errnum);

}  // namespace tare

// TRY(expr): the value of a Result, or return its error to our caller.
// TRY(expr, "doing what"): the same, with context added on the way out.
// A statement, or the whole right side of a declaration; one a line.
#define TRY(expr, ...)                                                                             \
  ({                                                                                               \
    auto&& tare_result_ = (expr);                                                                  \
    if (!tare_result_) [[unlikely]]                                                                \
      return std::unexpected(std::move(tare_result_).error() __VA_OPT__(TARE_WRAP_(__VA_ARGS__))); \
    std::move(tare_result_).value();                                                               \
  })
#define TARE_WRAP_(doing) .wrap(doing)
