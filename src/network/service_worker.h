// SPDX-License-Identifier: Apache-2.0
// The network service at work: it takes what is handed over, and ends itself when nobody needs it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "network/loop.h"
#include "network/service_containers.h"
#include "network/service_parts.h"

namespace tare::network {

class ServiceWorker {
 public:
  // `store`: its path; `listener`: as kServiceListener. The loop and the parts have to outlive it.
  ServiceWorker(Loop& loop, ServiceParts& parts, std::string store, sys::Fd listener);
  ServiceWorker(const ServiceWorker&) = delete;
  ServiceWorker& operator=(const ServiceWorker&) = delete;
  ~ServiceWorker();

  // Reads the records, takes what was handed over already, makes anew what is missing. Then the
  // loop may run; it stops when there has been no container for ten seconds.
  Result<> start();

 private:
  void accept_all();
  // False: the connection is over.
  bool read_message(int connection);
  Result<> obey(const std::string& text, std::vector<sys::Fd> descriptors);
  void on_change();
  void end_if_idle();
  Result<bool> try_to_end();
  void close(int connection);

  Loop& loop_;
  ServiceParts& parts_;
  std::string store_;
  sys::Fd listener_;
  std::map<int, sys::Fd> connections_;
  Loop::Timer idle_ = 0;
  std::size_t messages_ = 0;  // Ever.
  ServiceContainers containers_;
};

}  // namespace tare::network
