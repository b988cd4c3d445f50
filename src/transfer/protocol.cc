// SPDX-License-Identifier: Apache-2.0
#include "transfer/protocol.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace tare::transfer {
namespace {

constexpr std::string_view kTypes[] = {"progress", "waiting", "done", "failed"};

json::Value message_of(std::string_view kind) {
  json::Value value;
  value.set("message", kind);
  return value;
}

Result<Digest> optional_digest(const std::string& text) {
  if (text.empty()) return Digest();
  return Digest::parse(text);
}

Result<Reply> parse_reply(const json::Value& message) {
  Reply reply;
  reply.status = static_cast<int>(message["status"].as_int());
  if (reply.status < 100 || reply.status > 999)
    return fail(Kind::Invalid, "the transfer program told a status that is none");
  reply.bytes = message["bytes"].as_uint();
  reply.digest = TRY(optional_digest(message["digest"].as_string()));
  reply.detail = message["detail"].as_string();
  for (const auto& [name, value] : message["headers"].as_object())
    reply.headers[name] = value.as_string();
  return reply;
}

Error parse_failure(const json::Value& message) {
  const std::uint64_t kind = message["kind"].as_uint(~0ull);
  const bool known = kind <= static_cast<std::uint64_t>(Kind::Internal);
  Error error(known ? static_cast<Kind>(kind) : Kind::Internal, message["error"].as_string());
  const std::string& hint = message["hint"].as_string();
  return hint.empty() ? error : std::move(error).hint(hint);
}

}  // namespace

json::Value print_settings(const Settings& settings) {
  json::Value value = message_of("settings");
  value.set("bytesPerSecond", settings.bytes_per_second);
  value.set("httpProxy", settings.proxies.http);
  value.set("httpsProxy", settings.proxies.https);
  value.set("noProxy", settings.proxies.none);
  return value;
}

json::Value print_endpoint(const Endpoint& endpoint) {
  json::Value value = message_of("endpoint");
  value.set("url", endpoint.url);
  value.set("verify", endpoint.verify);
  value.set("ca", endpoint.ca);
  value.set("certificate", endpoint.certificate);
  value.set("key", endpoint.key);
  value.set("user", endpoint.user);
  value.set("password", endpoint.password);
  value.set("identityToken", endpoint.identity_token);
  value.set("isRegistry", endpoint.is_registry);
  return value;
}

json::Value print_request(const Request& request) {
  json::Value value = message_of("request");
  value.set("id", request.id);
  value.set("endpoint", request.endpoint);
  value.set("method", request.method);
  value.set("target", request.target);
  value.set("scopes", json::Value(request.scopes));
  value.set("accept", json::Value(request.accept));
  value.set("contentType", request.content_type);
  value.set("hasFile", request.has_file);
  value.set("uploads", request.uploads);
  if (request.size) value.set("size", *request.size);
  value.set("limit", request.limit);
  value.set("digest", request.digest.text());
  value.set("offset", request.offset);
  if (request.part_at) value.set("partAt", *request.part_at);
  if (!request.etag.empty()) value.set("etag", request.etag);
  if (!request.modified.empty()) value.set("modified", request.modified);
  value.set("tries", request.tries);
  return value;
}

json::Value print_event(const Event& event) {
  json::Value value = message_of(kTypes[static_cast<std::size_t>(event.type)]);
  value.set("id", event.id);
  switch (event.type) {
    case Event::Type::Progress:
      value.set("done", event.done);
      break;
    case Event::Type::Waiting:
      value.set("text", event.text);
      break;
    case Event::Type::Done: {
      value.set("status", event.reply.status);
      value.set("bytes", event.reply.bytes);
      value.set("digest", event.reply.digest.text());
      value.set("detail", event.reply.detail);
      json::Value& headers = value.set("headers", json::Object());
      for (const auto& [name, text] : event.reply.headers) headers.set(name, text);
      break;
    }
    case Event::Type::Failed:
      value.set("kind", static_cast<unsigned>(event.error->kind()));
      value.set("error", event.error->message());
      value.set("hint", event.error->hint());
      break;
  }
  return value;
}

std::string_view kind_of(const json::Value& message) { return message["message"].as_string(); }

Settings parse_settings(const json::Value& message) {
  return {.bytes_per_second = message["bytesPerSecond"].as_uint(),
          .proxies = {.http = message["httpProxy"].as_string(),
                      .https = message["httpsProxy"].as_string(),
                      .none = message["noProxy"].as_string()}};
}

Endpoint parse_endpoint(const json::Value& message) {
  return {.url = message["url"].as_string(),
          .verify = message["verify"].as_bool(true),
          .ca = message["ca"].as_string(),
          .certificate = message["certificate"].as_string(),
          .key = message["key"].as_string(),
          .user = message["user"].as_string(),
          .password = message["password"].as_string(),
          .identity_token = message["identityToken"].as_string(),
          .is_registry = message["isRegistry"].as_bool(true)};
}

Result<Request> parse_request(const json::Value& message) {
  Request request;
  request.id = message["id"].as_uint();
  request.endpoint = static_cast<int>(message["endpoint"].as_int());
  request.method = message["method"].as_string();
  request.target = message["target"].as_string();
  request.scopes = message["scopes"].as_strings();
  request.accept = message["accept"].as_strings();
  request.content_type = message["contentType"].as_string();
  request.has_file = message["hasFile"].as_bool();
  request.uploads = message["uploads"].as_bool();
  request.size = message["size"].maybe_uint();
  request.limit = message["limit"].as_uint();
  request.digest = TRY(optional_digest(message["digest"].as_string()));
  request.offset = message["offset"].as_uint();
  request.part_at = message["partAt"].maybe_uint();
  request.etag = message["etag"].as_string();
  request.modified = message["modified"].as_string();
  request.tries = static_cast<int>(message["tries"].as_int());
  return request;
}

Result<Event> parse_event(std::string_view line) {
  const json::Value message = TRY(json::parse(line), "listen to the transfer program");
  const auto* type = std::find(std::begin(kTypes), std::end(kTypes), kind_of(message));
  if (type == std::end(kTypes))
    return fail(Kind::Invalid,
                "the transfer program said something unknown: " + quoted(line.substr(0, 80)));
  Event event;
  event.type = static_cast<Event::Type>(type - std::begin(kTypes));
  event.id = message["id"].as_uint();
  event.done = message["done"].as_uint();
  event.text = message["text"].as_string();
  if (event.type == Event::Type::Done) event.reply = TRY(parse_reply(message));
  if (event.type == Event::Type::Failed) event.error = parse_failure(message);
  return event;
}

}  // namespace tare::transfer
