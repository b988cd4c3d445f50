// SPDX-License-Identifier: Apache-2.0
// port and ports: where published ports lead.
#include <algorithm>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/port_options.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

using engine::PortInfo;
using network::PublishedPort;
using enum OptionKind;

constexpr Option kPorts[] = {
    {0, "format", Value, "format", "table, json, or a Go template as '{{.HostPort}} {{.Reach}}'"},
};

// What Docker takes: "80", "80/udp".
Result<PortRange> wanted_port(const std::string& text) {
  auto range = parse_port_range(text, "port");
  if (range && range->first == range->last) return range;
  return std::unexpected(Error(Kind::Invalid, quoted(text) + " is no port of a container")
                             .hint("write PORT or PORT/PROTOCOL, as 80 or 53/udp"));
}

Result<std::vector<PublishedPort>> ports_of(engine::Engine& engine,
                                            const engine::Container& container) {
  std::vector<PublishedPort> out;
  if (container.status != engine::Status::Running) return out;
  for (const PortInfo& info : TRY(engine.ports(container.id))) out.push_back(info.port);
  return out;
}

Row make_row(const PortInfo& info) {
  Row row;
  row.fields.set("Container", info.name);
  row.fields.set("ContainerID", info.container.substr(0, 12));
  row.fields.set("ContainerPort", std::to_string(info.port.container_port));
  row.fields.set("HostIP", info.port.host.text());
  row.fields.set("HostPort", std::to_string(info.port.host_port));
  row.fields.set("Protocol", network::protocol_text(info.port.protocol));
  row.fields.set("Reach", who_reaches(info.port.host));
  return row;
}

Result<std::vector<PortInfo>> chosen_ports(engine::Engine& engine,
                                           const std::vector<std::string>& containers) {
  std::vector<PortInfo> out;
  if (containers.empty()) out = TRY(engine.ports(""));
  for (const std::string& name : containers) {
    const engine::Container container = TRY(engine.find(name));
    if (container.status != engine::Status::Running) continue;
    for (PortInfo& info : TRY(engine.ports(container.id))) out.push_back(std::move(info));
  }
  std::ranges::sort(out, [](const PortInfo& left, const PortInfo& right) {
    return std::tuple(left.port.host_port, left.port, left.name) <
           std::tuple(right.port.host_port, right.port, right.name);
  });
  return out;
}

}  // namespace

std::span<const Option> ports_options() { return kPorts; }

Result<int> cmd_port(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  std::optional<PortRange> wanted;
  if (arguments.operands.size() > 1) wanted = TRY(wanted_port(arguments.operands[1]));
  const engine::Container container = TRY(engine.find(arguments.operands[0]));
  std::vector<std::string> lines;
  for (const PublishedPort& port : TRY(ports_of(engine, container))) {
    const std::string outside = address_and_port(port.host, port.host_port);
    if (!wanted)
      lines.push_back(port_and_protocol(port.container_port, port.protocol) + " -> " + outside);
    else if (wanted->contains(port.container_port, port.protocol))
      lines.push_back(outside);
  }
  if (wanted && lines.empty())
    return std::unexpected(
        Error(Kind::NotFound, "no public port " + quoted(arguments.operands[1]) +
                                  " published for " + arguments.operands[0])
            .hint(container.status == engine::Status::Running
                      ? "tare update --publish-add 8080:" + std::to_string(wanted->first) + " " +
                            container.name + " publishes it"
                      : "it does not run"));
  std::ranges::sort(lines, natural_less);
  for (const std::string& line : lines) context.print(line + "\n");
  return 0;
}

Result<int> cmd_ports(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const std::vector<PortInfo> ports = TRY(chosen_ports(engine, arguments.operands));
  const std::string format = arguments.value_or("format", "");
  if (!format.empty()) {
    std::vector<Row> rows;
    for (const PortInfo& info : ports) rows.push_back(make_row(info));
    const Columns columns = {{"HostIP", "HOST IP"},     {"HostPort", "HOST PORT"},
                             {"Protocol", "PROTOCOL"},  {"Container", "CONTAINER"},
                             {"ContainerPort", "PORT"}, {"Reach", "REACHED BY"}};
    Columns titles = columns;
    titles.emplace_back("ContainerID", "CONTAINER ID");
    context.print(TRY(render_rows(rows, format, columns, titles)));
    return 0;
  }
  std::vector<std::vector<std::string>> lines;
  for (const PortInfo& info : ports)
    lines.push_back({address_and_port(info.port.host, info.port.host_port) + "/" +
                         std::string(network::protocol_text(info.port.protocol)) + " -> " +
                         info.name + ":" + std::to_string(info.port.container_port),
                     "from " + who_reaches(info.port.host)});
  context.print(render_table(lines, 0, 2));
  return 0;
}

}  // namespace tare::cli
