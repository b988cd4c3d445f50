// SPDX-License-Identifier: Apache-2.0
// The trusted side of taking a layer in. Three processes work at the same time: one decompresses,
// this one hashes and passes on, one parses and writes. Nothing that the other two say is believed:
// the tar is hashed here, between them, and so is every content that is shared with other layers.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <set>
#include <thread>
#include <tuple>

#include "base/failpoint.h"
#include "base/text.h"
#include "codec/compress.h"
#include "codec/sha256.h"
#include "store/decompressor.h"
#include "store/known_contents.h"
#include "store/layers.h"
#include "store/streams.h"
#include "sys/files.h"

namespace tare::store {
namespace {

constexpr std::size_t kPiece = 1 << 20;  // As much as a pipe may hold.
constexpr std::uint64_t kReportEvery = 8 << 20;
constexpr std::uint64_t kLeastFile = 64 << 20;  // For an index, however little room there is.

// Has what is written to a file go to the disk while more is written, so that little is left when
// it is synced. Only for speed: whatever it meets is fine.
class EarlyWriter {
 public:
  EarlyWriter(int place, const char* name) : place_(place), name_(name) {}
  void go_on() {
    if (!file_) {
      auto file = sys::open_at(place_, name_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if (!file) return;  // Not there yet.
      file_ = std::move(*file);
    }
    (void)::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }

 private:
  int place_;
  const char* name_;
  sys::Fd file_;
};

// Reads a tar, hashes it and passes it on.
class Feeder {
 public:
  struct Limits {
    std::uint64_t max_bytes = 0;
    int place = -1;  // Where its pack is written.
  };
  Feeder(codec::Source& source, sys::Fd output, const Limits& limits, const Progress& progress)
      : source_(source),
        output_(std::move(output)),
        max_bytes_(limits.max_bytes),
        progress_(progress),
        early_(limits.place, "pack") {}

  void run() {
    result_ = feed();
    output_.reset();  // The end, for who reads.
  }
  const Result<>& result() const { return result_; }
  std::uint64_t bytes() const { return bytes_; }
  Digest digest() { return hash_.finish(); }

 private:
  Result<> feed() {
    const auto buffer = std::make_unique_for_overwrite<char[]>(kPiece);
    std::uint64_t told = 0;
    for (;;) {
      const std::size_t count = TRY(source_.read(buffer.get(), kPiece));
      if (count == 0) return {};
      if (count > max_bytes_ - bytes_) return no_more_room(max_bytes_);
      hash_.update({buffer.get(), count});
      TRY(sys::write_all(output_.get(), {buffer.get(), count}));
      bytes_ += count;
      if (bytes_ < told + kReportEvery) continue;
      told = bytes_;
      early_.go_on();
      if (progress_) progress_(bytes_, 0);
    }
  }

  codec::Source& source_;
  sys::Fd output_;
  std::uint64_t max_bytes_;
  const Progress& progress_;
  EarlyWriter early_;
  codec::Sha256 hash_;
  Result<> result_;
  std::uint64_t bytes_ = 0;
};

// A content of another layer that was hashed: its layer (of the known ones), place and digest.
using Shared = std::tuple<std::size_t, std::uint64_t, std::uint64_t, RawDigest>;

// A file that was hashed this long after it was last written to does not change unseen: the clock
// of its times has gone on since. [inode_set_ctime_current(): ticks of at most 10 ms]
constexpr auto kSettled = std::chrono::milliseconds(50);

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

// What the parsing process says, checked.
class WorkerReport {
 public:
  WorkerReport(const Store& store, int place, const KnownContents& known)
      : store_(store), place_(place), known_(known) {}

  Result<> hear(std::string_view line) {
    const auto words = split(line, ' ');
    const auto number = [&](std::size_t i) {
      return i < words.size() ? parse_u64(words[i]).value_or(0) : 0;
    };
    if (words[0] == "h" && words.size() == 5)
      return check_shared(number(1), number(2), number(3), words[4]);
    TRY(check_objects(Clock::now()));
    if (words[0] == "o" && words.size() == 2) return add_object(words[1]);
    if (words[0] == "n" && words.size() == 3)
      facts_.notes = {.devices = number(1), .xattrs = number(2)};
    if (words[0] == "s" && words.size() == 4) {
      facts_.content_bytes = number(2);
      facts_.newest = parse_i64(words[3]).value_or(0);
    }
    return {};
  }
  // After its end: what it left is what it said, and nothing else. Errors: Internal, Corrupt.
  Result<> check_place();
  LayerFacts facts() const { return facts_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Object {
    RawDigest digest{};
    Clock::time_point told;
    std::optional<struct stat> hashed;  // As it was then.
  };

  Result<> check_shared(std::uint64_t layer, std::uint64_t offset, std::uint64_t size,
                        const std::string& hex);
  Result<> add_object(const std::string& hex);
  Result<> check_objects(Clock::time_point now);
  static Result<> check_object(const Object& object, int file, const struct stat& info);
  Result<sys::Fd> open_part(const std::string& name, struct stat& info) const;
  Result<> check_left_objects() const;
  Result<> check_index() const;
  Result<> check_entry(const IndexEntry& entry, std::uint64_t pack_bytes,
                       const std::vector<std::size_t>& layers) const;

  const Store& store_;
  int place_;
  const KnownContents& known_;
  LayerFacts facts_;
  std::set<Shared> shared_;
  sys::Fd pack_;  // Of the known layer that was told of last.
  std::size_t pack_layer_ = 0;
  std::vector<Object> objects_;  // As they were told.
  std::size_t hashed_ = 0;       // So many of them were looked at, from the front.
  std::set<RawDigest> digests_;  // Of them.
};

Result<Digest> hash_range(int file, std::uint64_t offset, std::uint64_t size) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(std::min<std::uint64_t>(size, kPiece));
  codec::Sha256 hash;
  while (size > 0) {
    const ssize_t count = ::pread(file, buffer.get(), std::min<std::uint64_t>(size, kPiece),
                                  static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("read the contents of a layer");
    if (count == 0) break;  // Truncated: another digest.
    hash.update({buffer.get(), static_cast<std::size_t>(count)});
    offset += static_cast<std::uint64_t>(count);
    size -= static_cast<std::uint64_t>(count);
  }
  return hash.finish();
}

// SECURITY: a sum of another layer was told by a process that read that layer. Who could take it
// over may not choose what files of this layer are.
Result<> WorkerReport::check_shared(std::uint64_t layer, std::uint64_t offset, std::uint64_t size,
                                    const std::string& hex) {
  if (layer >= known_.layers.size())
    return fail(Kind::Internal, "the unpacking process names a layer that is not there");
  const Digest& other = known_.layers[layer].first;
  if (!pack_ || pack_layer_ != layer) {
    pack_ = TRY(open_pack(store_, other));
    pack_layer_ = layer;
  }
  const Digest found = TRY(hash_range(pack_.get(), offset, size));
  if (found.hex() == hex) {
    shared_.emplace(layer, offset, size, raw_digest(found));
    return {};
  }
  return std::unexpected(
      Error(Kind::Corrupt, "a file of layer " + other.text() + " in the store was changed on disk")
          .hint("tare fsck says what is damaged; tare fsck --repair mends it"));
}

Result<> WorkerReport::add_object(const std::string& hex) {
  const Digest digest = TRY(Digest::parse("sha256:" + hex), "object of the unpacking process");
  if (digests_.insert(raw_digest(digest)).second)
    objects_.push_back({.digest = raw_digest(digest), .told = Clock::now()});
  return {};
}

// SECURITY: whoever made an object may still write to it. It is hashed when it has not been changed
// for a while, and at the end it must be the same file with the same times.
Result<> WorkerReport::check_objects(Clock::time_point now) {
  for (; hashed_ < objects_.size() && objects_[hashed_].told + kSettled <= now; ++hashed_) {
    Object& object = objects_[hashed_];
    struct stat info{};
    const sys::Fd file = TRY(open_part("objects/" + digest_of(object.digest).hex(), info));
    constexpr UnixNanos kSecond = 1'000'000'000;
    const UnixNanos changed = info.st_ctim.tv_sec * kSecond + info.st_ctim.tv_nsec;
    if (changed + std::chrono::nanoseconds(kSettled).count() > now_ns()) continue;  // At the end.
    TRY(check_object(object, file.get(), info));
    object.hashed = info;
  }
  return {};
}

Result<sys::Fd> WorkerReport::open_part(const std::string& name, struct stat& info) const {
  sys::Fd file = TRY(sys::open_at(place_, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (::fstat(file.get(), &info) != 0) return fail_errno("stat " + quoted(name));
  if (!S_ISREG(info.st_mode) || info.st_nlink != 1)
    return fail(Kind::Internal, "the unpacking process left something else as " + quoted(name));
  return file;
}

Result<> WorkerReport::check_object(const Object& object, int file, const struct stat& info) {
  const Digest digest = digest_of(object.digest);
  if (TRY(hash_range(file, 0, static_cast<std::uint64_t>(info.st_size))) == digest) return {};
  return fail(Kind::Internal, "the unpacking process names an object by another's digest");
}

Result<> WorkerReport::check_place() {
  for (const std::string& name : TRY(sys::list_directory(place_, ".")))
    if (name != "pack" && name != "tar" && name != "index" && name != "objects" && name != "empty")
      return fail(Kind::Internal, "the unpacking process left a file " + quoted(name));
  struct stat info{};
  (void)TRY(open_part("tar", info));
  TRY(check_left_objects());
  for (const Object& object : objects_) {
    const sys::Fd file = TRY(open_part("objects/" + digest_of(object.digest).hex(), info));
    if (object.hashed && is_same_file(info, *object.hashed)) continue;
    TRY(check_object(object, file.get(), info));
  }
  return check_index();
}

Result<> WorkerReport::check_left_objects() const {
  if (::faccessat(place_, "objects", F_OK, 0) != 0) return {};
  for (const std::string& name : TRY(sys::list_directory(place_, "objects"))) {
    const auto digest = Digest::parse("sha256:" + name);
    if (!digest || !digests_.contains(raw_digest(*digest)))
      return fail(Kind::Internal, "the unpacking process left an object that it did not tell of");
  }
  return {};
}

// SECURITY: the index says where contents are, also in other layers, which may be somebody else's.
// Only what was seen to have the right digest may be referred to.
Result<> WorkerReport::check_index() const {
  struct stat info{};
  const sys::Fd pack = TRY(open_part("pack", info));
  const auto pack_bytes = static_cast<std::uint64_t>(info.st_size);
  const sys::Fd file = TRY(open_part("index", info));
  const LayerIndex index = TRY(LayerIndex::map(file.get()));
  std::vector<std::size_t> layers;
  for (const Digest& reference : index.references()) {
    const auto at = std::ranges::find(known_.layers, reference,
                                      &std::pair<Digest, std::span<const Sum>>::first);
    if (at == known_.layers.end())
      return fail(Kind::Internal, "the unpacking process refers to a layer that is not there");
    layers.push_back(static_cast<std::size_t>(at - known_.layers.begin()));
  }
  return index.each(
      [&](const IndexEntry& entry) { return check_entry(entry, pack_bytes, layers); });
}

Result<> WorkerReport::check_entry(const IndexEntry& entry, std::uint64_t pack_bytes,
                                   const std::vector<std::size_t>& layers) const {
  const ContentPlace& content = entry.content;
  bool known = true;
  if (entry.type != tar::Type::Regular || content.pack == kNowhere)
    known = true;
  else if (content.pack == kInObject)
    known = digests_.contains(content.digest);
  else if (content.pack == 0)
    known = content.offset + entry.size <= pack_bytes;
  else
    known =
        shared_.contains({layers[content.pack - 1], content.offset, entry.size, content.digest});
  if (known) return {};
  return fail(Kind::Internal, "the unpacking process refers to a content that was not checked");
}

// The failure that says most: what is wrong with the compressed bytes, with the tar, or with us.
Result<> judge(const Result<>& decompressed, const Result<>& fed, const Result<>& taken) {
  if (!decompressed && decompressed.error().errnum() != EPIPE) return decompressed;
  if (!fed && fed.error().errnum() != EPIPE) return fed;
  if (!taken) return taken;
  TRY(decompressed);
  return fed;
}

}  // namespace

namespace {

// A program takes longer to start than a small blob to be decompressed.
Result<Decompressor> start_decompressor(const Store& store, int place, int blob) {
  constexpr off_t kSmall = 4 << 20;
  struct stat info{};
  if (::fstat(blob, &info) != 0) return fail_errno("stat a layer");
  const bool use_program =
      info.st_size > kSmall && compression_of(blob) == codec::Compression::Gzip;
  const sys::Fd empty = TRY(sys::open_at(place, "empty", O_RDONLY | O_DIRECTORY));
  return Decompressor::start({.input = blob,
                              .empty_dir = empty.get(),
                              .program = use_program ? store.program("tare-inflate") : ""});
}

}  // namespace

Result<LayerFacts> import_layer(const Store& store, int place, const LayerInput& input,
                                Contents contents, const Progress& progress) {
  if (::mkdirat(place, "empty", 0700) != 0) return fail_errno("make a directory");
  const KnownSums known = contents == Contents::Packs && input.share
                              ? TRY(KnownSums::load(store, input.like))
                              : KnownSums();
  std::optional<Decompressor> decompressor;
  if (input.blob >= 0) decompressor.emplace(TRY(start_decompressor(store, place, input.blob)));
  sys::Pipe pipe = TRY(make_wide_pipe());
  const int tar = pipe.read.get();
  Confined worker = TRY(Confined::start(
      {.root = place,
       .ids = our_id(),
       .inputs = {tar},
       .file_bytes = std::max(input.max_bytes, kLeastFile)},
      [&](const Report& report) {
        return take_layer_apart(tar, {.contents = contents, .max_bytes = input.max_bytes},
                                known.contents(), report);
      }));
  pipe.read.reset();
  failpoint("import.started");
  FileSource from_pipe(decompressor ? decompressor->output() : -1);
  Feeder feeder(input.tar != nullptr ? *input.tar : from_pipe, std::move(pipe.write),
                {.max_bytes = input.max_bytes, .place = place}, progress);
  std::thread thread([&] { feeder.run(); });
  WorkerReport report(store, place, known.contents());
  const Result<> taken = worker.finish([&](std::string_view line) { return report.hear(line); });
  thread.join();
  if (decompressor) decompressor->close_output();  // If it has more to say, it ends.
  TRY(judge(decompressor ? decompressor->finish() : Result<>(), feeder.result(), taken));
  TRY(report.check_place(), "look at what was unpacked");
  LayerFacts facts = report.facts();
  facts.bytes = feeder.bytes();
  facts.diff_id = feeder.digest();
  (void)::unlinkat(place, "empty", AT_REMOVEDIR);
  return facts;
}

}  // namespace tare::store
