// SPDX-License-Identifier: Apache-2.0
// What tare and its transfer program say to each other. tare-transfer speaks HTTP for tare and
// knows nothing of images or the store: it gets an endpoint with its credentials, requests, and
// descriptors of the files that bodies are read from and written to.
//
// The two share one stream socket, descriptor kSocket of the program. A message is a JSON object on
// a line of its own; a request that has a body brings its descriptor along (SCM_RIGHTS), in the
// order of the requests. From tare: "settings" once, "endpoint" (numbered from 0), "request". From
// the program, for each request by its id: any number of "progress" and "waiting", then one "done"
// or "failed". The end of the socket is the end of the program. Secrets go this way only: arguments
// and environments can be read by others.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "codec/json.h"

namespace tare::transfer {

inline constexpr int kSocket = 3;
inline constexpr std::size_t kMaxMessage = 1 << 20;  // Bytes of a line.

// Of plain and encrypted connections, as URLs; and what is spoken to without one, as in NO_PROXY.
struct Proxies {
  std::string http;
  std::string https;
  std::string none;
};

struct Settings {
  std::uint64_t bytes_per_second = 0;  // Of all downloads and uploads together; 0: no limit.
  Proxies proxies;
};

// A registry, or another server, as it is spoken to: what is told about one origin is never told
// to another.
struct Endpoint {
  std::string url;     // "https://registry.example:5000", nothing behind the port.
  bool verify = true;  // The certificate of the server.
  std::string ca;      // PEM, beside the system's.
  std::string certificate;
  std::string key;
  std::string user;
  std::string password;
  std::string identity_token;  // A refresh token instead of a password. [docker "oauth" tokens]
  bool is_registry = true;     // Others are asked for files only, and get no tokens.
};

struct Request {
  std::uint64_t id = 0;
  int endpoint = 0;
  std::string method = "GET";
  std::string target;               // "/v2/..." at the endpoint, or a whole URL that it gave us.
  std::vector<std::string> scopes;  // "repository:library/busybox:pull", for token servers.
  std::vector<std::string> accept;
  std::string content_type;
  bool has_file = false;  // A descriptor comes with it.
  bool uploads = false;   // The file is sent; otherwise the answer is written to it.
  // Of what is sent, or of what has to come: more and less are errors.
  std::optional<std::uint64_t> size;
  std::uint64_t limit = 0;   // Of what may come when `size` is not known; 0: 4 MiB.
  Digest digest;             // Of the whole file when all has come; empty: not checked.
  std::uint64_t offset = 0;  // Bytes that the file has already: only the rest is asked for.
  // Given: only the `size` bytes from here are wanted, at the same place of the file. A server that
  // does not give parts is an error (Unsupported).
  std::optional<std::uint64_t> part_at;
  // What the server has said of the bytes that we have: 304 is the answer if they are the same
  // still. [RFC 9110 13.1.2, 13.1.3]
  std::string etag;
  std::string modified;
  int tries = 3;  // Failures in a row, without a byte between, before it is given up.
};

// An answer that is none of: a failure of the network, 429 or 5xx after all tries.
struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  // In lower case, those of kHeaders.
  std::uint64_t bytes = 0;                     // In the file when all had come.
  Digest digest;                               // Of them.
  std::string detail;                          // With a status from 400: what the server said.

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

inline constexpr std::string_view kHeaders[] = {"content-type",
                                                "content-length",
                                                "docker-content-digest",
                                                "location",
                                                "etag",
                                                "last-modified",
                                                "link",
                                                "range",
                                                "oci-chunk-min-length",
                                                "docker-distribution-api-version",
                                                "oci-subject",
                                                "oci-filters-applied"};

struct Event {
  enum class Type : std::uint8_t { Progress, Waiting, Done, Failed } type = Type::Progress;
  std::uint64_t id = 0;
  std::uint64_t done = 0;  // Progress: bytes of the whole file.
  std::string text;        // Waiting: why ("503, again in 2 s").
  Reply reply;             // Done.
  std::optional<Error> error;
};

// The members of messages are named as those of the structures.
json::Value print_settings(const Settings& settings);
json::Value print_endpoint(const Endpoint& endpoint);
json::Value print_request(const Request& request);
json::Value print_event(const Event& event);

// "settings", "endpoint" or "request". Errors: Invalid.
std::string_view kind_of(const json::Value& message);
Settings parse_settings(const json::Value& message);
Endpoint parse_endpoint(const json::Value& message);
Result<Request> parse_request(const json::Value& message);
// The program speaks with strangers: what it says is checked. Errors: Invalid.
Result<Event> parse_event(std::string_view line);

}  // namespace tare::transfer
