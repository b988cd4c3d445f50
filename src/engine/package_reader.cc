// SPDX-License-Identifier: Apache-2.0
#include "engine/package_reader.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/text.h"

namespace tare::engine {
namespace {

constexpr std::size_t kMaxAll = 1 << 30;        // Bytes read and inflated, of all files.
constexpr std::size_t kMostFiles = 50'000;      // That tell of packages by their name.
constexpr std::size_t kMostPrograms = 200'000;  // That may, when one looks into them.
constexpr std::uint32_t kExecutable = 0111;

// A file of which no more is read than the budget has.
class Metered : public codec::Bytes {
 public:
  Metered(const codec::Bytes& file, std::size_t& budget) : file_(file), budget_(budget) {}
  std::uint64_t size() const override { return file_.size(); }
  Result<std::string> read(std::uint64_t offset, std::size_t size) const override {
    if (size > budget_) return fail(Kind::Invalid, "too much to read");
    budget_ -= size;
    return file_.read(offset, size);
  }

 private:
  const codec::Bytes& file_;
  std::size_t& budget_;
};

bool is_system(std::string_view path) {
  return path.starts_with("/var/lib/dpkg/") || path.starts_with("/lib/apk/") ||
         path.starts_with("/usr/lib/apk/");
}

class Reader {
 public:
  Reader(ImageFiles& files, const trust::Distribution& distribution, const PackageReading& reading)
      : files_(files), distribution_(distribution), reading_(reading) {}

  std::vector<std::string> run() {
    files_.each([&](const std::string& path, const ImageFiles::Found& found) {
      if (const auto read = reader_of(path, files_.inode(found.inode)))
        waiting_.push_back({.path = path, .inode = found.inode, .read = read});
    });
    for (const Waiting& each : waiting_) (this->*each.read)(each);
    if (unread_ > 0)
      notes_.push_back(std::to_string(unread_) + " files that tell of packages were not read");
    if (broken_ > 0)
      notes_.push_back(std::to_string(broken_) + " archives of Java were not read to the end");
    return std::move(notes_);
  }

 private:
  struct Waiting;
  using Read = void (Reader::*)(const Waiting& file);
  struct Waiting {
    std::string path;
    store::MergedTree::Id inode = 0;
    Read read = nullptr;
  };

  // Null: it tells of none.
  Read reader_of(const std::string& path, const store::MergedTree::Inode& inode) {
    constexpr std::size_t kSmallestProgram = 512;
    const bool is_system_rpm = trust::is_rpm_database(path);
    const bool is_text = trust::tells_of_packages(path);
    if (!reading_.with_systems && (is_system_rpm || is_system(path))) return nullptr;
    const bool is_regular = inode.type == tar::Type::Regular;
    const bool is_jar = is_regular && trust::is_jar(path);
    if (is_system_rpm || is_text || is_jar) {
      if (++told_ > kMostFiles) {
        ++unread_;
        return nullptr;
      }
      if (is_system_rpm) return &Reader::read_rpm;
      return is_text ? &Reader::read_text : &Reader::read_jar;
    }
    if (!is_regular || (inode.mode & kExecutable) == 0 || inode.size < kSmallestProgram ||
        programs_ == kMostPrograms)
      return nullptr;
    ++programs_;
    return &Reader::read_program;
  }

  std::optional<std::string> text_of(const std::string& path, std::size_t limit) {
    auto text = budget_ > 0 ? files_.read(path, std::min(limit, budget_)) : fail(Kind::Invalid, "");
    if (!text) {
      ++unread_;
      return std::nullopt;
    }
    budget_ -= text->size();
    return std::move(*text);
  }

  void read_text(const Waiting& file) {
    if (const auto text = text_of(file.path, kMaxPackageFile))
      take(file, {.packages = trust::read_packages(file.path, *text, distribution_)});
  }

  void read_rpm(const Waiting& file) {
    const auto database = text_of(file.path, kMaxRpmDatabase);
    if (!database) return;
    trust::RpmPackages read = trust::read_rpm(file.path, *database, distribution_);
    if (!read.is_whole)
      notes_.push_back(escaped(file.path) + " is damaged: packages of rpm may be missing");
    // What SQLite wrote and did not move over yet; rpm leaves none when it ends as it should.
    if (const auto log = files_.find(file.path + "-wal"); log && files_.inode(log->inode).size > 0)
      notes_.push_back("changes in " + escaped(file.path) + "-wal are not read");
    take(file, {.packages = std::move(read.packages)});
  }

  void read_program(const Waiting& file) {
    if (const auto bytes = files_.bytes(files_.inode(file.inode)))
      take(file, trust::read_program(file.path, Metered(**bytes, budget_), budget_));
  }

  void read_jar(const Waiting& file) {
    const auto bytes = files_.bytes(files_.inode(file.inode));
    if (!bytes) return;
    trust::Bundle bundle = trust::read_jar(file.path, Metered(**bytes, budget_), budget_);
    if (!bundle.is_whole) ++broken_;
    take(file, std::move(bundle));
  }

  void take(const Waiting& file, trust::Bundle bundle) {
    if (!bundle.packages.empty()) reading_.take(file.path, std::move(bundle));
  }

  ImageFiles& files_;
  const trust::Distribution& distribution_;
  const PackageReading& reading_;
  std::vector<Waiting> waiting_;
  std::vector<std::string> notes_;
  std::size_t budget_ = kMaxAll;
  std::size_t told_ = 0;
  std::size_t programs_ = 0;
  std::size_t unread_ = 0;
  std::size_t broken_ = 0;
};

}  // namespace

trust::Distribution distribution_of(ImageFiles& files) {
  constexpr std::size_t kMaxRelease = 64 << 10;
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"})
    if (const auto text = files.read(path, kMaxRelease)) return trust::parse_os_release(*text);
  return {};
}

std::vector<std::string> read_packages(ImageFiles& files, const trust::Distribution& distribution,
                                       const PackageReading& reading) {
  return Reader(files, distribution, reading).run();
}

}  // namespace tare::engine
