// SPDX-License-Identifier: Apache-2.0
// For tests of store and image only: a store in a temporary directory, and archives made in memory.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "codec/compress.h"
#include "codec/sha256.h"
#include "codec/tar.h"
#include "store/store.h"
#include "sys/files.h"

namespace tare::testing {

// Unpacking changes owners and makes namespaces. Ordinary users get there through a user namespace,
// which the scenario tests do.
inline bool may_unpack() {
  if (::geteuid() == 0) return true;
  MESSAGE("skipped: needs root, or root of a user namespace");
  return false;
}

// The value of a result, or a failed test that says why.
template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

class TempDir {
 public:
  TempDir() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr ? base : "/tmp") + "/tare-test-XXXXXX";
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
    fd_ = must(sys::open_path(path_, O_RDONLY | O_DIRECTORY));
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    fd_.reset();
    (void)sys::remove_tree(AT_FDCWD, path_);
  }
  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  sys::Fd fd_;
};

struct TempStore {
  TempDir dir;
  store::Store store = must(store::Store::open(dir.path() + "/store"));
};

inline tar::Entry entry(const std::string& name, tar::Type type, std::uint32_t mode = 0644) {
  tar::Entry out;
  out.name = name;
  out.type = type;
  out.mode = mode;
  out.mtime = 1'700'000'000'000'000'000;
  return out;
}

// Builds a tar archive in memory.
class Tar {
 public:
  Tar() : writer_(sink_) {}
  Tar& file(const std::string& name, const std::string& content = "", std::uint32_t mode = 0644) {
    tar::Entry e = entry(name, tar::Type::Regular, mode);
    e.size = content.size();
    must(writer_.add_file(e, content));
    return *this;
  }
  Tar& file(tar::Entry e, const std::string& content) {
    e.size = content.size();
    must(writer_.add_file(e, content));
    return *this;
  }
  Tar& dir(const std::string& name, std::uint32_t mode = 0755) {
    return add(entry(name, tar::Type::Directory, mode));
  }
  Tar& link(const std::string& name, const std::string& target) {
    tar::Entry e = entry(name, tar::Type::Symlink, 0777);
    e.link = target;
    return add(e);
  }
  Tar& hard_link(const std::string& name, const std::string& target) {
    tar::Entry e = entry(name, tar::Type::HardLink);
    e.link = target;
    return add(e);
  }
  Tar& add(const tar::Entry& e) {
    must(writer_.add(e));
    return *this;
  }
  std::string bytes() {
    must(writer_.finish());
    return sink_.bytes();
  }

 private:
  codec::StringSink sink_;
  tar::Writer writer_;
};

inline std::string compressed(codec::Compression format, std::string_view bytes) {
  codec::StringSink sink;
  const auto compressor = must(codec::compress(format, sink));
  must(compressor->write(bytes));
  must(compressor->finish());
  return sink.bytes();
}

// Two places for the ids of a container: root has all ids of the host, root of an ordinary user's
// namespace the ones after its own. (One range of the kernel lies within one of the parent.)
inline std::uint32_t first_ids() { return sys::in_initial_user_namespace() ? 100000 : 1; }
inline std::uint32_t other_ids() { return sys::in_initial_user_namespace() ? 300000 : 2; }
inline sys::IdMap container_ids(std::uint32_t outside = first_ids()) {
  sys::IdMap ids;
  const std::uint32_t count = sys::in_initial_user_namespace() ? 65536 : 65534;
  ids.ranges.push_back({.inside = 0, .outside = outside, .count = count});
  return ids;
}

}  // namespace tare::testing
