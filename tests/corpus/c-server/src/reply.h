#pragma once
#include <stddef.h>
/* Writes the answer to the line `asked` into `out`; returns its length. */
size_t reply(const char* asked, unsigned long count, char* out, size_t room);
