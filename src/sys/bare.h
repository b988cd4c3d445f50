// SPDX-License-Identifier: Apache-2.0
// System calls without a C library, for the two programs that live as long as a container: static
// glibc costs 690 kB of PSS for a program that only sleeps, this costs a few pages. [measured,
// glibc 2.36] Nothing here allocates, throws or needs thread-local storage.
//
// Every function returns what the kernel returns: a negative errno value on failure. Descriptors
// are borrowed. Usable in hosted code as well, so that tests can link what is built on it.
#pragma once

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include <cstddef>
#include <cstdint>

namespace tare::bare {

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
#if defined(__x86_64__)
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0"
               : "+r"(x0)
               : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
               : "memory");
  return x0;
#else
#error "tare::bare needs this architecture's way into the kernel."
#endif
}

template <typename T>
long word(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

[[noreturn]] inline void exit(int code) {
  for (;;) call(__NR_exit_group, code);
}

inline long read(int fd, void* buffer, std::size_t size) {
  return call(__NR_read, fd, word(buffer), static_cast<long>(size));
}
inline long write(int fd, const void* bytes, std::size_t size) {
  return call(__NR_write, fd, word(bytes), static_cast<long>(size));
}
inline long writev(int fd, const iovec* parts, int count) {
  return call(__NR_writev, fd, word(parts), count);
}
inline long close(int fd) { return call(__NR_close, fd); }
// Always close-on-exec.
inline long open_at(int dir, const char* name, int flags, unsigned mode = 0600) {
  return call(__NR_openat, dir, word(name), flags | O_CLOEXEC, mode);
}
inline long make_directory_at(int dir, const char* name, unsigned mode) {
  return call(__NR_mkdirat, dir, word(name), mode);
}
// Within one directory.
inline long rename_at(int dir, const char* from, const char* to) {
  return call(__NR_renameat2, dir, word(from), dir, word(to), 0);
}
inline long unlink_at(int dir, const char* name, int flags = 0) {
  return call(__NR_unlinkat, dir, word(name), flags);
}
inline long truncate(int fd, std::int64_t size) { return call(__NR_ftruncate, fd, size); }
inline long seek(int fd, std::int64_t offset, int whence) {
  return call(__NR_lseek, fd, offset, whence);
}
inline long sync(int fd) { return call(__NR_fsync, fd); }
inline long control(int fd, int command, long argument) {
  return call(__NR_fcntl, fd, command, argument);
}
inline long device_control(int fd, unsigned long request, long argument) {
  return call(__NR_ioctl, fd, static_cast<long>(request), argument);
}

// Milliseconds; negative waits for ever.
inline long poll(pollfd* fds, unsigned count, long timeout_ms) {
  timespec limit{.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1'000'000};
  return call(__NR_ppoll, word(fds), count, timeout_ms < 0 ? 0 : word(&limit), 0,
              sizeof(std::uint64_t));
}

inline std::int64_t clock_ns(int clock) {
  timespec now{};
  call(__NR_clock_gettime, clock, word(&now));
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

inline void sleep_ms(long milliseconds) { poll(nullptr, 0, milliseconds); }

// Signal sets of the kernel: bit n-1 is signal n.
inline constexpr std::uint64_t signal_bit(int signal) { return std::uint64_t{1} << (signal - 1); }
inline long signal_mask(int how, std::uint64_t set, std::uint64_t* old = nullptr) {
  return call(__NR_rt_sigprocmask, how, word(&set), word(old), sizeof set);
}
// SIG_IGN or SIG_DFL only: handlers would need a restorer. [sigaction(2), kernel's struct
// sigaction]
inline long signal_disposition(int signal, bool ignore) {
  struct {
    std::uintptr_t handler;
    unsigned long flags;
    std::uintptr_t restorer;
    std::uint64_t mask;
  } action{.handler = ignore ? 1ul : 0ul, .flags = 0, .restorer = 0, .mask = 0};
  return call(__NR_rt_sigaction, signal, word(&action), 0, sizeof(std::uint64_t));
}

inline void* map_memory(std::size_t size) {
  const long result = call(__NR_mmap, 0, static_cast<long>(size), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return result < 0 && result > -4096 ? nullptr : reinterpret_cast<void*>(result);
}
inline void unmap_memory(void* memory, std::size_t size) {
  call(__NR_munmap, word(memory), static_cast<long>(size));
}

inline std::size_t length(const char* text) {
  std::size_t n = 0;
  while (text[n] != '\0') ++n;
  return n;
}

// The rest of `text` after `prefix`, or nullptr.
inline const char* after(const char* text, const char* prefix) {
  while (*prefix != '\0')
    if (*text++ != *prefix++) return nullptr;
  return text;
}

inline bool equal(const char* a, const char* b) {
  const char* rest = after(a, b);
  return rest != nullptr && *rest == '\0';
}

// A whole decimal number up to `limit`, or -1. [security rule: identities are parsed strictly]
inline std::int64_t parse_number(const char* text, std::int64_t limit) {
  if (*text == '\0') return -1;
  std::int64_t value = 0;
  for (; *text != '\0'; ++text) {
    if (*text < '0' || *text > '9') return -1;
    const int digit = *text - '0';
    if (value > (limit - digit) / 10) return -1;
    value = value * 10 + digit;
  }
  return value;
}

// Builds a short text in a buffer of fixed size; what does not fit is left out.
template <std::size_t Size>
class Text {
 public:
  Text& add(const char* text) {
    while (*text != '\0') add_char(*text++);
    return *this;
  }
  Text& add_char(char c) {
    if (used_ + 1 < Size) data_[used_++] = c;
    data_[used_] = '\0';
    return *this;
  }
  // At least `digits` digits, with zeros in front.
  Text& add_number(std::int64_t value, int digits = 1) {
    char reversed[24];
    int count = 0;
    std::uint64_t rest = value < 0 ? -static_cast<std::uint64_t>(value) : value;
    for (; rest != 0 || count < digits; rest /= 10)
      reversed[count++] = static_cast<char>('0' + rest % 10);
    if (value < 0) add_char('-');
    while (count > 0) add_char(reversed[--count]);
    return *this;
  }
  const char* text() const { return data_; }
  std::size_t size() const { return used_; }

 private:
  std::size_t used_ = 0;
  char data_[Size] = {};
};

}  // namespace tare::bare
