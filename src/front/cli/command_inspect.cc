// SPDX-License-Identifier: Apache-2.0
// inspect, info and version.
#include <sys/utsname.h>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/network_view.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

enum class Sort : std::uint8_t { Any, Container, Image, Network, Volume };

Result<Sort> wanted_sort(const Arguments& arguments) {
  if (arguments.called() == "container inspect") return Sort::Container;
  if (arguments.called() == "image inspect") return Sort::Image;
  const std::string type = arguments.value_or("type", "");
  if (type.empty()) return Sort::Any;
  if (type == "container") return Sort::Container;
  if (type == "image") return Sort::Image;
  if (type == "network") return Sort::Network;
  if (type == "volume") return Sort::Volume;
  return bad_value("type", type, "container, image, network and volume are known");
}

Result<json::Value> inspect_one(engine::Engine& engine, const std::string& name, Sort sort,
                                bool with_size) {
  if (sort == Sort::Volume) {
    const engine::VolumeInfo info = TRY(engine.find_volume(name));
    return engine.inspect_volume(info.volume);
  }
  if (sort == Sort::Network) return inspect_any_network(engine, name);
  if (sort != Sort::Image) {
    auto container = engine.inspect(name, with_size);
    if (container || sort == Sort::Container || container.error().kind() != Kind::NotFound)
      return container;
  }
  auto image = engine.images().find(name);
  if (image) return engine.images().inspect(*image);
  if (sort == Sort::Image || image.error().kind() != Kind::NotFound)
    return std::unexpected(std::move(image).error());
  if (engine.images().resolve(name))  // It is there, and a part of it is not.
    return std::unexpected(std::move(image).error());
  auto network = inspect_any_network(engine, name);
  if (network || network.error().kind() != Kind::NotFound) return network;
  if (const auto volume = engine.find_volume(name)) return engine.inspect_volume(volume->volume);
  return std::unexpected(
      Error(Kind::NotFound, "there is no container, image, network or volume " + quoted(name))
          .hint("'tare ps -a' lists containers, 'tare images' images, 'tare network ls' networks, "
                "'tare volume ls' volumes"));
}

// One of info's features on one line: "user namespaces: yes (every container has its own ids)".
void print_feature(Context& context, const json::Value& feature, const std::string& space) {
  const json::Value& available = feature["Available"];
  const std::string& detail = feature["Detail"].as_string();
  std::string text = available.as_bool() ? "yes" : "no";
  if (!detail.empty()) text += " (" + detail + ")";
  context.print(space + " " + escaped(feature["Name"].as_string()) + ": " + escaped(text) + "\n");
}

// "Key: value" lines, nested ones indented.
void print_facts(Context& context, const json::Value& facts, std::size_t indent) {
  const std::string space(indent, ' ');
  for (const auto& [key, value] : facts.as_object()) {
    if (value.is_object()) {
      context.print(space + escaped(key) + ":\n");
      print_facts(context, value, indent + 1);
    } else if (value.is_array() && !value.as_array().empty() && !value.as_array()[0].is_string()) {
      context.print(space + escaped(key) + ":\n");
      for (const json::Value& element : value.as_array()) {
        if (element.find("Name") != nullptr)
          print_feature(context, element, space);
        else if (element.is_object())
          print_facts(context, element, indent + 1);
        else
          context.print(space + " " + escaped(go_text(element)) + "\n");
      }
    } else {
      const std::string text = value.is_array()  ? join(value.as_strings(), ", ")
                               : value.is_null() ? ""
                                                 : go_text(value);
      context.print(space + escaped(key) + ": " + escaped(text) + "\n");
    }
  }
}

Result<int> print_value(Context& context, const json::Value& value, const std::string& format) {
  if (format == "json")
    context.print(json::print(value) + "\n");
  else
    context.print(TRY(render_values({value}, format)));
  return 0;
}

json::Value version_facts() {
  utsname host{};
  ::uname(&host);
  const auto part = [&] {
    json::Value facts;
    facts.set("Version", TARE_VERSION);
    facts.set("Os", "linux");
    facts.set("Arch", oci::host_architecture());
    facts.set("KernelVersion", std::string(host.release));
    return facts;
  };
  // There is no server; scripts that ask for its version get the engine's, which is this program.
  json::Value facts;
  facts.set("Client", part());
  facts.set("Server", part());
  return facts;
}

}  // namespace

Result<int> cmd_inspect(Context& context, const Arguments& arguments) {
  const Sort sort = TRY(wanted_sort(arguments));
  const std::string format = arguments.value_or("format", "");
  if (!format.empty() && format != "json") TRY(Template::parse(format));
  engine::Engine& engine = *TRY(context.engine());
  const bool with_size = arguments.command().name != "image inspect" && arguments.flag("size");
  json::Array found;
  std::vector<Error> problems;
  for (const std::string& name : arguments.operands) {
    auto value = inspect_one(engine, name, sort, with_size);
    if (value)
      found.push_back(std::move(*value));
    else
      problems.push_back(std::move(value).error());
  }
  if (format.empty())
    context.print(json::print(found, json::Style::Indented) + "\n");
  else if (format == "json")
    context.print(json::print(found) + "\n");
  else
    context.print(TRY(render_values(found, format)));
  for (const Error& problem : problems) context.report(problem);
  return problems.empty() ? 0 : 1;
}

Result<int> cmd_info(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const json::Value facts = TRY(engine.info());
  const std::string format = arguments.value_or("format", "");
  if (!format.empty()) return print_value(context, facts, format);
  print_facts(context, facts, 0);
  return 0;
}

Result<int> cmd_version(Context& context, const Arguments& arguments) {
  const json::Value facts = version_facts();
  const std::string format = arguments.value_or("format", "");
  if (!format.empty()) return print_value(context, facts, format);
  context.print("Tare:\n");
  print_facts(context, facts["Client"], 1);
  return 0;
}

}  // namespace tare::cli
