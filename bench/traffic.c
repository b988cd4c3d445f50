// SPDX-License-Identifier: Apache-2.0
// Bytes a second and round trips between two ends of a TCP connection, for bench/network.
//
// usage: bench-traffic serve PORT                  answers everybody until it is killed
//        bench-traffic ask ADDRESS PORT SECONDS    prints {"mb_s": ..., "rtt_us": ...}
// Its throughput counts what the other end has read; its round trip is the median of many, 64 bytes
// each way. Static, so that an image needs nothing else.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kMessage = 64, kTrips = 4000, kBlock = 128 << 10 };

static char block[kBlock];

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void fail(const char* what) {
  fprintf(stderr, "bench-traffic: %s: %s\n", what, strerror(errno));
  exit(1);
}

// All of it, or 0 at the end.
static int receive(int peer, void* to, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t count = read(peer, (char*)to + done, size - done);
    if (count <= 0) return 0;
    done += (size_t)count;
  }
  return 1;
}

static void answer(int peer) {
  char message[kMessage];
  if (!receive(peer, message, 1)) return;
  if (message[0] == 'r') {
    while (receive(peer, message, kMessage))
      if (write(peer, message, kMessage) != kMessage) return;
    return;
  }
  uint64_t total = 0;
  for (ssize_t count; (count = read(peer, block, sizeof block)) > 0;) total += (uint64_t)count;
  if (write(peer, &total, sizeof total) != sizeof total) return;
}

static void serve(uint16_t port) {
  signal(SIGCHLD, SIG_IGN);
  const int listener = socket(AF_INET6, SOCK_STREAM, 0);
  const int yes = 1, no = 0;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  const struct sockaddr_in6 all = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (bind(listener, (const struct sockaddr*)&all, sizeof all) != 0) fail("bind");
  if (listen(listener, 64) != 0) fail("listen");
  for (;;) {
    const int peer = accept(listener, NULL, NULL);
    if (peer < 0) continue;
    if (fork() == 0) {
      setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      answer(peer);
      _exit(0);
    }
    close(peer);
  }
}

static int connect_to(const char* address, uint16_t port) {
  const struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
  const int64_t end = now_ns() + 10 * 1000000000LL;
  for (;;) {  // The server may not be there yet.
    const int peer = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(peer, (const struct sockaddr*)&to, sizeof to) == 0) {
      const int yes = 1;
      setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      return peer;
    }
    if (now_ns() > end) fail("connect");
    close(peer);
    usleep(20000);
  }
}

static double megabytes(int peer, double seconds) {
  if (write(peer, "s", 1) != 1) fail("write");
  const int64_t begin = now_ns(), end = begin + (int64_t)(seconds * 1e9);
  while (now_ns() < end)
    if (write(peer, block, sizeof block) < 0) fail("write");
  shutdown(peer, SHUT_WR);
  uint64_t total = 0;
  if (!receive(peer, &total, sizeof total)) fail("read");
  return (double)total / 1e6 / ((double)(now_ns() - begin) / 1e9);
}

static int by_value(const void* one, const void* other) {
  const int64_t a = *(const int64_t*)one, b = *(const int64_t*)other;
  return (a > b) - (a < b);
}

static double round_trip_us(int peer) {
  static int64_t trips[kTrips];
  char message[kMessage] = {0};
  if (write(peer, "r", 1) != 1) fail("write");
  for (int i = 0; i < kTrips; ++i) {
    const int64_t begin = now_ns();
    if (write(peer, message, kMessage) != kMessage) fail("write");
    if (!receive(peer, message, kMessage)) fail("read");
    trips[i] = now_ns() - begin;
  }
  qsort(trips, kTrips, sizeof *trips, by_value);
  return (double)trips[kTrips / 2] / 1e3;
}

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 3 && strcmp(argv[1], "serve") == 0) serve((uint16_t)atoi(argv[2]));
  if (argc != 5 || strcmp(argv[1], "ask") != 0) {
    fprintf(stderr, "usage: bench-traffic serve PORT | ask ADDRESS PORT SECONDS\n");
    return 125;
  }
  const uint16_t port = (uint16_t)atoi(argv[3]);
  const int first = connect_to(argv[2], port);
  const double trip = round_trip_us(first);
  close(first);
  const int second = connect_to(argv[2], port);
  printf("{\"mb_s\": %.1f, \"rtt_us\": %.2f}\n", megabytes(second, atof(argv[4])), trip);
  return 0;
}
