// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/exchange.h"

#include <curl/curl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "front/transfer/proxy.h"
#include "front/transfer/url.h"

namespace tare::front_transfer {
namespace {

constexpr long kConnectSeconds = 20;
constexpr long kSilentSeconds = 60;  // With fewer than kLeastRate bytes a second: it is given up.
constexpr std::uint64_t kLeastRate = 100;
constexpr std::size_t kMaxHeaders = 256 << 10;
constexpr std::uint64_t kReceiveBytes = 256 << 10;
constexpr std::uint64_t kLeastBytes = 1024;  // libcurl takes no smaller buffer.

// What libcurl asks the environment. With a proxy, it is that one that is connected to.
bool uses_proxy() {
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return true;
  return false;
}

curl_blob blob_of(const std::string& text) {
  return {.data = const_cast<char*>(text.data()), .len = text.size(), .flags = CURL_BLOB_COPY};
}

}  // namespace

class Exchange {
 public:
  Exchange(Network& network, Call call, Network::Done done)
      : network_(network), call_(std::move(call)), done_(std::move(done)) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (easy_ != nullptr) ::curl_easy_cleanup(easy_);
    ::curl_slist_free_all(headers_);
  }

  Result<> prepare();
  CURL* easy() const { return easy_; }
  const Outcome& finish(CURLcode code);
  Network::Done take_done() { return std::move(done_); }

 private:
  template <typename T>
  void set(CURLoption option, T value) {
    // Of options that this libcurl does not know the caller is told by prepare().
    if (::curl_easy_setopt(easy_, option, value) != CURLE_OK) is_wrong_ = true;
  }
  void set_tls();
  void set_method();
  void set_proxy();
  void explain(CURLcode code);
  void explain_tls(CURLcode code);
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_read(char* bytes, std::size_t size, std::size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static curl_socket_t on_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  void take_header(std::string_view line);

  Network& network_;
  Call call_;
  Network::Done done_;
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_{};
  Outcome outcome_;
  std::size_t header_bytes_ = 0;
  std::uint64_t sent_ = 0;
  bool is_wrong_ = false;
  bool is_sent_here_ = false;
};

Result<> Exchange::prepare() {
  easy_ = ::curl_easy_init();
  if (easy_ == nullptr) return fail(Kind::Unavailable, "there is no memory");
  for (const std::string& header : call_.headers)
    headers_ = ::curl_slist_append(headers_, header.c_str());
  set(CURLOPT_URL, call_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTPHEADER, headers_);
  set(CURLOPT_USERAGENT, "tare/" TARE_VERSION);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  const std::uint64_t limit = network_.bytes_per_second_;
  const std::uint64_t least =
      limit == 0 ? kLeastRate : std::clamp<std::uint64_t>(limit / 16, 1, kLeastRate);
  set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(least));
  set(CURLOPT_TIMEOUT, call_.seconds);
  if (call_.no_local && !uses_proxy()) {
    set(CURLOPT_OPENSOCKETFUNCTION, &Exchange::on_socket);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  }
  set(CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  set(CURLOPT_BUFFERSIZE, static_cast<long>(network_.bytes_at_once()));
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set_method();
  set_tls();
  set_proxy();
  if (is_wrong_) return fail(Kind::Internal, "libcurl does not take an option");
  return {};
}

void Exchange::set_method() {
  if (call_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
    return;
  }
  if (call_.upload >= 0) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Exchange::on_read);
    set(CURLOPT_READDATA, static_cast<void*>(this));
    set(CURLOPT_SEEKFUNCTION, &Exchange::on_seek);
    set(CURLOPT_SEEKDATA, static_cast<void*>(this));
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(call_.upload_bytes));
  } else if (call_.method == "POST" || call_.method == "PUT" || call_.method == "PATCH") {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call_.form.size()));
    set(CURLOPT_COPYPOSTFIELDS, call_.form.c_str());
  }
  if (call_.method != "GET") set(CURLOPT_CUSTOMREQUEST, call_.method.c_str());
}

void Exchange::set_tls() {
  const Tls& tls = call_.tls;
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  // The directory of the system's certificates is read beside a text of ours. [libcurl 7.88]
  if (!tls.ca.empty()) {
    curl_blob blob = blob_of(tls.ca);
    set(CURLOPT_CAINFO_BLOB, &blob);
  } else if (const char* file = std::getenv("SSL_CERT_FILE")) {
    set(CURLOPT_CAINFO, file);
  }
  if (const char* directory = std::getenv("SSL_CERT_DIR")) set(CURLOPT_CAPATH, directory);
  if (tls.certificate.empty()) return;
  curl_blob certificate = blob_of(tls.certificate);
  curl_blob key = blob_of(tls.key);
  set(CURLOPT_SSLCERT_BLOB, &certificate);
  set(CURLOPT_SSLKEY_BLOB, &key);
}

// libcurl's own rules are others (it knows no HTTP_PROXY in capital letters, for one).
void Exchange::set_proxy() {
  const auto origin = origin_of(call_.url);
  const std::string proxy = origin ? proxy_for(*origin, network_.proxies_) : "";
  set(CURLOPT_PROXY, proxy.c_str());  // Empty: none.
  set(CURLOPT_NOPROXY, "");
}

std::size_t Exchange::on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* exchange = static_cast<Exchange*>(self);
  exchange->header_bytes_ += size * count;
  if (exchange->header_bytes_ > kMaxHeaders) return 0;
  exchange->take_header({bytes, size * count});
  return size * count;
}

void Exchange::take_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {  // Of a proxy, of "100 Continue", and then of the answer.
    long status = 0;
    ::curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    outcome_.status = static_cast<int>(status);
    outcome_.headers.clear();
    return;
  }
  const auto parts = split_once(line, ':');
  if (!parts) return;
  const std::string name = lower(trim(parts->first));
  const std::string value(trim(parts->second));
  std::string& known = outcome_.headers[name];
  known = name == "www-authenticate" && !known.empty() ? known + ", " + value : value;
}

std::size_t Exchange::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* exchange = static_cast<Exchange*>(self);
  if (!exchange->network_.may_pass(*exchange)) return CURL_WRITEFUNC_PAUSE;
  exchange->network_.passed(size * count);
  exchange->network_.current_ = &exchange->outcome_;
  const bool taken = !exchange->call_.take || exchange->call_.take({bytes, size * count});
  exchange->network_.current_ = nullptr;
  if (!taken) exchange->outcome_.is_our_will = true;
  return taken ? size * count : 0;
}

std::size_t Exchange::on_read(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* exchange = static_cast<Exchange*>(self);
  Network& network = exchange->network_;
  if (!network.may_pass(*exchange)) return CURL_READFUNC_PAUSE;
  const std::uint64_t rest = exchange->call_.upload_bytes - exchange->sent_;
  const std::uint64_t wanted =
      std::min<std::uint64_t>({size * count, rest, network.bytes_at_once()});
  const ssize_t read =
      ::pread(exchange->call_.upload, bytes, wanted, static_cast<off_t>(exchange->sent_));
  if (read < 0) return CURL_READFUNC_ABORT;
  network.passed(static_cast<std::uint64_t>(read));
  exchange->sent_ += static_cast<std::uint64_t>(read);
  if (exchange->call_.told) exchange->call_.told(exchange->sent_);
  return static_cast<std::size_t>(read);
}

int Exchange::on_seek(void* self, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Exchange*>(self)->sent_ = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

// SECURITY: what a name means is known only here.
curl_socket_t Exchange::on_socket(void* self, curlsocktype /*purpose*/, curl_sockaddr* address) {
  std::array<char, NI_MAXHOST> host{};
  if (::getnameinfo(&address->addr, address->addrlen, host.data(), host.size(), nullptr, 0,
                    NI_NUMERICHOST) != 0 ||
      is_local(host.data())) {
    static_cast<Exchange*>(self)->is_sent_here_ = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void Exchange::explain(CURLcode code) {
  if (is_sent_here_) {
    outcome_.failure = "the server sends us to this machine itself: not followed";
    outcome_.is_lasting = true;
    return;
  }
  outcome_.failure = error_[0] != '\0' ? error_.data() : ::curl_easy_strerror(code);
  outcome_.is_refused = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                        code == CURLE_COULDNT_RESOLVE_PROXY;
  explain_tls(code);
}

void Exchange::explain_tls(CURLcode code) {
  const bool is_encrypted = call_.url.starts_with("https:");
  const char* const certificate_hint =
      call_.tls.certificate.empty()
          ? "a registry that asks for a certificate is shown client.cert and client.key of "
            "/etc/docker/certs.d/HOST[:PORT]"
          : "the registry may not accept the certificate that it was shown, from certs.d";
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      outcome_.is_lasting = true;
      outcome_.hint =
          "put the certificate of its authority into /etc/docker/certs.d/HOST[:PORT]/ca.crt; "
          "--tls-verify=false trusts whoever answers";
      break;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      // A server may say no to a certificate by going away.
      if (is_encrypted) outcome_.hint = certificate_hint;
      break;
    case CURLE_SSL_CONNECT_ERROR:
      outcome_.hint = certificate_hint;
      if (call_.tls.certificate.empty())
        outcome_.hint =
            "a registry without TLS is spoken to with --tls-verify=false, or 'insecure = "
            "true' in registries.conf";
      break;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      outcome_.is_lasting = true;
      break;
    default:
      break;
  }
  if (call_.tls.is_registry || outcome_.hint.empty()) return;
  outcome_.hint = code == CURLE_PEER_FAILED_VERIFICATION
                      ? "the certificate of its authority belongs to those of the system "
                        "(update-ca-certificates), or into the file that SSL_CERT_FILE names"
                      : "";
}

const Outcome& Exchange::finish(CURLcode code) {
  long status = 0;
  ::curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (status != 0) outcome_.status = static_cast<int>(status);
  char* address = nullptr;
  if (::curl_easy_getinfo(easy_, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address != nullptr)
    outcome_.is_here = is_local(address);
  if (code != CURLE_OK && !outcome_.is_our_will) explain(code);
  return outcome_;
}

Result<std::unique_ptr<Network>> Network::open(const transfer::Settings& settings) {
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return fail(Kind::Internal, "libcurl cannot be set up");
  auto network = std::unique_ptr<Network>(new Network);
  network->bytes_per_second_ = settings.bytes_per_second;
  network->proxies_ = settings.proxies;
  network->multi_ = ::curl_multi_init();
  if (network->multi_ == nullptr) return fail(Kind::Unavailable, "there is no memory");
  return network;
}

Network::~Network() {
  for (const auto& exchange : exchanges_) ::curl_multi_remove_handle(multi_, exchange->easy());
  exchanges_.clear();
  if (multi_ != nullptr) ::curl_multi_cleanup(multi_);
}

Result<> Network::begin(Call call, Done done) {
  auto exchange = std::make_unique<Exchange>(*this, std::move(call), std::move(done));
  TRY(exchange->prepare());
  if (::curl_multi_add_handle(multi_, exchange->easy()) != CURLM_OK)
    return fail(Kind::Internal, "libcurl does not take an exchange");
  exchanges_.push_back(std::move(exchange));
  return {};
}

// libcurl's own limit is one for each exchange, and is looked at after up to 100 readings: four
// small layers came at twice the rate.
std::uint64_t Network::bytes_at_once() const {
  if (bytes_per_second_ == 0) return kReceiveBytes;
  return std::clamp(bytes_per_second_ / 400, kLeastBytes, kReceiveBytes);
}

bool Network::may_pass(const Exchange& exchange) {
  if (bytes_per_second_ == 0 || Clock::now() >= next_) return true;
  if (std::ranges::find(waiting_, &exchange) == waiting_.end()) waiting_.push_back(&exchange);
  return false;
}

void Network::passed(std::uint64_t bytes) {
  if (bytes_per_second_ == 0) return;
  const std::chrono::duration<double> takes{static_cast<double>(bytes) /
                                            static_cast<double>(bytes_per_second_)};
  next_ = std::max(next_, Clock::now()) + std::chrono::duration_cast<Clock::duration>(takes);
}

// In the order in which they were stopped, so that each gets its share.
void Network::let_waiting_pass() {
  while (!waiting_.empty() && Clock::now() >= next_) {
    const Exchange* const first = waiting_.front();
    waiting_.pop_front();
    ::curl_easy_pause(first->easy(), CURLPAUSE_CONT);
  }
}

int Network::until_next(int timeout_ms) const {
  if (waiting_.empty()) return timeout_ms;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_ - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, timeout_ms));
}

void Network::finish(Exchange& exchange, int code) {
  const Outcome outcome = exchange.finish(static_cast<CURLcode>(code));
  const Done done = exchange.take_done();
  ::curl_multi_remove_handle(multi_, exchange.easy());
  std::erase(waiting_, &exchange);
  std::erase_if(exchanges_, [&](const auto& other) { return other.get() == &exchange; });
  done(outcome);  // May begin the next one.
}

Result<> Network::run(int extra_fd, int timeout_ms) {
  curl_waitfd extra{.fd = extra_fd, .events = CURL_WAIT_POLLIN, .revents = 0};
  int running = 0;
  let_waiting_pass();
  if (::curl_multi_perform(multi_, &running) != CURLM_OK)
    return fail(Kind::Internal, "libcurl cannot go on");
  int left = 0;
  bool finished = false;
  while (const CURLMsg* message = ::curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* self = nullptr;
    ::curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
    finish(*static_cast<Exchange*>(self), message->data.result);
    finished = true;
  }
  if (finished) return {};
  if (::curl_multi_poll(multi_, &extra, 1, until_next(timeout_ms), nullptr) != CURLM_OK)
    return fail(Kind::Internal, "libcurl cannot wait");
  return {};
}

}  // namespace tare::front_transfer
