// SPDX-License-Identifier: Apache-2.0
// verify, fsck, mount and umount.
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
  line.set("repairable", damage.mend != Damage::Mend::Fetch);
  return line;
}

void print_damage(Context& context, const Damage& damage, bool json) {
  context.print(json ? json::print(damage_object(damage)) + "\n"
                     : escaped(damage.image_name) + ": " + damage.what + " " +
                           damage.digest.text() + ": " + escaped(damage.why) + "\n");
}

Result<std::vector<Damage>> look(Context& context, const Arguments& arguments) {
  engine::Engine& engine = *TRY(context.engine());
  ProgressLine progress(context, arguments.flag("quiet"), false);
  return engine.images().verify(arguments.operands, progress.callback());
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
  if (arguments.flag("repair") && !damages.empty()) {
    for (const Damage& damage : damages)
      if (const auto mended = engine.images().mend(damage); !mended)
        context.report(Error(mended.error()).wrap(damage.image_name + ": " + damage.what));
    damages = TRY(look(context, arguments));
  }
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
