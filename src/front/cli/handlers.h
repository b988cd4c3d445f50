// SPDX-License-Identifier: Apache-2.0
// What the commands of the table do. Each returns the exit status, or an Error that is reported.
#pragma once

#include "front/cli/context.h"
#include "front/cli/options.h"
#include "front/cli/session.h"

namespace tare::cli {

Result<int> cmd_build(Context& context, const Arguments& arguments);
Result<int> cmd_why(Context& context, const Arguments& arguments);  // command_why.cc
Result<int> cmd_blame(Context& context, const Arguments& arguments);
Result<int> cmd_lock_ls(Context& context, const Arguments& arguments);
Result<int> cmd_lock_update(Context& context, const Arguments& arguments);
Result<int> cmd_builder_prune(Context& context, const Arguments& arguments);
Result<int> cmd_run(Context& context, const Arguments& arguments);
Result<int> cmd_create(Context& context, const Arguments& arguments);
Result<int> cmd_start(Context& context, const Arguments& arguments);
Result<int> cmd_exec(Context& context, const Arguments& arguments);
Result<int> cmd_healthcheck_run(Context& context, const Arguments& arguments);
Result<int> cmd_attach(Context& context, const Arguments& arguments);
Result<int> cmd_ps(Context& context, const Arguments& arguments);
Result<int> cmd_logs(Context& context, const Arguments& arguments);
Result<int> cmd_stop(Context& context, const Arguments& arguments);
Result<int> cmd_kill(Context& context, const Arguments& arguments);
Result<int> cmd_wait(Context& context, const Arguments& arguments);
Result<int> cmd_rm(Context& context, const Arguments& arguments);
Result<int> cmd_rename(Context& context, const Arguments& arguments);
Result<int> cmd_top(Context& context, const Arguments& arguments);
Result<int> cmd_inspect(Context& context, const Arguments& arguments);
Result<int> cmd_info(Context& context, const Arguments& arguments);
Result<int> cmd_version(Context& context, const Arguments& arguments);
Result<int> cmd_images(Context& context, const Arguments& arguments);
Result<int> cmd_tag(Context& context, const Arguments& arguments);
Result<int> cmd_rmi(Context& context, const Arguments& arguments);
Result<int> cmd_history(Context& context, const Arguments& arguments);
Result<int> cmd_load(Context& context, const Arguments& arguments);
Result<int> cmd_import(Context& context, const Arguments& arguments);
Result<int> cmd_save(Context& context, const Arguments& arguments);
Result<int> cmd_update(Context& context, const Arguments& arguments);
Result<int> cmd_pause(Context& context, const Arguments& arguments);
Result<int> cmd_unpause(Context& context, const Arguments& arguments);
Result<int> cmd_stats(Context& context, const Arguments& arguments);
Result<int> cmd_verify(Context& context, const Arguments& arguments);
Result<int> cmd_fsck(Context& context, const Arguments& arguments);
Result<int> cmd_mount(Context& context, const Arguments& arguments);
Result<int> cmd_umount(Context& context, const Arguments& arguments);
Result<int> cmd_scrub(Context& context, const Arguments& arguments);
Result<int> cmd_store_move(Context& context, const Arguments& arguments);
Result<int> cmd_store_path(Context& context, const Arguments& arguments);
Result<int> cmd_df(Context& context, const Arguments& arguments);
Result<int> cmd_volume_create(Context& context, const Arguments& arguments);
Result<int> cmd_volume_inspect(Context& context, const Arguments& arguments);
Result<int> cmd_volume_ls(Context& context, const Arguments& arguments);
Result<int> cmd_volume_rm(Context& context, const Arguments& arguments);
Result<int> cmd_net_log(Context& context, const Arguments& arguments);
Result<int> cmd_network_create(Context& context, const Arguments& arguments);
Result<int> cmd_network_ls(Context& context, const Arguments& arguments);
Result<int> cmd_network_inspect(Context& context, const Arguments& arguments);
Result<int> cmd_network_rm(Context& context, const Arguments& arguments);
Result<int> cmd_network_connect(Context& context, const Arguments& arguments);
Result<int> cmd_network_disconnect(Context& context, const Arguments& arguments);
Result<int> cmd_network_prune(Context& context, const Arguments& arguments);
Result<int> cmd_port(Context& context, const Arguments& arguments);
Result<int> cmd_ports(Context& context, const Arguments& arguments);
Result<int> cmd_undo(Context& context, const Arguments& arguments);
Result<int> cmd_prune(Context& context, const Arguments& arguments);
Result<int> cmd_pack(Context& context, const Arguments& arguments);
Result<int> cmd_pull(Context& context, const Arguments& arguments);
Result<int> cmd_push(Context& context, const Arguments& arguments);
Result<int> cmd_copy(Context& context, const Arguments& arguments);
Result<int> cmd_manifest_create(Context& context, const Arguments& arguments);
Result<int> cmd_manifest_annotate(Context& context, const Arguments& arguments);
Result<int> cmd_manifest_push(Context& context, const Arguments& arguments);
Result<int> cmd_manifest_rm(Context& context, const Arguments& arguments);
Result<int> cmd_manifest_inspect(Context& context, const Arguments& arguments);
Result<int> cmd_referrers(Context& context, const Arguments& arguments);
Result<int> cmd_search(Context& context, const Arguments& arguments);
Result<int> cmd_login(Context& context, const Arguments& arguments);
Result<int> cmd_logout(Context& context, const Arguments& arguments);

// Where tare-transfer is: beside this program.
std::string transfer_program();

// The table's rows of options that are too many for commands.cc: create_options.cc.
std::span<const Option> create_options();
std::span<const Option> update_options();
std::span<const Option> volume_create_options();  // command_volume.cc
std::span<const Option> volume_list_options();
std::span<const Option> volume_remove_options();
std::span<const Option> net_log_options();         // command_net.cc
std::span<const Option> network_create_options();  // command_network.cc
std::span<const Option> network_list_options();
std::span<const Option> network_inspect_options();
std::span<const Option> network_remove_options();
std::span<const Option> network_connect_options();
std::span<const Option> network_disconnect_options();
std::span<const Option> network_prune_options();  // command_prune.cc
std::span<const Option> ports_options();          // command_ports.cc
std::span<const Option> run_options();            // What run has beyond create.

// A session with a container from its first byte to its exit, for run, start and attach.
struct AttachedRun {
  std::string id;
  bool tty = false;
  bool stdin = false;
  bool sig_proxy = true;
  DetachKeys detach_keys;
};
// The exit status for this process. Does not return when nobody reads our output any more.
Result<SessionEnd> attached_session(Context& context, SignalGuard& signals,
                                    engine::Attachment& attachment, const AttachedRun& run);
// Before something is removed, unless --force or --dry-run. Errors: Denied (the answer was no).
Result<> ask_first(Context& context, const Arguments& arguments, const std::string& warning);
// Reports a failure to start, and gives the exit status.
int report_start_failure(Context& context, const engine::StartFailure& failure);
// --detach-keys or the default.
Result<DetachKeys> detach_keys_of(const Arguments& arguments);
// Errors: Invalid when a terminal is wanted and standard input, which is attached, is none.
Result<> check_terminal(bool stdin, bool tty);

}  // namespace tare::cli
