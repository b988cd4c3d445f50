// SPDX-License-Identifier: Apache-2.0
#include "keeper/log.h"

#include <cerrno>

namespace tare::keeper {
namespace {

const char* find_newline(const char* from, const char* end) {
  while (from < end && *from != '\n') ++from;
  return from;
}

struct Date {
  std::int64_t year;
  int month;
  int day;
};
// Days since 1970-01-01 to a date. Years begin in March here, so that the leap day is the last one.
Date date_of(std::int64_t days) {
  days += 719'468;  // Since 0000-03-01.
  const std::int64_t era = days / 146'097;
  const std::int64_t of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const auto of_year =
      static_cast<int>(of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100));
  const int from_march = (5 * of_year + 2) / 153;
  const int month = from_march < 10 ? from_march + 3 : from_march - 9;
  return {.year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
          .month = month,
          .day = of_year - (153 * from_march + 2) / 5 + 1};
}

}  // namespace

void add_timestamp(bare::Text<96>& text, std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (nanoseconds < 0) nanoseconds = 0;  // A clock before 1970 is not set yet.
  const std::int64_t seconds = nanoseconds / kSecond;
  const Date date = date_of(seconds / 86'400);
  const std::int64_t of_day = seconds % 86'400;
  text.add_number(date.year, 4).add_char('-').add_number(date.month, 2).add_char('-');
  text.add_number(date.day, 2).add_char('T').add_number(of_day / 3600, 2).add_char(':');
  text.add_number(of_day / 60 % 60, 2).add_char(':').add_number(of_day % 60, 2).add_char('.');
  text.add_number(nanoseconds % kSecond, 9).add_char('Z');
}

void Log::open(int dir, std::int64_t max_bytes, int files) {
  dir_ = dir;
  max_bytes_ = max_bytes;
  files_ = files;
  open_file();
}

bool Log::open_file() {
  if (file_ >= 0) return true;
  if (logs_ < 0) {
    bare::make_directory_at(dir_, "log", 0700);  // Usually there already.
    logs_ = static_cast<int>(bare::open_at(dir_, "log", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (logs_ < 0) return false;
  }
  file_ = static_cast<int>(bare::open_at(logs_, "0.log", O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW));
  if (file_ < 0) return false;
  size_ = bare::seek(file_, 0, SEEK_END);
  // A keeper that was killed in the middle of a record: end it, so that the next one can be read.
  char last = '\n';
  if (size_ > 0) bare::call(__NR_pread64, file_, bare::word(&last), 1, size_ - 1);
  if (last != '\n' && bare::write(file_, "\n", 1) == 1) ++size_;
  return true;
}

void Log::rotate() {
  if (files_ <= 1) {
    if (bare::truncate(file_, 0) == 0) size_ = 0;
    return;
  }
  for (int i = files_ - 2; i >= 0; --i) {
    bare::Text<32> from;
    bare::Text<32> to;
    from.add_number(i).add(".log");
    to.add_number(i + 1).add(".log");
    bare::rename_at(logs_, from.text(), to.text());  // Missing ones are fine.
  }
  bare::close(file_);
  file_ = -1;
}

bool Log::drop_oldest() {
  for (int i = files_ - 1; i >= 1; --i) {
    bare::Text<32> name;
    name.add_number(i).add(".log");
    if (bare::unlink_at(logs_, name.text()) == 0) return true;
  }
  return false;
}

void Log::start_batch(Stream stream, std::int64_t now) {
  now_ = now;
  bare::Text<96> stamp;
  add_timestamp(stamp, now);
  stamp.add(stream == Stream::Out ? " stdout " : " stderr ");
  full_prefix_ = stamp;
  full_prefix_.add("F ");
  partial_prefix_ = stamp;
  partial_prefix_.add("P ");
}

// A full record's bytes end with their newline; a partial one gets one.
void Log::add_record(const char* bytes, std::size_t size, bool full) {
  if (parts_used_ + 3 > kMostParts) flush();
  const bare::Text<96>& prefix = full ? full_prefix_ : partial_prefix_;
  parts_[parts_used_++] = {const_cast<char*>(prefix.text()), prefix.size()};
  parts_[parts_used_++] = {const_cast<char*>(bytes), size};
  batch_size_ += prefix.size() + size;
  batch_content_ += size;
  if (full) return;
  parts_[parts_used_++] = {const_cast<char*>("\n"), 1};
  batch_size_ += 1;
}

void Log::write(Stream stream, const char* bytes, std::size_t size, std::int64_t now) {
  start_batch(stream, now);
  Line& line = lines_[static_cast<std::size_t>(stream)];
  const char* const end = bytes + size;
  while (bytes < end) {
    const char* const newline = find_newline(bytes, end);
    const bool has_newline = newline < end;
    const auto text = static_cast<std::size_t>(newline - bytes);
    if (line.used == 0 && (has_newline || text >= kLongestLine)) {
      // Straight out of the caller's buffer.
      const bool whole = text <= kLongestLine && has_newline;
      const std::size_t take = whole ? text + 1 : kLongestLine;
      add_record(bytes, take, whole);
      bytes += take;
      continue;
    }
    const std::size_t room = kLongestLine - line.used;
    const std::size_t take = text < room ? text : room;
    __builtin_memcpy(line.data + line.used, bytes, take);
    line.used += take;
    bytes += take;
    const bool complete = has_newline && bytes == newline;
    if (complete) line.data[line.used++] = *bytes++;
    if (!complete && line.used < kLongestLine) break;  // The rest comes later.
    add_record(line.data, line.used, complete);
    flush();  // The line's buffer is used again.
    line.used = 0;
  }
  flush();
}

void Log::finish(std::int64_t now) {
  now_ = now;
  for (int i = 0; i < 2; ++i) {
    Line& line = lines_[i];
    if (line.used == 0) continue;
    start_batch(static_cast<Stream>(i), now);
    add_record(line.data, line.used, false);
    flush();
    line.used = 0;
  }
  if (lost_ > 0) confess();
}

void Log::flush() {
  if (parts_used_ > 0 && !write_batch()) lost_ += batch_content_;
  parts_used_ = 0;
  batch_size_ = 0;
  batch_content_ = 0;
}

bool Log::ready(std::size_t size) {
  if (!open_file()) return false;
  const auto fits = [&] {
    return size_ == 0 || size_ + static_cast<std::int64_t>(size) <= max_bytes_;
  };
  if (!fits()) size_ = bare::seek(file_, 0, SEEK_END);  // People truncate logs by hand.
  if (!fits()) rotate();
  return open_file();
}

// All of the batch, or nothing: a record cut in the middle would spoil the one after it.
bool Log::write_batch() {
  if (!ready(batch_size_)) return false;
  if (lost_ > 0 && !confess()) return false;
  const std::size_t written = write_parts();
  if (written == batch_size_) {
    size_ += static_cast<std::int64_t>(batch_size_);
    return true;
  }
  take_back(written);
  return false;
}

void Log::take_back(std::size_t written) {
  if (written == 0) return;
  bare::truncate(file_, bare::seek(file_, 0, SEEK_END) - static_cast<std::int64_t>(written));
}

// How much of the batch could be written.
std::size_t Log::write_parts() {
  std::size_t total = 0;
  iovec* part = parts_;
  int count = parts_used_;
  while (count > 0) {
    const long written = bare::writev(file_, part, count);
    if (written == -EINTR) continue;
    if (written <= 0) return total;
    total += static_cast<std::size_t>(written);
    auto skip = static_cast<std::size_t>(written);
    for (; count > 0 && skip >= part->iov_len; ++part, --count) skip -= part->iov_len;
    if (count == 0) break;
    part->iov_base = static_cast<char*>(part->iov_base) + skip;
    part->iov_len -= skip;
  }
  return total;
}

// Says in the log how much is missing at this place.
bool Log::confess() {
  if (!open_file()) return false;
  bare::Text<96> stamp;
  add_timestamp(stamp, now_);
  bare::Text<192> note;
  note.add(stamp.text()).add(" stderr F tare: ").add_number(static_cast<std::int64_t>(lost_));
  note.add(" bytes of output are missing here, the log could not be written (disk full?)\n");
  const long written = bare::write(file_, note.text(), note.size());
  if (written != static_cast<long>(note.size())) {
    if (written > 0) take_back(static_cast<std::size_t>(written));
    return false;
  }
  size_ += written;
  lost_ = 0;
  return true;
}

}  // namespace tare::keeper
