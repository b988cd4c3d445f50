// SPDX-License-Identifier: Apache-2.0
// verify, fsck, scrub, mount and umount.
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "engine/image_mounts.h"
#include "front/cli/handlers.h"
#include "front/cli/progress.h"
#include "front/cli/render.h"
#include "front/cli/verify_rebuild.h"

namespace tare::cli {
namespace {

using image::Damage;

json::Value damage_object(const Damage& damage) {
  json::Value line;
  line.set("image", damage.image.text());
  line.set("name", damage.image_name);
  line.set("damaged", damage.what);
  line.set("digest", damage.digest.text());
  line.set("reason", damage.why);
  if (!damage.file.empty()) line.set("file", "names/" + damage.file);
  line.set("repairable", damage.mend != Damage::Mend::Fetch);
  return line;
}

std::string damaged_thing(const Damage& damage) {
  return escaped(damage.image_name) + ": " + damage.what +
         (damage.digest.empty() ? "" : " " + damage.digest.text());
}

void print_damage(Context& context, const Damage& damage, bool json) {
  context.print(json ? json::print(damage_object(damage)) + "\n"
                     : damaged_thing(damage) + ": " + escaped(damage.why) + "\n");
}

Result<std::vector<Damage>> look(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  ProgressLine progress(context, arguments.flag("quiet"), false);
  return engine.images().verify(arguments.operands, progress.callback());
}

bool is_local(const Damage& damage) { return damage.mend != Damage::Mend::Fetch; }

// What is right is kept: what has to be fetched is marked first, all of it.
void mend(Context& context, engine::Engine& engine, const std::vector<Damage>& damages) {
  const auto tell = [&](const Damage& damage, const Result<>& mended) {
    if (!mended) context.report(Error(mended.error()).wrap(damage.image_name + ": " + damage.what));
  };
  for (const Damage& damage : damages) tell(damage, engine.images().mend(damage));
  for (const Damage& damage : damages)
    if (!is_local(damage)) tell(damage, engine.fetch_again(damage, {}));
}

bool is_same(const std::vector<Damage>& one, const std::vector<Damage>& other) {
  return std::ranges::equal(one, other, [](const Damage& a, const Damage& b) {
    return a.what == b.what && a.digest == b.digest && a.file == b.file && a.mend == b.mend;
  });
}

bool is_among(const Damage& damage, const std::vector<Damage>& all) {
  return std::ranges::any_of(all, [&](const Damage& other) {
    return other.what == damage.what && other.digest == damage.digest && other.file == damage.file;
  });
}

// Under what is mended more may come to light: what a record says, what a root was made of. What
// can be mended with what is here goes first: that may be all. `seen` gets what came to light.
Result<std::vector<Damage>> mend_all(Context& context, engine::Engine& engine,
                                     const Arguments& arguments, std::vector<Damage> damages,
                                     std::vector<Damage>& seen) {
  constexpr int kMostRounds = 8;
  bool local = true;
  for (int round = 0; !damages.empty() && round < kMostRounds; ++round) {
    std::vector<Damage> chosen;
    const auto choose = [&] {
      std::ranges::copy_if(damages, std::back_inserter(chosen),
                           [&](const Damage& damage) { return is_local(damage) == local; });
    };
    choose();
    if (chosen.empty()) {
      local = !local;
      choose();
    }
    mend(context, engine, chosen);
    std::vector<Damage> left = TRY(look(context, arguments));
    for (const Damage& damage : left)
      if (!is_among(damage, seen)) seen.push_back(damage);
    const bool stuck = is_same(left, damages);
    if (stuck && !local) return left;
    local = !stuck;
    damages = std::move(left);
  }
  return damages;
}

}  // namespace

Result<int> cmd_verify(Context& context, const Arguments& arguments) {
  if (arguments.flag("rebuild")) return verify_rebuild(context, arguments);
  const std::vector<Damage> damages = TRY(look(context, arguments));
  const bool json = arguments.flag("json");
  for (const Damage& damage : damages) print_damage(context, damage, json);
  if (!damages.empty()) {
    if (!json) context.warn("tare fsck --repair mends what can be mended");
    return 1;
  }
  if (json || arguments.flag("quiet")) return 0;
  if (arguments.operands.empty()) context.print("all images: OK\n");
  for (const std::string& name : arguments.operands) context.print(escaped(name) + ": OK\n");
  return 0;
}

Result<int> cmd_fsck(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const bool json = arguments.flag("json");
  std::vector<Damage> damages = TRY(look(context, arguments));
  if (arguments.flag("repair")) {
    std::vector<Damage> seen = damages;
    damages = TRY(mend_all(context, engine, arguments, std::move(damages), seen));
    for (const Damage& damage : seen)
      if (!json && !arguments.flag("quiet") && !is_among(damage, damages))
        context.print(damaged_thing(damage) + ": mended\n");
  }
  for (const Damage& damage : damages) print_damage(context, damage, json);
  if (damages.empty() && !json && !arguments.flag("quiet")) context.print("the store is clean\n");
  if (!damages.empty() && !json && !arguments.flag("repair"))
    context.warn("tare fsck --repair mends what can be mended");
  return damages.empty() ? 0 : 1;
}

Result<int> cmd_scrub(Context& context, const Arguments& arguments) {
  const std::string rate = arguments.value_or("rate", "50m");
  const auto bytes = parse_size(rate);
  if (!bytes) return bad_value("rate", rate, bytes.error().message());
  engine::Engine& engine = *TRY(context.engine());
  engine::ScrubState state;
  if (arguments.flag("status")) {
    state = engine.scrub_state();
  } else {
    ProgressLine progress(context, arguments.flag("quiet"), false);
    state = TRY(engine.scrub(*bytes, progress.callback()));
  }
  for (const auto* found : {&state.found, &state.found_now})
    for (const std::string& sentence : *found) context.print(sentence + "\n");
  const bool clean = state.found.empty() && state.found_now.empty();
  if (!clean) context.warn("tare fsck --repair mends what can be mended");
  if (clean && !arguments.flag("quiet"))
    context.print(state.finished == 0 ? "never finished\n"
                                      : "clean, finished " + rfc3339(state.finished) + "\n");
  if (state.began != 0 && !arguments.flag("quiet"))
    context.print("under way since " + rfc3339(state.began) + ", " + std::to_string(state.done) +
                  " layers and images read\n");
  return clean ? 0 : 1;
}

namespace {

bool is_directory(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// What no image can be called.
bool looks_like_path(const std::string& text) {
  return text.starts_with('/') || text.starts_with('.') || text.ends_with('/');
}

Result<std::string> without_links(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) return fail_errno("find " + quoted(path));
  return std::string(resolved);
}

// At `place`, or with "" at a directory of the store, which is printed.
Result<> mount_one(Context& context, const Arguments& arguments, const std::string& name,
                   const std::string& place) {
  engine::Engine& engine = *TRY(context.engine());
  const image::Image image = TRY(engine.images().find(name));
  const std::string root = TRY(without_links(engine.root()));
  engine::ImageMount mount{.image = image.id.text(), .name = name};
  mount.place = place.empty() ? root + "/mounts/" + image.id.hex() : TRY(without_links(place));
  bool there = false;
  for (const engine::ImageMount& other : TRY(engine::list_mounts(root)))
    there = there || (other.place == mount.place && other.image == mount.image);
  if (place.empty()) TRY(engine::make_mount_place(root, mount.image));
  if (!there) {
    ProgressLine progress(context, arguments.flag("quiet"), false);
    auto mounted = engine.mount_image(name, mount.place, progress.callback());
    if (!mounted && place.empty()) ::rmdir(mount.place.c_str());
    TRY(std::move(mounted));
    TRY(engine::note_mount(root, mount));
  }
  if (place.empty()) context.print(escaped(mount.place) + "\n");
  return {};
}

// "busybox" is what was mounted as "busybox:latest", too, and so is the beginning of its id.
bool is_image_of(const engine::ImageMount& mount, const std::string& name) {
  constexpr std::size_t kLeastDigits = 3;
  const std::string hex = mount.image.substr(mount.image.find(':') + 1);
  return mount.image == name || mount.name == name || mount.name == name + ":latest" ||
         mount.name + ":latest" == name || (name.size() >= kLeastDigits && hex.starts_with(name));
}

}  // namespace

Result<int> cmd_mount(Context& context, const Arguments& arguments) {
  const std::vector<std::string>& names = arguments.operands;
  if (names.empty()) {
    engine::Engine& engine = *TRY(context.engine());
    const std::string root = TRY(without_links(engine.root()));
    for (const engine::ImageMount& mount : TRY(engine::list_mounts(root)))
      context.print(escaped(mount.name) + "  " + escaped(mount.place) + "\n");
    return 0;
  }
  if (names.size() == 2 && is_directory(names[1])) {
    TRY(mount_one(context, arguments, names[0], names[1]));
    return 0;
  }
  if (names.size() == 2 && looks_like_path(names[1]))
    return std::unexpected(
        Error(Kind::NotFound, "there is no directory " + quoted(names[1]) + " to mount at")
            .hint("make it first: mkdir " + quoted(names[1])));
  int status = 0;
  for (const std::string& name : names)
    if (const auto mounted = mount_one(context, arguments, name, ""); !mounted) {
      context.report(mounted.error());
      status = 1;
    }
  return status;
}

Result<int> cmd_umount(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  const std::string root = TRY(without_links(engine.root()));
  const std::vector<engine::ImageMount> all = TRY(engine::list_mounts(root));
  if (arguments.flag("all") != arguments.operands.empty())
    return fail(Kind::Invalid, "name images or directories, or give --all");
  int status = 0;
  const auto take = [&](const engine::ImageMount& mount) {
    if (const auto taken = engine::take_mount_away(root, mount); !taken) {
      context.report(taken.error());
      status = 1;
    }
  };
  if (arguments.flag("all"))
    for (const engine::ImageMount& mount : all) take(mount);
  for (const std::string& name : arguments.operands) {
    bool found = false;
    const auto place = without_links(name);
    for (const engine::ImageMount& mount : all) {
      if (is_directory(name) ? !place || mount.place != *place : !is_image_of(mount, name))
        continue;
      found = true;
      take(mount);
    }
    if (found) continue;
    if (!looks_like_path(name) && !is_directory(name)) {
      context.report(Error(Kind::NotFound, "no image " + quoted(name) + " is mounted")
                         .hint("tare mount lists what is"));
      status = 1;
      continue;
    }
    // Attached by something else, or by a Tare that made no notes.
    take({.image = "", .name = name, .place = name});
  }
  return status;
}

}  // namespace tare::cli
