// SPDX-License-Identifier: Apache-2.0
// A conversation with registries: where an image is to be looked for, its documents, and errors in
// words. [distribution-spec 1.1] Private to the room.
#pragma once

#include <string>
#include <vector>

#include "image/image.h"
#include "image/transfers.h"
#include "oci/manifest.h"
#include "transfer/client.h"

namespace tare::image {

// One place to look for a repository: the registry itself or a mirror of it.
struct Site {
  std::string host;        // As it is written in references, for credentials and certificates.
  std::string repository;  // There.
  bool is_mirror = false;
  bool plain_allowed = false;  // If nothing speaks TLS there, http will do.
  transfer::Endpoint endpoint;
  int number = -1;  // Request::endpoint, once connected.

  std::string path(const std::string& rest) const { return "/v2/" + repository + "/" + rest; }
};

struct RawManifest {
  std::string text;
  std::string media_type;  // Of the answer.
  Digest digest;
};

class Registry {
 public:
  // `hear`: what happens meanwhile, for the user; may be empty.
  static Result<Registry> open(const TransferOptions& options, transfer::Client::Hear hear);

  // Where `reference` may be found, mirrors first; only the registry itself for a push. Errors:
  // Denied (registries.conf blocks it).
  enum class Use : std::uint8_t { Pull, Push };
  Result<std::vector<Site>> sites(const Reference& reference, Use use) const;
  // The site of a registry without a repository, for login and the like.
  Result<Site> site_of_host(const std::string& host) const;
  // Finds out how it is spoken to. Errors: Unavailable.
  Result<> connect(Site& site);

  // A manifest or index by tag or digest. Verified against the digest asked for, or the one that
  // the registry tells. Errors: NotFound, Denied, Corrupt.
  Result<RawManifest> manifest(const Site& site, const std::string& tag_or_digest);
  // A small blob (a config) of at most `limit` bytes. Errors: the same; Invalid.
  static constexpr std::uint64_t kMaxDocument = 4 << 20;  // As of manifests.
  Result<std::string> blob_text(const Site& site, const oci::Descriptor& descriptor,
                                std::uint64_t limit = kMaxDocument);
  // Puts a manifest or index there, byte for byte. Errors: Denied; Corrupt (the registry has
  // something else now).
  Result<transfer::Reply> put_manifest(const Site& site, const std::string& tag_or_digest,
                                       const RawManifest& manifest);
  // Descriptors of what refers to a manifest there. [distribution-spec 1.1, "Listing Referrers"]
  Result<std::vector<oci::Descriptor>> referrers(const Site& site, const Digest& digest);
  // A JSON document at any path; all pages of it, if the answer has a Link to more.
  Result<json::Value> get_json(const Site& site, const std::string& target,
                               const std::vector<std::string>& scopes);
  // Page after page; `take` gets each. Errors: those of `take`; Invalid when there is no end.
  Result<> get_pages(const Site& site, const std::string& target,
                     const std::vector<std::string>& scopes,
                     const std::function<Result<>(const json::Value&)>& take);

  transfer::Client& client() { return client_; }

 private:
  Registry(transfer::Client client, TransferOptions options, transfer::Client::Hear hear)
      : client_(std::move(client)), options_(std::move(options)), hear_(std::move(hear)) {}

  transfer::Client client_;
  TransferOptions options_;
  transfer::Client::Hear hear_;
};

std::vector<std::string> pull_scope(const Site& site);
std::vector<std::string> push_scope(const Site& site);
// What an answer with a status from 300 means, in a sentence about `what` ("manifest of x").
Error answer_error(const transfer::Reply& reply, const Site& site, const std::string& what);
// The tag under which a registry without a list of referrers keeps one. [distribution-spec 1.1,
// "Referrers Tag Schema"]
std::string referrers_tag(const Digest& digest);
// The media types that a manifest may have, for Accept.
std::vector<std::string> manifest_types();

}  // namespace tare::image
