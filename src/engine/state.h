// SPDX-License-Identifier: Apache-2.0
// What the parts of the engine share. Private to this room.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/undo.h"
#include "engine/container_networks.h"
#include "engine/engine.h"
#include "store/image_tree.h"
#include "store/move.h"
#include "store/store.h"
#include "sys/signals.h"

namespace tare::engine {

struct Engine::State {
  explicit State(store::Store opened)
      : store(std::move(opened)), rootfs(store), images(store, rootfs), id_ranges("") {}

  store::Store store;
  store::ChosenBackend rootfs;
  image::Images images;
  IdRanges id_ranges;
  std::string self;             // The tare program.
  std::string programs;         // Directory of tare-keeper and tare-init.
  bool namespace_root = false;  // We were an ordinary user before.
  // What admit_start() said when a container was created by this process, which then starts it.
  std::optional<std::vector<std::string>> admitted;
  Digest spared;  // The image that a container is being made of: nothing makes room of it.

  // Store lock, shared by everybody who makes, renames or removes a container, for as long as its
  // directory, name and ids do not agree.
  // Who changes the record of a container.
  static constexpr const char* kChanges = "rename";
  static constexpr const char* kBetween = "containers";

  std::string container_path(const std::string& id) const {
    return store.path() + "/containers/" + id;
  }
  Result<sys::Fd> open_container(const std::string& id) const;
  // Takes the container's lock: Busy when it is running or being started or removed.
  Result<sys::Fd> lock_container(int dir, const std::string& name) const;
  // The same, but waits for those who hold it for a moment only: a keeper that has told the exit, a
  // command that looks after the remains of another.
  Result<sys::Fd> await_container(int dir, const std::string& name) const;
  // Ends what a keeper or a launching process that was killed has left of a container that does not
  // run: processes and cgroups; and records the end that nobody saw. Nothing while somebody is
  // starting or removing it.
  void heal(const Container& container, int dir) const;
  // Takes away what commands that were killed have left between a container's first step and its
  // record, between two names, or behind its removal. Nothing while somebody is at such a step.
  void recover();
  // Lets a paused container go on; any other one does.
  Result<> thaw(const Container& container) const;
  // Removes an auto-remove container whose owner died between its exit and the removal, and one of
  // a step whose builder died.
  bool sweep(const Container& container, int dir);
  // Its processes, cgroups, directory, ids and name; the caller holds the lock. With `keep` its
  // directory and ids go to the bin, with `volumes` its anonymous volumes as well.
  Result<> destroy(const Container& container, bool keep, bool volumes);

  // Health checks (health.cc).
  Result<Health> health_of(const Container& container) const;
  // Notes what a probe has found, and tells who is told of the container. Errors: Busy (it was
  // paused, or has ended, since `probed` was read).
  Result<HealthStatus> note_probe(const Container& probed, ProbeResult result);
  // Arguments of the keeper of a container with a health check; of another one none.
  std::vector<std::string> probe_arguments(const Container& container) const;

  // Volumes (volumes.cc, container_volumes.cc).
  // Ids of the containers that have each volume, running or not; of none but those with a record.
  using VolumeUsers = std::map<std::string, std::vector<std::string>>;
  Result<VolumeUsers> volume_users() const;
  Result<std::vector<VolumeInfo>> list_volumes(bool caches) const;
  // Takes one away for which nobody asked whether a container has it. The caller holds their lock.
  Result<> drop_volume(const std::string& name, bool keep);
  // Anonymous volumes of a container that nobody else has.
  Result<> drop_volumes_of(const Container& container, bool keep);
  // Those that a killed create() has made for a container without a record.
  void drop_begun_volumes(const std::string& id);
  // Makes one that is not there. Errors: Unsupported (its ids are not this container's).
  Result<> ensure_volume(const MountRequest& mount, const Container& container);
  // Whether a container that runs, or is being started or removed, has it.
  Result<bool> is_volume_mounted(const std::string& name) const;
  // Where a new container's volumes have their first content from.
  struct FirstContent {
    const image::Image& image;
    std::optional<store::ImageTree> tree;  // Read when it is needed.
    bool is_locked = false;                // The caller holds the lock of volumes alone.
  };
  Result<> load_first_content(FirstContent& from);
  Result<> fill_volume(const MountRequest& mount, const Container& container, FirstContent& from);
  // Gives anonymous volumes of the container their names and makes all volumes that are not there;
  // empty ones get what the image has there. Anonymous ones go when `undo` runs.
  Result<> make_volumes(Container& container, FirstContent& from, Undo& undo);
  // Their lock, taken while all of them are there; those that somebody has removed meanwhile are
  // made again. Empty for a container without volumes.
  Result<sys::Fd> lock_volumes_of(Container& container, FirstContent& from, Undo& undo);
  Result<> plan_volumes(const PruneRequest& request, PrunePlan& plan) const;
  // The one range of an ordinary user's volumes.
  Result<IdClaim> claim_volume_ids();
  // Whose the claim of the container's ids is.
  std::string claim_owner(const Container& container) const;

  // A container of a step of a build, on these layers, and acting on those of `target` if there is
  // one; whoever calls sees to it that they stay.
  struct StepFiles {
    image::Image image;
    std::optional<StepTarget> target;
    sys::Fd builder;  // Is set: whose lock says that somebody builds. Who finds it free removes the
                      // container.
  };
  // Engine::create(). `step`: null for what is no step.
  Result<std::string> make_container(Engine& engine, const CreateRequest& request, StepFiles* step,
                                     const Progress& progress);
  // What its root file system is made of: id and layers alone for a step of a build.
  Result<image::Image> image_of(const Container& container) const;

  // Networks (networks.cc). Who makes or removes one holds their lock; who starts on one shares it
  // until it has addresses there.
  Result<network::Network> make_network(const CreateNetworkRequest& request);
  // Made when it is not there.
  Result<network::Network> default_network();
  // By name, id or prefix of one. Errors: NotFound; Invalid (ambiguous).
  Result<network::Network> lookup_network(const std::string& name_or_id) const;
  // Completes `config`: names of networks, exposed ports of the image. Errors: NotFound (network,
  // container); Invalid (an address that is not the network's); Unsupported (this user has none).
  Result<> resolve_networks(const Engine& engine, CreateRequest& config,
                            const std::vector<std::string>& exposed);
  // Where the bridges are: nothing where we are; else a network namespace, or an empty one when it
  // has still to be made.
  Result<std::optional<sys::Fd>> find_home() const;
  // The container's networks for a start of it; of none where it has none of its own.
  Result<StartingNetworks> start_networks(const Container& container) const;
  // The steps of a start. (start.cc)
  struct Starting;
  Result<sys::Fd> take_container(Engine& engine, Starting& it, const std::string& id,
                                 const StartRequest& request, const Progress& progress);
  // What a step's tools act on, mounted; nothing for other containers.
  Result<> add_target(Starting& it);
  Result<> take_networks(Starting& it);
  Result<> plan_launch(const Engine& engine, Starting& it, sys::Fd root,
                       const StartRequest& request);
  // The network namespace of another container, for one that shares it. Errors: Busy (the other
  // does not run).
  Result<> share_network(const Container& container, isolate::Spec& spec) const;
  // Endpoints of a container that lives.
  Result<std::vector<network::Endpoint>> endpoints_of(const std::string& id) const;
  // Services that a container is told of (services.cc, await_services.cc). Waits until those of
  // --with can be used. Errors: NotFound; Busy (one does not run); Unavailable (the time is over).
  Result<> await_services(Engine& engine, const Container& container, const StartRequest& request,
                          const Progress& progress);
  // Of a container that starts: variables, its services.json, and what its endpoints say of them.
  // Errors: NotFound; Busy (one does not run).
  class ServiceWait;
  Result<> tell_services(const Engine& engine, const Container& container, int dir,
                         StartingNetworks& networks, isolate::Spec& spec) const;
  // A start makes a mark in the container's directory before it takes anything of networks. Who
  // holds the container's lock takes away what is left of one that does not run, and the mark.
  static Result<> mark_networks(int dir);
  static bool has_network_mark(int dir);
  Result<> release_networks(const std::string& id, int dir) const;
  // A container whose record and networks nobody else changes; one that does not run is not started
  // either. Errors: as Engine::find(); Busy (its start takes too long).
  struct Changing {
    sys::Fd changes;
    sys::Fd start;  // Empty: it runs.
    sys::Fd networks;
    Container container;
  };
  Result<Changing> begin_change(const Engine& engine, const std::string& id) const;
  // Changes of a container that runs; who does them holds the lock of networks.
  Result<> connect_running(const Container& container, const NetworkRequest& request);
  Result<> disconnect_running(const Container& container, const network::Network& which);
  Result<> pass_gateway_on(std::vector<network::Endpoint>& endpoints, int inside) const;
  Result<> publish_running(const Container& container, const std::vector<PortRequest>& add,
                           const std::vector<PortRequest>& remove);
  // What its networks answer to its name is the new one.
  Result<> rename_endpoints(const Container& container) const;
  Result<> write_config(const Container& container) const;
  // Whether the networks of `config` can be limited as it asks for. Errors: Invalid. (egress.cc)
  Result<> check_egress(const CreateRequest& config) const;
  Result<> limit_running(const Container& container) const;
  // docker inspect's NetworkSettings.
  Result<json::Value> network_settings(const Container& container) const;
  // With the endpoints of those that run.
  Result<NetworkInfo> network_info(network::Network which) const;

  // Short ids of containers that are about to run on it.
  Result<std::vector<std::string>> starting_on(const std::string& network) const;

  // Walks the store, and notes what it takes for those who do not.
  Result<store::StoreUsage> measure() const;

  // Copies what changes and switches over, then has the store at its new place open.
  Result<> finish_move(store::StoreMove& move);

  // The bin (bin.cc). Who calls forget() and the like holds its lock.
  Result<Restored> restore_image(const Removed& one);
  Result<> restore_image_of(const Container& container, std::vector<Restored>& restored);
  Result<Restored> restore_volume(const std::string& key, const std::string& new_name);
  Result<> restore_volumes_of(const Container& container, std::vector<Restored>& restored);
  Result<Restored> restore_container(const std::string& id, const std::string& new_name);
  Result<> forget(const std::vector<Removed>& which);
  // Removed containers that could still be brought back give up their ids for one that is wanted
  // now, oldest first. Errors: as IdRanges::claim().
  Result<IdClaim> claim_ids(const std::string& owner, std::uint32_t wanted);
  // Something went into the bin: takes out, in the background, what is then too much, and sees to
  // it that a later command takes it out.
  void note_binned();
  // In the background, when the time of something is over.
  void expire_bin_if_due();
  // Removes for good what is too old or too much, and notes when the next is.
  Result<> expire_bin();
  Result<std::vector<Removed>> list_removed(std::chrono::nanoseconds undo_time) const;
};

// The id map that images are unpacked for ahead of any container: the first range's.
Result<sys::IdMap> first_map();

using sys::parse_signal;

}  // namespace tare::engine
