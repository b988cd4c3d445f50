// SPDX-License-Identifier: Apache-2.0
#include "store/decompressor.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "sys/files.h"

namespace tare::store {
namespace {

// Gives a text in small pieces, and then an error if it is to.
class Pieces : public codec::Source {
 public:
  explicit Pieces(std::string text, bool fails = false) : text_(std::move(text)), fails_(fails) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = text_.copy(buffer, std::min<std::size_t>(size, 1000), done_);
    done_ += count;
    if (count == 0 && fails_) return fail(Kind::Denied, "no more of it");
    return count;
  }

 private:
  std::string text_;
  std::size_t done_ = 0;
  bool fails_;
};

struct StringSink : codec::Sink {
  std::string text;
  Result<> write(std::string_view bytes) override {
    text += bytes;
    return {};
  }
};

std::string compressed(const std::string& text) {
  StringSink sink;
  auto compressor = codec::compress(codec::Compression::Gzip, sink);
  REQUIRE(compressor);
  REQUIRE((*compressor)->write(text));
  REQUIRE((*compressor)->finish());
  return sink.text;
}

Result<std::string> all_of(codec::Source& inner, const std::string& program) {
  char place[] = "/tmp/tare-decompressor-XXXXXX";
  REQUIRE(::mkdtemp(place) != nullptr);
  const sys::Fd dir = TRY(sys::open_path(place, O_RDONLY | O_DIRECTORY));
  StringSink sink;
  const auto work = [&]() -> Result<> {
    const auto source = TRY(DecompressedSource::start(inner, program, dir.get()));
    TRY(codec::copy(*source, sink));
    char more = 0;
    CHECK(source->read(&more, 1).value_or(1) == 0);  // The end stays the end.
    return {};
  };
  const auto done = work();
  ::rmdir(place);
  TRY(done);
  return sink.text;
}

std::string long_text() {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += std::to_string(i * 7919LL);
  return text;
}

TEST_CASE("a stream is decompressed by a confined process") {
  const std::string text = long_text();
  Pieces inner(compressed(text));
  const auto got = all_of(inner, "");
  REQUIRE(got);
  CHECK(*got == text);
}

TEST_CASE("without its program, decompressing is done all the same") {
  Pieces inner(compressed("hello"));
  CHECK(all_of(inner, "/nonexistent/tare-inflate").value_or("") == "hello");
}

TEST_CASE("what is wrong with a compressed stream is told as when we read it ourselves") {
  const std::string whole = compressed(long_text());
  Pieces half(whole.substr(0, whole.size() / 2));
  const auto broken = all_of(half, "");
  REQUIRE(!broken);
  CHECK(broken.error().kind() == Kind::Corrupt);
  Pieces damaged("\x1f\x8b" + std::string(5000, 'x'));
  CHECK(all_of(damaged, "").error().kind() == Kind::Corrupt);
}

TEST_CASE("an error of who gives the compressed bytes is not lost") {
  Pieces inner(compressed(long_text()), true);
  const auto got = all_of(inner, "");
  REQUIRE(!got);
  CHECK(got.error().kind() == Kind::Denied);
}

TEST_CASE("a stream that nobody reads to its end leaves no process") {
  Pieces inner(compressed(long_text()));
  const sys::Fd dir = sys::open_path("/", O_RDONLY | O_DIRECTORY).value();
  auto source = DecompressedSource::start(inner, "", dir.get());
  REQUIRE(source);
  char byte = 0;
  CHECK((*source)->read(&byte, 1).value_or(0) == 1);
  source->reset();
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

}  // namespace
}  // namespace tare::store
