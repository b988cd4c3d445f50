// SPDX-License-Identifier: Apache-2.0
#include "transfer/recording.h"

#include <algorithm>

#include "base/text.h"
#include "codec/json.h"

namespace tare::transfer {
namespace {

constexpr std::string_view kNoted[] = {"accept-ranges",
                                       "content-disposition",
                                       "content-encoding",
                                       "content-language",
                                       "content-range",
                                       "content-type",
                                       "etag",
                                       "last-modified",
                                       "link",
                                       "location",
                                       "www-authenticate",
                                       "docker-content-digest"};
constexpr int kMinStatus = 200;
constexpr int kMaxStatus = 599;

bool is_answer(const Answer& note) {
  return !note.has_begun && note.refused.empty() && note.failed.empty();
}

json::Value answer_value(const Answer& answer) {
  json::Value value;
  if (!answer.request.empty()) value.set("request", answer.request);
  value.set("url", answer.url);
  if (answer.has_begun) value.set("begun", true);
  if (!answer.refused.empty()) value.set("refused", answer.refused);
  if (!answer.failed.empty()) value.set("failed", answer.failed);
  if (!is_answer(answer)) return value;
  value.set("status", answer.status);
  if (!answer.headers.empty()) value.set("headers", json::Value(answer.headers));
  value.set("digest", answer.digest.text());
  value.set("size", answer.size);
  if (!answer.file.empty()) value.set("file", answer.file);
  return value;
}

Result<Answer> answer_of(const json::Value& value) {
  Answer answer;
  answer.request = value["request"].as_string();
  answer.url = TRY(json::require_string(value, "url", "an answer"));
  answer.refused = value["refused"].as_string();
  answer.failed = value["failed"].as_string();
  answer.has_begun = value["begun"].as_bool();
  if (!is_answer(answer)) return answer;
  answer.status = static_cast<int>(value["status"].as_int());
  if (answer.status < kMinStatus || answer.status > kMaxStatus)
    return fail(Kind::Invalid, "an answer has no status");
  answer.headers = value["headers"].as_strings();
  const std::string digest = TRY(json::require_string(value, "digest", "an answer"));
  answer.digest = TRY(Digest::parse(digest));
  answer.size = value["size"].as_uint();
  answer.file = value["file"].as_string();
  if (answer.file.find('/') != std::string::npos || answer.file.starts_with('.'))
    return fail(Kind::Invalid, "an answer names a file that is none");
  return answer;
}

}  // namespace

bool is_noted_header(std::string_view name) {
  return std::ranges::find(kNoted, name) != std::end(kNoted);
}

std::string print_answer(const Answer& answer) { return json::print(answer_value(answer)); }

Result<Answer> parse_answer(std::string_view line) { return answer_of(TRY(json::parse(line))); }

std::string print_recorder_settings(const RecorderSettings& settings) {
  json::Value value;
  value.set("certificate", settings.authority.certificate);
  value.set("key", settings.authority.key);
  value.set("http", settings.proxies.http);
  value.set("https", settings.proxies.https);
  value.set("none", settings.proxies.none);
  value.set("isLocked", settings.is_locked);
  value.set("maxBytes", settings.max_bytes);
  value.set("refusesMachine", settings.refuses_machine);
  json::Value hosts{json::Array()};
  for (const std::string& host : settings.hosts) hosts.push(host);
  value.set("hosts", std::move(hosts));
  json::Value answers{json::Array()};
  for (const Answer& answer : settings.answers) answers.push(answer_value(answer));
  value.set("answers", std::move(answers));
  return json::print(value);
}

Result<RecorderSettings> parse_recorder_settings(std::string_view text) {
  const json::Value value =
      TRY(json::parse(text, {.bytes = 64 << 20, .values = 4'000'000}), "settings");
  RecorderSettings settings;
  settings.authority = {.certificate = value["certificate"].as_string(),
                        .key = value["key"].as_string()};
  settings.proxies = {.http = value["http"].as_string(),
                      .https = value["https"].as_string(),
                      .none = value["none"].as_string()};
  settings.is_locked = value["isLocked"].as_bool();
  settings.max_bytes = value["maxBytes"].as_uint();
  settings.refuses_machine = value["refusesMachine"].as_bool();
  for (const json::Value& each : value["hosts"].as_array())
    settings.hosts.push_back(each.as_string());
  for (const json::Value& each : value["answers"].as_array())
    settings.answers.push_back(TRY(answer_of(each)));
  return settings;
}

}  // namespace tare::transfer
