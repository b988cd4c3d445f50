// SPDX-License-Identifier: Apache-2.0
// Asks a name server for A of a name, many times, with some questions under way at any time; prints
// how many answers came a second. usage: dns-flood ADDRESS PORT NAME COUNT [UNDER_WAY]
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static size_t make_query(unsigned char* out, const char* name) {
  const unsigned char header[12] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  memcpy(out, header, sizeof header);
  size_t size = sizeof header;
  while (*name != '\0') {
    const size_t label = strcspn(name, ".");
    out[size++] = (unsigned char)label;
    memcpy(out + size, name, label);
    size += label;
    name += label + (name[label] == '.');
  }
  const unsigned char rest[5] = {0, 0, 1, 0, 1};
  memcpy(out + size, rest, sizeof rest);
  return size + sizeof rest;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  if (argc < 5 || strlen(argv[3]) > 200) return 2;
  const long count = atol(argv[4]);
  const long most = argc > 5 ? atol(argv[5]) : 32;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 2;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof address) != 0) return 2;
  unsigned char query[300];
  unsigned char answer[4096];
  const size_t size = make_query(query, argv[3]);
  long sent = 0;
  long answered = 0;
  long addresses = 0;
  const double begin = seconds();
  while (answered < count) {
    while (sent < count && sent - answered < most) {
      query[0] = (unsigned char)(sent >> 8);
      query[1] = (unsigned char)sent;
      if (send(fd, query, size, 0) < 0 && errno != ECONNREFUSED) return 2;
      ++sent;
    }
    struct pollfd poll_in = {.fd = fd, .events = POLLIN};
    if (poll(&poll_in, 1, 1000) <= 0) break;
    ssize_t got;
    while ((got = recv(fd, answer, sizeof answer, MSG_DONTWAIT)) > 12) {
      ++answered;
      addresses += answer[7];
    }
  }
  const double time = seconds() - begin;
  printf("%ld of %ld answered, %ld addresses, %.0f a second\n", answered, sent, addresses,
         (double)answered / time);
  return answered == count ? 0 : 1;
}
