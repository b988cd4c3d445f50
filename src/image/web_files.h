// SPDX-License-Identifier: Apache-2.0
// Files that builds take from the web (http, https): blobs of the store.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/transfers.h"
#include "store/store.h"
#include "transfer/client.h"

namespace tare::image {

struct WebFile {
  Digest digest;
  std::uint64_t size = 0;
  // What the server has said of it, to be asked for it again; may be empty. [RFC 9110 8.8]
  std::string etag;
  std::string modified;
};

struct WebWish {
  std::string url;               // May have a user and password; they are told to its origin only.
  Digest expected;               // Empty: whatever comes.
  std::optional<WebFile> known;  // Came from there before, and is a blob.
  std::function<bool()> is_interrupted;
};

class WebFiles {
 public:
  // `store` outlives the object.
  WebFiles(store::Store& store, TransferOptions options)
      : store_(store), options_(std::move(options)) {}

  // Gets a file, or finds that it is `known` still. With `expected` nothing is asked for that is
  // here, and what came of a broken transfer is used. Whoever calls holds kBlobsLock, shared.
  // Errors: NotFound, Denied, Unavailable (the network; no room), Corrupt (another digest; nothing
  // is kept then).
  Result<WebFile> get(const WebWish& wish, const TransferProgress& progress);

 private:
  Result<transfer::Reply> ask(const WebWish& wish, transfer::Request request, int file,
                              const TransferProgress& progress);

  store::Store& store_;
  TransferOptions options_;
  std::optional<transfer::Client> client_;  // Started when it is needed first.
};

// What other programs that go to the net for a build are told of the surroundings: proxies, files
// of certificates; and what ssh knows of hosts.
struct NetworkSurroundings {
  std::map<std::string, std::string> environment;
  std::vector<std::string> readable;  // Files that those name.
  std::string known_hosts;            // Content of ~/.ssh/known_hosts.
};
Result<NetworkSurroundings> find_network_surroundings();

// An address without the user and password that may be in it.
std::string without_user(std::string_view url);

}  // namespace tare::image
