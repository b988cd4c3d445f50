// SPDX-License-Identifier: Apache-2.0
// pull, push, copy, search and referrers.
#include <unistd.h>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"
#include "front/cli/transfer_view.h"

namespace tare::cli {
namespace {

Result<image::TransferOptions> transfer_options(const Arguments& arguments) {
  image::TransferOptions options;
  if (const auto rate = arguments.value("rate")) {
    const auto bytes = parse_size(*rate);
    if (!bytes || *bytes == 0)
      return bad_value("rate", *rate, "not a number of bytes for a second");
    options.bytes_per_second = *bytes;
  }
  if (arguments.given("tls-verify")) options.tls_verify = arguments.flag("tls-verify");
  return options;
}

void print_pulled(Context& context, const image::Images::Pulled& pulled, bool json) {
  if (json) {
    json::Value line;
    line.set("name", pulled.name);
    line.set("id", pulled.image.id.text());
    line.set("digest", pulled.digest.text());
    line.set("new", pulled.is_new);
    context.print(json::print(line) + "\n");
    return;
  }
  context.print("Digest: " + pulled.digest.text() + "\n");
  context.print(pulled.is_new ? "Status: Downloaded newer image for " + pulled.familiar + "\n"
                              : "Status: Image is up to date for " + pulled.familiar + "\n");
}

}  // namespace

std::string transfer_program() {
  std::string path(4096, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return path.substr(0, path.rfind('/')) + "/tare-transfer";
}

Result<int> cmd_referrers(Context& context, const Arguments& arguments) {
  image::TransferOptions options;
  if (arguments.given("tls-verify")) options.tls_verify = arguments.flag("tls-verify");
  options.program = transfer_program();
  for (const auto& referrer : TRY(image::look_for_referrers(arguments.operands[0], options)))
    context.print(referrer.digest.text() + "  " +
                  escaped(referrer.media_type.empty() ? "-" : referrer.media_type) + "\n");
  return 0;
}

Result<int> cmd_search(Context& context, const Arguments& arguments) {
  constexpr std::size_t kDescription = 45;
  image::TransferOptions options;
  if (arguments.given("tls-verify")) options.tls_verify = arguments.flag("tls-verify");
  options.program = transfer_program();
  const std::string limit = arguments.value_or("limit", "25");
  const auto most = parse_u64(limit);
  if (!most || *most == 0 || *most > 100) return bad_value("limit", limit, "1 to 100 are possible");
  const std::string& term = arguments.operands[0];
  const auto all = TRY(image::search(term, *most, options), "search " + quoted(term));
  std::vector<Row> rows;
  for (const auto& found : all) {
    std::string description = escaped(found.description);
    if (!arguments.flag("no-trunc")) description = ellipsis(description, kDescription);
    Row row;
    row.fields.set("Name", escaped(found.name));
    row.fields.set("Description", description);
    row.fields.set("StarCount", std::to_string(found.stars));
    row.fields.set("IsOfficial", found.is_official ? "[OK]" : "");
    rows.push_back(std::move(row));
  }
  const Columns columns = {{"Name", "NAME"},
                           {"Description", "DESCRIPTION"},
                           {"StarCount", "STARS"},
                           {"IsOfficial", "OFFICIAL"}};
  context.print(TRY(render_rows(rows, arguments.value_or("format", ""), columns, columns)));
  return 0;
}

namespace {

// With all tags, one in particular is a mistake.
Result<> refuse_tag(const std::string& text, const image::Reference& reference) {
  const bool has_tag = text.find('@') != std::string::npos || text.rfind(':') > text.rfind('/') + 1;
  if (text != reference.familiar_repository() && has_tag && text.ends_with(":" + reference.tag))
    return fail(Kind::Invalid, "tag can't be used with --all-tags/-a");
  return {};
}

}  // namespace

Result<int> cmd_pull(Context& context, const Arguments& arguments) {
  const bool quiet = arguments.flag("quiet");
  const bool json = arguments.flag("json");
  image::Images::PullWish request;
  request.reference = arguments.operands[0];
  request.platform = arguments.value_or("platform", "");
  request.all_tags = arguments.flag("all-tags");
  request.whole = arguments.flag("whole");
  request.options = TRY(transfer_options(arguments));
  const auto reference = TRY(image::Reference::parse(request.reference));
  if (request.all_tags) TRY(refuse_tag(request.reference, reference));
  engine::Engine& engine = *TRY(context.engine());
  TransferView view(context, quiet, json);
  if (!quiet && !json && !request.all_tags && !reference.tag.empty() &&
      !request.reference.ends_with(":" + reference.tag))
    context.print("Using default tag: latest\n");
  const auto all = TRY(engine.pull(request, view.callback()), "pull " + quoted(request.reference));
  for (const auto& pulled : all)
    if (!quiet || json) print_pulled(context, pulled, json);
  if (json) return 0;
  if (request.all_tags)
    context.print(reference.registry + "/" + reference.repository + "\n");
  else
    context.print(all.front().name + "\n");
  return 0;
}

Result<int> cmd_push(Context& context, const Arguments& arguments) {
  const bool quiet = arguments.flag("quiet");
  const bool json = arguments.flag("json");
  image::Images::PushRequest request;
  request.reference = arguments.operands[0];
  request.all_tags = arguments.flag("all-tags");
  request.allowed_secrets = arguments.list("allow-secret");
  request.options = TRY(transfer_options(arguments));
  const auto reference = TRY(image::Reference::parse(request.reference));
  if (request.all_tags) TRY(refuse_tag(request.reference, reference));
  engine::Engine& engine = *TRY(context.engine());
  TransferView view(context, quiet, json);
  if (!quiet && !json && !request.all_tags && !request.reference.ends_with(":" + reference.tag))
    context.print("Using default tag: latest\n");
  const auto all = TRY(engine.push(request, view.callback()), "push " + quoted(request.reference));
  for (const auto& pushed : all)
    for (const std::string& note : pushed.notes) context.warn(note);
  if (quiet && !json)
    context.print(
        (request.all_tags ? reference.registry + "/" + reference.repository : reference.text()) +
        "\n");
  return 0;
}

Result<int> cmd_copy(Context& context, const Arguments& arguments) {
  const bool quiet = arguments.flag("quiet");
  const bool json = arguments.flag("json");
  image::Images::CopyRequest request;
  request.source = arguments.operands[0];
  request.target = arguments.operands[1];
  request.platform = arguments.value_or("platform", "");
  request.all = arguments.flag("all");
  request.referrers = arguments.flag("referrers");
  request.allowed_secrets = arguments.list("allow-secret");
  request.options = TRY(transfer_options(arguments));
  if (request.all && !request.platform.empty())
    return fail(Kind::Invalid, "--all takes all platforms, and --platform one: not both");
  request.source_tls_verify = request.target_tls_verify = request.options.tls_verify;
  if (arguments.given("src-tls-verify"))
    request.source_tls_verify = arguments.flag("src-tls-verify");
  if (arguments.given("dest-tls-verify"))
    request.target_tls_verify = arguments.flag("dest-tls-verify");
  engine::Engine& engine = *TRY(context.engine());
  TransferView view(context, quiet, json);
  const auto copied = TRY(engine.copy(request, view.callback()), "copy");
  for (const std::string& note : copied.notes) context.warn(note);
  if (json) {
    json::Value line;
    line.set("name", request.target);
    line.set("digest", copied.digest.text());
    line.set("mediaType", copied.media_type);
    line.set("manifests", static_cast<std::uint64_t>(copied.documents));
    context.print(json::print(line) + "\n");
    return 0;
  }
  context.print((quiet ? "" : "Digest: ") + copied.digest.text() + "\n");
  return 0;
}

}  // namespace tare::cli
