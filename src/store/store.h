// SPDX-License-Identifier: Apache-2.0
// Everything Tare keeps on disk, below one directory:
//
//   blobs/sha256/HEX   manifests, configs and layers as they came, named by their digest
//   steps/KEY.json     what a step of a build has made (src/image/steps.h)
//   images/HEX.json    an image record (src/image), named by the config digest
//   names/             image names, and nowhere else: one small file a name (its file name is the
//                      escaped reference, its content the image)
//   manifests/         manifest lists before they are pushed (docs/formats/manifests.md)
//   layers/HEX.*       layers taken apart (docs/formats/layers.md)
//   objects/AB/HEX     large files, where the backend wants them by themselves
//   rootfs/NAME/       root file systems of the backend of that name (docs/formats/)
//   containers/ID/     a container: config, state, log, upper directory (src/engine)
//   volumes/NAME/      a volume: its record and its files (docs/formats/volumes.md)
//   volume-ids         the ids that volumes of an ordinary user have (docs/formats/volumes.md)
//   networks/ID/       a network, and who is on it (docs/formats/networks.md)
//   ids/               claimed id ranges (src/engine)
//   locks/             files that are only there to be locked
//   sweep              is there while blobs may be there that no image record names
//   downloads/HEX.part blobs that are on their way from a registry, locked by who fetches them;
//   what
//                      is left of a broken transfer stays for a week (src/image/downloads.h)
//   tmp/               what is under way; anything there that nobody holds a lock on is garbage
//   bin/               what was removed and can be brought back (docs/formats/bin.md)
//   settings           of this store (docs/formats/settings.md)
//   damaged/HEX        this blob or layer is known to be damaged
//   trash/             what is being removed
//
// The store's names are its only authority: a name that exists is complete (temporary name, fsync,
// rename). Start-up is recovery: opening a store removes the garbage of those who died.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "codec/stream.h"
#include "sys/fd.h"
#include "sys/files.h"
#include "sys/ids.h"

namespace tare::store {

class TreeMemo;

class Store {
 public:
  // Opens or makes the store at `path` (mode 0700). Waits while it is being moved, and is then at
  // the new place. Errors: Denied, Unavailable (read-only or full); NotFound (the path leads to
  // where nothing is).
  static Result<Store> open(const std::string& path);
  // Whoever has it open keeps it from being moved. Alone: nobody else has it open, and who opens it
  // waits until we share it again. Errors: Busy.
  Result<> use_alone();
  Result<> use_shared();

  const std::string& path() const { return path_; }
  int dir() const { return dir_.get(); }  // O_DIRECTORY, borrowed.

  // Where programs of ours lie; unset, there are none, and we do without.
  void set_programs(std::string directory) { programs_ = std::move(directory); }
  std::string program(const std::string& name) const {
    return programs_.empty() ? std::string() : programs_ + "/" + name;
  }

  // Blobs. put_blob() verifies `expected` (when not empty) and `size` (when not kAnySize) before
  // the name appears; a blob that is there already is not written again. A blob that no image
  // record names is garbage: writers hold lock(kBlobsLock, Shared) from before the first put_blob()
  // until their record is written. Errors: Corrupt.
  static constexpr std::uint64_t kAnySize = ~0ull;
  struct Blob {
    Digest digest;
    std::uint64_t size = 0;
  };
  Result<Blob> put_blob(codec::Source& source, const Digest& expected, std::uint64_t size);
  Result<Blob> put_blob(std::string_view bytes);
  bool has_blob(const Digest& digest) const;
  Result<std::uint64_t> blob_size(const Digest& digest) const;
  // Makes the file `name` below `dir` (a scratch directory) the blob `digest`, which the caller has
  // verified and synced. Takes the file away, also when the blob is there already;
  // one that is marked as damaged (store/damage.h) is replaced.
  Result<> adopt_blob(int dir, const std::string& name, const Digest& digest);
  // Whole content, at most `limit` bytes, verified against its name. Errors: NotFound, Corrupt.
  Result<std::string> load_blob(const Digest& digest, std::size_t limit = 4 << 20) const;
  // For streaming; the reader verifies with a HashingSource.
  Result<sys::Fd> open_blob(const Digest& digest) const;
  Result<> remove_blob(const Digest& digest);
  Result<std::vector<Digest>> list_blobs() const;

  // A new private directory below tmp/, locked by a descriptor until it is closed, so that recovery
  // leaves it alone. Its name is relative to dir(). The destructor removes it with all that is left
  // in it.
  struct Scratch {
    std::string name;
    sys::Fd dir;   // O_DIRECTORY.
    sys::Fd lock;  // On the file ".lock" in it.
    Store* store = nullptr;

    Scratch() = default;
    Scratch(Scratch&& other) noexcept;
    Scratch& operator=(Scratch&&) = delete;
    ~Scratch();
  };
  Result<Scratch> make_scratch();
  // Moves what is at `name` (relative to dir()) into trash/ at once, and removes it there.
  // InBackground waits a second at most; what takes longer goes on in a process of its own
  // (deleting thousands of files takes a minute on some disks). Later leaves it in the trash, for
  // empty_trash_in_background().
  enum class Removal : std::uint8_t { Now, InBackground, Later };
  Result<> discard(const std::string& name, Removal removal = Removal::Now);

  // How many bytes may still be written before somebody has to ask for more (Engine::admit): how
  // much a compressed thing is, is not known before it has come. Unbounded until it is set.
  void set_room(std::uint64_t bytes) { room_ = bytes; }
  std::uint64_t room() const { return room_; }
  void take_room(std::uint64_t bytes) {
    if (room_ != kAnySize) room_ -= std::min(room_, bytes);
  }
  // Whether results that can be made again are waited for until they are on the disk
  // (store/unsynced.h).
  void sync_later(bool later) { sync_later_ = later; }
  bool syncs_later() const { return sync_later_; }
  // Whether what discard() and scratch directories remove Now goes Later.
  void remove_later(bool later) { remove_later_ = later; }
  // Trees that this process asks for again and again, with a layer more each time
  // (store/image_tree.h). None are kept without one.
  void keep_trees(std::shared_ptr<TreeMemo> trees) { trees_ = std::move(trees); }
  TreeMemo* trees() const { return trees_.get(); }
  // Has the kernel compare what is read of a file of ours from now on, where it can (fs-verity).
  // Nobody has it open for writing. Best effort: what is read at a start is compared anyway.
  void protect(int file) const;
  void protect(int dir, const std::string& name) const;
  // Whether it can, by trying. Errors: Unsupported, with the reason.
  Result<> try_verity();
  // Whether files can share their bytes here (reflinks), by trying.
  Result<> try_reflink();

  // Waits for the lock named `what` (a file name). Held until the Fd closes. Locks are taken in
  // this order: blobs, layers (for the naming of one), images, and then what the engine has
  // (containers' names). "volumes" is last: who holds it waits for no other.
  static constexpr const char* kBlobsLock = "blobs";    // Exclusive: blobs may be removed.
  static constexpr const char* kImagesLock = "images";  // Exclusive: records and names change.
  // Shared: a container's record or mounts are made of volumes that are there. Exclusive: a volume
  // goes away, comes back or gets its first content.
  static constexpr const char* kVolumesLock = "volumes";
  Result<sys::Fd> lock(const std::string& what, sys::Lock kind = sys::Lock::Exclusive,
                       sys::Wait wait = sys::Wait::Yes) const;

  // The name in trash/ of a link to what a move left behind: emptying the trash removes the
  // directory that it leads to, if that has a name that ends so, too.
  static constexpr const char* kLeftBehind = "moved-";

  // The time of recovery, done by open(): removes what those who died left in tmp/ and trash/.
  void recover();
  // Removes files that somebody was killed over before they had their names.
  void remove_temporaries() const;
  // Forks the process that empties trash/, unless one is at work, and waits so long for its end.
  void empty_trash_in_background(int patience_ms = 1000);
  // Does `work` in a process of its own, which holds none of our descriptors but dir(), and waits
  // so long for its end. Nothing is done when there can be no more processes.
  void in_background(const std::function<void()>& work, int patience_ms);

 private:
  Result<> open_once();
  Result<> fill_temporary(codec::Source& source, int file, const Digest& expected,
                          std::uint64_t size, Blob& blob) const;

  std::string path_;
  std::string programs_;
  sys::Fd dir_;
  std::uint64_t room_ = kAnySize;
  bool sync_later_ = false;
  bool remove_later_ = false;
  std::shared_ptr<TreeMemo> trees_;
  sys::Fd use_;                     // Locked, shared.
  mutable bool no_verity_ = false;  // Tried, and there is none.
};

// One layer as the unpacker needs it.
struct Layer {
  Digest blob;     // Name in blobs/, possibly compressed.
  Digest diff_id;  // Of the uncompressed tar. [image-spec 1.1 config, rootfs.diff_ids]
};

// What a container or an unpacking may say about its progress; called seldom. May be empty.
using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

// Where a layer's contents are kept; docs/formats/layers.md.
enum class Contents : std::uint8_t {
  Packs,    // All in the layer's pack.
  Objects,  // Those above 16 KiB are objects.
};

// How an image's layers become a root file system. One contract suite for every backend:
// tests/contract/rootfs_test.cc.
class RootfsBackend {
 public:
  virtual ~RootfsBackend() = default;
  virtual std::string name() const = 0;
  // How it wants layers to be kept.
  virtual Contents contents() const = 0;

  // Makes sure that the root file system of `image` (its config digest) exists for containers with
  // this id map. `layers` that the store does not have taken apart are taken in from their blobs,
  // verified against their diff_ids, in confined processes. Idempotent, safe to call at the same
  // time from several processes.
  virtual Result<> prepare(const Digest& image, const std::vector<Layer>& layers,
                           const sys::IdMap& ids, const Progress& progress) = 0;

  // A detached mount of it for one container: writable through `container_dir`/upper (and /work),
  // which are made if missing and survive a stop; or read-only without them when `read_only`.
  // prepare() must have succeeded. The mount shows files with the ids of `ids`. Errors: Corrupt
  // when a file that it is made of is not as it was (backend erofs: every time).
  virtual Result<sys::Fd> mount(const Digest& image, const std::vector<Layer>& layers,
                                const sys::IdMap& ids, int container_dir, bool read_only) = 0;

  // Removes all that was made for `image`; whoever calls knows that no container uses it (the
  // kernel does not tell: detached mounts have no table). Gone is fine.
  virtual Result<> remove(const Digest& image) = 0;
  // The images for which something exists.
  virtual Result<std::vector<Digest>> prepared() const = 0;
  // Bytes on disk for `image`, without layers and objects.
  virtual Result<std::uint64_t> disk_usage(const Digest& image) const = 0;
  // Compares what was made for `image` with what it was made from. Errors: Corrupt.
  virtual Result<> verify(const Digest& image, const std::vector<Layer>& layers) = 0;
};

// The best backend that works here, found by trying and remembered for this boot: erofs, erofs-loop
// (root), redirect, flat. TARE_ROOTFS forces one by its name. Found when it is needed first, as
// most commands do not.
class ChosenBackend : public RootfsBackend {
 public:
  explicit ChosenBackend(Store& store) : store_(store) {}

  // "none" when the forced one does not work here; everything that can fails then.
  std::string name() const override;
  Contents contents() const override;
  Result<> prepare(const Digest& image, const std::vector<Layer>& layers, const sys::IdMap& ids,
                   const Progress& progress) override;
  Result<sys::Fd> mount(const Digest& image, const std::vector<Layer>& layers,
                        const sys::IdMap& ids, int container_dir, bool read_only) override;
  // Of all backends: another one may have been in use before.
  Result<> remove(const Digest& image) override;
  Result<std::vector<Digest>> prepared() const override;
  Result<std::uint64_t> disk_usage(const Digest& image) const override;
  Result<> verify(const Digest& image, const std::vector<Layer>& layers) override;

 private:
  Result<RootfsBackend*> chosen() const;

  Store& store_;
  mutable std::unique_ptr<RootfsBackend> backend_;
};

// What was tried to choose a backend.
struct BackendTrial {
  std::string name;
  std::string why_not;  // Empty: it works.
};
// Tries all of them, best first, and remembers nothing.
std::vector<BackendTrial> try_backends(Store& store);
// One by its name, untried. Errors: Invalid.
Result<std::unique_ptr<RootfsBackend>> make_backend(Store& store, const std::string& name);

}  // namespace tare::store
