// SPDX-License-Identifier: Apache-2.0
// Images: names, loading, saving, importing, removing. Verified on the way in: every digest, every
// size, every diff_id. This header is all that other rooms may use.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "codec/json.h"
#include "codec/stream.h"
#include "image/transfers.h"
#include "oci/image_config.h"
#include "store/store.h"

namespace tare::image {

// A parsed reference. "busybox" is docker.io/library/busybox:latest, as everywhere in the field.
// [distribution-spec 1.1 "Pulling manifests"; Docker's reference grammar]
struct Reference {
  std::string registry;    // "docker.io", "localhost:5000"
  std::string repository;  // "library/busybox"
  std::string tag;         // "latest" when neither tag nor digest was given.
  Digest digest;           // Empty unless "@sha256:..." was given.

  static Result<Reference> parse(std::string_view text);
  std::string text() const;                 // In full: "docker.io/library/busybox:latest".
  std::string familiar() const;             // As people write it: "busybox:latest".
  std::string familiar_repository() const;  // "busybox", "localhost:5000/x".
};

struct Image {
  Digest id;            // Of the config: what Docker shows as image id.
  Digest manifest;      // Of the stored manifest.
  Digest attestations;  // Of the manifest with what is attested of it (attestations.h), or empty.
  std::vector<std::string> names;  // Full references, sorted; empty: dangling.
  oci::ImageConfig config;
  std::vector<store::Layer> layers;
  std::uint64_t size = 0;  // Bytes of the files in its layers, as Docker counts.
  UnixNanos loaded_at = 0;
};

// What a long operation says while it runs: a step ("unpacking layer 2 of 3"), bytes done and in
// all (0: unknown).
using Progress =
    std::function<void(std::string_view step, std::uint64_t done, std::uint64_t total)>;

// Something on disk that is not what it was.
struct Damage {
  enum class Mend : std::uint8_t {
    Fetch,           // Only by getting the image again.
    TakeApartAgain,  // From the compressed bytes, which are right.
    MakeAgain,       // From the layers, which are right.
    Rebuild,         // A record or a name, from what else says the same.
  };
  Digest image;
  std::string image_name;
  std::string what;  // "layer", "layer blob", "document", "record", "removed image", "name",
                     // "root file system".
  Digest digest;     // Its name; of a name: empty.
  std::string file;  // Of a name: its file below names/.
  std::string why;
  Mend mend = Mend::Fetch;
};

// An image in the bin: removed, and kept for undo.
struct RemovedImage {
  Digest id;
  std::vector<std::string> names;  // Full references that it had.
  UnixNanos removed_at = 0;
  std::string moment;      // The same as sys::Moment; empty: not known.
  std::string batch;       // The same for what one command removed.
  std::uint64_t size = 0;  // As Image::size.
  Digest manifest;
  std::vector<store::Layer> layers;
};

enum class SaveFormat : std::uint8_t { DockerArchive, OciArchive };

class Images {
 public:
  // Both must outlive the object. Images are unpacked for `ids` at load.
  Images(store::Store& store, store::RootfsBackend& rootfs) : store_(store), rootfs_(rootfs) {}

  // Sorted by time loaded, newest first. Those that are damaged are not among them, but in
  // `problems`, when it is given.
  Result<std::vector<Image>> list(std::vector<Error>* problems = nullptr) const;
  // By reference, "sha256:ID", or a unique prefix of an id (at least 3 digits, preferred after
  // names as Docker does). Errors: NotFound with the nearest name as hint; Invalid (ambiguous).
  Result<Image> find(std::string_view name_or_id) const;
  // The id alone, also of an image that is damaged.
  Result<Digest> resolve(std::string_view name_or_id) const;

  // docker-archive, OCI archive, or a plain root-fs tar; each plain, gzip, zstd or xz; from a pipe
  // or a file; or an OCI layout directory (`directory` >= 0 then, and `source` unused). The names
  // in the archive are taken, and `name` as well when it holds one image only; a plain tar has no
  // other name (when empty: it stays dangling). Of an index the image for this machine is taken; an
  // image for another architecture is refused. Nothing is left in the store on failure.
  struct LoadRequest {
    codec::Source* source = nullptr;
    int file = -1;  // What `source` reads, when it is a file that can be read twice; at its start.
    int directory = -1;
    std::string name;
    const sys::IdMap* unpack_for = nullptr;  // Unpack at once for this map when given.
  };
  Result<std::vector<Image>> load(const LoadRequest& request, const Progress& progress);

  // A root-fs tar with a config made from Dockerfile-like changes ("CMD [...]", "ENV K=V", ...),
  // as docker import. `created` is fixed by the caller: the same input gives the same image.
  struct ImportRequest {
    codec::Source* source = nullptr;
    int file = -1;  // As in LoadRequest.
    std::string name;
    std::vector<std::string> changes;
    std::string message;
    UnixNanos created = 0;
    std::optional<oci::ImageConfig> config;  // Instead of `changes`.
    const sys::IdMap* unpack_for = nullptr;
  };
  Result<Image> import(const ImportRequest& request, const Progress& progress);

  // Images with the names they were asked by, into one archive. Names and ids both work.
  Result<> save(const std::vector<std::string>& names, SaveFormat format, codec::Sink& sink,
                const Progress& progress) const;

  // From a registry. Every digest and size is verified; the manifest is kept byte for byte. What
  // came before a transfer broke is kept in downloads/ and used by the next pull. Errors: NotFound,
  // Denied, Corrupt, Unavailable (the network), Unsupported (another platform, an artifact).
  struct PullWish {
    std::string reference;
    std::string platform;  // "linux/arm64"; "": this machine's.
    bool all_tags = false;
    bool whole = false;  // All bytes of layers, also of those that are here without them.
    TransferOptions options;
    const sys::IdMap* unpack_for = nullptr;
    Admit admit;
  };
  struct Pulled {
    Image image;
    std::string name;      // In full: "docker.io/library/busybox:latest".
    std::string familiar;  // "busybox:latest".
    Digest digest;         // Of what the name stands for: of an index, if it is one.
    bool is_new = false;   // It was not there, or another image had the name.
  };
  Result<std::vector<Pulled>> pull(const PullWish& request, const TransferProgress& progress);

  // To the registry that the name names. The manifest's digest stays what it is.
  // Errors: also Denied: a secret that was given to its build is in it (image/leaks.h).
  struct PushRequest {
    std::string reference;
    bool all_tags = false;
    std::vector<std::string> allowed_secrets;  // Ids of those that may be in it.
    TransferOptions options;
  };
  struct Pushed {
    std::string familiar;
    Digest digest;
    std::uint64_t size = 0;               // Of the manifest.
    std::vector<std::string> notes = {};  // What looks like a secret in it; sentences.
  };
  Result<std::vector<Pushed>> push(const PushRequest& request,
                                   const TransferProgress& progress) const;

  // From one place to another, each "docker://NAME", "oci:DIR[:TAG]", "oci-archive:FILE[:TAG]",
  // "docker-archive:FILE[:NAME]" or "store:NAME": an image, an index or an artifact, with all bytes
  // as they are. Every blob is verified on the way, and what has the name appears last. Errors:
  // those of pull and push; Unsupported (the target cannot hold that).
  struct CopyRequest {
    std::string source;
    std::string target;
    std::string platform;  // As PullWish::platform; of an index, unless `all` of it is wanted.
    bool all = false;
    bool referrers = false;                         // Also what refers to it.
    std::vector<std::string> allowed_secrets = {};  // As PushRequest::allowed_secrets.
    TransferOptions options;                        // But for tls_verify.
    std::optional<bool> source_tls_verify;
    std::optional<bool> target_tls_verify;
    const sys::IdMap* unpack_for = nullptr;
  };
  struct Copied {
    Digest digest;
    std::string media_type;
    Digest image;                    // What the store has got; empty: it is not the target.
    std::size_t documents = 0;       // Manifests and indexes.
    std::vector<std::string> notes;  // What could not be kept as it was.
  };
  Result<Copied> copy(const CopyRequest& request, const TransferProgress& progress);

  Result<> tag(std::string_view source, std::string_view target);

  // Takes a name away; the image goes with its last name (or at once by id, with `force` also with
  // several names). `in_use` says for an image id which container uses it, if any: Busy then,
  // unless `force`. Returns what happened in Docker's words: "Untagged: x", "Deleted: sha256:...".
  using InUse = std::function<std::optional<std::string>(const Digest&)>;
  struct RemoveRequest {
    bool force = false;
    bool all_names = false;  // Those in several repositories, too, also without `force`.
    bool keep = false;       // In the bin; else it is gone for good.
    std::string batch;       // RemovedImage::batch.
  };
  Result<std::vector<std::string>> remove(std::string_view name_or_id, const RemoveRequest& request,
                                          const InUse& in_use);

  // Reads all bytes of the named images (of all, when `names` is empty) and compares them with
  // their digests; a layer of several images once. What is wrong is in the result; errors are about
  // the question: NotFound.
  Result<std::vector<Damage>> verify(const std::vector<std::string>& names,
                                     const Progress& progress) const {
    return verify(names, progress, {});
  }
  struct VerifyOptions {
    std::uint64_t bytes_per_second = 0;       // 0: as fast as it goes.
    std::set<Digest> seen;                    // Layers that need not be read again.
    std::function<void(const Digest&)> read;  // Told of each layer, when it was read.
  };
  Result<std::vector<Damage>> verify(const std::vector<std::string>& names,
                                     const Progress& progress, const VerifyOptions& options) const;
  // Mends what can be mended with what is here. What has to be got again (Mend::Fetch) is marked:
  // the next load or pull that has it replaces it. Errors: Unsupported (nothing here tells).
  Result<> mend(const Damage& damage);
  // Gets what mend() has marked from where its image was pulled. Nothing when it is here by now.
  // Errors: Unsupported (it was not pulled); as pull().
  Result<> fetch_again(const Damage& damage, PullWish request, const TransferProgress& progress);

  // What is in the bin, oldest first.
  Result<std::vector<RemovedImage>> removed() const;
  // Brings it back with those of its names that no other image has now. Errors: NotFound; Corrupt.
  struct Restored {
    std::vector<std::string> names;
    std::vector<std::string> taken;  // Names that are another image's now.
  };
  Result<Restored> restore(const Digest& id);
  // Takes images out of the bin for good.
  Result<> forget(const std::vector<Digest>& ids);
  // Takes out of it what cannot be read.
  Result<> forget_damaged();
  // Notes that it is used now; failures are of no consequence.
  void touch(const Digest& id) const;
  Result<UnixNanos> last_used(const Digest& id) const;

  struct HistoryEntry {
    Digest image;  // Empty: "<missing>".
    UnixNanos created = 0;
    std::string created_by;
    std::uint64_t size = 0;
    std::string comment;
  };
  Result<std::vector<HistoryEntry>> history(std::string_view name_or_id) const;

  // docker image inspect's JSON object for one image.
  json::Value inspect(const Image& image) const;

 private:
  store::Store& store_;
  store::RootfsBackend& rootfs_;
};

// Looking at registries without a store.
struct RemoteDocument {
  std::string reference;
  std::string text;        // Byte for byte.
  std::string media_type;  // Of a referrer: its artifact type.
  Digest digest;
};
// The manifest or index that a name stands for. Errors: as Images::pull.
Result<RemoteDocument> look_at_manifest(std::string_view name, const TransferOptions& options);
// What refers to it: signatures, lists of packages; `text` is the descriptor. [distribution-spec
// 1.1, "Listing Referrers"]
Result<std::vector<RemoteDocument>> look_for_referrers(std::string_view name,
                                                       const TransferOptions& options);
// "TERM" at Docker Hub, "REGISTRY/TERM" in the catalogue of a registry that has one.
struct Found {
  std::string name;
  std::string description;
  std::uint64_t stars = 0;
  bool is_official = false;
};
Result<std::vector<Found>> search(std::string_view term, std::size_t limit,
                                  const TransferOptions& options);

}  // namespace tare::image
