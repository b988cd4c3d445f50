// SPDX-License-Identifier: Apache-2.0
#include "engine/build_history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "build/remote_source.h"
#include "codec/string_map.h"
#include "engine/attest.h"
#include "engine/build_workshop.h"
#include "engine/made_up_names.h"
#include "image/leaks.h"
#include "sys/files.h"
#include "trust/secrets.h"

namespace tare::engine {
namespace {

constexpr const char* kDirectory = "builds";
constexpr std::size_t kMostRecords = 100;
constexpr std::size_t kMostLog = 128 << 10;    // Bytes, of the last that was said.
constexpr std::size_t kMostHeader = 64 << 10;  // Bytes of the line before.
constexpr std::size_t kMostLine = 4 << 10;
constexpr std::size_t kMostError = 4 << 10;
constexpr std::size_t kTimeDigits = 11;  // Milliseconds, in hexadecimal: up to the year 2527.
constexpr std::size_t kIdDigits = 25;    // As many as BuildKit's references have.
constexpr UnixNanos kMillisecond = 1'000'000;

using End = BuildRecord::Status;
constexpr std::pair<End, std::string_view> kStatuses[] = {
    {End::Completed, "completed"}, {End::Error, "error"}, {End::Canceled, "canceled"}};

Result<std::string> make_id(UnixNanos when) {
  char time[24];
  std::snprintf(time, sizeof time, "%0*llx", static_cast<int>(kTimeDigits),
                static_cast<unsigned long long>(when / kMillisecond));
  const std::string random = TRY(random_id());
  return time + random.substr(0, kIdDigits - kTimeDigits);
}

bool is_id(std::string_view text) {
  return text.size() == kIdDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string print(const BuildRecord& record) {
  json::Value value;
  value.set("context", record.context);
  value.set("dockerfile", record.dockerfile);
  value.set("target", record.target);
  value.set("platform", record.platform);
  value.set("network", record.network);
  value.set("noCache", record.no_cache);
  json::Value& arguments = value.set("arguments", json::Object());
  for (const auto& [name, text] : record.arguments)
    arguments.set(name, text ? json::Value(*text) : json::Value());
  value.set("labels", json::print_map(record.labels));
  value.set("contexts", json::print_map(record.contexts));
  value.set("started", record.started);
  value.set("ended", record.ended);
  const auto* status =
      std::ranges::find(kStatuses, record.status, &std::pair<End, std::string_view>::first);
  value.set("status", status->second);
  value.set("error", record.error);
  value.set("steps", record.steps);
  value.set("completed", record.completed);
  value.set("cached", record.cached);
  value.set("image", record.image);
  value.set("names", json::Value(record.names));
  json::Value& materials = value.set("materials", json::Array());
  for (const BuildRecord::Material& each : record.materials) {
    json::Value material;
    material.set("uri", each.uri);
    material.set("digest", each.digest);
    materials.push(std::move(material));
  }
  value.set("saidSecret", record.has_said_secret);
  return json::print(value);
}

Result<BuildRecord> parse(const std::string& id, std::string_view text) {
  const json::Value value = TRY(json::parse(text), "record of a build");
  BuildRecord record;
  record.id = id;
  record.context = value["context"].as_string();
  record.dockerfile = value["dockerfile"].as_string();
  record.target = value["target"].as_string();
  record.platform = value["platform"].as_string();
  record.network = value["network"].as_string();
  record.no_cache = value["noCache"].as_bool();
  for (const auto& [name, each] : value["arguments"].as_object())
    record.arguments[name] =
        each.is_string() ? std::optional(each.as_string()) : std::optional<std::string>();
  record.labels = json::parse_map(value["labels"]);
  record.contexts = json::parse_map(value["contexts"]);
  record.started = value["started"].as_int();
  record.ended = value["ended"].as_int();
  for (const auto& [status, name] : kStatuses)
    if (value["status"].as_string() == name) record.status = status;
  record.error = value["error"].as_string();
  record.steps = value["steps"].as_uint();
  record.completed = value["completed"].as_uint();
  record.cached = value["cached"].as_uint();
  record.image = value["image"].as_string();
  record.names = value["names"].as_strings();
  for (const json::Value& each : value["materials"].as_array())
    record.materials.push_back(
        {.uri = each["uri"].as_string(), .digest = each["digest"].as_string()});
  record.has_said_secret = value["saidSecret"].as_bool();
  return record;
}

Result<sys::Fd> open_directory(const store::Store& store) {
  return sys::open_at(store.dir(), kDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// Ids, oldest first; none when there was no build.
Result<std::vector<std::string>> list_ids(const store::Store& store) {
  const auto directory = open_directory(store);
  if (!directory && directory.error().kind() == Kind::NotFound) return std::vector<std::string>();
  if (!directory) return std::unexpected(directory.error());
  std::vector<std::string> ids = TRY(sys::list_directory(directory->get()));
  std::erase_if(ids, [](const std::string& name) { return !is_id(name); });
  return ids;
}

// Only its line is read.
Result<BuildRecord> load(int directory, const std::string& id) {
  const sys::Fd file = TRY(sys::open_at(directory, id, O_RDONLY | O_NOFOLLOW));
  std::string text(kMostHeader, '\0');
  text.resize(TRY(sys::read_full(file.get(), text.data(), text.size())));
  return parse(id, std::string_view(text).substr(0, text.find('\n')));
}

// What the record of a build must not have in it: secrets, and arguments that sound like some.
image::Secrets secrets_of(const build::BuildRequest& request) {
  image::Secrets secrets = request.secrets;
  for (const auto& [name, value] : request.options.arguments)
    if (trust::is_secret_name(name)) secrets["build-arg " + name] = value;
  return secrets;
}

}  // namespace

std::string BuildRecord::name() const {
  std::string text = context;
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  if (text.starts_with('/')) text = text.substr(text.rfind('/') + 1);
  if (!target.empty()) text += (text.empty() ? "" : " ") + ("(" + target + ")");
  return text.empty() ? "/" : text;
}

Result<std::vector<BuildRecord>> build_records(Engine& engine) {
  const store::Store& store = BuildWorkshop::store_of(engine);
  std::vector<BuildRecord> records;
  const std::vector<std::string> ids = TRY(list_ids(store));
  if (ids.empty()) return records;
  const sys::Fd directory = TRY(open_directory(store));
  for (std::size_t i = ids.size(); i-- > 0;)
    if (auto record = load(directory.get(), ids[i])) records.push_back(std::move(*record));
  return records;
}

Result<BuildRecord> find_build(Engine& engine, const std::string& wanted) {
  const std::string text = wanted.substr(wanted.rfind('/') + 1);
  std::vector<BuildRecord> records = TRY(build_records(engine));
  if (text.empty() || text.starts_with('^')) {
    const auto back = text.empty() ? Result<std::uint64_t>(0) : parse_u64(text.substr(1));
    if (!back) return fail(Kind::Invalid, quoted(wanted) + " is not ^N, the Nth before the last");
    if (*back < records.size()) return std::move(records[*back]);
    return std::unexpected(
        Error(Kind::NotFound, "there are " + std::to_string(records.size()) + " records of builds")
            .hint("'tare buildx history ls' lists them"));
  }
  BuildRecord* found = nullptr;
  for (BuildRecord& record : records) {
    if (!record.id.starts_with(text)) continue;
    if (found != nullptr)
      return fail(Kind::Invalid, "several builds have ids that start with " + quoted(text));
    found = &record;
  }
  if (found != nullptr) return std::move(*found);
  return std::unexpected(Error(Kind::NotFound, "there is no record of a build " + quoted(text))
                             .hint("'tare buildx history ls' lists those that there are"));
}

Result<std::string> build_log(Engine& engine, const std::string& id) {
  const sys::Fd directory = TRY(open_directory(BuildWorkshop::store_of(engine)));
  const std::string text = TRY(sys::load_file(directory.get(), id));
  const std::size_t end = text.find('\n');
  return end == std::string::npos ? std::string() : text.substr(end + 1);
}

Result<> remove_builds(Engine& engine, const std::vector<std::string>& ids) {
  if (ids.empty()) return {};
  const sys::Fd directory = TRY(open_directory(BuildWorkshop::store_of(engine)));
  for (const std::string& id : ids)
    if (::unlinkat(directory.get(), id.c_str(), 0) != 0 && errno != ENOENT)
      return fail_errno("remove the record " + id);
  return {};
}

BuildJournal::BuildJournal(const store::Store& store, const build::BuildRequest& request,
                           build::Reporter& reporter)
    : store_(store), request_(request), reporter_(reporter), started_(now_ns()) {}

void BuildJournal::line(const build::StepInfo& step, std::string_view text) {
  log_ += "#" + std::to_string(step.number) + " ";
  log_ += text.substr(0, kMostLine);
  log_ += '\n';
  if (log_.size() < 2 * kMostLog) return;
  log_.erase(0, log_.find('\n', log_.size() - kMostLog) + 1);
  is_cut_ = true;
}

void BuildJournal::begins(const build::StepInfo& step, std::string_view why) {
  steps_[step.number].begun = now_ns();
  line(step, step.label);
  if (!why.empty()) line(step, "again, because " + std::string(why));
  reporter_.begins(step, why);
}

void BuildJournal::says(const build::StepInfo& step, std::string_view output) {
  std::string& rest = steps_[step.number].rest;
  rest += output;
  std::size_t at = 0;
  for (std::size_t end; (end = rest.find('\n', at)) != std::string::npos; at = end + 1)
    line(step, std::string_view(rest).substr(at, end - at));
  rest.erase(0, at);
  if (rest.size() > kMostLine) {
    line(step, rest);
    rest.clear();
  }
  reporter_.says(step, output);
}

void BuildJournal::ends(const build::StepInfo& step) {
  Step& known = steps_[step.number];
  if (!known.rest.empty()) line(step, known.rest);
  char time[32];
  std::snprintf(time, sizeof time, "DONE %.1fs", static_cast<double>(now_ns() - known.begun) / 1e9);
  line(step, time);
  steps_.erase(step.number);
  ++done_;
  reporter_.ends(step);
}

void BuildJournal::is_cached(const build::StepInfo& step) {
  line(step, step.label);
  line(step, "CACHED");
  ++cached_;
  reporter_.is_cached(step);
}

BuildRecord BuildJournal::record(const Result<build::Built>& built) const {
  const trust::Provenance told = provenance_of(request_, built ? *built : build::Built());
  BuildRecord record;
  record.context = build::hide_users(request_.remote.empty() ? request_.context : request_.remote);
  record.dockerfile = build::hide_users(request_.dockerfile);
  record.target = told.target;
  record.platform = told.platform;
  record.network = told.network;
  record.no_cache = request_.no_cache;
  record.arguments = told.arguments;
  record.labels = told.labels;
  record.contexts = told.contexts;
  record.started = started_;
  record.ended = now_ns();
  record.steps = done_ + cached_ + steps_.size();
  record.completed = done_ + cached_;
  record.cached = cached_;
  if (!built) {
    record.status = reporter_.is_interrupted() ? End::Canceled : End::Error;
    record.error = build::hide_users(built.error().message().substr(0, kMostError));
    return record;
  }
  record.image = built->image.id.empty() ? "" : built->image.id.text();
  record.names = request_.names;
  for (const trust::Resource& each : told.images)
    record.materials.push_back({.uri = each.uri, .digest = each.digest.text()});
  for (const trust::BuildStep& step : told.steps)
    for (const trust::Resource& each : step.materials)
      record.materials.push_back(
          {.uri = each.uri, .digest = each.digest.empty() ? each.revision : each.digest.text()});
  return record;
}

void BuildJournal::keep(const Result<build::Built>& built, bool has_said_secret) {
  for (const auto& [number, step] : steps_)
    if (!step.rest.empty()) line({.number = number, .label = {}}, step.rest);
  BuildRecord whole = record(built);
  const image::Secrets secrets = secrets_of(request_);
  // SECURITY: a secret is on no disk, and so neither here. What was cut off may have had one half.
  log_ = build::hide_users(log_);
  // One that is too short to be looked for may have been said.
  const bool is_short = std::ranges::any_of(
      request_.secrets, [](const auto& secret) { return trust::forms_of(secret.second).empty(); });
  whole.has_said_secret =
      has_said_secret || is_short || (!secrets.empty() && image::has_secret(log_, secrets));
  if (whole.has_said_secret) log_.clear();
  std::string header = print(whole);
  if (header.size() >= kMostHeader || (!secrets.empty() && image::has_secret(header, secrets))) {
    BuildRecord less;
    less.started = whole.started;
    less.ended = whole.ended;
    less.status = whole.status;
    less.steps = whole.steps;
    less.completed = whole.completed;
    less.cached = whole.cached;
    less.image = whole.image;
    less.has_said_secret = whole.has_said_secret;
    whole = std::move(less);
  }
  (void)write(whole);
}

Result<> BuildJournal::write(const BuildRecord& record) const {
  if (::mkdirat(store_.dir(), kDirectory, 0700) != 0 && errno != EEXIST)
    return fail_errno("make a directory");
  const sys::Fd directory = TRY(open_directory(store_));
  const std::string id = TRY(make_id(started_));
  std::string text = print(record) + "\n";
  std::string_view log = log_;
  const bool is_long = log.size() > kMostLog;
  if (is_long) log.remove_prefix(log.find('\n', log.size() - kMostLog) + 1);
  if ((is_cut_ || is_long) && !log.empty()) text += "[what was said before is not kept]\n";
  text += log;
  TRY(sys::replace_file(directory.get(), id, text, sys::Durability::Lazy));
  const std::vector<std::string> ids = TRY(list_ids(store_));
  for (std::size_t i = 0; i + kMostRecords < ids.size(); ++i)
    ::unlinkat(directory.get(), ids[i].c_str(), 0);
  return {};
}

}  // namespace tare::engine
