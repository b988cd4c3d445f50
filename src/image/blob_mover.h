// SPDX-License-Identifier: Apache-2.0
// Blobs on their way, three at once: from a registry or from files, to a registry or to whoever
// keeps them. What the target has is left out, and what another repository of its registry has is
// mounted. [distribution-spec 1.1, "Pulling blobs", "Pushing blobs"] Private to the room.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/text.h"
#include "image/downloads.h"
#include "image/registry.h"

namespace tare::image {

struct BlobFile {
  int fd = -1;   // Borrowed, at its start.
  int dir = -1;  // Where it has the name `name`, so that it can be linked; -1: nowhere.
  std::string name;
};

struct BlobEnds {
  // Where blobs come from: a connected site, through `downloads`, or else `open`.
  const Site* from = nullptr;
  Downloads* downloads = nullptr;
  std::function<Result<sys::Fd>(const oci::Descriptor&)> open;
  // Where they go to: a connected site, or else `keep`, in the order in which they were asked for;
  // those that it `has` are left out.
  const Site* to = nullptr;
  std::function<Result<bool>(const oci::Descriptor&)> has;
  std::function<Result<>(const oci::Descriptor&, const BlobFile&)> keep;
  // Bytes that downloads may take.
  std::function<std::uint64_t()> room;
};

struct MovedBlob {
  oci::Descriptor descriptor;
  std::string origin;   // A repository of the target's registry that has it.
  bool is_told = true;  // In the progress.
};

class BlobMover {
 public:
  // `registry` may be missing when neither end is one. All outlive the object.
  BlobMover(Registry* registry, BlobEnds ends, const TransferProgress& progress)
      : registry_(registry), ends_(std::move(ends)), progress_(progress) {}

  // Errors: those of the ends; Corrupt. What came from a registry before a failure stays in the
  // downloads and is used the next time, unless it is of no use.
  Result<> run(const std::vector<MovedBlob>& blobs);

 private:
  enum class Step : std::uint8_t { Look, Fetch, Open, Send, Ready, Done };
  struct Item {
    MovedBlob blob;
    Step step = Step::Look;
    sys::Fd file;
    bool is_part = false;  // `file` is a download.
    std::uint64_t request = 0;
    std::string location;  // Of an upload that was begun.
    int rounds = 0;
    UnixNanos not_before = 0;  // While somebody else is at its download.
  };
  Result<> move_all();
  Result<> start_some();
  Result<> start(Item& item);
  Result<> ask(Item& item, Step step, transfer::Request request, int file = -1);
  Result<> get_file(Item& item);
  Result<bool> has_room(Item& item);
  Result<> have_file(Item& item);
  Result<> open_upload(Item& item, bool mount);
  Result<> upload(Item& item);
  Result<> keep_ready();
  Result<> take_event();
  Result<> answer(Item& item, const transfer::Reply& reply);
  Result<> answer_open(Item& item, const transfer::Reply& reply);
  void finish(Item& item, const std::string& text);
  void tell(const Item& item, const std::string& text, std::uint64_t done = 0) const;

  Registry* registry_;
  BlobEnds ends_;
  const TransferProgress& progress_;
  std::deque<Item> items_;
  std::deque<Item*> waiting_;
  std::vector<Item*> active_;  // With a request under way.
  std::size_t kept_ = 0;       // Items before this one are done.
};

// Reads a blob's file (at its start before and after) and compares it with what it should be.
// Errors: Corrupt.
Result<> verify_blob_file(int fd, const oci::Descriptor& expected);

}  // namespace tare::image
