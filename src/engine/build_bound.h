// SPDX-License-Identifier: Apache-2.0
// What a build may write beside what it keeps: archives that are unpacked, layers on their way into
// the store. Private to the room.
#pragma once

#include <cstdint>

#include "codec/stream.h"
#include "engine/engine.h"
#include "store/store.h"

namespace tare::engine {

class BuildBound {
 public:
  BuildBound(Engine& engine, store::Store& store) : engine_(engine), store_(store) {}

  // Before `bytes` more are written. The store is looked through only when it is much. Errors:
  // Unavailable (they are more than the store has room for, or the disk).
  Result<> take(std::uint64_t bytes);
  // Whatever is taken while this lives is given back at its end: the files have gone.
  class Hold {
   public:
    explicit Hold(BuildBound& bound) : bound_(bound), before_(bound.taken_) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { bound_.taken_ = before_; }

   private:
    BuildBound& bound_;
    std::uint64_t before_;
  };

 private:
  Engine& engine_;
  store::Store& store_;
  std::uint64_t taken_ = 0;
  std::uint64_t most_ = 0;  // Of `taken_`; 0: not known.
  bool is_exact_ = false;   // The store was looked through for it.
};

class BoundSource : public codec::Source {
 public:
  BoundSource(codec::Source& inner, BuildBound& bound) : inner_(inner), bound_(bound) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = TRY(inner_.read(buffer, size));
    TRY(bound_.take(count));
    return count;
  }

 private:
  codec::Source& inner_;
  BuildBound& bound_;
};

class BoundSink : public codec::Sink {
 public:
  BoundSink(codec::Sink& inner, BuildBound& bound) : inner_(inner), bound_(bound) {}
  Result<> write(std::string_view bytes) override {
    TRY(bound_.take(bytes.size()), "the layer of the step");
    return inner_.write(bytes);
  }

 private:
  codec::Sink& inner_;
  BuildBound& bound_;
};

}  // namespace tare::engine
