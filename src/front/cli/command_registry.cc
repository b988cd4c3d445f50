// SPDX-License-Identifier: Apache-2.0
// pull and push.
#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/transfer_view.h"

namespace tare::cli {
namespace {

Result<image::TransferOptions> transfer_options(const Arguments& arguments) {
  image::TransferOptions options;
  if (const auto rate = arguments.value("rate")) {
    const auto bytes = parse_size(*rate);
    if (!bytes || *bytes == 0) return bad_value("rate", *rate, "not a number of bytes for a second");
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

Result<int> cmd_pull(Context& context, const Arguments& arguments) {
  const bool quiet = arguments.flag("quiet");
  const bool json = arguments.flag("json");
  image::Images::PullRequest request;
  request.reference = arguments.operands[0];
  request.platform = arguments.value_or("platform", "");
  request.all_tags = arguments.flag("all-tags");
  request.options = TRY(transfer_options(arguments));
  const auto reference = TRY(image::Reference::parse(request.reference));
  const bool has_tag = request.reference.find('@') != std::string::npos ||
                       request.reference.rfind(':') > request.reference.rfind('/') + 1;
  if (request.all_tags && request.reference != reference.familiar_repository() && has_tag &&
      request.reference.ends_with(":" + reference.tag))
    return fail(Kind::Invalid, "tag can't be used with --all-tags/-a");
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
  request.options = TRY(transfer_options(arguments));
  const auto reference = TRY(image::Reference::parse(request.reference));
  engine::Engine& engine = *TRY(context.engine());
  TransferView view(context, quiet, json);
  if (!quiet && !json && !request.all_tags && !request.reference.ends_with(":" + reference.tag))
    context.print("Using default tag: latest\n");
  const auto all = TRY(engine.push(request, view.callback()), "push " + quoted(request.reference));
  if (quiet && !json)
    context.print((request.all_tags ? reference.registry + "/" + reference.repository
                                    : reference.text()) +
                  "\n");
  return 0;
}

}  // namespace tare::cli
