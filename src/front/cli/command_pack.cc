// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "audit/pack.h"
#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/progress.h"
#include "front/cli/request.h"
#include "store/streams.h"

namespace tare::cli {
namespace {

Result<std::string> absolute(const std::string& path) {
  if (path.starts_with('/') || path.find('/') == std::string::npos) return path;
  char buffer[4096];
  if (::getcwd(buffer, sizeof buffer) == nullptr) return fail_errno("find the current directory");
  return std::string(buffer) + "/" + path;
}

// The rules' options and the members of the request that they set.
constexpr std::pair<std::string_view, audit::When audit::PackRequest::*> kRules[] = {
    {"nss", &audit::PackRequest::nss},           {"certs", &audit::PackRequest::certs},
    {"zones", &audit::PackRequest::zones},       {"gconv", &audit::PackRequest::gconv},
    {"terminfo", &audit::PackRequest::terminfo}, {"services", &audit::PackRequest::services},
    {"dlopen", &audit::PackRequest::dlopen},     {"packages", &audit::PackRequest::packages},
    {"licences", &audit::PackRequest::licences}};

Result<audit::PackRequest> pack_request(const Arguments& arguments) {
  audit::PackRequest request;
  for (const std::string& program : arguments.operands)
    request.programs.push_back(TRY(absolute(program)));
  for (const std::string& text : arguments.list("with"))
    request.extra_files.push_back(TRY(audit::ExtraFile::parse(text)));
  request.locales = arguments.list("locale");
  request.root = arguments.value_or("from", "/");
  if (const auto path = process_environment("PATH"); path && request.root == "/")
    request.search_path = *path;
  for (const auto& [option, member] : kRules) {
    const auto text = arguments.value(option);
    if (!text) continue;
    const auto when = audit::parse_when(*text);
    if (!when) return bad_value(option, *text, when.error().message());
    request.*member = *when;
  }
  // The same program packed twice is the same image, whenever that is. [reproducible-builds.org,
  // SOURCE_DATE_EPOCH]
  if (const auto epoch = process_environment("SOURCE_DATE_EPOCH")) {
    const auto seconds = parse_u64(*epoch);
    if (!seconds || *seconds > 253'402'300'799)
      return fail(Kind::Invalid, "SOURCE_DATE_EPOCH: " + quoted(*epoch) + " is not a time");
    request.created = static_cast<UnixNanos>(*seconds) * 1'000'000'000;
  }
  return request;
}

// The layer on its way from the host's files into the image; a file without a name, gone when
// closed.
Result<sys::Fd> write_layer(const engine::Engine& engine, const audit::PackPlan& plan) {
  sys::Fd file = TRY(sys::open_path(engine.root(), O_TMPFILE | O_RDWR, 0600));
  store::FileSink sink(file.get());
  TRY(audit::write_pack(plan, sink));
  TRY(sink.finish());
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("go back in a temporary file");
  return file;
}

}  // namespace

Result<int> cmd_pack(Context& context, const Arguments& arguments) {
  const audit::PackRequest request = TRY(pack_request(arguments));
  const std::string name = arguments.value_or("tag", "");
  if (!name.empty()) {
    const auto reference = image::Reference::parse(name);
    if (!reference) return bad_value("tag", name, reference.error().message());
  }
  ProgressLine progress(context, arguments.flag("quiet"), arguments.flag("json"));
  const auto tell = progress.callback();
  if (tell) tell("reading " + request.programs[0], 0, 0);
  // Before the engine: it may enter a user namespace, in which others' files belong to nobody.
  const audit::PackPlan plan = TRY(audit::plan_pack(request));
  progress.clear();
  if (arguments.flag("explain")) {
    context.print(audit::explain(plan));
    if (arguments.flag("dry-run")) return 0;
  } else {
    for (const std::string& warning : plan.warnings) context.warn(warning);
  }
  if (arguments.flag("dry-run")) return 0;
  engine::Engine& engine = *TRY(context.engine());
  const sys::Fd layer = TRY(write_layer(engine, plan));
  store::FileSource source(layer.get());
  const image::Image image = TRY(engine.images().import(
      {.source = &source, .name = name, .created = plan.config.created, .config = plan.config},
      tell));
  progress.clear();
  if (arguments.flag("json")) {
    json::Value line;
    line.set("id", image.id.text());
    line.set("names", json::Value(image.names));
    line.set("size", plan.size);
    context.print(json::print(line) + "\n");
  } else {
    context.print(image.id.text() + "\n");
  }
  return 0;
}

}  // namespace tare::cli
