// SPDX-License-Identifier: Apache-2.0
// verify, fsck, mount and umount.
#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "front/cli/handlers.h"
#include "front/cli/progress.h"
#include "sys/mounts.h"

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

void print_damage(Context& context, const Damage& damage, bool json) {
  context.print(json ? json::print(damage_object(damage)) + "\n"
                     : escaped(damage.image_name) + ": " + damage.what +
                           (damage.digest.empty() ? "" : " " + damage.digest.text()) + ": " +
                           escaped(damage.why) + "\n");
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

// Under what is mended more may come to light: what a record says, what a root was made of. What
// can be mended with what is here goes first: that may be all.
Result<std::vector<Damage>> mend_all(Context& context, engine::Engine& engine,
                                     const Arguments& arguments, std::vector<Damage> damages) {
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
    const bool stuck = is_same(left, damages);
    if (stuck && !local) return left;
    local = !stuck;
    damages = std::move(left);
  }
  return damages;
}

}  // namespace

Result<int> cmd_verify(Context& context, const Arguments& arguments) {
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
  if (arguments.flag("repair"))
    damages = TRY(mend_all(context, engine, arguments, std::move(damages)));
  for (const Damage& damage : damages) print_damage(context, damage, json);
  if (damages.empty() && !json && !arguments.flag("quiet")) context.print("the store is clean\n");
  return damages.empty() ? 0 : 1;
}

Result<int> cmd_mount(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  ProgressLine progress(context, arguments.flag("quiet"), false);
  TRY(engine.mount_image(arguments.operands[0], arguments.operands[1], progress.callback()));
  return 0;
}

Result<int> cmd_umount(Context& /*context*/, const Arguments& arguments) {
  TRY(sys::unmount(arguments.operands[0]));
  return 0;
}

}  // namespace tare::cli
