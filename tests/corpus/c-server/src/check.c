#include <stdio.h>
#include <string.h>

#include "reply.h"

int main(void) {
  char out[64];
  reply("count", 41, out, sizeof out);
  if (strcmp(out, "41\n") != 0) return 1;
  size_t length = reply("a line that is longer than all the room that there is for its answer", 0,
                        out, sizeof out);
  if (length != sizeof out - 1) return 2;
  puts("2 checks passed");
  return 0;
}
