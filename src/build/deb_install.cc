// SPDX-License-Identifier: Apache-2.0
#include "build/deb_install.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "build/pick.h"
#include "codec/tar.h"
#include "deb/ar.h"
#include "deb/status.h"
#include "store/streams.h"
#include "sys/files.h"

namespace tare::build {
namespace {

constexpr const char* kInfo = "/var/lib/dpkg/info/";
constexpr const char* kStatus = "/var/lib/dpkg/status";
constexpr std::size_t kMostControl = 32 << 20;  // Bytes of all control files of a package.
// Of the control files, but for "control" itself.
constexpr std::array kControlFiles = {"conffiles", "config",    "list",     "md5sums",
                                      "postinst",  "postrm",    "preinst",  "prerm",
                                      "shlibs",    "templates", "triggers", "symbols"};

bool exists(int root, const std::string& path) {
  return open_in(root, path, O_PATH | O_NOFOLLOW).has_value();
}

std::string info_name(const deb::Package& package) {
  std::string name(package.name);
  if (package.multi_arch == "same") name += ":" + std::string(package.architecture);
  return kInfo + name + ".";
}

// One file for two names where /bin and others are links.
std::string real_path(const std::string& path) {
  for (const char* top : {"/bin/", "/sbin/", "/lib/", "/lib64/"})
    if (path.starts_with(top)) return "/usr" + path;
  return path;
}

class Installer {
 public:
  Installer(Workshop& workshop, const Target& target, std::string directory)
      : workshop_(workshop), target_(target), directory_(std::move(directory)) {}

  Result<> prepare(const std::string& architecture);
  Result<> unpack(const DebPackage& package, std::vector<std::string>& scripts);
  Result<> remember(const deb::Package& old);
  void remove_old() const;
  Result<> finish(const DebPlan& plan);

 private:
  using ControlFiles = std::map<std::string, std::string>;
  Result<sys::Fd> take_out(int file, const deb::Member& member) const;
  Result<ControlFiles> read_control(int file, const deb::Member& member);
  Result<> check_control(const deb::Package& package, const std::string& control) const;
  Result<> note(const deb::Package& package, const ControlFiles& files,
                const std::vector<std::string>& paths);
  Result<> bundle_certificates();
  void unlink(const std::string& path) const;
  Result<> put(const std::string& path, std::string_view content, const char* mode = "644") const {
    return put_file(target_, path, content, {.owner = Owner(), .mode = mode});
  }

  Workshop& workshop_;
  const Target& target_;
  std::string directory_;
  std::set<std::string> paths_;  // Of everything that was unpacked.
  std::vector<std::string> old_paths_;
  std::string stanzas_;  // Of the status.
};

// In an empty stage /bin, /sbin and /lib are links, as in every Debian since version 12.
Result<> Installer::prepare(const std::string& architecture) {
  constexpr std::array kTops = {"bin", "sbin", "lib", "lib64"};
  const bool is_empty =
      std::ranges::none_of(kTops, [&](const char* top) { return exists(target_.root, top); });
  if (!is_empty) return {};
  const std::uint32_t uid = TRY(target_.ids->outside_of(0));
  const std::uint32_t gid = TRY(target_.ids->groups().outside_of(0));
  for (const std::string top : kTops) {
    if (top == "lib64" && architecture != "amd64" && architecture != "ppc64el") continue;
    TRY(make_directory(target_, "/usr/" + top, {}));
    if (::symlinkat(("usr/" + top).c_str(), target_.root, top.c_str()) != 0 ||
        ::fchownat(target_.root, top.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno("make the link " + quoted("/" + top));
  }
  return {};
}

// A file of its own, which the decompressing process reads to its end.
Result<sys::Fd> Installer::take_out(int file, const deb::Member& member) const {
  sys::Fd out =
      TRY(sys::open_path(directory_ + "/member", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  if (::lseek(file, static_cast<off_t>(member.offset), SEEK_SET) < 0) return fail_errno("seek");
  store::FileSource rest(file);
  std::string buffer(256 << 10, '\0');
  for (std::uint64_t left = member.size; left > 0;) {
    const std::size_t count =
        TRY(rest.read(buffer.data(), std::min<std::uint64_t>(left, buffer.size())));
    if (count == 0) return fail(Kind::Corrupt, "the package is cut off");
    TRY(sys::write_all(out.get(), {buffer.data(), count}));
    left -= count;
  }
  if (::lseek(out.get(), 0, SEEK_SET) != 0) return fail_errno("seek");
  return out;
}

Result<Installer::ControlFiles> Installer::read_control(int file, const deb::Member& member) {
  const sys::Fd tar = TRY(take_out(file, member));
  const auto archive = TRY(workshop_.open_archive(tar.get()));
  if (!archive) return fail(Kind::Corrupt, quoted(member.name) + " is no tar");
  ControlFiles files;
  tar::Reader reader(*archive);
  std::size_t total = 0;
  while (TRY(reader.next())) {
    const tar::Entry& entry = reader.entry();
    std::string name = entry.name;
    if (name.starts_with("./")) name.erase(0, 2);
    const bool is_known =
        name == "control" || std::ranges::find(kControlFiles, name) != kControlFiles.end();
    if (entry.type != tar::Type::Regular || !is_known || name == "list") continue;
    total += entry.size;
    if (total > kMostControl) return fail(Kind::Corrupt, "control files above 32 MiB");
    std::string content(entry.size, '\0');
    for (std::size_t have = 0; have < content.size();) {
      const std::size_t count =
          TRY(reader.read_content(content.data() + have, content.size() - have));
      if (count == 0) return fail(Kind::Corrupt, "a control file is cut off");
      have += count;
    }
    if (!files.emplace(name, std::move(content)).second)
      return fail(Kind::Corrupt, "the control file " + quoted(name) + " is there twice");
  }
  return files;
}

// The index was vouched for, and with it the digest of the file: this is about mistakes.
Result<> Installer::check_control(const deb::Package& package, const std::string& control) const {
  deb::StanzaReader reader(control);
  deb::Stanza stanza;
  if (!TRY(reader.next(stanza)) || stanza.get("Package") != package.name ||
      stanza.get("Version") != package.version ||
      stanza.get("Architecture") != package.architecture)
    return fail(Kind::Corrupt, "the file says that it is another package than its index");
  return {};
}

Result<> Installer::note(const deb::Package& package, const ControlFiles& files,
                         const std::vector<std::string>& paths) {
  const std::string info = info_name(package);
  std::string list = "/.\n";
  for (const std::string& path : paths) list += "/" + path + "\n";
  TRY(put(info + "list", list));
  std::vector<std::pair<std::string, std::string>> conffiles;
  for (const auto& [name, content] : files) {
    if (name == "control") continue;
    const bool is_script = name.starts_with("p") || name == "config";
    TRY(put(info + name, content, is_script ? "755" : "644"));
    if (name != "conffiles") continue;
    for (const std::string& line : split(content, '\n'))
      if (line.starts_with('/'))
        conffiles.emplace_back(line, TRY(read_in(target_.root, line.substr(1))));
  }
  stanzas_ += deb::status_stanza(files.at("control"), conffiles);
  return {};
}

Result<> Installer::unpack(const DebPackage& wanted, std::vector<std::string>& scripts) {
  const deb::Package& package = wanted.package;
  const int file = wanted.file.get();
  store::FileSource source(file);
  const deb::DebFile deb = TRY(deb::read_deb(source));
  const ControlFiles control = TRY(read_control(file, deb.control));
  if (!control.contains("control")) return fail(Kind::Corrupt, "the package has no control file");
  TRY(check_control(package, control.at("control")));
  const sys::Fd tar = TRY(take_out(file, deb.data));
  const auto archive = TRY(workshop_.open_archive(tar.get()));
  if (!archive) return fail(Kind::Corrupt, quoted(deb.data.name) + " is no tar");
  std::vector<std::string> paths;
  TRY(unpack_archive(*archive, target_, "/", {}, &paths));
  for (const std::string& path : paths) paths_.insert(real_path("/" + path));
  TRY(note(package, control, paths));
  if (control.contains("postinst")) scripts.push_back(info_name(package) + "postinst");
  return {};
}

// What an old version has, before the new one is noted in its place.
Result<> Installer::remember(const deb::Package& old) {
  const std::string info = info_name(old);
  const auto conffiles = split(TRY(read_in(target_.root, info.substr(1) + "conffiles")), '\n');
  for (const std::string& path : split(TRY(read_in(target_.root, info.substr(1) + "list")), '\n'))
    if (path.size() > 1 && path[0] == '/' && std::ranges::find(conffiles, path) == conffiles.end())
      old_paths_.push_back(path);
  for (const char* name : kControlFiles) unlink(info + name);
  return {};
}

// Only what is no directory: those are small, and may be others', too.
void Installer::unlink(const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  const std::string above = slash == 0 ? "." : path.substr(1, slash - 1);
  if (const auto open = open_in(target_.root, above, O_RDONLY | O_DIRECTORY))
    ::unlinkat(open->get(), path.substr(slash + 1).c_str(), 0);
}

void Installer::remove_old() const {
  for (const std::string& path : old_paths_)
    if (!paths_.contains(real_path(path))) unlink(path);
}

// What the script of ca-certificates is for, and programs without a shell need as well.
Result<> Installer::bundle_certificates() {
  const std::string place = "usr/share/ca-certificates/mozilla";
  const auto open = open_in(target_.root, place, O_RDONLY | O_DIRECTORY);
  if (!open) return {};
  std::vector<std::string> names = TRY(sys::list_directory(open->get()));
  std::ranges::sort(names);
  std::string bundle;
  for (const std::string& name : names)
    if (name.ends_with(".crt")) bundle += TRY(read_in(target_.root, place + "/" + name));
  return put("/etc/ssl/certs/ca-certificates.crt", bundle);
}

Result<> Installer::finish(const DebPlan& plan) {
  std::set<std::string> names;
  bool has_certificates = false;
  for (const DebPackage& each : plan.added) {
    names.emplace(each.package.name);
    has_certificates |= each.package.name == "ca-certificates";
  }
  if (has_certificates) TRY(bundle_certificates());
  if (!exists(target_.root, std::string(kInfo).substr(1) + "format"))
    TRY(put(std::string(kInfo) + "format", "1\n"));
  return put(kStatus, deb::without_packages(plan.status, names) + stanzas_);
}

}  // namespace

Result<> install_packages(Workshop& workshop, const DebPlan& plan, const Target& target,
                          const std::string& architecture, const std::string& directory,
                          std::vector<std::string>& scripts) {
  if (plan.added.empty()) return {};
  Installer installer(workshop, target, directory);
  TRY(installer.prepare(architecture));
  for (const deb::Package& old : plan.replaced) TRY(installer.remember(old));
  for (const DebPackage& each : plan.added)
    TRY(installer.unpack(each, scripts), each.package.label());
  installer.remove_old();
  return installer.finish(plan);
}

}  // namespace tare::build
