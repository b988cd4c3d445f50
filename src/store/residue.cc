// SPDX-License-Identifier: Apache-2.0
#include "store/residue.h"

#include <algorithm>
#include <cstring>

namespace tare::store {
namespace {

// More than any parser reads ahead of what it has told.
constexpr std::size_t kMaxPending = 2 << 20;
constexpr char kLiteral = 'L';
constexpr char kContent = 'C';

class TarSource : public codec::Source {
 public:
  TarSource(codec::Source& residue, codec::Source& contents)
      : residue_(residue), contents_(contents) {}

  Result<std::size_t> read(char* buffer, std::size_t size) override {
    while (left_ == 0) {
      const bool more = TRY(next_record());
      if (!more) return 0;
    }
    codec::Source& from = content_ ? contents_ : residue_;
    const std::size_t count = TRY(from.read(buffer, std::min<std::uint64_t>(size, left_)));
    if (count == 0) return fail(Kind::Corrupt, "the layer's residue or its contents end too early");
    left_ -= count;
    return count;
  }

 private:
  Result<bool> next_record() {
    char type = 0;
    if (TRY(residue_.read(&type, 1)) == 0) return false;
    if (type != kLiteral && type != kContent)
      return fail(Kind::Corrupt, "the layer's residue is damaged");
    content_ = type == kContent;
    left_ = 0;
    TRY(codec::read_exactly(residue_, reinterpret_cast<char*>(&left_), content_ ? 8 : 4));
    return true;
  }

  codec::Source& residue_;
  codec::Source& contents_;
  bool content_ = false;
  std::uint64_t left_ = 0;  // Of the record under way.
};

}  // namespace

Result<std::size_t> ResidueRecorder::read(char* buffer, std::size_t size) {
  const std::size_t count = TRY(inner_.read(buffer, size));
  if (begin_ == pending_.size() || begin_ > kMaxPending) {
    pending_.erase(0, begin_);
    begin_ = 0;
  }
  pending_.append(buffer, count);
  // The end of an archive may have any length, and nobody tells about it.
  const std::size_t untold = pending_.size() - begin_;
  if (untold > kMaxPending) TRY(literal_until(start_ + untold - kMaxPending / 2));
  return count;
}

Result<> ResidueRecorder::take(std::uint64_t offset, bool literal) {
  if (offset <= start_) return {};
  const auto count = static_cast<std::size_t>(offset - start_);
  if (literal) {
    TRY(put_content());
    TRY(put_literal(std::string_view(pending_).substr(begin_, count)));
  } else {
    content_ += count;
  }
  begin_ += count;
  start_ = offset;
  return {};
}

Result<> ResidueRecorder::literal_until(std::uint64_t offset) { return take(offset, true); }
Result<> ResidueRecorder::content_until(std::uint64_t offset) { return take(offset, false); }

Result<> ResidueRecorder::finish() {
  TRY(literal_until(start_ + pending_.size() - begin_));
  TRY(put_content());
  return sink_.finish();
}

Result<> ResidueRecorder::put_content() {
  if (content_ == 0) return {};
  char record[9] = {kContent};
  std::memcpy(record + 1, &content_, sizeof content_);
  content_ = 0;
  return sink_.write({record, sizeof record});
}

Result<> ResidueRecorder::put_literal(std::string_view bytes) {
  char record[5] = {kLiteral};
  const auto length = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(record + 1, &length, sizeof length);
  TRY(sink_.write({record, sizeof record}));
  return sink_.write(bytes);
}

std::unique_ptr<codec::Source> make_tar_source(codec::Source& residue, codec::Source& contents) {
  return std::make_unique<TarSource>(residue, contents);
}

}  // namespace tare::store
