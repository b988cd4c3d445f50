// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace tare {

Error::Error(Kind kind, std::string message, std::source_location where)
    : kind_(kind), message_(std::move(message)), where_(where) {}
Error::Error(const Error& other) = default;
Error::Error(Error&& other) noexcept = default;
Error& Error::operator=(const Error& other) = default;
Error& Error::operator=(Error&& other) noexcept = default;
Error::~Error() = default;

Error Error::wrap(std::string_view doing) && {
  message_.insert(0, std::string(doing) + ": ");
  return std::move(*this);
}

Error Error::hint(std::string text) && {
  if (hint_.empty()) hint_ = std::move(text);
  return std::move(*this);
}

std::unexpected<Error> fail(Kind kind, std::string message, std::source_location where) {
  return std::unexpected(Error(kind, std::move(message), where));
}
namespace {

Kind kind_of(int errnum) {
  switch (errnum) {
    case ENOENT:
    case ESRCH:
    case ENXIO:
      return Kind::NotFound;
    case EEXIST:
    case ENOTEMPTY:
      return Kind::Exists;
    case EPERM:
    case EACCES:
    case EROFS:
      return Kind::Denied;
    case EBUSY:
    case EAGAIN:
    case ETXTBSY:
    case ETIMEDOUT:
      return Kind::Busy;
    case ENOSYS:
    case EOPNOTSUPP:
      return Kind::Unsupported;
    case EINVAL:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return Kind::Invalid;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EIO:
    case ECONNREFUSED:
    case EPIPE:
      return Kind::Unavailable;
    default:
      return Kind::Internal;
  }
}

}  // namespace

std::string errno_name(int errnum) {
  const char* name = ::strerrorname_np(errnum);
  return name != nullptr ? std::string(name) : "errno " + std::to_string(errnum);
}

Error Error::sys(int errnum, std::string_view call, std::source_location where) {
  std::string text(call);
  text += ": ";
  text += ::strerrordesc_np(errnum) != nullptr ? ::strerrordesc_np(errnum) : "unknown error";
  text += " (" + errno_name(errnum) + ")";
  Error error(kind_of(errnum), std::move(text), where);
  error.errnum_ = errnum;
  return error;
}

std::unexpected<Error> fail_errno(std::string_view call, std::source_location where) {
  const int saved = errno;
  return std::unexpected(Error::sys(saved, call, where));
}

}  // namespace tare
