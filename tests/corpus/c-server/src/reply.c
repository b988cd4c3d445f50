#include "reply.h"

#include <stdio.h>
#include <string.h>

size_t reply(const char* asked, unsigned long count, char* out, size_t room) {
  int length;
  if (strcmp(asked, "version") == 0)
    length = snprintf(out, room, "counterd %s\n", VERSION);
  else if (strcmp(asked, "count") == 0)
    length = snprintf(out, room, "%lu\n", count);
  else
    length = snprintf(out, room, "unknown: %s\n", asked);
  return length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}
