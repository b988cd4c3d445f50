// SPDX-License-Identifier: Apache-2.0
// What the store's file system can do beyond the usual, found by trying: fs-verity, reflinks.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "store/store.h"
#include "sys/files.h"
#include "sys/verity.h"

namespace tare::store {
namespace {

Result<sys::Fd> make_probe(const Store::Scratch& scratch) {
  sys::Fd file = TRY(sys::open_at(scratch.dir.get(), "probe", O_RDWR | O_CREAT | O_EXCL, 0400));
  TRY(sys::write_all(file.get(), std::string(4096, 'x')));
  return file;
}

}  // namespace

void Store::protect(int file) const {
  if (no_verity_) return;
  const auto enabled = sys::enable_verity(file);
  no_verity_ = !enabled && enabled.error().kind() == Kind::Unsupported;
}

void Store::protect(int dir, const std::string& name) const {
  if (no_verity_) return;
  if (const auto file = sys::open_at(dir, name, O_RDONLY | O_NOFOLLOW)) protect(file->get());
}

Result<> Store::try_verity() {
  const Scratch scratch = TRY(make_scratch());
  sys::Fd probe = TRY(make_probe(scratch));
  TRY(probe.close());
  const sys::Fd file = TRY(sys::open_at(scratch.dir.get(), "probe", O_RDONLY));
  TRY(sys::enable_verity(file.get()));
  if (sys::verity_digest(file.get()).empty())
    return fail(Kind::Unsupported, "fs-verity gives no digest here");
  return {};
}

Result<> Store::try_reflink() {
  const Scratch scratch = TRY(make_scratch());
  const sys::Fd file = TRY(make_probe(scratch));
  const sys::Fd copy = TRY(sys::open_at(scratch.dir.get(), "copy", O_WRONLY | O_CREAT | O_EXCL));
  if (::ioctl(copy.get(), FICLONE, file.get()) != 0)
    return fail(Kind::Unsupported, "this file system cannot share the bytes of two files");
  return {};
}

}  // namespace tare::store
