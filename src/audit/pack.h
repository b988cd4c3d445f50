// SPDX-License-Identifier: Apache-2.0
// The minimal image of a program: what the loader will ask for at run time is found by reading ELF
// as the loader does, so nothing of the program is ever started (ldd starts it). Rules add what
// programs load without naming it in ELF. Every file carries its reason.
// This header is all that other rooms may use. Usage: plan_pack(), show explain(), write_pack().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "codec/stream.h"
#include "oci/image_config.h"

namespace tare::audit {

// For the rules: Auto looks at what the packed ELF files import, On adds always (and what is
// missing on the host is an error), Off adds never.
enum class When : std::uint8_t { Auto, On, Off };
// "auto", "on"/"yes"/"true", "off"/"no"/"false". Errors: Invalid.
Result<When> parse_when(std::string_view text);

// A file or a whole directory to pack besides the programs. ELF files and scripts in it bring what
// they need, as programs do.
struct ExtraFile {
  std::string source;  // Absolute path on the host.
  std::string path;    // Absolute path in the image; empty: the same as `source`.

  // "SOURCE" or "SOURCE:PATH", as in --with. Errors: Invalid (not absolute, empty, has "..").
  static Result<ExtraFile> parse(std::string_view text);
};

struct PackRequest {
  // Absolute paths, or names looked up in `search_path`. The first one becomes the entrypoint.
  std::vector<std::string> programs;
  std::vector<ExtraFile> extra_files;
  // Directories with ':' between, as in PATH; also for interpreters that scripts name through env.
  std::string search_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  std::vector<std::string> locales;  // "de_DE.UTF-8"; the first one becomes LANG of the image.
  std::string root = "/";            // All paths are seen as a process chrooted there sees them.
  UnixNanos created = 0;             // SOURCE_DATE_EPOCH: time of all files and of the image.

  // Auto: when users, groups or hosts are looked up.
  When nss = When::Auto;       // nsswitch.conf, passwd, group (and the modules, before glibc 2.34).
  When certs = When::Auto;     // CA certificates and openssl.cnf. Auto: a TLS library is there.
  When zones = When::Auto;     // UTC and the zone of /etc/localtime. On: all zones.
  When gconv = When::Auto;     // The main character sets of iconv. On: all of them.
  When terminfo = When::Auto;  // Common terminals. On: all that the host has below /lib/terminfo.
  When services = When::Auto;  // /etc/services and /etc/protocols.
  When dlopen = When::Auto;    // .note.dlopen: required and recommended. On: also suggested.
  When packages = When::Auto;  // /var/lib/dpkg/status.d and os-release, for scanners.
  When licences = When::Auto;  // /usr/share/doc/PACKAGE/copyright of these packages.
};

enum class PackedKind : std::uint8_t { File, Symlink, Directory };

struct PackedFile {
  std::string path;  // In the image, absolute and without symlinks above it: "/usr/bin/date".
  PackedKind kind = PackedKind::File;
  std::string source;      // On the host, below the root; empty when made by us.
  std::string content;     // Of a file made by us.
  std::string target;      // Of a symlink, as it is written in the link.
  std::uint32_t mode = 0;  // 0755, 0644; setuid and setgid never; 01777 for /tmp.
  std::uint64_t size = 0;  // Bytes of a file.
  std::string package;     // Debian package that owns it; empty: nobody or not asked.
  std::string because;     // "NEEDED by /bin/date", "interpreter of /bin/date", ...
};

struct PackedPackage {
  std::string name;
  std::string version;
  std::string architecture;
};

struct PackPlan {
  std::string root;
  std::vector<PackedFile> files;        // Sorted by path, every parent directory is in it.
  std::vector<PackedPackage> packages;  // Sorted by name.
  std::vector<std::string> warnings;    // Sentences: what may be missing and how to add it.
  std::uint64_t size = 0;               // Bytes of all files.
  oci::ImageConfig config;  // A suggestion: entrypoint, env, working directory; no diff_ids yet.
};

// Reads the host and decides; writes nothing. Errors: NotFound (program, or a library: who needs it
// and where it was looked for), Invalid (not a program, a bad shebang, wrong machine, bad paths),
// Corrupt (damaged ELF), Denied (unreadable file).
// [ld.so(8); musl ldso/dynlink.c as of 1.2; execve(2), "Interpreter scripts"]
Result<PackPlan> plan_pack(const PackRequest& request);

// Writes the plan as one layer: a tar with sorted entries, owner 0:0, all times `config.created`.
// The same host files give the same bytes. Does not call sink.finish(). Errors: Busy when a file
// changed since it was planned, those of `sink`.
Result<> write_pack(const PackPlan& plan, codec::Sink& sink);

// The table behind --explain: one line a file with size, package and reason, then the warnings and
// the sum. Outside text in it is escaped.
std::string explain(const PackPlan& plan);

}  // namespace tare::audit
