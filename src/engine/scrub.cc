// SPDX-License-Identifier: Apache-2.0
// Scrub: all bytes of all images are read again, slowly, and what is wrong is remembered where info
// shows it. It may be ended at any time and goes on with the next layer. [docs/formats/scrub.md]
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "engine/engine.h"
#include "engine/state.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

constexpr const char* kFile = "scrub";

struct Record {
  ScrubState state;
  std::set<Digest> done;
};

// What cannot be read is begun anew.
Record load_record(int store) {
  Record record;
  const auto text = sys::load_file(store, kFile);
  for (const std::string& line : split(text.value_or(std::string()), '\n')) {
    const auto pair = split_once(line, '=');
    if (!pair) continue;
    const auto& [key, value] = *pair;
    if (key == "began") record.state.began = parse_i64(value).value_or(0);
    if (key == "finished") record.state.finished = parse_i64(value).value_or(0);
    if (key == "found") record.state.found.emplace_back(value);
    if (key == "now") record.state.found_now.emplace_back(value);
    if (key != "done") continue;
    if (const auto digest = Digest::parse(value)) record.done.insert(*digest);
  }
  record.state.done = record.done.size();
  return record;
}

Result<> save_record(int store, const Record& record) {
  std::string text;
  if (record.state.began != 0) text += "began=" + std::to_string(record.state.began) + "\n";
  if (record.state.finished != 0)
    text += "finished=" + std::to_string(record.state.finished) + "\n";
  for (const std::string& sentence : record.state.found) text += "found=" + sentence + "\n";
  for (const std::string& sentence : record.state.found_now) text += "now=" + sentence + "\n";
  for (const Digest& digest : record.done) text += "done=" + digest.text() + "\n";
  return sys::replace_file(store, kFile, text, sys::Durability::Lazy);
}

// Only when nobody else wants the processor or the disk. [ioprio_set(2)]
void give_way() {
  constexpr int kProcess = 1;
  constexpr int kIdle = 3 << 13;
  (void)::syscall(SYS_ioprio_set, kProcess, 0, kIdle);
  (void)::setpriority(PRIO_PROCESS, 0, 19);
}

std::string sentence_of(const image::Damage& damage) {
  return escaped(damage.image_name + ": " + damage.what + " " + damage.digest.text() + ": " +
                 damage.why);
}

}  // namespace

ScrubState Engine::scrub_state() const { return load_record(state_->store.dir()).state; }

Result<ScrubState> Engine::scrub(std::uint64_t bytes_per_second, const Progress& progress) {
  const int store = state_->store.dir();
  auto alone = state_->store.lock("scrub", sys::Lock::Exclusive, sys::Wait::No);
  if (!alone && alone.error().kind() == Kind::Busy)
    return fail(Kind::Busy, "a scrub is under way already");
  const sys::Fd lock = TRY(std::move(alone));
  give_way();
  Record record = load_record(store);
  if (record.state.began == 0)
    record = {.state = {.began = now_ns(),
                        .finished = record.state.finished,
                        .found = record.state.found}};
  std::vector<image::Image> images = TRY(state_->images.list());
  std::ranges::sort(images, {}, &image::Image::id);
  for (const image::Image& image : images) {
    if (record.done.contains(image.id)) continue;
    const auto read = [&](const Digest& layer) {
      record.done.insert(layer);
      (void)save_record(store, record);
    };
    const image::Images::VerifyOptions options{
        .bytes_per_second = bytes_per_second, .seen = record.done, .read = read};
    auto damages = state_->images.verify({image.id.text()}, progress, options);
    if (!damages && damages.error().kind() == Kind::NotFound) continue;  // Removed meanwhile.
    for (const image::Damage& damage : TRY(std::move(damages)))
      record.state.found_now.push_back(sentence_of(damage));
    record.done.insert(image.id);
    TRY(save_record(store, record));
  }
  Record finished;
  finished.state = {.finished = now_ns(), .found = std::move(record.state.found_now)};
  TRY(save_record(store, finished));
  finished.state.done = record.done.size();
  return finished.state;
}

}  // namespace tare::engine
