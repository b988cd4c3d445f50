// SPDX-License-Identifier: Apache-2.0
// Two ends of a connection: a server that says who asked it, a client, and who lies about itself.
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char kUsage[] =
    "usage: peer serve NAME PORT [ADDRESS]     answers \"NAME sees ADDRESS\", TCP and UDP\n"
    "       peer ask tcp|udp ADDRESS PORT [MS] prints the answer\n"
    "       peer send BYTES ADDRESS PORT       sends that many by TCP, prints what comes back "
    "after\n"
    "       peer sink PORT                     takes one connection, answers how many bytes it "
    "had\n"
    "       peer talk ADDRESS PORT             asks by UDP for each line of input, from one port\n"
    "       peer listen ADDRESS PORT           with SO_REUSEADDR, as servers do, and ends\n"
    "       peer socket PATH TEXT              says it to a socket of this machine, prints the "
    "answer\n"
    "       peer spoof SOURCE ADDRESS PORT     sends a datagram of UDP over IPv4\n";

static int die(const char* what) {
  fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int listen_at(int type, const char* port, const char* address) {
  const int yes = 1;
  const int no = 0;
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port))};
  if (address && inet_pton(AF_INET6, address, &any.sin6_addr) != 1) die("address");
  const int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (bind(fd, (struct sockaddr*)&any, sizeof any) < 0) die("bind");
  if (type == SOCK_STREAM && listen(fd, 64) < 0) die("listen");
  return fd;
}

static int answer(char* text, size_t size, const char* name, struct sockaddr_in6* peer) {
  char address[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, &peer->sin6_addr, address, sizeof address);
  const char* const plain = strncmp(address, "::ffff:", 7) == 0 ? address + 7 : address;
  return snprintf(text, size, "%s sees %s\n", name, plain);
}

static void serve(const char* name, const char* port, const char* address) {
  struct pollfd fds[2] = {{.fd = listen_at(SOCK_STREAM, port, address), .events = POLLIN},
                          {.fd = listen_at(SOCK_DGRAM, port, address), .events = POLLIN}};
  puts("ready");
  fflush(stdout);
  for (;;) {
    char text[256];
    struct sockaddr_in6 peer;
    socklen_t size = sizeof peer;
    if (poll(fds, 2, -1) < 0) die("poll");
    if (fds[0].revents) {
      const int fd = accept(fds[0].fd, (struct sockaddr*)&peer, &size);
      if (fd < 0) continue;
      (void)!write(fd, text, (size_t)answer(text, sizeof text, name, &peer));
      close(fd);
    }
    if (fds[1].revents) {
      size = sizeof peer;
      if (recvfrom(fds[1].fd, text, sizeof text, 0, (struct sockaddr*)&peer, &size) < 0) continue;
      sendto(fds[1].fd, text, (size_t)answer(text, sizeof text, name, &peer), 0,
             (struct sockaddr*)&peer, size);
    }
  }
}

static int connect_to(int type, const char* address, const char* port, int ms) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = type};
  struct addrinfo* found = NULL;
  if (getaddrinfo(address, port, &hints, &found) != 0) die("address");
  const int fd = socket(found->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (connect(fd, found->ai_addr, found->ai_addrlen) < 0 && errno != EINPROGRESS) die("connect");
  struct pollfd writable = {.fd = fd, .events = POLLOUT};
  if (poll(&writable, 1, ms) != 1) errno = ETIMEDOUT, die("connect");
  socklen_t size = sizeof errno;
  int error = 0;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  if (error != 0) die("connect");
  freeaddrinfo(found);
  return fd;
}

// Of a stream all that comes until its end, which is the server's.
static int print_answer(int fd, int ms, int is_stream) {
  char text[4096];
  int is_answered = 0;
  struct pollfd readable = {.fd = fd, .events = POLLIN};
  do {
    if (poll(&readable, 1, ms) != 1) errno = ETIMEDOUT, die("answer");
    const ssize_t size = read(fd, text, sizeof text);
    if (size < 0) die("answer");
    if (size == 0) break;
    is_answered = 1;
    fwrite(text, 1, (size_t)size, stdout);
  } while (is_stream);
  return !is_answered;
}

static int ask(const char* kind, const char* address, const char* port, int ms) {
  const int is_udp = strcmp(kind, "udp") == 0;
  const int fd = connect_to(is_udp ? SOCK_DGRAM : SOCK_STREAM, address, port, ms);
  if (is_udp && write(fd, "?", 1) != 1) die("send");
  return print_answer(fd, ms, !is_udp);
}

static void talk(const char* address, const char* port) {
  char text[256];
  const int fd = connect_to(SOCK_DGRAM, address, port, 1000);
  while (fgets(text, sizeof text, stdin)) {
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    ssize_t size = write(fd, "?", 1);
    if (size == 1) size = poll(&readable, 1, 500) == 1 ? read(fd, text, sizeof text) : -1;
    printf("%.*s", size > 0 ? (int)size : 8, size > 0 ? text : "nothing\n");
    fflush(stdout);
  }
}

static int send_many(long long bytes, const char* address, const char* port) {
  static char block[1 << 16];
  const int fd = connect_to(SOCK_STREAM, address, port, 5000);
  while (bytes > 0) {
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    if (poll(&writable, 1, 10000) != 1) errno = ETIMEDOUT, die("send");
    const ssize_t sent =
        write(fd, block, bytes < (long long)sizeof block ? (size_t)bytes : sizeof block);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent < 0) die("send");
    bytes -= sent;
  }
  shutdown(fd, SHUT_WR);
  return print_answer(fd, 10000, 1);
}

static void sink(const char* port) {
  static char block[1 << 16];
  char text[64];
  const int listening = listen_at(SOCK_STREAM, port, NULL);
  puts("ready");
  fflush(stdout);
  for (;;) {
    const int fd = accept(listening, NULL, NULL);
    long long all = 0;
    ssize_t size = 0;
    while ((size = read(fd, block, sizeof block)) > 0) all += size;
    (void)!write(fd, text, (size_t)snprintf(text, sizeof text, "%lld bytes\n", all));
    close(fd);
  }
}

static int listen_once(const char* address, const char* port) {
  const int yes = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  inet_pton(AF_INET, address, &at.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr*)&at, sizeof at) < 0) die("bind");
  if (listen(fd, 1) < 0) die("listen");
  return 0;
}

// Its checksum is none, which IPv4 allows.
static int spoof(const char* source, const char* address, const char* port) {
  struct {
    struct iphdr ip;
    struct udphdr udp;
    char text[4];
  } packet = {.ip = {.ihl = 5, .version = 4, .ttl = 64, .protocol = IPPROTO_UDP}, .text = "lie"};
  struct sockaddr_in to = {.sin_family = AF_INET};
  packet.ip.tot_len = htons(sizeof packet);
  inet_pton(AF_INET, source, &packet.ip.saddr);
  inet_pton(AF_INET, address, &packet.ip.daddr);
  packet.udp.uh_sport = htons(4000);
  packet.udp.uh_dport = htons((uint16_t)atoi(port));
  packet.udp.uh_ulen = htons(sizeof packet.udp + sizeof packet.text);
  to.sin_addr.s_addr = packet.ip.daddr;
  const int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  if (fd < 0) die("socket");
  if (sendto(fd, &packet, sizeof packet, 0, (struct sockaddr*)&to, sizeof to) < 0) die("sendto");
  return 0;
}

static int ask_socket(const char* path, const char* text) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char answer[256];
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof address) < 0) die("connect");
  if (write(fd, text, strlen(text)) < 0) die("write");
  const ssize_t count = read(fd, answer, sizeof answer);
  if (count < 0) die("read");
  return write(1, answer, (size_t)count) != count;
}

int main(int argc, char** argv) {
  if (argc >= 4 && strcmp(argv[1], "serve") == 0) serve(argv[2], argv[3], argv[4]);
  if (argc >= 5 && strcmp(argv[1], "ask") == 0)
    return ask(argv[2], argv[3], argv[4], argc > 5 ? atoi(argv[5]) : 2000);
  if (argc == 5 && strcmp(argv[1], "send") == 0) return send_many(atoll(argv[2]), argv[3], argv[4]);
  if (argc == 3 && strcmp(argv[1], "sink") == 0) sink(argv[2]);
  if (argc == 4 && strcmp(argv[1], "talk") == 0) return talk(argv[2], argv[3]), 0;
  if (argc == 4 && strcmp(argv[1], "listen") == 0) return listen_once(argv[2], argv[3]);
  if (argc == 4 && strcmp(argv[1], "socket") == 0) return ask_socket(argv[2], argv[3]);
  if (argc == 5 && strcmp(argv[1], "spoof") == 0) return spoof(argv[2], argv[3], argv[4]);
  fputs(kUsage, stderr);
  return 2;
}
