// SPDX-License-Identifier: Apache-2.0
// What one RUN downloads, noted by tare-record. Private to the room.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "build/workshop.h"
#include "engine/engine.h"
#include "image/steps.h"
#include "store/store.h"
#include "transfer/recorder.h"

namespace tare::engine {

// The environment and the files that a program gets for it, without those that it has itself: the
// same ones in every build. `proxies` gets what the program was to use instead.
std::vector<std::string> recorded_environment(std::vector<std::string> environment,
                                              transfer::Proxies& proxies);
// In the container: certificates, and settings of programs that read no variable.
inline constexpr const char* kRecorderFiles = "/run/tare-build";
inline constexpr const char* kRecorderCertificates = "certificates.pem";
// Writes them into a directory. `certificates`: those that the image has, PEM.
Result<> write_recorder_files(int dir, const std::string& certificates,
                              const transfer::Authority& authority, bool is_locked);
// The certificates of the root file system `root`, "" when it has none.
std::string certificates_of(int root);
// A file there that programs read whatever the environment says, and that has to be covered for
// that; null: none.
const char* own_bundle(int root);

class RunRecorder {
 public:
  struct Place {
    store::Store& store;  // Outlives this.
    std::string program;
  };
  // Errors: those of the store.
  static Result<std::unique_ptr<RunRecorder>> prepare(Place place, const build::RunRequest& request,
                                                      transfer::RecorderSettings settings);
  RunRecorder(const RunRecorder&) = delete;
  RunRecorder& operator=(const RunRecorder&) = delete;
  ~RunRecorder();

  // For Engine::StartRequest::beside: makes the socket where the container is. And, when it has
  // started: takes that socket.
  std::function<Result<>(int pid)> beside();
  Result<> begin();

  // Readable when pump() has something to do: the program of the container asks for the first time,
  // or the recorder has ended. Errors: Unavailable (it ended).
  int fd() const { return recorder_ ? recorder_->pidfd() : listener_.get(); }
  Result<> pump();

  // When the program has ended: what it got, kept in the store. `is_locked` errors: Denied, naming
  // what it asked for and did not get. Whoever calls keeps blobs from being removed.
  Result<std::vector<image::Material>> finish();
  // After finish(): whether that is all that it can have got from elsewhere, as it had no other way
  // there.
  bool is_whole() const { return is_only_way_ && is_whole_; }
  // What was refused so far, in a sentence; "": nothing.
  std::string refused() const;
  // What servers did not give, and why: a line each, with its end. Programs tell little of it.
  std::string failures() const;

 private:
  RunRecorder(Place place, transfer::RecorderSettings settings, bool asks_from_here)
      : place_(std::move(place)), settings_(std::move(settings)), asks_from_here_(asks_from_here) {}
  Result<> lay_out(const std::vector<image::Material>& answers);
  Result<std::vector<transfer::Answer>> read_notes() const;
  Result<image::Material> keep(const transfer::Answer& answer);

  Place place_;
  transfer::RecorderSettings settings_;
  bool asks_from_here_;
  bool is_only_way_ = false;
  bool is_whole_ = true;
  std::optional<store::Store::Scratch> scratch_;
  sys::Fd bodies_;
  sys::Fd notes_;
  sys::Fd ours_;    // A pair of sockets: the launcher sends the
  sys::Fd theirs_;  // descriptors that follow.
  sys::Fd listener_;
  sys::Fd inside_;  // The container's network namespace.
  std::optional<transfer::Recorder> recorder_;
};

}  // namespace tare::engine
