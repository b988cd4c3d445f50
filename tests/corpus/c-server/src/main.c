#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reply.h"

static void stop(int number) {
  (void)number;
  static const char text[] = "stopped\n";
  if (write(1, text, sizeof text - 1) < 0) _exit(1);
  _exit(0);
}

static int fail(const char* what) {
  perror(what);
  return 1;
}

static int ping(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in place = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (connect(fd, (struct sockaddr*)&place, sizeof place) != 0) return fail("connect");
  char answer[64];
  return write(fd, "version\n", 8) == 8 && read(fd, answer, sizeof answer) > 0 ? 0 : 1;
}

int main(int count, char** words) {
  if (count == 3 && strcmp(words[1], "--ping") == 0) return ping(atoi(words[2]));
  signal(SIGTERM, stop);
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in place = {.sin_family = AF_INET,
                              .sin_port = htons(count > 1 ? atoi(words[1]) : 7000)};
  if (bind(listener, (struct sockaddr*)&place, sizeof place) != 0) return fail("bind");
  if (listen(listener, 16) != 0) return fail("listen");
  printf("listening as %d\n", (int)getuid());
  fflush(stdout);
  for (unsigned long served = 0;; ++served) {
    int fd = accept(listener, NULL, NULL);
    char asked[128], answer[256];
    ssize_t length = read(fd, asked, sizeof asked - 1);
    if (length > 0) {
      asked[length] = 0;
      asked[strcspn(asked, "\r\n")] = 0;
      size_t size = reply(asked, served, answer, sizeof answer);
      if (write(fd, answer, size) < 0) perror("write");
    }
    close(fd);
  }
}
