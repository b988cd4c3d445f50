// SPDX-License-Identifier: Apache-2.0
#include "front/cli/command_imagetools.h"

#include <fcntl.h>

#include <algorithm>

#include "base/text.h"
#include "engine/sbom.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"
#include "front/cli/transfer_view.h"
#include "oci/manifest.h"
#include "sys/files.h"

namespace tare::cli {
namespace {

using image::DocumentDepth;
using image::Documents;

constexpr std::string_view kRegistry = "docker://";
constexpr std::string_view kSpdx = "https://spdx.dev/Document";

Result<Documents> look(Context& context, const Arguments& arguments, DocumentDepth depth) {
  std::string name = arguments.operands[0];
  if (name.starts_with(kRegistry)) {
    name = name.substr(kRegistry.size());
  } else {
    engine::Engine& engine = *TRY(context.engine());
    if (auto here = TRY(engine::documents_here(engine, name, depth))) return std::move(*here);
  }
  image::TransferOptions options;
  if (arguments.given("tls-verify")) options.tls_verify = arguments.flag("tls-verify");
  options.program = transfer_program();
  auto found = image::documents_in_registry(name, options, depth);
  if (found) return found;
  return std::unexpected(std::move(found).error().hint(
      "'store:NAME' is an image that is here; 'tare images' lists those"));
}

// Lines "KEY: VALUE", the values below each other.
class Facts {
 public:
  void add(std::string key, std::string value) {
    rows_.emplace_back(std::move(key), std::move(value));
  }
  void gap() { rows_.emplace_back(); }
  // Further lines have columns of their own.
  void end() {
    std::size_t width = 0;
    for (const auto& [key, value] : rows_) width = std::max(width, display_width(key));
    for (const auto& [key, value] : rows_) {
      text_ += key;
      if (!value.empty()) text_ += std::string(width + 1 - display_width(key), ' ') + value;
      text_ += '\n';
    }
    rows_.clear();
  }
  std::string take() {
    end();
    return std::move(text_);
  }

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
  std::string text_;
};

// "registry/name" of "registry/name:tag" or "registry/name@digest".
std::string repository_of(const std::string& reference) {
  const auto parsed = image::Reference::parse(reference);
  return parsed ? parsed->registry + "/" + parsed->repository : reference;
}

void add_member(Facts& facts, const json::Value& member, const std::string& repository) {
  facts.add("  Name:", repository + "@" + escaped(member["digest"].as_string()));
  facts.add("  MediaType:", escaped(member["mediaType"].as_string()));
  const json::Value& platform = member["platform"];
  if (!platform.is_object()) return;
  const oci::Platform parts{.os = platform["os"].as_string(),
                            .architecture = platform["architecture"].as_string(),
                            .variant = platform["variant"].as_string()};
  facts.add("  Platform:", escaped(parts.text()));
  const json::Object& annotations = member["annotations"].as_object();
  if (annotations.empty()) return;
  facts.add("  Annotations:", "");
  facts.end();
  for (const auto& [key, value] : annotations)
    facts.add("    " + escaped(key) + ":", escaped(value.as_string()));
  facts.end();
}

// As docker buildx imagetools inspect prints it. [observed]
std::string print_top(const image::RemoteDocument& top, const json::Value& document) {
  Facts facts;
  facts.add("Name:", escaped(top.reference));
  facts.add("MediaType:", escaped(top.media_type));
  facts.add("Digest:", top.digest.text());
  facts.end();
  if (!oci::is_index_type(top.media_type)) return facts.take();
  facts.gap();
  facts.add("Manifests:", "");
  facts.end();
  const std::string repository = escaped(repository_of(top.reference));
  bool is_first = true;
  for (const json::Value& member : document["manifests"].as_array()) {
    if (!is_first) facts.gap();
    is_first = false;
    add_member(facts, member, repository);
  }
  return facts.take();
}

// Of an index all of it, of a manifest its descriptor, as docker buildx gives .Manifest.
json::Value manifest_value(const image::RemoteDocument& top, const json::Value& document) {
  json::Value value;
  const bool is_index = oci::is_index_type(top.media_type);
  if (is_index) value.set("schemaVersion", document["schemaVersion"]);
  value.set("mediaType", top.media_type);
  value.set("digest", top.digest.text());
  value.set("size", static_cast<std::uint64_t>(top.text.size()));
  if (!is_index) return value;
  value.set("manifests", document["manifests"]);
  if (const json::Value* annotations = document.find("annotations"))
    value.set("annotations", *annotations);
  return value;
}

struct Attested {
  json::Value sbom{json::Object()};
  json::Value provenance{json::Object()};
};

Result<Attested> attested_of(const image::ImageDocuments& image) {
  Attested all;
  for (const image::Statement& statement : image.statements) {
    const bool is_provenance = statement.predicate_type.starts_with("https://slsa.dev/provenance/");
    if (!is_provenance && statement.predicate_type != kSpdx) continue;
    json::Value predicate = TRY(image::predicate_of(statement), image.platform);
    if (is_provenance)
      all.provenance.set("SLSA", std::move(predicate));
    else if (all.sbom.find("SPDX") == nullptr)
      all.sbom.set("SPDX", std::move(predicate));
    else if (json::Value* more = all.sbom.find("AdditionalSPDXs"))
      more->push(std::move(predicate));
    else
      all.sbom.set("AdditionalSPDXs", json::Array{std::move(predicate)});
  }
  return all;
}

// What a template can ask for. Of several images each of these is by platform.
Result<Row> values_of(const std::string& name, const Documents& documents,
                      const json::Value& document) {
  Row row;
  row.fields.set("name", name);
  row.fields.set("manifest", manifest_value(documents.top, document));
  const bool has_several = documents.images.size() > 1;
  json::Value images{json::Object()};
  json::Value sboms{json::Object()};
  json::Value provenances{json::Object()};
  for (const image::ImageDocuments& each : documents.images) {
    json::Value config = TRY(json::parse(each.config), "config");
    Attested attested = TRY(attested_of(each));
    if (!has_several) {
      images = std::move(config);
      sboms = std::move(attested.sbom);
      provenances = std::move(attested.provenance);
      break;
    }
    images.set(each.platform, std::move(config));
    if (!attested.sbom.as_object().empty()) sboms.set(each.platform, std::move(attested.sbom));
    if (!attested.provenance.as_object().empty())
      provenances.set(each.platform, std::move(attested.provenance));
  }
  row.fields.set("image", std::move(images));
  row.methods.set("SBOM", std::move(sboms));
  row.methods.set("Provenance", std::move(provenances));
  return row;
}

bool asks_for(const std::string& format, std::string_view field) {
  return format.find(field) != std::string::npos;
}

}  // namespace

Result<int> cmd_imagetools_inspect(Context& context, const Arguments& arguments) {
  std::string format = arguments.value_or("format", "");
  if (format == "json") format = "{{json .}}";
  if (!format.empty() && arguments.flag("raw"))
    return fail(Kind::Invalid, "--format and --raw exclude each other");
  std::string plain = format;
  std::erase(plain, ' ');
  const bool is_template = !plain.empty() && plain != "{{.Manifest}}";
  if (is_template) TRY(Template::parse(format));
  const bool wants_statements = asks_for(format, "SBOM") || asks_for(format, "Provenance");
  const DocumentDepth depth = wants_statements ? DocumentDepth::Statements
                              : is_template    ? DocumentDepth::Configs
                                               : DocumentDepth::Top;
  const Documents documents = TRY(look(context, arguments, depth));
  if (arguments.flag("raw")) {
    context.print(documents.top.text);
    return 0;
  }
  const json::Value document = TRY(json::parse(documents.top.text), "manifest");
  if (!is_template) {
    context.print(print_top(documents.top, document));
    return 0;
  }
  const Row row = TRY(values_of(arguments.operands[0], documents, document));
  context.print(TRY(render_go_value(row, format)));
  return 0;
}

// Everything that a name stands for, in the registry, gets others: all bytes as they are.
Result<int> cmd_imagetools_create(Context& context, const Arguments& arguments) {
  const std::string& source = arguments.operands[0];
  if (arguments.operands.size() > 1)
    return std::unexpected(
        Error(Kind::Unsupported, "an index of several images is not made by this command")
            .hint("'tare manifest create LIST IMAGE...' and 'tare manifest push LIST' do it"));
  image::TransferOptions options;
  if (arguments.given("tls-verify")) options.tls_verify = arguments.flag("tls-verify");
  options.program = transfer_program();
  if (arguments.flag("dry-run")) {
    const auto found = TRY(image::documents_in_registry(source, options, DocumentDepth::Top));
    context.print(found.top.text + "\n");
    return 0;
  }
  const std::vector<std::string> names = arguments.list("tag");
  if (names.empty())
    return std::unexpected(
        Error(Kind::Invalid, "no name was given for it").hint("-t REGISTRY/NAME:TAG"));
  engine::Engine& engine = *TRY(context.engine());
  for (const std::string& name : names) {
    TransferView view(context, false, false, true);
    image::Images::CopyRequest request{.source = std::string(kRegistry) + source,
                                       .target = std::string(kRegistry) + name,
                                       .all = true};
    request.options = options;
    request.source_tls_verify = request.target_tls_verify = options.tls_verify;
    const auto copied = TRY(engine.images().copy(request, view.callback()), quoted(name));
    context.print(escaped(name) + "@" + copied.digest.text() + "\n");
  }
  return 0;
}

namespace {

Result<std::string> list_of(Context& context, const engine::PackageListing& listing,
                            const std::string& format) {
  std::vector<Row> rows;
  for (const engine::ListedPackage& package : listing.packages) {
    Row row;
    row.fields.set("Name", escaped(package.name));
    row.fields.set("Version", escaped(package.version));
    row.fields.set("Type", escaped(package.type));
    row.fields.set("Place", escaped(package.place));
    rows.push_back(std::move(row));
  }
  for (const std::string& note : listing.notes) context.warn(note);
  const Columns columns = {{"Name", "NAME"}, {"Version", "VERSION"}, {"Type", "TYPE"}};
  Columns titles = columns;
  titles.emplace_back("Place", "PLACE");
  return render_rows(rows, format, columns, titles);
}

}  // namespace

Result<int> cmd_sbom(Context& context, const Arguments& arguments) {
  const std::string format = arguments.value_or("format", "table");
  // Opened first: the engine may enter a user namespace, and the file is the user's.
  sys::Fd file;
  const auto path = arguments.value("output");
  if (path && *path != "-")
    file = TRY(sys::open_path(*path, O_WRONLY | O_CREAT | O_TRUNC, 0644), "--output");
  engine::Engine& engine = *TRY(context.engine());
  const std::string& name = arguments.operands[0];
  std::string text;
  const bool is_spdx = format == "spdx" || format == "spdx-json";
  if (is_spdx || format == "cyclonedx" || format == "cyclonedx-json") {
    const json::Value value = TRY(engine::sbom_of(
        engine, name, is_spdx ? engine::SbomFormat::Spdx : engine::SbomFormat::CycloneDx));
    text = json::print(value, json::Style::Indented) + "\n";
  } else {
    const auto listing = TRY(engine::list_packages(engine, name));
    text = TRY(list_of(context, listing, format));
  }
  if (file)
    TRY(sys::write_all(file.get(), text), "--output");
  else
    context.print(text);
  return 0;
}

}  // namespace tare::cli
