// SPDX-License-Identifier: Apache-2.0
// The parts of set_up_container: mounts, devices, and what is covered in the end.
#pragma once

#include "child/calls.h"

namespace tare::child {

// Fills container.made. Returns whether a tree of the host took the place of one.
bool make_mounts(const Plan& plan, const Container& container) noexcept;
// Attaches the mounts from.. until.. (exclusive).
void attach_mounts(const Plan& plan, const Container& container, std::uint32_t from,
                   std::uint32_t until) noexcept;
// What had to be writable until now.
void finish_mounts(const Plan& plan, const Container& container) noexcept;
void mount_files(const Plan& plan, const Container& container) noexcept;

// Devices, the links and the console of /dev; opens the terminal when there is one.
void set_up_devices(const Plan& plan, const Container& container, int stdio[3]) noexcept;

void protect_read_only(const Plan& plan, const Container& container) noexcept;
void mask_paths(const Plan& plan, const Container& container) noexcept;

}  // namespace tare::child
