// SPDX-License-Identifier: Apache-2.0
// stats: what containers use, once or every second.
#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/render.h"

namespace tare::cli {
namespace {

using engine::Container;
using Stats = engine::Engine::Stats;

constexpr std::chrono::milliseconds kInterval(1000);

Columns usual_columns() {
  return {{"ID", "CONTAINER ID"},   {"Name", "NAME"},
          {"CPUPerc", "CPU %"},     {"MemUsage", "MEM USAGE / LIMIT"},
          {"MemPerc", "MEM %"},     {"NetIO", "NET I/O"},
          {"BlockIO", "BLOCK I/O"}, {"PIDs", "PIDS"}};
}

Columns pressure_columns() {
  return {{"ID", "CONTAINER ID"},
          {"Name", "NAME"},
          {"CPUPressure", "CPU WAITS"},
          {"MemPressure", "MEMORY WAITS"},
          {"IOPressure", "I/O WAITS"}};
}

Columns all_titles() {
  Columns all = usual_columns();
  all.emplace_back("Container", "CONTAINER");
  all.emplace_back("Pressure", "CPU, MEMORY, I/O WAITS");
  for (const auto& each : pressure_columns())
    if (each.first.ends_with("Pressure")) all.push_back(each);
  return all;
}

// Docker's units here are powers of 1024: "1.5MiB". [docker/go-units: BytesSize]
std::string binary_size(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.4g}{}", value, kUnits[unit]);
}

// Of the last ten seconds, in how many percent some and all tasks waited: "0.00% / 0.00%".
std::string pressure_text(const std::optional<sys::Pressure>& pressure) {
  if (!pressure) return "--";
  return fmt::format("{:.2f}% / {:.2f}%", pressure->some.avg10, pressure->full.avg10);
}

std::string some_text(const std::optional<sys::Pressure>& pressure) {
  return pressure ? fmt::format("{:.2f}%", pressure->some.avg10) : "--";
}

// Processor time of the span between two looks, in percent of one processor. [docker CLI:
// calculateCPUPercentUnix, which divides by the machine's time and multiplies by its processors]
double cpu_percent(const Stats& before, const Stats& now) {
  const auto span = static_cast<double>((now.when - before.when).count());
  if (!before.groups.cpu || !now.groups.cpu || span <= 0) return 0;
  const double used = static_cast<double>(now.groups.cpu->total_ns) -
                      static_cast<double>(before.groups.cpu->total_ns);
  return used > 0 ? used / span * 100 : 0;
}

// Without the file pages that the kernel can drop at once, as Docker counts.
std::uint64_t memory_in_use(const sys::CgroupStats::Memory& memory) {
  return memory.inactive_file < memory.usage ? memory.usage - memory.inactive_file : memory.usage;
}

void set_numbers(json::Value& fields, const Stats& before, const Stats& now) {
  fields.set("CPUPerc", fmt::format("{:.2f}%", cpu_percent(before, now)));
  std::string usage = "--";
  std::string share = "--";
  if (now.groups.memory) {
    const std::uint64_t used = memory_in_use(*now.groups.memory);
    usage = binary_size(used) + " / " + binary_size(now.memory_limit);
    share = fmt::format(
        "{:.2f}%", now.memory_limit == 0
                       ? 0.0
                       : static_cast<double>(used) * 100 / static_cast<double>(now.memory_limit));
  }
  fields.set("MemUsage", usage);
  fields.set("MemPerc", share);
  fields.set("NetIO", human_size(now.received_bytes) + " / " + human_size(now.sent_bytes));
  fields.set("BlockIO", human_size(now.read_bytes) + " / " + human_size(now.written_bytes));
  fields.set("PIDs", now.groups.pids ? std::to_string(now.groups.pids->current) : "--");
  fields.set("CPUPressure", pressure_text(now.groups.cpu_pressure));
  fields.set("MemPressure", pressure_text(now.groups.memory_pressure));
  fields.set("IOPressure", pressure_text(now.groups.io_pressure));
  fields.set("Pressure", some_text(now.groups.cpu_pressure) + " / " +
                             some_text(now.groups.memory_pressure) + " / " +
                             some_text(now.groups.io_pressure));
}

void set_no_numbers(json::Value& fields) {
  for (const char* field :
       {"CPUPerc", "MemPerc", "PIDs", "CPUPressure", "MemPressure", "IOPressure", "Pressure"})
    fields.set(field, "--");
  for (const char* field : {"MemUsage", "NetIO", "BlockIO"}) fields.set(field, "-- / --");
}

class Table {
 public:
  Table(Context& context, const Arguments& arguments)
      : context_(context),
        names_(arguments.operands),
        all_(arguments.flag("all")),
        whole_(arguments.flag("no-trunc")),
        pressure_(arguments.flag("pressure")),
        format_(arguments.value_or("format", "")) {}

  // Looks at every container. False: there is none left of those that were named.
  Result<bool> look();
  Result<std::string> text() const {
    return render_rows(rows_, format_, pressure_ ? pressure_columns() : usual_columns(),
                       all_titles());
  }

 private:
  Result<std::vector<Container>> chosen(engine::Engine& engine) const;

  Context& context_;
  std::vector<std::string> names_;
  bool all_;
  bool whole_;
  bool pressure_;
  std::string format_;
  std::map<std::string, Stats> before_;
  std::vector<Row> rows_;
};

Result<std::vector<Container>> Table::chosen(engine::Engine& engine) const {
  std::vector<Container> out;
  if (!names_.empty()) {
    for (const std::string& name : names_) out.push_back(TRY(engine.find(name)));
    return out;
  }
  out = TRY(engine.list());
  std::erase_if(out, [&](const Container& container) {
    return !all_ && container.status != engine::Status::Running;
  });
  return out;
}

Result<bool> Table::look() {
  engine::Engine& engine = *TRY(context_.engine());
  const std::vector<Container> containers = TRY(chosen(engine));
  std::map<std::string, Stats> now;
  rows_.clear();
  bool any_running = names_.empty();
  for (const Container& container : containers) {
    Row row;
    row.fields.set("Container", names_.empty() ? container.id.substr(0, 12) : container.name);
    row.fields.set("ID", whole_ ? container.id : container.id.substr(0, 12));
    row.fields.set("Name", container.name);
    any_running = any_running || container.status == engine::Status::Running;
    auto stats = engine.stats(container.id);
    if (stats) {
      const auto before = before_.find(container.id);
      set_numbers(row.fields, before == before_.end() ? *stats : before->second, *stats);
      now.emplace(container.id, std::move(*stats));
    } else {
      set_no_numbers(row.fields);
      if (container.status == engine::Status::Running && stats.error().kind() != Kind::Busy &&
          !before_.contains("told")) {
        context_.report(stats.error());
        now.emplace("told", Stats());
      }
    }
    rows_.push_back(std::move(row));
  }
  if (before_.contains("told")) now.emplace("told", Stats());
  before_ = std::move(now);
  return any_running;
}

}  // namespace

Result<int> cmd_stats(Context& context, const Arguments& arguments) {
  Table table(context, arguments);
  TRY(table.look());
  if (arguments.flag("no-stream")) {
    std::this_thread::sleep_for(kInterval);
    TRY(table.look());
    context.print(TRY(table.text()));
    return 0;
  }
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  for (;;) {
    std::this_thread::sleep_for(kInterval);
    const bool goes_on = TRY(table.look());
    // A whole screen each time: rows come and go. [ECMA-48: ED, CUP]
    context.print((terminal ? "\x1b[2J\x1b[H" : "") + TRY(table.text()));
    TRY(context.flush());
    if (!goes_on) return 0;
  }
}

}  // namespace tare::cli
