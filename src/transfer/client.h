// SPDX-License-Identifier: Apache-2.0
// The other end of tare-transfer: starts it, asks, and hears how far it is.
#pragma once

#include <functional>
#include <string>

#include "sys/fd.h"
#include "transfer/protocol.h"

namespace tare::transfer {

class Client {
 public:
  // `program` is the path of tare-transfer. It gets the socket, and of our environment only what
  // names certificates. Errors: NotFound (it is not installed).
  static Result<Client> start(const std::string& program, const Settings& settings);
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;
  // Ends the program at once: what it has written to files stays.
  ~Client();

  // Gives the number for Request::endpoint.
  Result<int> add_endpoint(const Endpoint& endpoint);
  // Sets the request's id and gives it; `file` (borrowed) goes along unless it is -1.
  Result<std::uint64_t> send(Request request, int file);
  // Waits for what the program says next. Errors: Unavailable (it ended).
  Result<Event> next();
  int fd() const { return socket_.get(); }  // For poll: there is something for next().
  bool has_next() const { return line_end() != std::string::npos; }

  // One request while no other is under way. `hear` may be empty.
  using Hear = std::function<void(const Event&)>;
  Result<Reply> run(Request request, int file, const Hear& hear = {});
  // The same, with the answer's body in memory; it is empty for a status from 400.
  struct Document {
    Reply reply;
    std::string text;
  };
  Result<Document> fetch(Request request, const Hear& hear = {});

 private:
  Client() = default;
  std::size_t line_end() const { return heard_.find('\n'); }
  Result<> say(const json::Value& message, int file);

  sys::Fd socket_;
  int pid_ = -1;
  int endpoints_ = 0;
  std::uint64_t last_id_ = 0;
  std::string heard_;
};

}  // namespace tare::transfer
