// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. Decompressing bytes from strangers in a confined process, of ISA-L where there is the
// program tare-inflate for it and of zlib otherwise. docs/decisions/0014
#pragma once

#include <optional>
#include <string>

#include "codec/compress.h"
#include "codec/stream.h"
#include "store/confine.h"
#include "sys/fd.h"

namespace tare::store {

// More than any archive or layer has, uncompressed.
constexpr std::uint64_t kMaxUncompressed = 1ull << 40;

// One stream being decompressed. The destructor kills the process.
class Decompressor {
 public:
  struct Request {
    int input = -1;       // Read from where it stands to its end. Borrowed.
    int empty_dir = -1;   // An empty directory, all that the process sees. Borrowed.
    std::string program;  // Path of tare-inflate; empty or not there: our own code decompresses.
  };
  // Errors: Unsupported (no user namespaces here).
  static Result<Decompressor> start(const Request& request);

  // The pipe that the uncompressed bytes come from.
  int output() const { return output_.get(); }
  void close_output() { output_.reset(); }  // The process ends when it has more to say.
  // Waits for the end. Errors: those of the stream (Corrupt, Invalid).
  Result<> finish() { return process_.finish({}); }

 private:
  Decompressor(Confined process, sys::Fd output)
      : process_(std::move(process)), output_(std::move(output)) {}
  Confined process_;
  sys::Fd output_;
};

// What a file starts with; a pipe has to be looked into by who reads it.
codec::Compression compression_of(int file);

// A compressed stream as an uncompressed one. `inner` is read by this process, decompressed by
// another one.
class DecompressedSource : public codec::Source {
 public:
  static Result<std::unique_ptr<DecompressedSource>> start(codec::Source& inner,
                                                           const std::string& program,
                                                           int empty_dir);
  Result<std::size_t> read(char* buffer, std::size_t size) override;

 private:
  DecompressedSource(codec::Source& inner, sys::Fd input, Decompressor process)
      : inner_(inner), input_(std::move(input)), process_(std::move(process)) {}
  Result<> feed();

  codec::Source& inner_;
  sys::Fd input_;  // What the process reads from; empty when there is no more.
  std::optional<Decompressor> process_;
  std::string pending_;  // Read from `inner_`, and not taken yet.
};

// The rest of tare-inflate's main(). Its descriptors, which start() gives it:
constexpr int kInflateInput = 3;
constexpr int kInflateOutput = 4;
constexpr int kInflateReport = 5;
constexpr int kInflateDirectory = 6;
[[noreturn]] void run_inflate();

}  // namespace tare::store
