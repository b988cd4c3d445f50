// SPDX-License-Identifier: Apache-2.0
// state, list, ps, spec and features.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "front/oci/lifecycle.h"
#include "front/oci/log.h"
#include "front/oci/program.h"
#include "oci/runtime_documents.h"
#include "policy/policy.h"
#include "sys/files.h"

namespace tare::front_oci {
namespace {

using K = Option::Kind;

constexpr std::array<Option, 2> kListOptions{
    {{"format", 'f', K::Value, "table or json"}, {"quiet", 'q', K::Flag, "ids only"}}};
constexpr std::array<Option, 1> kPsOptions{{{"format", 'f', K::Value, "table or json"}}};
constexpr std::array<Option, 2> kSpecOptions{
    {{"bundle", 'b', K::Value, "directory for config.json, default the current one"},
     {"rootless", 0, K::Flag, "for a container of this ordinary user"}}};

void print(std::string_view text) { (void)sys::write_all(STDOUT_FILENO, text); }
void print_json(const json::Value& value) {
  print(json::print(value, json::Style::Indented) + "\n");
}

json::Value describe(const Container& container) {
  const Record& record = container.record();
  const Status status = container.status();
  json::Value value;
  value.set("ociVersion", oci::kRuntimeSpecVersion);
  value.set("id", record.id);
  value.set("pid", status == Status::Stopped ? 0 : record.pid);
  value.set("status", oci::status_name(status));
  value.set("bundle", record.bundle);
  value.set("rootfs", record.rootfs);
  value.set("created", record.created);
  value.set("owner", sys::user_name(record.owner));
  if (!record.annotations.as_object().empty()) value.set("annotations", record.annotations);
  return value;
}

Result<int> state(const Globals& globals, const Arguments& arguments) {
  const std::string id = TRY(one_container(arguments));
  const Container container = TRY(find_container(globals, id));
  print_json(describe(container));
  return 0;
}

Result<bool> wants_json(const Arguments& arguments) {
  const std::string format = arguments.value("format");
  if (format.empty() || format == "table") return false;
  if (format == "json") return true;
  return fail(Kind::Invalid, "--format is table or json, not " + quoted(format));
}

// Columns as wide as their longest word.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths.resize(std::max(widths.size(), row.size()));
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 3, ' ');
    }
    text += line + "\n";
  }
  return text;
}

Result<std::vector<json::Value>> describe_all(const StateRoot& root) {
  std::vector<json::Value> all;
  for (const std::string& id : TRY(root.list()))
    if (const auto container = root.find(id)) all.push_back(describe(*container));
  return all;
}

Result<int> list(const Globals& globals, const Arguments& arguments) {
  const bool as_json = TRY(wants_json(arguments));
  const StateRoot root = TRY(StateRoot::open(globals.root));
  const std::vector<json::Value> all = TRY(describe_all(root));
  if (arguments.flag("quiet")) {
    for (const json::Value& one : all) print(one["id"].as_string() + "\n");
    return 0;
  }
  if (as_json) {
    print(json::print(json::Value(json::Array(all.begin(), all.end()))) + "\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  for (const json::Value& one : all)
    rows.push_back({one["id"].as_string(), std::to_string(one["pid"].as_int()),
                    one["status"].as_string(), escaped(one["bundle"].as_string()),
                    one["created"].as_string(), one["owner"].as_string()});
  print(table(rows));
  return 0;
}

// What the host's ps says, and of it the lines of the container's processes.
Result<std::string> run_ps(std::vector<std::string> words) {
  words.insert(words.begin(), "ps");
  if (words.size() == 1) words.emplace_back("-ef");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  sys::Pipe pipe = TRY(sys::make_pipe());
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("fork for ps");
  if (pid == 0) {
    ::dup2(pipe.write.get(), STDOUT_FILENO);
    ::execv("/usr/bin/ps", argv.data());
    ::execv("/bin/ps", argv.data());
    ::_exit(127);
  }
  pipe.write.reset();
  constexpr std::size_t kLimit = 16 << 20;
  std::string text = TRY(sys::read_all(pipe.read.get(), kLimit));
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return fail_errno("wait for ps");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return std::unexpected(Error(Kind::NotFound, "the program ps is not there")
                               .hint("install procps, or ask with --format json"));
  return text;
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words = split(line, ' ');
  std::erase(words, "");
  return words;
}

Result<std::string> lines_of(const std::string& text, const std::vector<int>& pids) {
  const std::vector<std::string> lines = split(text, '\n');
  const std::vector<std::string> head = words_of(lines.front());
  const auto column = std::ranges::find(head, "PID") - head.begin();
  if (column == static_cast<long>(head.size()))
    return fail(Kind::Invalid, "the options of ps show no column PID");
  std::string kept = lines.front() + "\n";
  for (const std::string& line : lines) {
    const std::vector<std::string> words = words_of(line);
    if (static_cast<long>(words.size()) <= column) continue;
    const auto pid = parse_u64(words[static_cast<std::size_t>(column)]);
    if (pid && std::ranges::find(pids, static_cast<int>(*pid)) != pids.end()) kept += line + "\n";
  }
  return kept;
}

Result<int> ps(const Globals& globals, const Arguments& arguments) {
  if (arguments.rest().empty()) return fail(Kind::Invalid, "no container id given");
  const bool as_json = TRY(wants_json(arguments));
  const Container container = TRY(find_container(globals, arguments.rest().front()));
  const std::vector<int> pids = TRY(container.cgroup().processes(sys::Cgroup::Depth::WithBelow));
  if (as_json) {
    json::Value all{json::Array{}};
    for (const int pid : pids) all.push(pid);
    print(json::print(all) + "\n");
    return 0;
  }
  const std::string all = TRY(run_ps({arguments.rest().begin() + 1, arguments.rest().end()}));
  const std::string own = TRY(lines_of(all, pids));
  print(own);
  return 0;
}

Result<int> spec(const Globals&, const Arguments& arguments) {
  const std::string bundle = arguments.value("bundle");
  const sys::Fd directory =
      TRY(sys::open_path(bundle.empty() ? "." : bundle, O_RDONLY | O_DIRECTORY));
  const json::Value config =
      oci::default_runtime_config(arguments.flag("rootless"), ::geteuid(), ::getegid());
  TRY(sys::create_file(directory.get(), "config.json",
                       json::print(config, json::Style::Indented) + "\n", sys::Durability::Lazy),
      "write config.json");
  return 0;
}

Result<int> features(const Globals&, const Arguments&) {
  oci::RuntimeFeatures found;
  found.capabilities = policy::capability_names(~std::uint64_t{0});
  found.seccomp_architectures = policy::seccomp_architectures();
  found.seccomp_flags = found.seccomp_flags_supported = policy::seccomp_flags();
  found.systemd = ::access("/run/systemd/system", F_OK) == 0;
  found.rdma = true;
  found.apparmor = found.selinux = true;
  found.net_devices = true;
  print_json(oci::features_document(found));
  return 0;
}

constexpr std::array<Command, 5> kCommands{{{.name = "state",
                                             .synopsis = "state CONTAINER",
                                             .help = "Print the state of a container as JSON",
                                             .run = state},
                                            {.name = "list",
                                             .synopsis = "list [OPTIONS]",
                                             .help = "List containers",
                                             .options = kListOptions,
                                             .run = list},
                                            {.name = "ps",
                                             .synopsis = "ps [OPTIONS] CONTAINER [PS OPTIONS]",
                                             .help = "List the processes of a container",
                                             .options = kPsOptions,
                                             .stop_at_first = true,
                                             .run = ps},
                                            {.name = "spec",
                                             .synopsis = "spec [OPTIONS]",
                                             .help = "Write a config.json to begin with",
                                             .options = kSpecOptions,
                                             .run = spec},
                                            {.name = "features",
                                             .synopsis = "features",
                                             .help = "Print what this runtime can do as JSON",
                                             .run = features}}};

}  // namespace

std::span<const Command> inspect_commands() { return kCommands; }

}  // namespace tare::front_oci
