// SPDX-License-Identifier: Apache-2.0
#include "front/record/notebook.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/text.h"

namespace tare::front_record {

Result<BodyFile> BodyFile::make(int dir) {
  static unsigned count = 0;
  std::string name = "body-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  sys::Fd file = TRY(sys::open_at(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  return BodyFile(dir, std::move(name), std::move(file));
}

BodyFile::BodyFile(BodyFile&& other) noexcept
    : dir_(other.dir_),
      name_(std::exchange(other.name_, "")),
      file_(std::move(other.file_)),
      size_(other.size_),
      hash_(std::move(other.hash_)) {}

BodyFile::~BodyFile() {
  if (!name_.empty()) ::unlinkat(dir_, name_.c_str(), 0);
}

Result<> BodyFile::take(std::string_view bytes) {
  TRY(sys::write_all(file_.get(), bytes), "write what was downloaded");
  hash_.update(bytes);
  size_ += bytes.size();
  return {};
}

Result<Notebook> Notebook::open(const transfer::RecorderSettings& settings, int bodies, int notes) {
  Notebook notebook(settings, bodies, notes);
  for (const transfer::Answer& answer : settings.answers) {
    Entry& entry = notebook.entries_[answer.key()];
    if (entry.answers.empty()) entry.number = notebook.entries_.size() - 1;
    entry.answers.push_back(&answer);
  }
  const std::size_t size =
      sizeof(Shared) + notebook.entries_.size() * sizeof(std::atomic<std::uint32_t>);
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail_errno("share memory");
  notebook.shared_ = static_cast<Shared*>(memory);  // Zeros: valid, and there until the end.
  return notebook;
}

const transfer::Answer* Notebook::find(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  const auto& answers = found->second.answers;
  const std::uint32_t before = shared_->asked[found->second.number].fetch_add(1);
  return answers[std::min<std::size_t>(before, answers.size() - 1)];
}

Result<sys::Fd> Notebook::open_body(const transfer::Answer& answer) const {
  return sys::open_at(bodies_, answer.file, O_RDONLY | O_NOFOLLOW);
}

Result<> Notebook::take_room(std::uint64_t bytes) {
  if (shared_->bytes.fetch_add(bytes) + bytes > settings_.max_bytes)
    return fail(Kind::Unavailable, "the store has no room for more than the " +
                                       human_size(settings_.max_bytes) + " that came");
  return {};
}

// One write to a file that is appended to: lines of several processes do not mix.
Result<> Notebook::note(const transfer::Answer& answer) const {
  return sys::write_all(notes_, transfer::print_answer(answer) + "\n");
}

}  // namespace tare::front_record
