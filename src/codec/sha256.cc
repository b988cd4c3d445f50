// SPDX-License-Identifier: Apache-2.0
#include "codec/sha256.h"

// The low-level functions, though deprecated: EVP_* makes OpenSSL 3 initialise itself, read
// openssl.cnf and fetch from providers, which every start of a command would pay for. They use the
// same assembly.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace tare::codec {

struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { ::SHA256_Init(&state_->context); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  ::SHA256_Update(&state_->context, bytes.data(), bytes.size());
}

Digest Sha256::finish() {
  char raw[SHA256_DIGEST_LENGTH];
  ::SHA256_Final(reinterpret_cast<unsigned char*>(raw), &state_->context);
  return Digest::from_sha256({raw, sizeof raw});
}

Digest sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

Result<std::size_t> HashingSource::read(char* buffer, std::size_t size) {
  const std::size_t count = TRY(inner_.read(buffer, size));
  hash_.update({buffer, count});
  bytes_ += count;
  return count;
}

Result<> HashingSink::write(std::string_view bytes) {
  hash_.update(bytes);
  bytes_ += bytes.size();
  return inner_.write(bytes);
}

}  // namespace tare::codec
