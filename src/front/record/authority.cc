// SPDX-License-Identifier: Apache-2.0
#include "front/record/authority.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>

#include "base/text.h"

namespace tare::front_record {
namespace {

constexpr long kDay = 86'400;
constexpr long kValid = 7 * kDay;
constexpr const char* kName = "Tare build";
constexpr std::size_t kMaxCommonName = 64;  // [RFC 5280, ub-common-name]

using Bio = std::unique_ptr<BIO, Free>;

std::unexpected<Error> broken(const char* what) {
  ::ERR_clear_error();
  return fail(Kind::Internal, std::string("OpenSSL cannot ") + what);
}

Result<Key> make_key() {
  Key key(::EVP_EC_gen("P-256"));
  if (!key) return broken("make a key");
  return key;
}

Result<std::string> text_of(const Bio& bio) {
  char* bytes = nullptr;
  const long size = ::BIO_get_mem_data(bio.get(), &bytes);
  if (size <= 0) return broken("print");
  return std::string(bytes, static_cast<std::size_t>(size));
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context{};
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      ::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && ::X509_add_ext(certificate, extension.get(), -1) == 1;
}

// All but extensions and signature.
Result<Certificate> begin_certificate(EVP_PKEY* key, const std::string& name) {
  std::array<unsigned char, 16> serial{};
  if (::RAND_bytes(serial.data(), serial.size()) != 1) return broken("find a number");
  serial[0] &= 0x7f;  // Not negative.
  Certificate certificate(::X509_new());
  if (!certificate) return broken("make a certificate");
  const std::unique_ptr<BIGNUM, decltype(&::BN_free)> number(
      ::BN_bin2bn(serial.data(), serial.size(), nullptr), &::BN_free);
  X509_NAME* const subject = ::X509_get_subject_name(certificate.get());
  const std::string common = name.substr(0, kMaxCommonName);
  const bool is_made =
      ::X509_set_version(certificate.get(), X509_VERSION_3) == 1 && number &&
      ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(certificate.get())) != nullptr &&
      ::X509_gmtime_adj(::X509_getm_notBefore(certificate.get()), -kDay) != nullptr &&
      ::X509_gmtime_adj(::X509_getm_notAfter(certificate.get()), kValid) != nullptr &&
      ::X509_set_pubkey(certificate.get(), key) == 1 &&
      ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common.data()),
                                   static_cast<int>(common.size()), -1, 0) == 1;
  if (!is_made) return broken("fill in a certificate");
  return certificate;
}

bool is_address(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Of what the server may speak there is HTTP/1.1 alone; who wants something else is told so.
int choose_protocol(SSL* /*stream*/, const unsigned char** out, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void* /*nothing*/) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (::SSL_select_next_proto(&chosen, size, kOurs, sizeof kOurs - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<transfer::Authority> make_authority() {
  const Key key = TRY(make_key());
  const Certificate certificate = TRY(begin_certificate(key.get(), kName));
  X509* const raw = certificate.get();
  const bool is_signed =
      ::X509_set_issuer_name(raw, ::X509_get_subject_name(raw)) == 1 &&
      add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(raw, raw, NID_key_usage, "critical,keyCertSign") &&
      add_extension(raw, raw, NID_subject_key_identifier, "hash") &&
      ::X509_sign(raw, key.get(), ::EVP_sha256()) != 0;
  if (!is_signed) return broken("sign a certificate");
  const Bio certificate_text(::BIO_new(::BIO_s_mem()));
  const Bio key_text(::BIO_new(::BIO_s_mem()));
  if (!certificate_text || !key_text || ::PEM_write_bio_X509(certificate_text.get(), raw) != 1 ||
      ::PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                 nullptr) != 1)
    return broken("print a certificate");
  transfer::Authority made;
  made.certificate = TRY(text_of(certificate_text));
  made.key = TRY(text_of(key_text));
  return made;
}

Result<Issuer> Issuer::open(const transfer::Authority& authority) {
  Issuer issuer;
  const Bio certificate(::BIO_new_mem_buf(authority.certificate.data(),
                                          static_cast<int>(authority.certificate.size())));
  const Bio key(::BIO_new_mem_buf(authority.key.data(), static_cast<int>(authority.key.size())));
  issuer.authority_.reset(::PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
  issuer.authority_key_.reset(::PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
  if (!issuer.authority_ || !issuer.authority_key_)
    return fail(Kind::Invalid, "the authority of the build cannot be read");
  issuer.key_ = TRY(make_key());
  return issuer;
}

Result<TlsContext> Issuer::server_of(const std::string& host) const {
  const Certificate certificate = TRY(begin_certificate(key_.get(), host));
  X509* const raw = certificate.get();
  const bool is_signed =
      ::X509_set_issuer_name(raw, ::X509_get_subject_name(authority_.get())) == 1 &&
      add_extension(raw, authority_.get(), NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(raw, authority_.get(), NID_key_usage, "critical,digitalSignature") &&
      add_extension(raw, authority_.get(), NID_ext_key_usage, "serverAuth") &&
      add_extension(raw, authority_.get(), NID_authority_key_identifier, "keyid") &&
      add_extension(raw, authority_.get(), NID_subject_alt_name,
                    (is_address(host) ? "IP:" : "DNS:") + host) &&
      ::X509_sign(raw, authority_key_.get(), ::EVP_sha256()) != 0;
  if (!is_signed) return broken("sign a certificate");
  TlsContext context(::SSL_CTX_new(::TLS_server_method()));
  if (!context || ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      ::SSL_CTX_use_certificate(context.get(), raw) != 1 ||
      ::SSL_CTX_use_PrivateKey(context.get(), key_.get()) != 1)
    return broken("set up TLS");
  ::SSL_CTX_set_alpn_select_cb(context.get(), &choose_protocol, nullptr);
  return context;
}

}  // namespace tare::front_record
