// SPDX-License-Identifier: Apache-2.0
#include "front/cli/bake_build.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "front/cli/bake_allow.h"
#include "front/cli/bake_members.h"
#include "front/cli/handlers.h"
#include "sys/files.h"

namespace tare::cli {
namespace {

Result<CommandLine> parse(const std::vector<std::string>& words) {
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  auto line = parse_command_line(pointers);
  if (!line) return std::unexpected(std::move(line.error().error));
  return std::move(*line);
}

// An input that builds read, instead of this process's own, as long as it is there.
class Input {
 public:
  static Result<Input> of(const std::string& text) {
    Input input;
    sys::Fd file = TRY(sys::make_memfd("dockerfile"));
    TRY(sys::write_all(file.get(), text));
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("lseek");
    input.before_ = sys::Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (::dup2(file.get(), STDIN_FILENO) < 0) return fail_errno("dup2");
    input.is_set_ = true;
    return input;
  }
  Input(Input&& other) noexcept
      : before_(std::move(other.before_)), is_set_(std::exchange(other.is_set_, false)) {}
  Input& operator=(Input&&) = delete;
  ~Input() {
    if (!is_set_) return;
    if (before_)
      (void)::dup2(before_.get(), STDIN_FILENO);
    else
      ::close(STDIN_FILENO);
  }

 private:
  Input() = default;
  sys::Fd before_;
  bool is_set_ = false;
};

// A file in memory that a build writes.
struct Answer {
  sys::Fd file;

  static Result<Answer> make() { return Answer{TRY(sys::make_memfd("answer"))}; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file.get()); }
  Result<std::string> text() const {
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("lseek");
    return sys::read_all(file.get(), 1 << 20);
  }
};

class Baking {
 public:
  Baking(Context& context, const Arguments& arguments, const BakePlan& plan)
      : context_(context), arguments_(arguments), plan_(plan) {}

  Result<int> run();

 private:
  Result<int> build_all();
  Result<int> build(const BakeTarget& target);
  Result<int> build_image(const BakeTarget& target, bool for_others);
  Result<std::vector<std::string>> words_of(const BakeTarget& target, bool for_others) const;
  Result<> add_contexts(std::vector<std::string>& words, const BakeTarget& target) const;
  bool is_used(const std::string& name) const;
  Result<> remove_unasked();
  Result<> write_metadata() const;

  Context& context_;
  const Arguments& arguments_;
  const BakePlan& plan_;
  std::map<std::string, std::string> images_;  // Ids of what others use.
  std::set<std::string> unasked_;              // Ids of images that were made only for others.
  std::set<Digest> before_;                    // Images that were there.
  json::Value metadata_{json::Object()};
};

void add_words(std::vector<std::string>& words, const BakeMember& member,
               const json::Value& value) {
  const std::string option = "--" + std::string(member.option) + "=";
  if (member.name == "platforms") {
    words.push_back(option + join(value.as_strings(), ","));
  } else if (value.is_bool()) {
    words.push_back(option + (value.as_bool() ? "true" : "false"));
  } else if (value.is_string()) {
    words.push_back(option + value.as_string());
  }
  for (const auto& [key, each] : value.as_object())
    words.push_back(option + key + "=" + each.as_string());
  for (const json::Value& each : value.as_array())
    if (member.name != "platforms")
      words.push_back(option + (each.is_object() ? entry_text(member, each) : each.as_string()));
}

bool Baking::is_used(const std::string& name) const {
  const std::string place = std::string(kTargetContext) + name;
  return std::ranges::any_of(plan_.targets, [&](const BakeTarget& target) {
    return std::ranges::any_of(target.members["contexts"].as_object(),
                               [&](const auto& each) { return each.second == json::Value(place); });
  });
}

Result<> Baking::add_contexts(std::vector<std::string>& words, const BakeTarget& target) const {
  for (const auto& [name, value] : target.members["contexts"].as_object()) {
    std::string place = value.as_string();
    if (place.starts_with("cwd://")) place.erase(0, 6);
    if (place.starts_with(kTargetContext)) {
      const auto image = images_.find(place.substr(kTargetContext.size()));
      if (image == images_.end())
        return fail(Kind::Internal, "target " + quoted(place) + " has not made an image");
      place = "docker-image://" + image->second;
    }
    words.push_back("--build-context=" + name + "=" + place);
  }
  return {};
}

// The words of a command line. `for_others`: an image without a name, whatever its outputs.
Result<std::vector<std::string>> Baking::words_of(const BakeTarget& target, bool for_others) const {
  std::vector<std::string> words{"build"};
  for (const auto& [name, value] : target.members.as_object()) {
    const BakeMember* member = find_bake_member(name);
    if (member == nullptr || member->option.empty()) continue;
    if (for_others && (name == "output" || name == "tags" || name == "cache-to")) continue;
    add_words(words, *member, value);
  }
  TRY(add_contexts(words, target));
  const std::string& call = target.members["call"].as_string();
  if (!for_others && !call.empty() && call != "build")
    words.push_back("--call=" + (call == "lint" ? "check" : call));
  const std::string& context = target.members["context"].as_string();
  std::string file = target.members["dockerfile"].as_string();
  const bool is_remote = context.find("://") != std::string::npos || context.starts_with("git@");
  if (target.members.find("dockerfile-inline") != nullptr)
    words.emplace_back("--file=-");
  else if (file.starts_with("cwd://"))
    words.push_back("--file=" + file.substr(6));
  else if (is_remote || file.starts_with('/'))
    words.push_back("--file=" + file);
  else if (file != "Dockerfile")
    words.push_back("--file=" + (context == "." ? file : context + "/" + file));
  if (const auto value = arguments_.value("progress")) words.push_back("--progress=" + *value);
  for (const std::string& what : arguments_.list("allow"))
    if (!what.starts_with("fs.") && !what.starts_with("fs=")) words.push_back("--allow=" + what);
  return words;
}

Result<int> Baking::build_image(const BakeTarget& target, bool for_others) {
  std::vector<std::string> words = TRY(words_of(target, for_others));
  const Answer id = TRY(Answer::make());
  const Answer about = TRY(Answer::make());
  words.push_back("--iidfile=" + id.path());
  const bool is_noted = !for_others && arguments_.given("metadata-file");
  if (is_noted) words.push_back("--metadata-file=" + about.path());
  words.emplace_back("--");
  words.push_back(target.members["context"].as_string());
  const CommandLine line = TRY(parse(words));
  std::optional<Input> input;
  if (const json::Value* text = target.members.find("dockerfile-inline"))
    input.emplace(TRY(Input::of(text->as_string())));
  const int status = TRY(cmd_build(context_, line.arguments));
  if (status != 0) return status;
  const std::string made = TRY(id.text());
  if (!made.empty()) images_[target.name] = made;
  if (for_others) unasked_.insert(made);
  if (const std::string text = TRY(about.text()); is_noted && !text.empty())
    metadata_.set(target.name, TRY(json::parse(text)));
  return 0;
}

Result<int> Baking::build(const BakeTarget& target) {
  const bool only_for_others = plan_.linked.contains(target.name);
  const int status = TRY(build_image(target, only_for_others));
  // Where its outputs are no image, those that use it need one.
  if (status != 0 || !is_used(target.name) || images_.contains(target.name)) return status;
  return build_image(target, true);
}

Result<int> Baking::build_all() {
  for (const BakeTarget& target : plan_.targets)
    if (const int status = TRY(build(target), "target " + quoted(target.name)); status != 0)
      return status;
  if (arguments_.given("metadata-file")) TRY(write_metadata());
  return 0;
}

Result<> Baking::write_metadata() const {
  const std::string path = arguments_.value_or("metadata-file", "");
  const sys::Fd file = TRY(sys::open_path(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  return sys::write_all(file.get(), json::print(metadata_, json::Style::Indented) + "\n");
}

// Images that nobody asked for, unless they were there before or have got a name.
Result<> Baking::remove_unasked() {
  engine::Engine& engine = *TRY(context_.engine());
  for (const std::string& id : unasked_) {
    const auto image = engine.images().find(id);
    if (!image || before_.contains(image->id) || !image->names.empty()) continue;
    TRY(engine.remove_image(id, {.now = true}));
  }
  return {};
}

Result<int> Baking::run() {
  TRY(check_allowed(plan_, arguments_));
  if (std::ranges::none_of(plan_.targets,
                           [&](const BakeTarget& target) { return is_used(target.name); }))
    return build_all();
  engine::Engine& engine = *TRY(context_.engine());
  for (const image::Image& image : TRY(engine.images().list())) before_.insert(image.id);
  auto status = build_all();
  auto removed = remove_unasked();
  if (status && !removed) return std::unexpected(std::move(removed).error());
  return status;
}

}  // namespace

Result<int> build_bake(Context& context, const Arguments& arguments, const BakePlan& plan) {
  return Baking(context, arguments, plan).run();
}

}  // namespace tare::cli
