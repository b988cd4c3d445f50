// SPDX-License-Identifier: Apache-2.0
#include "front/cli/build_outputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "build/mount.h"
#include "front/cli/handlers.h"
#include "image/attestations.h"
#include "sys/files.h"

namespace tare::cli {
namespace {

using Type = BuildOutput::Type;

std::optional<bool> truth(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

// What is so in any case, or cannot be otherwise.
bool is_as_always(std::string_view name, std::string_view value) {
  if (name == "rewrite-timestamp" || name == "oci-mediatypes" || name == "unpack" ||
      name == "store" || name == "name-canonical")
    return value == "true" || value == "1";
  if (name == "compression") return value == "uncompressed";
  return name == "platform-split" || name == "force-compression" || name == "dangling-name-prefix";
}

Result<> set_names(BuildOutput& output, const std::string& text, std::string_view value) {
  for (const std::string& name : split(value, ',')) {
    const auto reference = image::Reference::parse(name);
    if (!reference) return bad_value("output", text, reference.error().message());
    output.names.push_back(reference->text());
  }
  return {};
}

Result<> set_field(BuildOutput& output, std::string& type, const std::string& text,
                   std::string_view name, std::string_view value) {
  if (name == "type") {
    type = value;
  } else if (name == "dest") {
    output.place = value;
  } else if (name == "attestation-prefix") {
    if (value.find('/') != std::string_view::npos)
      return bad_value("output", text, "a prefix has no '/'");
    output.prefix = value;
  } else if (name == "name") {
    return set_names(output, text, value);
  } else if (name == "push" || name == "tar") {
    const auto is = truth(value);
    if (!is) return bad_value("output", text, std::string(name) + " is true or false");
    (name == "push" ? output.push : output.is_directory) = name == "push" ? *is : !*is;
  } else if (!is_as_always(name, value)) {
    return std::unexpected(
        Error(Kind::Unsupported,
              "--output: " + quoted(std::string(name) + "=" + std::string(value)) + " is not there")
            .hint("there are type, dest, name, push, tar and attestation-prefix"));
  }
  return {};
}

// "NAME=VALUE" of what `where` says: "manifest", "index[linux/amd64]".
Result<> add_annotation(build::BuildRequest& request, const std::string& text,
                        const std::string& where, std::string_view name, std::string_view value) {
  const std::string what = where.substr(0, where.find('['));
  if (what == "manifest") {
    request.annotations[std::string(name)] = value;
    return {};
  }
  if (what != "index" && what != "manifest-descriptor")
    return bad_value("annotation", text, "there are index:, manifest: and manifest-descriptor:");
  if (!request.attest.provenance && !request.attest.packages)
    return bad_value("annotation", text,
                     "an image that nothing is attested of has a manifest and no index");
  const std::string_view place = what == "index" ? image::kOfIndex : image::kOfDescriptor;
  request.attest.annotations[std::string(place) + std::string(name)] = value;
  return {};
}

// [docker buildx build reference, --annotation]
Result<> read_annotations(build::BuildRequest& request, const Arguments& arguments) {
  for (const std::string& text : arguments.list("annotation")) {
    auto pair = split_once(text, '=');
    if (!pair) return bad_value("annotation", text, "write NAME=VALUE");
    std::string_view name = pair->first;
    std::string places = "manifest";
    if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
      places = name.substr(0, colon);
      name.remove_prefix(colon + 1);
    }
    if (name.empty()) return bad_value("annotation", text, "it has no name");
    // "manifest,index:NAME", and each may have a platform: "manifest[linux/amd64]".
    for (const std::string& where : split(places, ','))
      TRY(add_annotation(request, text, where, name, pair->second));
  }
  return {};
}

Result<> make_directories(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST)
      return fail_errno("make the directory " + quoted(part));
    if (at == std::string::npos) return {};
  }
}

}  // namespace

Result<BuildOutput> BuildOutput::parse(const std::string& text) {
  BuildOutput output;
  std::string type;
  const std::vector<std::string> fields = TRY(build::split_csv(text), "--output");
  if (fields.size() == 1 && fields[0].find('=') == std::string::npos) {
    output.type = fields[0] == "-" ? Type::Tar : Type::Local;
    output.place = fields[0];
    return output;
  }
  for (const std::string& field : fields) {
    const auto pair = split_once(field, '=');
    if (!pair) return bad_value("output", text, "fields are name=value");
    TRY(set_field(output, type, text, pair->first, pair->second));
  }
  constexpr std::pair<std::string_view, Type> kTypes[] = {
      {"image", Type::Image},      {"registry", Type::Image}, {"local", Type::Local},
      {"tar", Type::Tar},          {"oci", Type::Oci},        {"docker", Type::Docker},
      {"cacheonly", Type::Nothing}};
  const auto* const found =
      std::ranges::find(kTypes, type, &std::pair<std::string_view, Type>::first);
  if (found == std::end(kTypes))
    return bad_value("output", text,
                     "types are local, tar, oci, docker, image, registry and cacheonly");
  output.type = found->second;
  output.push = output.push || type == "registry";
  if (output.type == Type::Local && (output.place.empty() || output.place == "-"))
    return bad_value("output", text, "type=local needs dest=DIRECTORY");
  if (output.place.empty() && (output.type == Type::Tar || output.type == Type::Oci))
    output.place = "-";
  if (output.is_directory && output.type != Type::Oci)
    return bad_value("output", text, "tar=false goes with type=oci");
  if (output.is_directory && output.place == "-")
    return bad_value("output", text, "tar=false needs dest=DIRECTORY");
  return output;
}

Result<BuildOutputs> BuildOutputs::parse(const Arguments& arguments) {
  BuildOutputs all;
  for (const std::string& text : arguments.list("output"))
    all.outputs_.push_back(TRY(BuildOutput::parse(text)));
  if (arguments.flag("load")) all.outputs_.push_back({.type = Type::Docker});
  if (arguments.flag("push")) all.outputs_.push_back({.push = true});
  if (std::ranges::count(all.outputs_, std::string("-"), &BuildOutput::place) > 1)
    return fail(Kind::Invalid, "--output: only one thing goes to standard output");
  // Bytes of an archive, which can take over a terminal.
  if (all.writes_to_stdout() && ::isatty(STDOUT_FILENO) == 1)
    return std::unexpected(Error(Kind::Invalid, "--output: standard output is a terminal")
                               .hint("write dest=FILE, or redirect it"));
  return all;
}

bool BuildOutputs::writes_to_stdout() const {
  return std::ranges::any_of(outputs_,
                             [](const BuildOutput& output) { return output.place == "-"; });
}

Result<> BuildOutputs::prepare(build::BuildRequest& request, const Arguments& arguments) const {
  request.makes_image =
      outputs_.empty() || std::ranges::any_of(outputs_, [](const BuildOutput& output) {
        return output.type == Type::Image || output.type == Type::Oci ||
               output.type == Type::Docker;
      });
  bool push = false;
  for (const BuildOutput& output : outputs_) {
    push = push || output.push;
    for (const std::string& name : output.names)
      if (std::ranges::find(request.names, name) == request.names.end())
        request.names.push_back(name);
  }
  TRY(read_annotations(request, arguments));
  if (arguments.flag("layer-per-step")) request.layers = build::LayerWish::Steps;
  if (arguments.flag("squash")) request.layers = build::LayerWish::One;
  if (arguments.flag("squash-all")) request.layers = build::LayerWish::All;
  if (push && request.names.empty())
    return std::unexpected(Error(Kind::Invalid, "an image without a name cannot be pushed")
                               .hint("name it with -t REGISTRY/NAME"));
  return {};
}

Result<> BuildOutputs::open() {
  for (const BuildOutput& output : outputs_) {
    if (output.type == Type::Local) {
      TRY(make_directories(output.place), "--output");
      files_.push_back(TRY(sys::open_path(output.place, O_RDONLY | O_DIRECTORY), "--output"));
      exports_.places.push_back({.directory = files_.back().get(), .prefix = output.prefix});
    } else if (output.type == Type::Tar) {
      int fd = STDOUT_FILENO;
      if (output.place != "-") {
        files_.push_back(
            TRY(sys::open_path(output.place, O_WRONLY | O_CREAT | O_TRUNC, 0644), "--output"));
        fd = files_.back().get();
      }
      sinks_.push_back(std::make_unique<store::FileSink>(fd));
      exports_.places.push_back({.tar = sinks_.back().get(), .prefix = output.prefix});
    }
  }
  return {};
}

Result<> BuildOutputs::finish(Context& context, engine::Engine& engine, const build::Built& built,
                              const build::BuildRequest& request, bool quiet) const {
  std::vector<std::string> names = request.names;
  if (names.empty()) names.push_back(built.image.id.text());
  for (const BuildOutput& output : outputs_) {
    if (output.place.empty() || (output.type != Type::Oci && output.type != Type::Docker)) continue;
    if (output.is_directory) {
      const std::string tag =
          request.names.empty() ? "" : ":" + TRY(image::Reference::parse(names[0])).tag;
      TRY(engine.images().copy(
          {.source = "store:" + names[0], .target = "oci:" + output.place + tag, .all = true}, {}));
      continue;
    }
    sys::Fd file;
    if (output.place != "-")
      file = TRY(sys::open_path(output.place, O_WRONLY | O_CREAT | O_TRUNC, 0644), "--output");
    store::FileSink sink(output.place == "-" ? STDOUT_FILENO : file.get());
    TRY(engine.images().save(names,
                             output.type == Type::Docker ? image::SaveFormat::DockerArchive
                                                         : image::SaveFormat::OciArchive,
                             sink, {}));
  }
  std::set<std::string> pushed;
  for (const BuildOutput& output : outputs_) {
    if (!output.push) continue;
    for (const std::string& name : output.names.empty() ? request.names : output.names) {
      if (!pushed.insert(name).second) continue;
      TransferView view(context, quiet, false, true);
      image::Images::PushRequest wanted{.reference = name};
      wanted.options.program = transfer_program();
      for (const auto& one : TRY(engine.push(wanted, view.callback()), "push " + quoted(name)))
        for (const std::string& note : one.notes) context.warn(note);
    }
  }
  return {};
}

}  // namespace tare::cli
