// SPDX-License-Identifier: Apache-2.0
#include "image/blob_mover.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "codec/sha256.h"
#include "store/streams.h"

namespace tare::image {
namespace {

constexpr std::size_t kAtOnce = 3;
constexpr std::size_t kMostReady = 16;  // Files that wait for their turn to be kept.
constexpr int kSendTries = 5;
constexpr int kFetchTries = 10;  // In a row: some half minute.
constexpr int kPauseMs = 100;
constexpr UnixNanos kLookAgain = 300'000'000;  // Whether somebody else is done with a download.

std::string name_of(const oci::Descriptor& blob) { return "blob " + blob.digest.text(); }

struct NoSink : codec::Sink {
  Result<> write(std::string_view) override { return {}; }
};

}  // namespace

Result<> verify_blob_file(int fd, const oci::Descriptor& expected) {
  store::FileSource source(fd);
  store::LimitedSource limited(source, expected.size);
  codec::HashingSource hashing(limited);
  NoSink nothing;
  const std::uint64_t bytes = TRY(codec::copy(hashing, nothing), name_of(expected));
  if (bytes != expected.size)
    return fail(Kind::Corrupt, name_of(expected) + " has " + std::to_string(bytes) +
                                   " bytes, but " + std::to_string(expected.size) +
                                   " were announced");
  if (hashing.digest() != expected.digest)
    return fail(Kind::Corrupt,
                name_of(expected) + " has the content of " + hashing.digest().text());
  if (::lseek(fd, 0, SEEK_SET) != 0) return fail_errno("rewind a blob");
  return {};
}

void BlobMover::tell(const Item& item, const std::string& text, std::uint64_t done) const {
  const oci::Descriptor& blob = item.blob.descriptor;
  if (progress_ && item.blob.is_told)
    progress_({blob.digest.short_hex(), text, done, done == 0 ? 0 : blob.size});
}

Result<> BlobMover::ask(Item& item, Step step, transfer::Request request, int file) {
  item.step = step;
  item.request = TRY(registry_->client().send(std::move(request), file));
  active_.push_back(&item);
  return {};
}

Result<> BlobMover::start(Item& item) {
  const oci::Descriptor& blob = item.blob.descriptor;
  item.step = Step::Look;
  tell(item, "Preparing");
  if (ends_.to != nullptr)
    return ask(item, Step::Look,
               {.endpoint = ends_.to->number,
                .method = "HEAD",
                .target = ends_.to->path("blobs/" + blob.digest.text()),
                .scopes = push_scope(*ends_.to),
                .tries = kSendTries});
  if (ends_.has && TRY(ends_.has(blob))) {
    finish(item, "Already exists");
    return {};
  }
  return get_file(item);
}

// SECURITY: sizes are what somebody wrote into a manifest. False: what is on its way takes the
// room, and it has to wait. tests/security/copy-hostile-registry.sh
Result<bool> BlobMover::has_room(Item& item) {
  if (!ends_.room) return true;
  std::uint64_t held = 0;
  for (const Item& other : items_)
    if (other.is_part && other.step != Step::Done) held += other.blob.descriptor.size;
  const std::uint64_t room = ends_.room();
  const std::uint64_t size = item.blob.descriptor.size;
  if (held <= room && size <= room - held) return true;
  if (size <= room && !active_.empty()) return false;
  return std::unexpected(Error(Kind::Unavailable, name_of(item.blob.descriptor) + " has " +
                                                      human_size(size) +
                                                      ", and the store has room for " +
                                                      human_size(room > held ? room - held : 0))
                             .hint("tare df -v shows what takes space"));
}

Result<> BlobMover::get_file(Item& item) {
  const oci::Descriptor& blob = item.blob.descriptor;
  if (ends_.from == nullptr) {
    item.file = TRY(ends_.open(blob), name_of(blob));
    // Whoever keeps it verifies it on the way; a registry is not asked to.
    if (ends_.to != nullptr) TRY(verify_blob_file(item.file.get(), blob));
    return have_file(item);
  }
  const bool fits = TRY(has_room(item));
  auto part = fits ? TRY(ends_.downloads->claim(blob.digest)) : std::nullopt;
  if (!part) {  // Somebody else is at it, or something else comes first.
    item.location.clear();
    item.not_before = now_ns() + kLookAgain;
    waiting_.push_back(&item);
    return {};
  }
  item.file = std::move(part->file);
  item.is_part = true;
  transfer::Request request{.endpoint = ends_.from->number,
                            .target = ends_.from->path("blobs/" + blob.digest.text()),
                            .scopes = pull_scope(*ends_.from),
                            .size = blob.size,
                            .digest = blob.digest,
                            .offset = std::min(part->bytes, blob.size),
                            .tries = kFetchTries};
  return ask(item, Step::Fetch, std::move(request), item.file.get());
}

Result<> BlobMover::have_file(Item& item) {
  if (ends_.to != nullptr) return item.location.empty() ? open_upload(item, false) : upload(item);
  item.step = Step::Ready;
  return {};
}

Result<> BlobMover::open_upload(Item& item, bool mount) {
  const oci::Descriptor& blob = item.blob.descriptor;
  transfer::Request request{.endpoint = ends_.to->number,
                            .method = "POST",
                            .target = ends_.to->path("blobs/uploads/"),
                            .scopes = push_scope(*ends_.to),
                            .tries = kSendTries};
  if (mount) {
    request.target += "?mount=" + blob.digest.text() + "&from=" + item.blob.origin;
    request.scopes.push_back("repository:" + item.blob.origin + ":pull");
  }
  return ask(item, Step::Open, std::move(request));
}

Result<> BlobMover::upload(Item& item) {
  const oci::Descriptor& blob = item.blob.descriptor;
  transfer::Request request{.endpoint = ends_.to->number,
                            .method = "PUT",
                            .target = item.location,
                            .scopes = push_scope(*ends_.to),
                            .tries = kSendTries};
  request.target += (item.location.find('?') == std::string::npos ? "?digest=" : "&digest=") +
                    std::string("sha256%3A") + blob.digest.hex();
  request.content_type = "application/octet-stream";
  request.uploads = true;
  request.size = blob.size;
  return ask(item, Step::Send, std::move(request), item.file.get());
}

void BlobMover::finish(Item& item, const std::string& text) {
  tell(item, text);
  const Digest& digest = item.blob.descriptor.digest;
  // What the target has by now may have been begun by somebody who was killed.
  if (!item.is_part && ends_.downloads != nullptr && ends_.downloads->bytes_of(digest) > 0)
    if (auto part = ends_.downloads->claim(digest); part && *part) {
      item.file = std::move((*part)->file);
      item.is_part = true;
    }
  if (item.is_part) ends_.downloads->remove(digest);
  item.file.reset();
  item.step = Step::Done;
}

Result<> BlobMover::answer_open(Item& item, const transfer::Reply& reply) {
  if (reply.status == 201) {
    finish(item, "Mounted from " + item.blob.origin);
    return {};
  }
  item.location = reply.header("location");
  if (item.location.empty())
    return fail(Kind::Invalid, ends_.to->host + " does not tell where to send a blob to");
  return item.file ? upload(item) : get_file(item);
}

Result<> BlobMover::answer(Item& item, const transfer::Reply& reply) {
  const int status = reply.status;
  const Site& site = item.step == Step::Fetch ? *ends_.from : *ends_.to;
  switch (item.step) {
    case Step::Look:
      if (status == 200) {
        finish(item, "Layer already exists");
        return {};
      }
      if (status == 404) return item.blob.origin.empty() ? get_file(item) : open_upload(item, true);
      break;
    case Step::Fetch:
      if (status == 200 || status == 206) {
        tell(item, "Download complete");
        if (::lseek(item.file.get(), 0, SEEK_SET) != 0) return fail_errno("rewind a download");
        return have_file(item);
      }
      break;
    case Step::Open:
      if (status == 201 || status == 202) return answer_open(item, reply);
      break;
    case Step::Send:
      if (status == 201 || status == 204) {
        finish(item, "Pushed");
        return {};
      }
      // The upload was forgotten (the registry started anew, or a part of it was lost): once more.
      if ((status == 404 || status == 416) && ++item.rounds < kSendTries)
        return open_upload(item, false);
      break;
    case Step::Ready:
    case Step::Done:
      break;
  }
  return std::unexpected(
      answer_error(reply, site, name_of(item.blob.descriptor) + " of " + site.repository));
}

Result<> BlobMover::take_event() {
  transfer::Event event = TRY(registry_->client().next());
  const auto found =
      std::ranges::find_if(active_, [&](const Item* item) { return item->request == event.id; });
  if (found == active_.end()) return {};
  Item& item = **found;
  switch (event.type) {
    case transfer::Event::Type::Progress:
      tell(item, item.step == Step::Fetch ? "Downloading" : "Pushing", event.done);
      return {};
    case transfer::Event::Type::Waiting:
      tell(item, "Retrying: " + escaped(event.text));
      return {};
    case transfer::Event::Type::Failed:
      return std::unexpected(std::move(*event.error).wrap(name_of(item.blob.descriptor)));
    case transfer::Event::Type::Done:
      break;
  }
  active_.erase(found);
  return answer(item, event.reply);
}

Result<> BlobMover::start_some() {
  const auto ready = std::ranges::count(items_, Step::Ready, &Item::step);
  std::size_t room =
      kMostReady - std::min<std::size_t>(kMostReady, static_cast<std::size_t>(ready));
  for (std::size_t left = waiting_.size(); left > 0 && room > 0 && active_.size() < kAtOnce;
       --left) {
    Item* item = waiting_.front();
    waiting_.pop_front();
    if (item->not_before > now_ns()) {
      waiting_.push_back(item);
      continue;
    }
    TRY(start(*item));
    if (item->step == Step::Ready) --room;
  }
  return {};
}

Result<> BlobMover::keep_ready() {
  for (; kept_ < items_.size(); ++kept_) {
    Item& item = items_[kept_];
    if (item.step == Step::Done) continue;
    if (item.step != Step::Ready) return {};
    BlobFile file{.fd = item.file.get()};
    if (item.is_part) {
      file.dir = ends_.downloads->dir();
      file.name = Downloads::name(item.blob.descriptor.digest);
    }
    TRY(ends_.keep(item.blob.descriptor, file), name_of(item.blob.descriptor));
    finish(item, "Copied");
  }
  return {};
}

Result<> BlobMover::move_all() {
  while (!waiting_.empty() || !active_.empty()) {
    TRY(start_some());
    if (ends_.to == nullptr) TRY(keep_ready());
    if (!active_.empty()) {
      pollfd poll{.fd = registry_->client().fd(), .events = POLLIN, .revents = 0};
      const int wait_ms = waiting_.empty() || active_.size() >= kAtOnce ? -1 : kPauseMs;
      if (registry_->client().has_next() || ::poll(&poll, 1, wait_ms) > 0) TRY(take_event());
    } else if (!waiting_.empty() && ends_.from != nullptr) {
      ::poll(nullptr, 0, kPauseMs);
    }
  }
  return ends_.to == nullptr ? keep_ready() : Result<>();
}

Result<> BlobMover::run(const std::vector<MovedBlob>& blobs) {
  for (const MovedBlob& blob : blobs) {
    const bool twice = std::ranges::any_of(items_, [&](const Item& other) {
      return other.blob.descriptor.digest == blob.descriptor.digest;
    });
    if (twice) continue;
    items_.emplace_back().blob = blob;
    waiting_.push_back(&items_.back());
  }
  auto moved = move_all();
  if (moved || (moved.error().kind() != Kind::Corrupt && moved.error().kind() != Kind::Invalid))
    return moved;
  for (const Item& item : items_)  // No later try can mend it.
    if (item.is_part && item.step != Step::Done)
      ends_.downloads->remove(item.blob.descriptor.digest);
  return moved;
}

}  // namespace tare::image
