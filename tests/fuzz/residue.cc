// SPDX-License-Identifier: Apache-2.0
// A residue from a stranger ends in an error or an end; and a tar that was taken apart, wherever it
// is cut into literals and contents, comes back as it was.
#include "store/residue.h"

#include <algorithm>

#include "fuzz/streams.h"

using namespace tare;

namespace {

class Zeros : public codec::Source {
 public:
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    std::fill_n(buffer, size, '\0');
    return size;
  }
};

void read_stranger(std::string_view bytes) {
  constexpr std::size_t kEnough = 1 << 20;
  codec::StringSource residue(bytes);
  Zeros zeros;
  const auto tar = store::make_tar_source(residue, zeros);
  char buffer[4096];
  for (std::size_t total = 0; total < kEnough;) {
    const auto count = tar->read(buffer, sizeof buffer);
    if (!count || *count == 0) return;
    FUZZ_CHECK(*count <= sizeof buffer);
    total += *count;
  }
}

// Each byte tells how much is read, and what it is.
void take_apart(std::string_view bytes) {
  codec::StringSource inner(bytes);
  codec::StringSink kept;
  store::ResidueRecorder recorder(inner, kept);
  std::string content;
  std::uint64_t offset = 0;
  std::string buffer(256, '\0');
  for (std::size_t step = 0;; ++step) {
    const auto plan = static_cast<unsigned char>(bytes[step * 7 % bytes.size()]);
    const auto count = recorder.read(buffer.data(), 1 + plan % 200);
    FUZZ_CHECK(count.has_value());
    if (*count == 0) break;
    const std::size_t told = plan % 5 == 0 ? *count / 2 : *count;
    offset += told;
    const auto taken =
        plan % 3 == 0 ? recorder.content_until(offset) : recorder.literal_until(offset);
    FUZZ_CHECK(taken.has_value());
    if (told < *count) {
      offset += *count - told;
      FUZZ_CHECK(recorder.literal_until(offset).has_value());
    }
  }
  FUZZ_CHECK(recorder.finish().has_value());
  // The contents again, from what the records say that there is of them.
  std::string_view rest = kept.bytes();
  std::size_t at = 0;
  while (!rest.empty()) {
    const bool literal = rest[0] == 'L';
    std::uint64_t size = 0;
    std::copy_n(rest.data() + 1, literal ? 4 : 8, reinterpret_cast<char*>(&size));
    rest.remove_prefix(literal ? 5 + size : 9);
    if (!literal) content += bytes.substr(at, size);
    at += size;
  }
  codec::StringSource residue(kept.bytes());
  codec::StringSource contents(content);
  const auto tar = store::make_tar_source(residue, contents);
  codec::StringSink again;
  FUZZ_CHECK(codec::copy(*tar, again).has_value());
  FUZZ_CHECK(again.bytes() == bytes);
}

}  // namespace

TARE_FUZZER(residue) {
  read_stranger(bytes);
  if (!bytes.empty()) take_apart(bytes);
}
