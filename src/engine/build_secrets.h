// SPDX-License-Identifier: Apache-2.0
// Secrets that were given to a build, looked for in what it made and in what it said. Private to
// the room.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "build/builder.h"
#include "image/leaks.h"

namespace tare::engine {

// Passes on what a build tells, and listens for secrets in what programs say.
class SecretListener : public build::Reporter {
 public:
  // All must outlive the object.
  SecretListener(build::Reporter& reporter, const image::Secrets& secrets);
  SecretListener(const SecretListener&) = delete;
  SecretListener& operator=(const SecretListener&) = delete;
  ~SecretListener() override;

  void begins(const build::StepInfo& step, std::string_view why) override {
    reporter_.begins(step, why);
  }
  void says(const build::StepInfo& step, std::string_view output) override;
  void ends(const build::StepInfo& step) override;
  void is_cached(const build::StepInfo& step) override { reporter_.is_cached(step); }
  bool is_interrupted() const override { return reporter_.is_interrupted(); }
  void waits() override { reporter_.waits(); }

  // A sentence for each secret that was said.
  std::vector<std::string> notes();

 private:
  struct State;
  build::Reporter& reporter_;
  std::unique_ptr<State> state_;
};

// Sentences about secrets in what the target's steps have made, when no image is made of it.
Result<std::vector<std::string>> find_secrets_in_steps(store::Store& store,
                                                       const image::Secrets& secrets,
                                                       const build::Built& built);
// Marks the image that was built as one with secrets, if it is. Gives sentences. `images`: all that
// are here.
Result<std::vector<std::string>> mark_secrets(store::Store& store,
                                              const std::vector<image::Image>& images,
                                              const image::Secrets& secrets,
                                              const build::Built& built);

}  // namespace tare::engine
