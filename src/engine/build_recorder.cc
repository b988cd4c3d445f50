// SPDX-License-Identifier: Apache-2.0
#include "engine/build_recorder.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>

#include "base/text.h"
#include "build/lock.h"
#include "codec/sha256.h"
#include "network/attach.h"
#include "network/home.h"
#include "network/links.h"
#include "store/streams.h"
#include "sys/files.h"
#include "sys/rights.h"

namespace tare::engine {
namespace {

// Above the ports that connections get from the kernel. [ip-sysctl.rst, ip_local_port_range]
constexpr std::uint16_t kPort = 61987;
constexpr const char* kCertificates = kRecorderCertificates;
constexpr std::size_t kMaxCertificates = 4 << 20;
constexpr std::size_t kMaxNotes = 256 << 20;

// Where distributions have all certificates that they believe, in one file.
constexpr const char* kBundles[] = {"etc/ssl/certs/ca-certificates.crt",
                                    "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/ca-bundle.pem",
                                    "etc/ssl/cert.pem"};

// The file is read instead of that of the system by: OpenSSL, curl, Python's requests, Node, pip,
// git, cargo, apk, Deno, the tools of AWS, libwww-perl.
constexpr const char* kFileVariables[] = {
    "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",  "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",      "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO",   "SSL_CA_CERT_FILE",
    "DENO_CERT",     "AWS_CA_BUNDLE",  "PERL_LWP_SSL_CA_FILE"};

std::string path_in_container(const char* name) { return std::string(kRecorderFiles) + "/" + name; }

Result<sys::Fd> listen_in_place() {
  sys::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("make a socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0)
    return fail_errno("listen in the container");
  return socket;
}

}  // namespace

std::vector<std::string> recorded_environment(std::vector<std::string> environment,
                                              transfer::Proxies& proxies) {
  std::vector<std::string> all;
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(environment, [&](const std::string& each) {
      return each.starts_with(std::string(name) + "=");
    });
  };
  const std::string certificates = path_in_container(kCertificates);
  for (const char* name : kFileVariables)
    if (!has(name)) all.push_back(std::string(name) + "=" + certificates);
  if (!has("WGETRC")) all.push_back("WGETRC=" + path_in_container("wgetrc"));
  if (!has("APT_CONFIG")) all.push_back("APT_CONFIG=" + path_in_container("apt.conf"));
  for (std::string& each : environment) {
    const auto pair = split_once(each, '=');
    const std::string name = pair ? lower(pair->first) : "";
    std::string* const own = name == "http_proxy"    ? &proxies.http
                             : name == "https_proxy" ? &proxies.https
                             : name == "no_proxy"    ? &proxies.none
                                                     : nullptr;
    if (own != nullptr)
      *own = pair->second;
    else
      all.push_back(std::move(each));
  }
  const std::string url = "http://127.0.0.1:" + std::to_string(kPort);
  for (const char* name : {"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"})
    all.push_back(std::string(name) + "=" + url);
  for (const char* name : {"no_proxy", "NO_PROXY"})
    all.push_back(std::string(name) + "=localhost,127.0.0.1,::1");
  return all;
}

Result<> write_recorder_files(int dir, const std::string& certificates,
                              const transfer::Authority& authority, bool is_locked) {
  const std::string file = path_in_container(kCertificates);
  const std::pair<const char*, std::string> files[] = {
      {kCertificates, certificates +
                          (certificates.ends_with('\n') || certificates.empty() ? "" : "\n") +
                          authority.certificate},
      {"wgetrc", "ca_certificate = " + file + "\n"},
      // Lists that were noted grow old.
      {"apt.conf", "Acquire::https::CaInfo \"" + file + "\";\n" +
                       (is_locked ? "Acquire::Check-Valid-Until \"false\";\n" : "")}};
  if (::fchmod(dir, 0755) != 0) return fail_errno("set the mode of a directory for RUN");
  for (const auto& [name, content] : files) {
    const sys::Fd made =
        TRY(sys::open_at(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    TRY(sys::write_all(made.get(), content));
    if (::fchmod(made.get(), 0644) != 0) return fail_errno("set the mode of a file for RUN");
  }
  return {};
}

std::string certificates_of(int root) {
  for (const char* path : kBundles) {
    const auto file = sys::open_in_root(root, path, O_RDONLY | O_NONBLOCK);
    if (!file) continue;
    if (auto text = sys::read_all(file->get(), kMaxCertificates)) return std::move(*text);
  }
  return "";
}

// Red Hat's libcurl reads no variable. The file is a link, so that it can be replaced by name.
const char* own_bundle(int root) {
  constexpr const char* kBundle = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem";
  return sys::open_in_root(root, kBundle, O_PATH) ? kBundle : nullptr;
}

Result<std::unique_ptr<RunRecorder>> RunRecorder::prepare(Place place,
                                                          const build::RunRequest& request,
                                                          transfer::RecorderSettings settings) {
  settings.is_locked = request.answers.has_value();
  settings.max_bytes = place.store.room();
  const bool asks_from_here = request.network == build::RunNetwork::Recorded;
  settings.refuses_machine = asks_from_here;
  auto recorder = std::unique_ptr<RunRecorder>(
      new RunRecorder(std::move(place), std::move(settings), asks_from_here));
  recorder->is_only_way_ = asks_from_here || recorder->settings_.is_locked;
  recorder->scratch_.emplace(TRY(recorder->place_.store.make_scratch()));
  const int scratch = recorder->scratch_->dir.get();
  if (::mkdirat(scratch, "bodies", 0700) != 0) return fail_errno("make a directory for downloads");
  recorder->bodies_ = TRY(sys::open_at(scratch, "bodies", O_RDONLY | O_DIRECTORY));
  recorder->notes_ =
      TRY(sys::open_at(scratch, "notes", O_RDWR | O_APPEND | O_CREAT | O_EXCL, 0600));
  if (request.answers) TRY(recorder->lay_out(*request.answers));
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return fail_errno("make a pair of sockets");
  recorder->ours_ = sys::Fd(pair[0]);
  recorder->theirs_ = sys::Fd(pair[1]);
  return recorder;
}

RunRecorder::~RunRecorder() = default;

// The bodies as second names of the store's own files, which the recorder only reads.
Result<> RunRecorder::lay_out(const std::vector<image::Material>& answers) {
  for (const image::Material& each : answers) {
    transfer::Answer answer{.request = each.request,
                            .url = each.uri,
                            .status = each.status == 0 ? 200 : each.status,
                            .headers = each.headers,
                            .digest = each.digest,
                            .size = each.size};
    if (each.size > 0) {
      answer.file = each.digest.hex();
      const std::string blob = "blobs/sha256/" + answer.file;
      if (::linkat(place_.store.dir(), blob.c_str(), bodies_.get(), answer.file.c_str(), 0) != 0 &&
          errno != EEXIST) {
        if (errno == ENOENT) continue;  // Refused, if it is asked for.
        return fail_errno("lay out what was downloaded before");
      }
    }
    settings_.answers.push_back(std::move(answer));
  }
  return {};
}

std::function<Result<>(int pid)> RunRecorder::beside() {
  const int channel = theirs_.get();
  return [channel](int pid) -> Result<> {
    const sys::Fd inside =
        TRY(sys::open_path("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
    sys::Fd listener;
    // A thread, as an ordinary user's process could not come back from there.
    network::HomeThread there;
    sys::Fd network = TRY(inside.duplicate());
    TRY(there.enter(std::move(network)));
    const auto listen = [&listener]() -> Result<> {
      TRY(network::set_loopback_up());
      listener = TRY(listen_in_place());
      return {};
    };
    TRY(there.run(listen));
    const int fds[] = {listener.get(), inside.get()};
    char byte = 0;
    sys::RightsMessage<2> message(&byte, 1);
    message.put(fds, 2);
    if (::sendmsg(channel, message.header(), MSG_NOSIGNAL) != 1)
      return fail_errno("hand over the recorder's socket");
    return {};
  };
}

Result<> RunRecorder::begin() {
  theirs_.reset();
  char byte = 0;
  sys::RightsMessage<2> message(&byte, 1);
  if (::recvmsg(ours_.get(), message.header(), MSG_CMSG_CLOEXEC) != 1)
    return fail(Kind::Internal, "the recorder's socket was not handed over");
  int fds[2];
  if (message.take(fds) != 2) return fail(Kind::Internal, "the recorder got no socket");
  listener_ = sys::Fd(fds[0]);
  inside_ = sys::Fd(fds[1]);
  ours_.reset();
  return {};
}

Result<> RunRecorder::pump() {
  pollfd polled{.fd = fd(), .events = POLLIN, .revents = 0};
  if (polled.fd < 0 || ::poll(&polled, 1, 0) <= 0) return {};
  if (recorder_)
    return fail(Kind::Unavailable, "tare-record, through which RUN downloads, ended unexpectedly");
  const bool has_place = !asks_from_here_ && !settings_.is_locked;
  recorder_ = TRY(transfer::Recorder::start(place_.program, settings_,
                                            {.listener = listener_.get(),
                                             .bodies = bodies_.get(),
                                             .notes = notes_.get(),
                                             .place = has_place ? inside_.get() : -1}));
  listener_.reset();
  inside_.reset();
  return {};
}

Result<std::vector<transfer::Answer>> RunRecorder::read_notes() const {
  std::vector<transfer::Answer> answers;
  const sys::Fd file = TRY(sys::open_at(scratch_->dir.get(), "notes", O_RDONLY));
  const std::string text = TRY(sys::read_all(file.get(), kMaxNotes), "what RUN downloaded");
  for (const std::string& line : split(text, '\n'))
    if (!line.empty()) answers.push_back(TRY(transfer::parse_answer(line)));
  return answers;
}

std::string RunRecorder::refused() const {
  const auto answers = read_notes();
  if (!answers) return "";
  for (const transfer::Answer& each : *answers)
    if (!each.refused.empty())
      return "it asked for what the lock does not have: " + quoted(each.key());
  return "";
}

std::string RunRecorder::failures() const {
  constexpr std::size_t kMost = 16;
  std::set<std::string> lines;
  const auto answers = read_notes();
  if (!answers) return "";
  for (const transfer::Answer& each : *answers)
    if (!each.failed.empty()) lines.insert("tare: " + each.url + ": " + each.failed + "\n");
  std::string text;
  for (const std::string& line : lines | std::views::take(kMost)) text += line;
  return text;
}

// SECURITY: who fetched it speaks with strangers, and may have the file open still.
Result<image::Material> RunRecorder::keep(const transfer::Answer& answer) {
  image::Material material{.kind = image::Material::Kind::Url,
                           .uri = answer.url,
                           .digest = answer.digest,
                           .size = answer.size,
                           .revision = "",
                           .request = answer.request,
                           .status = answer.status,
                           .headers = answer.headers};
  if (answer.size == 0) {
    TRY(place_.store.put_blob(""));
    return material;
  }
  if (place_.store.has_blob(answer.digest)) return material;
  const sys::Fd file =
      TRY(sys::open_at(bodies_.get(), answer.file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  store::FileSource source(file.get());
  TRY(place_.store.put_blob(source, answer.digest, answer.size), "keep what RUN downloaded");
  return material;
}

Result<std::vector<image::Material>> RunRecorder::finish() {
  std::vector<image::Material> materials;
  if (!recorder_) return materials;
  recorder_->stop();
  std::map<std::string, std::int64_t> under_way;
  for (const transfer::Answer& answer : TRY(read_notes())) {
    if (!answer.refused.empty()) return fail(Kind::Denied, "RUN: " + refused());
    if (answer.has_begun) ++under_way[answer.key()];
    if (answer.has_begun || !answer.failed.empty()) continue;
    --under_way[answer.key()];
    materials.push_back(TRY(keep(answer)));
  }
  is_whole_ = std::ranges::all_of(under_way, [](const auto& each) { return each.second == 0; });
  return build::in_order(std::move(materials));
}

}  // namespace tare::engine
