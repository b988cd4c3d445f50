// SPDX-License-Identifier: Apache-2.0
// The limit of getting an image: each layer is read, inflated by the fastest library there is
// (ISA-L for gzip, libzstd), hashed before and after, and written to one file, which is synced.
// One process and one thread; nothing is parsed, and no name is made.
//
// usage: bench-limit-image OUT LAYER...
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { kPiece = 1 << 20 };

static unsigned char input[kPiece];
static unsigned char output[kPiece];
static EVP_MD_CTX *outer, *inner;
static int out;

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void put(const unsigned char* bytes, size_t size) {
  EVP_DigestUpdate(inner, bytes, size);
  while (size > 0) {
    const ssize_t count = write(out, bytes, size);
    if (count < 0) die("write");
    bytes += count;
    size -= (size_t)count;
  }
}

static size_t get_plain(int file) {
  const ssize_t count = read(file, input, sizeof input);
  if (count < 0) die("read");
  return (size_t)count;
}

static size_t get(int file) {
  const size_t count = get_plain(file);
  EVP_DigestUpdate(outer, input, count);
  return count;
}

static void take_gzip(int file) {
  static struct inflate_state state;
  isal_inflate_init(&state);
  state.crc_flag = ISAL_GZIP;
  while (state.block_state != ISAL_BLOCK_FINISH) {
    if (state.avail_in == 0) {
      state.avail_in = (uint32_t)get(file);
      state.next_in = input;
      if (state.avail_in == 0) die("the layer ends early");
    }
    state.next_out = output;
    state.avail_out = sizeof output;
    if (isal_inflate(&state) != ISAL_DECOMP_OK) die("inflate");
    put(output, sizeof output - state.avail_out);
  }
}

static void take_zstd(int file) {
  ZSTD_DStream* const stream = ZSTD_createDStream();
  size_t count;
  while ((count = get(file)) > 0) {
    ZSTD_inBuffer from = {input, count, 0};
    while (from.pos < from.size) {
      ZSTD_outBuffer to = {output, sizeof output, 0};
      if (ZSTD_isError(ZSTD_decompressStream(stream, &to, &from))) die("zstd");
      put(output, to.pos);
    }
  }
  ZSTD_freeDStream(stream);
}

static void take_plain(int file) {
  size_t count;
  while ((count = get_plain(file)) > 0) put(input, count);
}

static void take(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  unsigned char first[4] = {0};
  if (file < 0 || pread(file, first, sizeof first, 0) < 0) die(path);
  EVP_DigestInit_ex(outer, EVP_sha256(), NULL);
  EVP_DigestInit_ex(inner, EVP_sha256(), NULL);
  if (first[0] == 0x1f && first[1] == 0x8b)
    take_gzip(file);
  else if (memcmp(first, "\x28\xb5\x2f\xfd", 4) == 0)
    take_zstd(file);
  else
    take_plain(file);
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_DigestFinal_ex(outer, digest, NULL);
  EVP_DigestFinal_ex(inner, digest, NULL);
  close(file);
}

int main(int count, char** words) {
  if (count < 3) {
    fprintf(stderr, "usage: bench-limit-image OUT LAYER...\n");
    return 2;
  }
  outer = EVP_MD_CTX_new();
  inner = EVP_MD_CTX_new();
  out = open(words[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) die(words[1]);
  for (int i = 2; i < count; ++i) take(words[i]);
  if (fsync(out) != 0) die("fsync");
  return 0;
}
