// SPDX-License-Identifier: Apache-2.0
#include "store/decompressor.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "store/streams.h"
#include "sys/files.h"

namespace tare::store {
namespace {

constexpr std::size_t kPiece = 256 << 10;

Result<> decompress_to(int input, int output) {
  FileSource source(input);
  FileSink sink(output);
  const auto plain = TRY(codec::decompress(source, kMaxUncompressed));
  const auto copied = codec::copy(*plain, sink);
  // Who reads it has gone, and says why.
  if (!copied && copied.error().errnum() != EPIPE) return std::unexpected(copied.error());
  return {};
}

// Descriptors that are to get the numbers 3 and up must not have them.
Result<sys::Fd> out_of_the_way(int fd) {
  constexpr int kAbove = 16;
  const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, kAbove);
  if (moved < 0) return fail_errno("duplicate a descriptor");
  return sys::Fd(moved);
}

// The program with its four descriptors and an empty environment; its process id.
Result<pid_t> spawn_inflate(const std::string& program, const std::array<int, 4>& descriptors) {
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0)
    return std::unexpected(Error::sys(error, "posix_spawn"));
  for (std::size_t i = 0; i < descriptors.size(); ++i)
    ::posix_spawn_file_actions_adddup2(&actions, descriptors[i],
                                       kInflateInput + static_cast<int>(i));
  std::string name = "tare-inflate";
  char* const words[] = {name.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, words, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return std::unexpected(Error::sys(error, "start " + program));
  return pid;
}

Result<Confined> start_program(const std::string& program, int input, int output, int empty_dir) {
  sys::Pipe report = TRY(sys::make_pipe());
  std::array<sys::Fd, 4> moved;
  std::array<int, 4> numbers{};
  const int given[] = {input, output, report.write.get(), empty_dir};
  for (std::size_t i = 0; i < moved.size(); ++i) {
    moved[i] = TRY(out_of_the_way(given[i]));
    numbers[i] = moved[i].get();
  }
  const pid_t pid = TRY(spawn_inflate(program, numbers));
  return Confined::adopt(pid, std::move(report.read));
}

}  // namespace

codec::Compression compression_of(int file) {
  std::array<char, 6> first{};
  const ssize_t count = ::pread(file, first.data(), first.size(), 0);
  return codec::detect_compression({first.data(), count > 0 ? static_cast<std::size_t>(count) : 0});
}

Result<Decompressor> Decompressor::start(const Request& request) {
  sys::Pipe pipe = TRY(make_wide_pipe());
  const int output = pipe.write.get();
  const bool has_program = !request.program.empty() && ::access(request.program.c_str(), X_OK) == 0;
  if (has_program)
    return Decompressor(
        TRY(start_program(request.program, request.input, output, request.empty_dir)),
        std::move(pipe.read));
  return Decompressor(
      TRY(Confined::start({.root = request.empty_dir,
                           .ids = our_id(),
                           .inputs = {request.input, output},
                           .file_bytes = 0},
                          [&](const Report&) { return decompress_to(request.input, output); })),
      std::move(pipe.read));
}

Result<std::unique_ptr<DecompressedSource>> DecompressedSource::start(codec::Source& inner,
                                                                      const std::string& program,
                                                                      int empty_dir) {
  sys::Pipe pipe = TRY(make_wide_pipe());
  Decompressor process = TRY(
      Decompressor::start({.input = pipe.read.get(), .empty_dir = empty_dir, .program = program}));
  if (::fcntl(pipe.write.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno("fcntl");
  return std::unique_ptr<DecompressedSource>(
      new DecompressedSource(inner, std::move(pipe.write), std::move(process)));
}

// As much of `inner` as the process takes now.
Result<> DecompressedSource::feed() {
  if (pending_.empty()) {
    pending_.resize(kPiece);
    pending_.resize(TRY(inner_.read(pending_.data(), pending_.size())));
    if (pending_.empty()) {
      input_.reset();
      return {};
    }
  }
  const ssize_t count = ::write(input_.get(), pending_.data(), pending_.size());
  if (count >= 0) pending_.erase(0, static_cast<std::size_t>(count));
  if (count >= 0 || errno == EAGAIN || errno == EINTR) return {};
  if (errno != EPIPE) return fail_errno("write to the decompressing process");
  input_.reset();  // It has ended; what it says tells why.
  return {};
}

Result<std::size_t> DecompressedSource::read(char* buffer, std::size_t size) {
  if (!process_) return 0;
  for (;;) {
    std::array<pollfd, 2> ends = {{{.fd = process_->output(), .events = POLLIN, .revents = 0},
                                   {.fd = input_.get(), .events = POLLOUT, .revents = 0}}};
    if (::poll(ends.data(), ends.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return fail_errno("poll");
    }
    if (ends[0].revents != 0) {
      const ssize_t count = ::read(process_->output(), buffer, size);
      if (count > 0) return static_cast<std::size_t>(count);
      if (count < 0 && errno != EINTR) return fail_errno("read what was decompressed");
      if (count < 0) continue;
      input_.reset();
      Decompressor ended = std::move(*process_);
      process_.reset();
      TRY(ended.finish());
      return 0;
    }
    if (ends[1].revents != 0) TRY(feed());
  }
}

void run_inflate() {
  become_confined(
      {.root = kInflateDirectory, .ids = our_id(), .inputs = {kInflateInput, kInflateOutput}},
      [](const Report&) { return decompress_to(kInflateInput, kInflateOutput); }, kInflateReport);
}

}  // namespace tare::store
