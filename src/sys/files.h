// SPDX-License-Identifier: Apache-2.0
// Files of our own state: durable writes, locks, listings, removal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sys/fd.h"

namespace tare::sys {

// Makes `path` and what is missing above it. Existing directories are left as they are.
Result<> make_directories(const std::string& path, unsigned mode);

// Replaces `name` below `dir` in one step: temporary file, fsync, rename, fsync of the directory.
// After a crash the old content is there or the new, never a mixture.
// Lazy leaves out both fsyncs: still atomic for other processes, but a power cut may lose it.
enum class Durability : std::uint8_t { Synced, Lazy };
Result<> replace_file(int dir, const std::string& name, std::string_view content,
                      Durability durability = Durability::Synced);
// As replace_file, but fails with Exists when the name is taken, atomically. [linkat(2)]
Result<> create_file(int dir, const std::string& name, std::string_view content,
                     Durability durability = Durability::Synced);

// The content of a regular file of our own, at most `limit` bytes. Errors: NotFound.
Result<std::string> load_file(int dir, const std::string& name, std::size_t limit = 16 << 20);

// Removes what replace_file() and create_file() were killed over in this directory.
void remove_temporaries(int dir);

// Names in a directory, sorted, without "." and "..".
Result<std::vector<std::string>> list_directory(int dir, const std::string& name = ".");

// Removes a tree without following links and without crossing into other mounts (it then fails with
// Busy instead of deleting what is mounted there). A missing tree is fine.
Result<> remove_tree(int dir, const std::string& name);

// Whether `path` leads to what `fd` is open on.
bool leads_to(const std::string& path, int fd);

// Bytes that the tree occupies on disk (st_blocks), hard links counted once.
Result<std::uint64_t> disk_usage(int dir, const std::string& name);

enum class Lock : std::uint8_t { Shared, Exclusive };
enum class Wait : std::uint8_t { No, Yes };
// Open-file-description lock on a whole file: dies with the last descriptor, passes through fork.
// Errors: Busy when Wait::No and somebody else holds it. [fcntl(2), F_OFD_SETLK]
Result<> lock_file(int fd, Lock kind, Wait wait);
// True when somebody holds a conflicting lock on the file.
Result<bool> is_locked(int fd);

// Host user database, without NSS: "name" of /etc/passwd, or the number itself.
std::string user_name(std::uint32_t uid);

// The id of this boot: state of another boot is stale. Empty when /proc has none.
std::string boot_id();

}  // namespace tare::sys
