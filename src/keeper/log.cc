// SPDX-License-Identifier: Apache-2.0
#include "keeper/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>  // renameat
#include <cstring>

namespace tare::keeper {
namespace {

char* put_number(char* at, std::uint64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
  return at + digits;
}

// "2026-11-24T05:04:53.123456789Z ". Days to a date as in the proleptic Gregorian calendar; gmtime
// would bring time zone code along.
char* put_time(char* at) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto seconds = static_cast<std::uint64_t>(now.tv_sec);
  const std::uint64_t days = seconds / 86400 + 719468;  // From 0000-03-01.
  const std::uint64_t era = days / 146097;
  const std::uint64_t day_of_era = days % 146097;
  const std::uint64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::uint64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint64_t shifted_month = (5 * day_of_year + 2) / 153;  // March is 0.
  const std::uint64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  at = put_number(at, era * 400 + year_of_era + (month <= 2 ? 1 : 0), 4);
  *at++ = '-';
  at = put_number(at, month, 2);
  *at++ = '-';
  at = put_number(at, day_of_year - (153 * shifted_month + 2) / 5 + 1, 2);
  *at++ = 'T';
  at = put_number(at, seconds / 3600 % 24, 2);
  *at++ = ':';
  at = put_number(at, seconds / 60 % 60, 2);
  *at++ = ':';
  at = put_number(at, seconds % 60, 2);
  *at++ = '.';
  at = put_number(at, static_cast<std::uint64_t>(now.tv_nsec), 9);
  *at++ = 'Z';
  *at++ = ' ';
  return at;
}

// "log/N.log"
void put_name(char* at, unsigned number) {
  std::memcpy(at, "log/", 4);
  at += 4;
  at = put_number(at, number, number < 10 ? 1 : number < 100 ? 2 : 3);
  std::memcpy(at, ".log", 5);
}

}  // namespace

void Log::open(int dir, std::uint64_t max_bytes, unsigned files) {
  dir_ = dir;
  max_bytes_ = max_bytes;
  files_ = files < 1 ? 1 : files > 999 ? 999 : files;
  open_current();
}

void Log::open_current() {
  fd_ = ::openat(dir_, "log/0.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct stat info{};
  size_ = fd_ >= 0 && ::fstat(fd_, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

void Log::rotate() {
  if (fd_ >= 0) ::close(fd_);
  char from[24];
  char to[24];
  for (unsigned number = files_ - 1; number > 0; --number) {
    put_name(from, number - 1);
    put_name(to, number);
    (void)::renameat(dir_, from, dir_, to);  // A missing one is fine.
  }
  if (files_ == 1) ::unlinkat(dir_, "log/0.log", 0);
  open_current();
}

void Log::flush() {
  if (out_size_ == 0) return;
  if (size_ > 0 && size_ + out_size_ > max_bytes_) rotate();
  if (fd_ < 0) open_current();
  const ssize_t count = fd_ < 0 ? -1 : ::write(fd_, out_, out_size_);
  if (count < static_cast<ssize_t>(out_size_)) {
    // A full disk must not stop the container. What is half written would be a broken line: cut it.
    if (count > 0) (void)!::ftruncate(fd_, static_cast<off_t>(size_));
    lost_ += out_size_;
  } else {
    size_ += out_size_;
  }
  out_size_ = 0;
}

void Log::emit(unsigned stream, bool whole) {
  if (out_size_ + pending_size_[stream] + 160 > sizeof out_) flush();
  char* at = out_ + out_size_;
  if (lost_ > 0 && out_size_ == 0) {
    at = put_time(at);
    constexpr char kText[] = "stderr F [tare: the disk was full, bytes of log lost: ";
    std::memcpy(at, kText, sizeof kText - 1);
    at = put_number(at + sizeof kText - 1, lost_, 12);
    *at++ = ']';
    *at++ = '\n';
    lost_ = 0;
  }
  at = put_time(at);
  std::memcpy(at, stream == 0 ? "stdout " : "stderr ", 7);
  at += 7;
  *at++ = whole ? 'F' : 'P';
  *at++ = ' ';
  std::memcpy(at, pending_[stream], pending_size_[stream]);
  at += pending_size_[stream];
  *at++ = '\n';
  out_size_ = static_cast<std::size_t>(at - out_);
  pending_size_[stream] = 0;
}

void Log::write(unsigned stream, const char* bytes, std::size_t size) {
  while (size > 0) {
    const char* newline = static_cast<const char*>(std::memchr(bytes, '\n', size));
    const std::size_t length =
        newline != nullptr ? static_cast<std::size_t>(newline - bytes) : size;
    const std::size_t room = kLine - pending_size_[stream];
    const std::size_t taken = length < room ? length : room;
    std::memcpy(pending_[stream] + pending_size_[stream], bytes, taken);
    pending_size_[stream] += taken;
    bytes += taken;
    size -= taken;
    if (taken < length) {
      emit(stream, false);
    } else if (newline != nullptr) {
      emit(stream, true);
      ++bytes;
      --size;
    }
  }
  flush();
}

void Log::finish() {
  for (unsigned stream = 0; stream < 2; ++stream)
    if (pending_size_[stream] > 0) emit(stream, false);
  flush();
}

}  // namespace tare::keeper
