// SPDX-License-Identifier: Apache-2.0
// manifest: looking at manifests, and indexes that are put together here and pushed.
#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/transfer_view.h"
#include "image/manifest_lists.h"

namespace tare::cli {
namespace {

image::TransferOptions options_of(const Arguments& arguments) {
  image::TransferOptions options;
  if (arguments.given("tls-verify")) options.tls_verify = arguments.flag("tls-verify");
  if (arguments.flag("insecure")) options.tls_verify = false;
  options.program = transfer_program();
  return options;
}

Result<image::ManifestLists> open_lists(Context& context, image::TransferOptions options) {
  engine::Engine& engine = *TRY(context.engine());
  return image::ManifestLists::open(engine.root(), std::move(options));
}

}  // namespace

Result<int> cmd_manifest_create(Context& context, const Arguments& arguments) {
  auto lists = TRY(open_lists(context, options_of(arguments)));
  const std::string& name = arguments.operands[0];
  const std::vector<std::string> members(arguments.operands.begin() + 1, arguments.operands.end());
  TRY(lists.create(name, members, arguments.flag("amend")), "manifest list " + quoted(name));
  const auto reference = TRY(image::Reference::parse(name));
  context.print("Created manifest list " + reference.text() + "\n");
  return 0;
}

Result<int> cmd_manifest_annotate(Context& context, const Arguments& arguments) {
  auto lists = TRY(open_lists(context, options_of(arguments)));
  TRY(lists.annotate(arguments.operands[0], arguments.operands[1],
                     {.os = arguments.value_or("os", ""),
                      .architecture = arguments.value_or("arch", ""),
                      .variant = arguments.value_or("variant", "")}));
  return 0;
}

Result<int> cmd_manifest_push(Context& context, const Arguments& arguments) {
  auto lists = TRY(open_lists(context, options_of(arguments)));
  engine::Engine& engine = *TRY(context.engine());
  const std::string& name = arguments.operands[0];
  TransferView view(context, false, false, true);
  const Digest digest =
      TRY(lists.push(name, engine.images(), view.callback()), "push " + quoted(name));
  context.print(digest.text() + "\n");
  if (arguments.flag("purge")) TRY(lists.remove(name));
  return 0;
}

Result<int> cmd_manifest_rm(Context& context, const Arguments& arguments) {
  auto lists = TRY(open_lists(context, {}));
  return context.for_each(arguments.operands,
                          [&](const std::string& name) { return lists.remove(name); });
}

// One that was put together here comes before what a registry has, as with Docker.
Result<int> cmd_manifest_inspect(Context& context, const Arguments& arguments) {
  const image::TransferOptions options = options_of(arguments);
  const std::string& name = arguments.operands.back();
  if (arguments.operands.size() == 1 && !arguments.flag("verbose")) {
    const auto own = TRY(open_lists(context, options)).text(name);
    if (own && arguments.flag("raw")) {
      context.print(*own);
      return 0;
    }
    if (own) {
      const json::Value index = TRY(json::parse(*own));
      context.print(json::print(index, json::Style::Indented) + "\n");
      return 0;
    }
  }
  const auto document = TRY(image::look_at_manifest(name, options));
  if (arguments.flag("raw")) {
    context.print(document.text);
    return 0;
  }
  json::Value manifest = TRY(json::parse(document.text));
  if (arguments.flag("verbose")) {
    json::Value whole;
    whole.set("Ref", document.reference);
    json::Value& descriptor = whole.set("Descriptor", json::Object());
    descriptor.set("mediaType", document.media_type);
    descriptor.set("digest", document.digest.text());
    descriptor.set("size", static_cast<std::uint64_t>(document.text.size()));
    whole.set("SchemaV2Manifest", std::move(manifest));
    manifest = std::move(whole);
  }
  context.print(json::print(manifest, json::Style::Indented) + "\n");
  return 0;
}

}  // namespace tare::cli
