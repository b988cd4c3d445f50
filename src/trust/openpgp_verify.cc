// SPDX-License-Identifier: Apache-2.0
// The arithmetic of signatures, by OpenSSL.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <array>
#include <memory>

#include "trust/openpgp_packets.h"

namespace tare::trust {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Null for those that are broken, and for those that nobody uses.
const EVP_MD* digest_of(std::uint8_t hash) {
  switch (hash) {
    case 8:
      return EVP_sha256();
    case 9:
      return EVP_sha384();
    case 10:
      return EVP_sha512();
    default:
      return nullptr;
  }
}

Number number_of(std::string_view text) {
  return {::BN_bin2bn(bytes_of(text), static_cast<int>(text.size()), nullptr), &BN_free};
}

Key rsa_key(const OpenPgpKey& key) {
  Key none(nullptr, &EVP_PKEY_free);
  const Number modulus = number_of(key.modulus);
  const Number exponent = number_of(key.exponent);
  const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(
      ::OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
  const KeyContext context(::EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr),
                           &EVP_PKEY_CTX_free);
  if (!modulus || !exponent || !builder || !context ||
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return none;
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(
      ::OSSL_PARAM_BLD_to_param(builder.get()), &OSSL_PARAM_free);
  EVP_PKEY* made = nullptr;
  if (!parameters || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
      ::EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return none;
  return {made, &EVP_PKEY_free};
}

}  // namespace

bool has_signed(const OpenPgpKey& key, const Signature& signature, std::string_view text) {
  const EVP_MD* const digest = digest_of(signature.hash);
  if (digest == nullptr || key.algorithm != signature.algorithm) return false;
  // What follows the text. [RFC 4880 5.2.4]
  std::string end(signature.hashed);
  end += "\x04\xff";
  for (int shift = 24; shift >= 0; shift -= 8)
    end += static_cast<char>(signature.hashed.size() >> shift);
  const Context context(::EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context) return false;
  if (key.algorithm == kRsa) {
    const Key rsa = rsa_key(key);
    // As long as the modulus: zeros in front are not written.
    if (signature.number.size() > key.modulus.size()) return false;
    const std::string number =
        std::string(key.modulus.size() - signature.number.size(), '\0') + signature.number;
    return rsa && ::EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, rsa.get()) == 1 &&
           ::EVP_DigestVerifyUpdate(context.get(), text.data(), text.size()) == 1 &&
           ::EVP_DigestVerifyUpdate(context.get(), end.data(), end.size()) == 1 &&
           ::EVP_DigestVerifyFinal(context.get(), bytes_of(number), number.size()) == 1;
  }
  // Ed25519 signs the digest. [draft-koch-eddsa-for-openpgp]
  std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
  unsigned size = 0;
  const Key point(::EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(key.point),
                                                key.point.size()),
                  &EVP_PKEY_free);
  const Context verifying(::EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return point && verifying && ::EVP_DigestInit_ex(context.get(), digest, nullptr) == 1 &&
         ::EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
         ::EVP_DigestUpdate(context.get(), end.data(), end.size()) == 1 &&
         ::EVP_DigestFinal_ex(context.get(), value.data(), &size) == 1 &&
         ::EVP_DigestVerifyInit(verifying.get(), nullptr, nullptr, nullptr, point.get()) == 1 &&
         ::EVP_DigestVerify(verifying.get(), bytes_of(signature.number), signature.number.size(),
                            value.data(), size) == 1;
}

}  // namespace tare::trust
