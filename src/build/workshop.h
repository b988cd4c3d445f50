// SPDX-License-Identifier: Apache-2.0
// What a build needs done: file systems looked at and changed, programs run in them, layers and
// images kept. The engine does it (engine/build.cc); tests may do it otherwise.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "build/copy_files.h"
#include "build/instruction.h"
#include "build/mount.h"
#include "build/remote_source.h"
#include "image/image.h"
#include "image/steps.h"

namespace tare::build {

// A file system: layers one over the other.
struct Files {
  Digest id;  // Of an image when it is exactly that one's, else of its layers.
  std::vector<store::Layer> layers;

  static Files of(const image::Image& image) { return {.id = image.id, .layers = image.layers}; }
  static Files nothing();
  // The same with one layer more, which is kept uncompressed; without one, the same.
  Files with(const Digest& diff_id) const;
};

// What a step has made: a layer, or an empty diff_id when no file changed.
struct StepLayer {
  Digest diff_id;
  std::uint64_t size = 0;                  // Bytes of the files in it.
  std::vector<image::Material> materials;  // What it took from elsewhere.
  bool is_sealed = false;                  // image::Step::is_sealed.
  bool is_foreign = false;                 // image::Step::is_foreign.
};

// What RUN is given beside the files.
struct RunMount {
  enum class Type : std::uint8_t { Bind, Cache, Tmpfs, Secret, Agent } type = Type::Bind;
  // A path of this machine (Bind; of an Agent, its socket), what a cache is known by, or the
  // content of a Secret, which no disk gets.
  std::string source;
  std::string target;  // Absolute.
  bool read_only = true;
  std::uint64_t size_bytes = 0;  // Of a tmpfs.
  // Of a secret, of the directory of a new cache, and of the socket that an Agent is reached by.
  std::uint32_t mode = 0400;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool is_fresh = false;  // Of a cache: nobody else's, and it goes with the program.
  // Of a bind: made with the ids of Workshop::mount_ids(), so the program has those.
  bool has_owners = false;
  // Of a cache.
  std::string name;  // For people.
  Mount::Sharing sharing = Mount::Sharing::Shared;
  std::function<Result<>(const Target&)> fill;  // What a new one has in it; may be empty.
};
struct RunRequest {
  Files files;
  std::optional<Files> tools;  // The program's; `files` are then at kToolsTarget.
  Digest key;                  // The result is kept under it.
  Digest like;                 // As of Workshop::Change.
  std::string what;            // The instruction, for people.
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::set<std::string> secret_variables;  // Names of those that no record gets.
  std::string directory;
  std::string user;
  RunNetwork network = RunNetwork::Default;
  Security security = Security::Sandbox;
  // Instead of a program of the files, one of this machine acts on them.
  struct Playbook {
    std::string directory;  // Of this machine, absolute: of the playbook and what it uses.
    std::string file;       // Below it.
  };
  std::optional<Playbook> playbook;
  std::vector<RunMount> mounts;
  UnixNanos time = 0;                      // What it writes is not younger.
  std::vector<image::Material> materials;  // What is known of them before it runs.
  // What it downloads is noted: the materials of the step.
  bool is_recorded = true;
  // Given: it gets these answers and no others, whatever the network.
  std::optional<std::vector<image::Material>> answers;
};

// A program that runs.
class Running {
 public:
  virtual ~Running() = default;  // Ends it, and removes what it has written.
  virtual int fd() const = 0;    // Readable when pump() has something to do.
  // What it has said, given to `sink`; its exit status when it has ended.
  virtual Result<std::optional<int>> pump(const std::function<void(std::string_view)>& sink) = 0;
  // After it has ended: keeps what it has written, under `key`; as long as the workshop is there,
  // or for builds to come.
  enum class For : std::uint8_t { ThisBuild, AllBuilds };
  virtual Result<StepLayer> keep(const Digest& key, For whom) = 0;
  // What it was not given of what it asked for, in a sentence; "": nothing.
  virtual std::string refused() const { return ""; }
};

// A root file system that can be looked into, with the ids that it shows.
struct View {
  sys::Fd root;
  sys::IdMap ids;
  LinkLookup links;
};

// What ADD, a build context or a named context have an address of.
struct FetchRequest {
  AddSource source;           // A URL or a git repository.
  Digest expected;            // Of a URL's bytes; empty: whatever comes.
  bool keep_git_dir = false;  // The tree has its repository in it, at ".git".
  std::string what;           // The instruction or option, for people; without passwords.
  std::function<bool()> is_interrupted;  // May be empty.
};
// What has come: bytes that are in the store under material.digest, and stay there as long as a
// step has that material. Of a URL as they came; of a git repository a tar of the tree, whose
// entries have the time of the commit, and which is the same wherever and whenever it is made.
struct Fetched {
  image::Material material;
  sys::Fd file;  // At its start, read-only.
};

class Workshop {
 public:
  virtual ~Workshop() = default;

  // Pulled where it is not here (`always`: in any case).
  virtual Result<image::Image> find_image(const std::string& name, const std::string& platform,
                                          bool always) = 0;
  // Only if it is here. Errors: NotFound.
  virtual Result<image::Image> find_local(const std::string& name) = 0;
  // Whether the store has them, as of a material.
  virtual bool has_bytes(const Digest& digest) = 0;
  virtual Result<std::optional<StepLayer>> find_step(const Digest& key) = 0;
  // Read-only.
  virtual Result<View> look(const Files& files) = 0;
  // Lets the user look around where `state` would run.
  virtual Result<> open(const RunRequest& state) = 0;
  virtual Result<std::unique_ptr<Running>> run(const RunRequest& request) = 0;
  // `work` changes the files; what it changed is kept under `key`, with `time` as every time.
  // If memory has room for what `work` makes, that is there first; else, and if it turns out to be
  // more, on the disk.
  struct Change {
    Files files;
    Digest key;
    std::string what;
    UnixNanos time = 0;
    std::vector<image::Material> materials;
    // What `work` makes, about: contents that it writes, in bytes, and names. None: nobody knows.
    struct Extent {
      std::uint64_t bytes = 0;
      std::uint64_t names = 1;
    };
    std::optional<Extent> extent;
    Digest like;  // The key of a step that has probably made much the same; may be empty.
    bool is_sealed = false;
  };
  virtual Result<StepLayer> change(const Change& change,
                                   const std::function<Result<>(const Target&)>& work) = 0;
  // One layer that makes of what is below it what `layers` make of it, unless it is there already;
  // kept under `key`.
  struct Merge {
    std::vector<store::Layer> below;
    std::vector<store::Layer> layers;
    Digest key;
    std::string what;
  };
  virtual Result<StepLayer> merge(const Merge& merge) = 0;
  // `annotations`: of its manifest.
  virtual Result<image::Image> make_image(
      oci::ImageConfig config, const Files& files, const std::vector<std::string>& names,
      const std::map<std::string, std::string>& annotations) = 0;
  // The uncompressed bytes of `file` (borrowed) from its start, when they are a tar; null
  // otherwise.
  virtual Result<std::unique_ptr<codec::Source>> open_archive(int file) = 0;
  // The same of any bytes. Errors while they are read: Corrupt.
  virtual Result<std::unique_ptr<codec::Source>> open_plain(int file) = 0;
  // SECURITY: the one way in for what a build itself takes from elsewhere (images and RUN are
  // others'). Nothing is got again that is in the store and is known to be the same still: by
  // `expected`, by commit, or because the server says so. Errors: NotFound; Denied; Corrupt
  // (another digest or commit than was asked for: nothing is kept); Unavailable (the network, no
  // room, interrupted).
  virtual Result<Fetched> fetch(const FetchRequest& request) = 0;
  // Notes that a context came from elsewhere: its bytes stay as if a step had that material.
  virtual Result<> keep_material(const image::Material& material, const std::string& what) = 0;
  // The ids of the files of RunMounts that have others than root's.
  virtual Result<sys::IdMap> mount_ids() = 0;
  // A directory of this machine that lives as long as this and is nobody else's.
  virtual Result<std::string> make_directory() = 0;
  // What an earlier build has noted under `name`; "" when nothing. And noting it.
  virtual std::string load_note(const std::string& name) = 0;
  virtual void save_note(const std::string& name, std::string_view text) = 0;
};

}  // namespace tare::build
