// SPDX-License-Identifier: Apache-2.0
// The certificates that programs in RUN see: an authority of one build, and below it a certificate
// for each host, made when it is asked for. [RFC 5280]
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "transfer/recording.h"

namespace tare::front_record {

struct Free {
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { ::X509_free(certificate); }
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  void operator()(SSL* stream) const { ::SSL_free(stream); }
  void operator()(BIO* bio) const { ::BIO_free_all(bio); }
  void operator()(X509_EXTENSION* extension) const { ::X509_EXTENSION_free(extension); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using TlsContext = std::unique_ptr<SSL_CTX, Free>;

// A new key on the curve P-256 and a certificate that signs others, for a week.
Result<transfer::Authority> make_authority();

class Issuer {
 public:
  // Errors: Invalid (`authority` is none).
  static Result<Issuer> open(const transfer::Authority& authority);
  // How a server is that calls itself `host`: a name or an address. It speaks HTTP/1.1 only.
  Result<TlsContext> server_of(const std::string& host) const;

 private:
  Issuer() = default;
  Key authority_key_;
  Certificate authority_;
  Key key_;  // Of all hosts.
};

}  // namespace tare::front_record
