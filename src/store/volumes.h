// SPDX-License-Identifier: Apache-2.0
// Volumes: directories with a name, for what has to outlive containers. [docs/formats/volumes.md]
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "store/image_tree.h"
#include "store/store.h"

namespace tare::store {

// What the owners of a volume's files on disk mean.
enum class VolumeIds : std::uint8_t {
  Image,      // What containers see; mounts are id-mapped.
  Caller,     // Root is the calling user, others are of the range for volumes.
  Container,  // Of the container that it was made for.
};

struct Volume {
  std::string name;
  UnixNanos created = 0;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> options;  // Of the driver.
  VolumeIds ids = VolumeIds::Image;
  std::string container;  // For which an anonymous one was made; may be empty.

  static constexpr const char* kAnonymous = "com.docker.volume.anonymous";  // A label.
  bool is_anonymous() const { return labels.contains(kAnonymous); }
  // A label of those that builds make for RUN --mount=type=cache: what it is called there.
  static constexpr const char* kCache = "dev.tare.build-cache";
  bool is_cache() const { return labels.contains(kCache); }
  // The directory of the host that it is a name for; empty: it has files of its own.
  std::string device() const;
  bool is_read_only() const;  // By its options.
  bool operator==(const Volume&) const = default;
};

// docker's rule for names. Errors: Invalid.
Result<> check_volume_name(std::string_view name);
// Options that the driver has, and together make sense. Errors: Invalid; Unsupported.
Result<> check_volume_options(const std::map<std::string, std::string>& options);

std::string print_volume(const Volume& volume);
Result<Volume> parse_volume(std::string_view text);

// Makes an empty one, whose directory belongs to `root` on disk. Errors: Exists.
struct VolumeRoot {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mode = 0755;
};
Result<> create_volume(Store& store, const Volume& volume, const VolumeRoot& root,
                       sys::Durability durability = sys::Durability::Synced);
// Errors: NotFound ("no such volume").
Result<Volume> load_volume(const Store& store, const std::string& name);
bool has_volume(const Store& store, const std::string& name);
// A file of its own to be locked, and whose time says when it was last. Errors: NotFound (the
// volume).
Result<sys::Fd> open_volume_lock(const Store& store, const std::string& name);
// By name. One whose record cannot be read is left out.
Result<std::vector<Volume>> list_volumes(const Store& store);
// Where its files are, relative to the store's root.
std::string volume_data_path(const std::string& name);
// O_PATH. Errors: NotFound.
Result<sys::Fd> open_volume_data(const Store& store, const std::string& name);
Result<bool> is_volume_empty(const Store& store, const std::string& name);

// What the image has in the directory `path`, written down in a scratch directory with owners
// through `ids`; nothing when the image has no such directory. Errors: Invalid when it is none.
struct VolumeContentRequest {
  ImageTree* image = nullptr;
  std::string path;
  sys::IdMap ids;
  bool v3_capabilities = false;  // File capabilities belong to the root of `ids`.
};
Result<std::vector<Store::Scratch>> write_volume_content(Store& store,
                                                         const VolumeContentRequest& request);
// An empty directory for what write_volume_content() would write: `data`, in `scratch`.
struct NewContent {
  Store::Scratch scratch;
  sys::Fd data;
};
Result<NewContent> make_volume_content(Store& store, const VolumeRoot& root);
// Makes it the content of the volume, which stays as it is when it is not empty. The caller holds
// the lock of volumes alone.
Result<> adopt_volume_content(Store& store, const Store::Scratch& content, const std::string& name);

// The bin. The caller holds the lock of volumes alone.
struct BinnedVolume {
  std::string key;  // 64 hexadecimal digits.
  Volume volume;
  UnixNanos removed_at = 0;
  std::string batch;
};
Result<> put_volume_in_bin(Store& store, const std::string& name, const std::string& batch);
// Oldest first. What cannot be read is left out.
Result<std::vector<BinnedVolume>> list_binned_volumes(const Store& store);
std::string binned_volume_path(const std::string& key);
// Under `new_name`, or "" its own. Errors: Exists.
Result<> restore_volume(Store& store, const BinnedVolume& one, const std::string& new_name);

}  // namespace tare::store
