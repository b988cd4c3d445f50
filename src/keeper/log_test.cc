// SPDX-License-Identifier: Apache-2.0
// The log's cutting of lines; the program as a whole is tested by tests/keeper/run.
#include "keeper/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>

#include <memory>
#include <random>
#include <string>

#include "base/text.h"
#include "sys/fd.h"
#include "sys/files.h"

using namespace tare;
using namespace tare::keeper;

namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/tare-log-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
    fd_ = sys::open_path(path_, O_RDONLY | O_DIRECTORY).value();
  }
  ~TemporaryDirectory() { (void)sys::remove_tree(AT_FDCWD, path_); }
  int fd() const { return fd_.get(); }
  std::string read(const std::string& name) const {
    return sys::load_file(fd_.get(), "log/" + name, 64 << 20).value_or("");
  }

 private:
  std::string path_;
  sys::Fd fd_;
};

// The bytes of a stream, as a reader of the log puts them together again.
std::string content(const std::string& log, const std::string& stream) {
  std::string result;
  for (const std::string& line : split(log, '\n')) {
    if (line.empty()) continue;
    REQUIRE(line.size() >= 40);
    REQUIRE(line.size() <= 40 + kLongestLine);
    if (line.substr(31, 6) != stream) continue;
    result += line.substr(40);
    if (line[38] == 'F') result += '\n';
  }
  return result;
}

}  // namespace

TEST_CASE("timestamps") {
  for (const UnixNanos when :
       {0LL, 951'782'399'999'999'999LL, 951'782'400'000'000'001LL, 1'795'503'583'038'622'015LL,
        4'107'542'399'000'000'000LL, 1'709'164'800'123'000'000LL, 86'399'999'999'999LL}) {
    bare::Text<96> text;
    add_timestamp(text, when);
    CHECK(parse_rfc3339(text.text()).value() == when);
    CHECK(std::string(text.text()).size() == 30);
  }
}

TEST_CASE("random pieces of random lines come back as they were") {
  std::mt19937 dice(5);
  for (int round = 0; round < 40; ++round) {
    const TemporaryDirectory directory;
    const auto log = std::make_unique<Log>();
    log->open(directory.fd(), 64 << 20, 2);
    std::string want[2];
    for (int i = 0; i < 60; ++i) {
      std::string piece;
      for (unsigned lines = dice() % 4; lines > 0; --lines) {
        const unsigned sizes[] = {0, 1, 100, 16383, 16384, 16385, 40000};
        piece += std::string(sizes[dice() % 7], static_cast<char>('a' + dice() % 26));
        if (dice() % 3 != 0) piece += '\n';
      }
      const unsigned stream = dice() % 2;
      log->write(static_cast<Stream>(stream), piece.data(), piece.size(),
                 1'795'503'583'000'000'000);
      want[stream] += piece;
    }
    log->finish(1'795'503'583'000'000'000);
    const std::string text = directory.read("0.log");
    CHECK(content(text, "stdout") == want[0]);
    CHECK(content(text, "stderr") == want[1]);
  }
}

TEST_CASE("a log of one file is emptied, others are rotated") {
  const TemporaryDirectory directory;
  const auto log = std::make_unique<Log>();
  log->open(directory.fd(), 4096, 3);
  for (int i = 0; i < 1000; ++i) {
    const std::string line = std::to_string(i) + "\n";
    log->write(Stream::Out, line.data(), line.size(), 0);
  }
  CHECK(directory.read("0.log").size() <= 4096);
  CHECK(directory.read("2.log").size() <= 4096);
  CHECK(directory.read("3.log").empty());
  const std::string all = content(directory.read("2.log"), "stdout") +
                          content(directory.read("1.log"), "stdout") +
                          content(directory.read("0.log"), "stdout");
  CHECK(all.ends_with("997\n998\n999\n"));
  CHECK(log->drop_oldest());
  CHECK(directory.read("2.log").empty());
  CHECK(log->drop_oldest());
  CHECK_FALSE(log->drop_oldest());
}
