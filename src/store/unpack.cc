// SPDX-License-Identifier: Apache-2.0
#include "store/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "codec/compress.h"
#include "codec/sha256.h"
#include "store/confine.h"
#include "store/streams.h"

namespace tare::store {
namespace {

constexpr std::uint64_t kMaxLayerBytes = 1ull << 40;  // Uncompressed.
constexpr std::uint64_t kReportEvery = 8 << 20;       // Bytes of a blob between two progress lines.

// A blob, decompressed and hashed while it is read.
class LayerStream {
 public:
  static Result<std::unique_ptr<LayerStream>> open(int blob) {
    auto stream = std::make_unique<LayerStream>(blob);
    stream->plain_ = TRY(codec::decompress(stream->counted_, kMaxLayerBytes));
    stream->hashed_ = std::make_unique<codec::HashingSource>(*stream->plain_);
    return stream;
  }
  explicit LayerStream(int blob) : file_(blob), counted_(file_) {}

  codec::HashingSource& tar() { return *hashed_; }
  std::uint64_t blob_bytes() const { return counted_.bytes; }

 private:
  struct Counted : codec::Source {
    explicit Counted(codec::Source& source) : inner(source) {}
    Result<std::size_t> read(char* buffer, std::size_t size) override {
      const std::size_t count = TRY(inner.read(buffer, size));
      bytes += count;
      return count;
    }
    codec::Source& inner;
    std::uint64_t bytes = 0;
  };

  FileSource file_;
  Counted counted_;
  std::unique_ptr<codec::Source> plain_;
  std::unique_ptr<codec::HashingSource> hashed_;
};

std::string layer_label(std::size_t index, std::size_t count, const Layer& layer) {
  return "layer " + std::to_string(index + 1) + " of " + std::to_string(count) + " (" +
         layer.blob.text() + ")";
}

Result<> apply_blob(TreeWriter& tree, int blob, const Layer& layer, std::uint64_t& done,
                    const Report& report) {
  const auto stream = TRY(LayerStream::open(blob));
  std::uint64_t told = 0;
  TRY(tree.apply(stream->tar(), [&] {
    if (stream->blob_bytes() < told + kReportEvery) return;
    told = stream->blob_bytes();
    report("p " + std::to_string(done + told));
  }));
  done += stream->blob_bytes();
  report("p " + std::to_string(done));
  const Digest found = stream->tar().digest();
  if (found != layer.diff_id)
    return fail(Kind::Corrupt, "its uncompressed content has the digest " + found.text() +
                                   ", but the image's config says " + layer.diff_id.text());
  return {};
}

Result<> apply_all(const std::vector<Layer>& layers, const std::vector<int>& blobs,
                   const Report& report) {
  const sys::Fd root = TRY(sys::open_path("/", O_RDONLY | O_DIRECTORY));
  TreeWriter tree(root.get());
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < layers.size(); ++i)
    TRY(apply_blob(tree, blobs[i], layers[i], done, report),
        layer_label(i, layers.size(), layers[i]));
  TRY(tree.finish());
  report("n " + std::to_string(tree.notes().devices) + " " + std::to_string(tree.notes().xattrs));
  return {};
}

// The numbers of a report line after its first letter.
std::vector<std::uint64_t> numbers_of(std::string_view line) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& part : split(line, ' '))
    if (const auto number = parse_u64(part)) numbers.push_back(*number);
  return numbers;
}

Result<> measure(int blob, const Report& report) {
  const auto stream = TRY(LayerStream::open(blob));
  tar::Reader reader(stream->tar());
  LayerFacts facts;
  while (TRY(reader.next())) {
    const tar::Entry& entry = reader.entry();
    TRY(member_path(entry.name), "entry " + quoted(entry.name));
    if (entry.type == tar::Type::Regular) facts.content_bytes += entry.size;
    facts.newest = std::max(facts.newest, entry.mtime);
  }
  report("s " + std::to_string(stream->tar().bytes()) + " " + std::to_string(facts.content_bytes) +
         " " + std::to_string(facts.newest));
  report("d " + stream->tar().digest().text());
  return {};
}

}  // namespace

Result<ApplyNotes> unpack_layers(const Store& store, const std::vector<Layer>& layers, int root,
                                 const sys::IdMap& ids, const Progress& progress) {
  std::vector<sys::Fd> files;
  // SECURITY: `root` itself is not an input: it stands in the host's tree, and ".." of it leads
  // out.
  Confinement confinement{.root = root, .ids = ids, .inputs = {}};
  std::uint64_t total = 0;
  std::vector<int> blobs;
  for (const Layer& layer : layers) {
    total += TRY(store.blob_size(layer.blob));
    files.push_back(TRY(store.open_blob(layer.blob)));
    blobs.push_back(files.back().get());
    confinement.inputs.push_back(files.back().get());
  }
  ApplyNotes notes;
  const auto listen = [&](std::string_view line) {
    const auto numbers = numbers_of(line);
    if (line.starts_with("p ") && numbers.size() == 1 && progress)
      progress(std::min(numbers[0], total), total);
    if (line.starts_with("n ") && numbers.size() == 2)
      notes = ApplyNotes{.devices = numbers[0], .xattrs = numbers[1]};
  };
  TRY(run_confined(
      confinement, [&](const Report& report) { return apply_all(layers, blobs, report); }, listen));
  return notes;
}

Result<LayerFacts> measure_layer(int blob, int scratch) {
  // Only what we are ourselves is mapped: the process makes no file.
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = ::geteuid(), .count = 1});
  const Confinement confinement{.root = scratch, .ids = ids, .inputs = {blob}};
  LayerFacts facts;
  const auto listen = [&](std::string_view line) {
    const auto numbers = numbers_of(line);
    if (line.starts_with("s ") && numbers.size() == 3)
      facts = {.bytes = numbers[0],
               .content_bytes = numbers[1],
               .newest = static_cast<UnixNanos>(numbers[2])};
    if (line.starts_with("d "))
      if (auto digest = Digest::parse(line.substr(2))) facts.diff_id = std::move(*digest);
  };
  TRY(run_confined(
      confinement, [&](const Report& report) { return measure(blob, report); }, listen));
  if (facts.diff_id.empty())
    return fail(Kind::Internal, "the confined unpacking process did not tell a digest");
  return facts;
}

}  // namespace tare::store
