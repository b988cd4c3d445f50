// SPDX-License-Identifier: Apache-2.0
#include "front/record/upstream.h"

#include <curl/curl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

#include "base/text.h"
#include "front/record/machine.h"
#include "front/transfer/proxy.h"
#include "front/transfer/url.h"

namespace tare::front_record {
namespace {

// Of the recorder, which begins with the first connection.
const std::chrono::steady_clock::time_point kBegun = std::chrono::steady_clock::now();

constexpr long kConnectSeconds = 30;
constexpr long kSilentSeconds = 120;
constexpr std::size_t kMaxAnswerHead = 256 << 10;

// What libcurl calls back into.
struct Exchange {
  const Question& question;
  const Upstream::Begin& begin;
  const Upstream::Take& take;
  CURL* easy;
  AnswerReader reader;
  std::size_t head_bytes = 0;
  std::uint64_t sent = 0;
  bool has_begun = false;
  bool was_refused = false;
  std::optional<Error> error;  // Why it ends.

  bool holds(Result<> done) {
    if (done) return true;
    error = std::move(done).error();
    return false;
  }
  bool read_line(std::string_view line) {
    long status = 0;
    ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    const auto is_last = reader.take(line, static_cast<int>(status));
    if (!is_last) return holds(std::unexpected(is_last.error()));
    if (!*is_last) return true;
    has_begun = true;
    return holds(begin(reader.head()));
  }
};

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  const std::string_view line(bytes, size * count);
  exchange.head_bytes += line.size();
  if (exchange.head_bytes > kMaxAnswerHead || exchange.reader.head().headers.size() > kMaxHeaders)
    return 0;
  return exchange.read_line(line) ? line.size() : 0;
}

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  const std::string_view piece(bytes, size * count);
  return exchange.has_begun && exchange.holds(exchange.take(piece)) ? piece.size() : 0;
}

std::size_t on_read(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  const ssize_t read =
      ::pread(exchange.question.body, bytes, size * count, static_cast<off_t>(exchange.sent));
  if (read < 0) return CURL_READFUNC_ABORT;
  exchange.sent += static_cast<std::uint64_t>(read);
  return static_cast<std::size_t>(read);
}

int on_seek(void* self, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Exchange*>(self)->sent = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

// SECURITY: what a name means is known only here.
curl_socket_t on_socket(void* self, curlsocktype /*purpose*/, curl_sockaddr* address) {
  if (is_of_this_machine(address->addr)) {
    static_cast<Exchange*>(self)->was_refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

void add(List& list, const std::string& text) {
  if (curl_slist* longer = ::curl_slist_append(list.get(), text.c_str())) {
    (void)list.release();
    list.reset(longer);
  }
}

// With what libcurl would add by itself turned off where the program does not say it.
List headers_of(const Question& question) {
  List list;
  bool has_agent = false;
  bool accepts = false;
  bool has_type = false;
  for (const Header& header : question.headers) {
    const std::string name = lower(header.name);
    has_agent = has_agent || name == "user-agent";
    accepts = accepts || name == "accept";
    has_type = has_type || name == "content-type";
    // An empty value is written with a semicolon. [CURLOPT_HTTPHEADER(3)]
    add(list, header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  if (!has_agent) add(list, "User-Agent:");
  if (!accepts) add(list, "Accept:");
  if (!has_type) add(list, "Content-Type:");
  add(list, "Expect:");
  return list;
}

template <typename T>
void set(CURL* easy, CURLoption option, T value) {
  (void)::curl_easy_setopt(easy, option, value);
}

void set_body(CURL* easy, const Question& question, Exchange& exchange) {
  if (question.method == "HEAD") {
    set(easy, CURLOPT_NOBODY, 1L);
    // Of a server that sends a body all the same: it would be taken for the next answer.
    set(easy, CURLOPT_FORBID_REUSE, 1L);
    return;
  }
  if (question.body >= 0) {
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_READFUNCTION, &on_read);
    set(easy, CURLOPT_READDATA, static_cast<void*>(&exchange));
    set(easy, CURLOPT_SEEKFUNCTION, &on_seek);
    set(easy, CURLOPT_SEEKDATA, static_cast<void*>(&exchange));
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(question.body_bytes));
  }
  set(easy, CURLOPT_CUSTOMREQUEST, question.method.c_str());
}

std::string host_of(const std::string& proxy) {
  const auto origin = front_transfer::origin_of(without_user(proxy));
  return origin ? origin->host : "";
}

// The way out of an ordinary user's containers comes up beside the first of them: until then there
// is no route, and who is asked for names cannot ask others. A server that is down, or a name that
// nobody has, is something else, and stays as it is.
bool may_come_up(CURL* easy, CURLcode code, const std::string& host) {
  if (code == CURLE_COULDNT_CONNECT) {
    long error = 0;
    ::curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
    return error == ENETUNREACH;
  }
  if (code != CURLE_COULDNT_RESOLVE_HOST && code != CURLE_COULDNT_RESOLVE_PROXY) return false;
  addrinfo* found = nullptr;
  const int answer = ::getaddrinfo(host.c_str(), nullptr, nullptr, &found);
  if (found != nullptr) ::freeaddrinfo(found);
  return answer == 0 || answer == EAI_AGAIN;
}

// What --add-host says of this server, as libcurl has it. [CURLOPT_RESOLVE]
List known_address(const std::vector<std::string>& hosts, const std::string& host,
                   std::uint16_t port) {
  List list;
  for (const std::string& each : hosts) {
    const auto pair = split_once(each, ':');
    if (!pair || lower(pair->first) != lower(host) || pair->second == "host-gateway") continue;
    const bool is_v6 = pair->second.find(':') != std::string_view::npos;
    const std::string address(pair->second);
    add(list, host + ":" + std::to_string(port) + ":" + (is_v6 ? "[" + address + "]" : address));
    break;
  }
  return list;
}

}  // namespace

void* Upstream::new_handle() { return ::curl_easy_init(); }

Upstream::~Upstream() {
  if (easy_ != nullptr) ::curl_easy_cleanup(easy_);
}

Result<> Upstream::ask(const Question& question, const Begin& begin, const Take& take) {
  if (easy_ == nullptr) return fail(Kind::Unavailable, "there is no memory");
  ::curl_easy_reset(easy_);
  Exchange exchange{.question = question, .begin = begin, .take = take, .easy = easy_};
  std::array<char, CURL_ERROR_SIZE> message{};
  const List headers = headers_of(question);
  const auto origin = TRY(front_transfer::origin_of(without_user(question.url)));
  const List known = known_address(settings_.hosts, origin.host, origin.port);
  const std::string proxy = front_transfer::proxy_for(origin, settings_.proxies);
  set(easy_, CURLOPT_URL, question.url.c_str());
  set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy_, CURLOPT_HTTPHEADER, headers.get());
  set(easy_, CURLOPT_RESOLVE, known.get());
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_PATH_AS_IS, 1L);
  set(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy_, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(easy_, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  set(easy_, CURLOPT_ERRORBUFFER, message.data());
  set(easy_, CURLOPT_HEADERFUNCTION, &on_header);
  set(easy_, CURLOPT_HEADERDATA, static_cast<void*>(&exchange));
  set(easy_, CURLOPT_WRITEFUNCTION, &on_body);
  set(easy_, CURLOPT_WRITEDATA, static_cast<void*>(&exchange));
  set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (const char* file = std::getenv("SSL_CERT_FILE")) set(easy_, CURLOPT_CAINFO, file);
  if (const char* directory = std::getenv("SSL_CERT_DIR")) set(easy_, CURLOPT_CAPATH, directory);
  set(easy_, CURLOPT_PROXY, proxy.c_str());
  set(easy_, CURLOPT_NOPROXY, "");
  // A proxy is whom the user has named, and may be here.
  if (settings_.refuses_machine && proxy.empty()) {
    set(easy_, CURLOPT_OPENSOCKETFUNCTION, &on_socket);
    set(easy_, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&exchange));
  }
  set_body(easy_, question, exchange);
  constexpr std::chrono::milliseconds kPause(50);
  constexpr std::chrono::seconds kComesUp(2);
  CURLcode code = ::curl_easy_perform(easy_);
  while (!exchange.was_refused && !exchange.error &&
         std::chrono::steady_clock::now() < kBegun + kComesUp &&
         may_come_up(easy_, code, proxy.empty() ? origin.host : host_of(proxy))) {
    std::this_thread::sleep_for(kPause);
    code = ::curl_easy_perform(easy_);
  }
  if (exchange.error) return std::unexpected(std::move(*exchange.error));
  if (exchange.was_refused)
    return fail(Kind::Denied, origin.host + " is this machine, or a network of its containers");
  if (code != CURLE_OK)
    return fail(Kind::Unavailable, message[0] != '\0' ? std::string(message.data())
                                                      : std::string(::curl_easy_strerror(code)));
  if (!exchange.has_begun) return fail(Kind::Unavailable, "the server gave no answer");
  return {};
}

}  // namespace tare::front_record
