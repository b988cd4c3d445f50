// SPDX-License-Identifier: Apache-2.0
#include "codec/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace tare::codec {

Result<std::string> inflate(std::string_view bytes, Deflate format, std::size_t limit) {
  constexpr int kWindow = 15;  // 32 KiB; negative: without a header. [zlib.h]
  z_stream stream{};
  if (::inflateInit2(&stream, format == Deflate::Raw ? -kWindow : kWindow) != Z_OK)
    return fail(Kind::Unavailable, "deflate: no memory for the decoder");
  std::string out;
  std::array<char, 32 << 10> buffer;
  int status = Z_OK;
  // zlib only reads its input, and counts it with 32 bits.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(bytes.size(), 1U << 30));
  while (status == Z_OK && out.size() <= limit) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    status = ::inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  if (out.size() > limit) return fail(Kind::Invalid, "deflate: more than is allowed");
  if (status != Z_STREAM_END) return fail(Kind::Corrupt, "deflate: broken data");
  return out;
}

}  // namespace tare::codec
