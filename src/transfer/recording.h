// SPDX-License-Identifier: Apache-2.0
// What tare and tare-record say to each other. tare-record is the proxy of one RUN: it asks for
// what the program asks for, and notes every answer; or it gives answers that were noted before,
// and has no network then. It has a descriptor of each of these, and nothing of the store:
//   kSettings   a file with the settings, as JSON
//   kListener   the socket that listens in the container's network namespace
//   kBodies     a directory, for bodies that come and for those that are given
//   kNotes      a file, to which each answer is appended as a line of JSON
//   kPlace      the network namespace that it asks from; closed: where tare is
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "transfer/protocol.h"

namespace tare::transfer {

enum RecorderDescriptor : std::uint8_t { kSettings = 3, kListener, kBodies, kNotes, kPlace };

// A note: an answer of a server, or that there is none (`refused`, `failed`), or that there will be
// one (`has_begun`), before the program gets anything of it. What begins and is not followed by an
// answer with the same key is what the program may have got something of that is not noted.
struct Answer {
  // What was asked for: "" is GET; else the method, and with a space between "bytes=..." (a range)
  // or the digest of what was sent.
  std::string request;
  std::string url;  // Without a user and without a fragment.
  int status = 0;
  std::vector<std::string> headers;  // "name: value": those that matter to what is done with it.
  Digest digest;                     // Of the body.
  std::uint64_t size = 0;            // Of the body.
  std::string file;                  // In kBodies, with the body; "" when it is empty.
  std::string refused;               // Why there is none: the lock does not have it.
  std::string failed;                // Why there is none, of the server.
  bool has_begun = false;

  // What an answer is found by.
  std::string key() const { return (request.empty() ? "GET" : request) + " " + url; }
};

// The authority that the certificates of one build are from: PEM. SECURITY: the key is only ever in
// the memory of tare and tare-record.
struct Authority {
  std::string certificate;
  std::string key;
};

struct RecorderSettings {
  Authority authority;
  Proxies proxies;  // Between the recorder and servers.
  bool is_locked = false;
  std::vector<Answer> answers;     // When it is: in the order in which they came.
  std::uint64_t max_bytes = 0;     // Of all bodies together.
  std::vector<std::string> hosts;  // "NAME:ADDRESS": names that mean that, whatever others say.
  bool refuses_machine = false;    // Addresses of this machine and of its bridges are not asked.
};

// Errors: Invalid.
std::string print_answer(const Answer& answer);  // Without a newline.
Result<Answer> parse_answer(std::string_view line);
std::string print_recorder_settings(const RecorderSettings& settings);
Result<RecorderSettings> parse_recorder_settings(std::string_view text);

// Of the headers of an answer those that are noted, in order: what says when and by whom is not.
bool is_noted_header(std::string_view name);

}  // namespace tare::transfer
