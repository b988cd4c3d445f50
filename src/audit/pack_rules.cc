// SPDX-License-Identifier: Apache-2.0
// What programs load without naming it in ELF: one function a rule. A rule holds when the imported
// symbols, the libraries or (in static programs) the texts show that the code for it is there.
#include <algorithm>

#include "audit/packer.h"
#include "base/text.h"
#include "codec/json.h"

namespace tare::audit {
namespace {

constexpr std::size_t kMaxStaticProgram = 512 << 20;
constexpr std::size_t kMaxConf = 1 << 20;

// Where distributions keep the bundle of CA certificates.
constexpr const char* kBundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Alpine, Arch; curl, Go, GnuTLS.
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL.
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL 7 and later.
    "/etc/ssl/ca-bundle.pem",                             // SUSE.
    "/etc/ssl/cert.pem",                                  // Alpine's OpenSSL.
};

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n";
constexpr std::string_view kGroup = "root:x:0:\nnogroup:x:65534:\n";
// "files dns": containers have no other sources. [nsswitch.conf(5)]
constexpr std::string_view kNsswitch =
    "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
    "networks: files\nprotocols: files\nservices: files\nethers: files\nrpc: files\n";

// "de_DE.UTF-8" lies in "de_DE.utf8". [glibc intl/l10nflist.c, _nl_normalize_codeset]
std::string normalised_locale(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return name;
  const std::size_t end = std::min(name.find('@', dot), name.size());
  std::string codeset;
  for (const char c : lower(name.substr(dot + 1, end - dot - 1)))
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) codeset += c;
  return name.substr(0, dot + 1) + codeset + name.substr(end);
}

bool activates_legacy(std::string_view openssl_conf) {
  for (const std::string& line : split(openssl_conf, '\n'))
    if (trim(line).starts_with("legacy") && line.find('=') != std::string::npos) return true;
  return false;
}

}  // namespace

const Packer::Member* Packer::library_named(std::string_view prefix) const {
  for (const Member& member : members_)
    if (base_name(member.object().path).starts_with(prefix)) return &member;
  return nullptr;
}

Result<std::string> Packer::because_of(When when, const Trigger& trigger) {
  if (when == When::Off) return std::string();
  for (const Member& member : members_) {
    const Object& object = member.object();
    for (const std::string_view symbol : trigger.symbols)
      if (object.elf.imports_any({symbol})) return object.path + " imports " + std::string(symbol);
    for (const std::string_view prefix : trigger.libraries)
      if (base_name(object.path).starts_with(prefix)) return "used by " + object.path;
    if (member.loader != nullptr || trigger.texts.size() == 0) continue;
    const auto [text, added] = static_texts_.try_emplace(object.file.path);
    if (added) text->second = TRY(tree_.read_file(object.file.path, kMaxStaticProgram));
    for (const std::string_view wanted : trigger.texts)
      if (text->second.find(wanted) != std::string::npos)
        return object.path + " has '" + std::string(wanted) + "' in it";
  }
  return when == When::On ? std::string("asked for") : std::string();
}

bool Packer::uses_glibc_before(int minor) const {
  const Member* libc = library_named("libc.so.6");
  return libc != nullptr && libc->object().elf.glibc_minor < minor;
}

Result<> Packer::apply_rules() {
  // By index: rules bring libraries, and these may bring more.
  for (std::size_t i = 0; i < members_.size(); ++i) TRY(rule_dlopen_notes(members_[i]));
  TRY(rule_unwinder());
  TRY(rule_names());
  TRY(rule_certificates());
  TRY(rule_zones());
  TRY(rule_character_sets());
  TRY(rule_locales());
  TRY(rule_terminals());
  TRY(rule_services());
  TRY(rule_merged_usr());
  for (const Member& member : members_) {
    if (member.chain.size() != 1 || member.loader == nullptr ||
        !member.object().elf.dlopen_notes.empty() ||
        !member.object().elf.imports_any({"dlopen", "dlmopen"}))
      continue;
    // Interpreters keep their library in a directory of their own name: /usr/lib/python3.11.
    std::string likely;
    const auto real = TRY(tree_.find(member.object().path));
    const std::string name = base_name(real ? real->path : member.object().path);
    for (const char* above : {"/usr/lib/", "/usr/local/lib/", "/usr/share/"})
      if (const auto found = TRY(tree_.find(above + name));
          found && found->node.kind == NodeKind::Directory)
        likely += " --with " + found->path;
    warn(quoted(member.object().path) +
         " opens libraries by itself (dlopen), which ELF does not name: if it misses plug-ins or "
         "modules, add them" +
         (likely.empty() ? " with --with." : ", likely" + likely + "."));
  }
  return rule_packages();
}

// [systemd.io/ELF_DLOPEN_METADATA]: an array of objects; of "soname" the first that exists is used.
Result<> Packer::rule_dlopen_notes(const Member& member) {
  if (request_.dlopen == When::Off || member.loader == nullptr) return {};
  const std::string path = member.object().path;
  for (const std::string& note : member.object().elf.dlopen_notes) {
    const auto parsed = json::parse(note);
    if (!parsed) {
      warn("The dlopen note of " + quoted(path) + " is not JSON, so it was ignored.");
      continue;
    }
    for (const json::Value& item : parsed->as_array()) {
      const std::string& priority = item["priority"].as_string();
      if (priority == "suggested" && request_.dlopen != When::On) continue;
      bool there = false;
      for (const std::string& name : item["soname"].as_strings()) {
        there = TRY(add_opened(member, name, "opened (dlopen) by " + path));
        if (there) break;
      }
      if (!there && priority == "required")
        warn(quoted(path) + " requires one of the libraries " +
             escaped(join(item["soname"].as_strings(), ", ")) + ", which this host does not have.");
    }
  }
  return {};
}

// glibc opens libgcc_s to unwind the stack when a thread is cancelled or ends itself, and aborts
// the program without it. [pthread_cancel in glibc sysdeps/nptl, "libgcc_s.so.1 must be installed"]
Result<> Packer::rule_unwinder() {
  const std::string because =
      TRY(because_of(When::Auto, {{"pthread_exit", "pthread_cancel", "backtrace"}, {}, {}}));
  const Member* libc = library_named("libc.so.6");
  if (because.empty() || libc == nullptr) return {};
  if (!TRY(add_opened(*libc, "libgcc_s.so.1", because)))
    warn("The host has no libgcc_s.so.1, which glibc needs because " + escaped(because) + ".");
  return {};
}

Result<> Packer::rule_names() {
  const std::string because = TRY(because_of(
      request_.nss, {{"getpwnam",       "getpwnam_r",       "getpwuid",      "getpwuid_r",
                      "getpwent",       "getgrnam",         "getgrnam_r",    "getgrgid",
                      "getgrgid_r",     "getgrent",         "getgrouplist",  "initgroups",
                      "getaddrinfo",    "getnameinfo",      "gethostbyname", "gethostbyname_r",
                      "gethostbyname2", "gethostbyname2_r", "gethostbyaddr", "gethostbyaddr_r"},
                     {},
                     {"/etc/nsswitch.conf", "/etc/passwd"}}));
  if (because.empty()) return {};
  TRY(add_made("/etc/passwd", std::string(kPasswd), because));
  TRY(add_made("/etc/group", std::string(kGroup), because));
  TRY(add_directory("/root", 0755, "home of root"));
  const bool only_musl =
      !loaders_.empty() && std::all_of(loaders_.begin(), loaders_.end(),
                                       [](const auto& known) { return known.second->musl; });
  if (only_musl) return {};  // It looks nowhere else.
  TRY(add_made("/etc/nsswitch.conf", std::string(kNsswitch), because));
  return rule_name_modules(because);
}

// Since glibc 2.34 "files" and "dns" are inside libc. [glibc NEWS, 2.34]
Result<> Packer::rule_name_modules(const std::string& because) {
  const Member* libc = library_named("libc.so.6");
  if (libc == nullptr || !uses_glibc_before(34)) return {};
  for (const char* name : {"libnss_files.so.2", "libnss_dns.so.2"})
    if (!TRY(add_opened(*libc, name, because)))
      warn("The host has no " + std::string(name) + ", which this glibc needs to look up names.");
  return {};
}

Result<> Packer::rule_certificates() {
  const std::string because = TRY(because_of(
      request_.certs,
      {{},
       {"libssl.so", "libgnutls.so", "libcurl", "libmbedtls.so", "libnss3.so", "libwolfssl.so"},
       {"/etc/ssl/certs", "/etc/pki/tls"}}));
  if (!because.empty()) {
    bool any = false;
    for (const char* bundle : kBundles) any = TRY(add_path(bundle, because)) || any;
    if (!any && request_.certs == When::On)
      return std::unexpected(Error(Kind::NotFound, "this host has no bundle of CA certificates")
                                 .hint("Install it: apt-get install ca-certificates"));
    if (!any)
      warn("This host has no CA certificates, so TLS peers cannot be verified in the image.");
  }
  const Member* openssl = library_named("libcrypto.so");
  return openssl == nullptr || request_.certs == When::Off ? Result<>() : rule_openssl(*openssl);
}

// OpenSSL's own directory: its configuration, and the file that it verifies against by default.
Result<> Packer::rule_openssl(const Member& member) {
  const std::string because = "used by " + member.object().path;
  bool legacy = request_.certs == When::On;
  for (const std::string dir : {"/usr/lib/ssl", "/etc/ssl", "/etc/pki/tls"}) {
    TRY(add_path(dir + "/cert.pem", because));
    if (!TRY(add_path(dir + "/openssl.cnf", because))) continue;
    const auto conf = TRY(tree_.find(dir + "/openssl.cnf"));
    if (conf) legacy = legacy || activates_legacy(TRY(tree_.read_file(conf->path, kMaxConf)));
  }
  if (legacy) TRY(add_tree(directory_of(member.object().file.path) + "/ossl-modules", because));
  return {};
}

Result<> Packer::rule_zones() {
  const std::string because =
      TRY(because_of(request_.zones, {{"tzset", "localtime", "localtime_r", "mktime",
                                       "__localtime64", "__localtime64_r", "__mktime64"},
                                      {},
                                      {"/usr/share/zoneinfo", "/etc/localtime"}}));
  if (because.empty()) return {};
  if (request_.zones == When::On && !TRY(add_tree("/usr/share/zoneinfo", because)))
    return std::unexpected(Error(Kind::NotFound, "this host has no time zones")
                               .hint("Install them: apt-get install tzdata"));
  TRY(add_path("/usr/share/zoneinfo/UTC", because));
  TRY(add_path("/etc/localtime", because));
  return {};
}

Result<> Packer::rule_character_sets() {
  const std::string because = TRY(because_of(request_.gconv, {{"iconv_open"}, {}, {}}));
  const Member* libc = library_named("libc.so.6");
  if (because.empty() || libc == nullptr) return {};
  const std::string dir = directory_of(libc->object().file.path) + "/gconv";
  if (request_.gconv != When::On) {
    if (TRY(add_path(dir + "/gconv-modules", because)))
      return rule_character_set_modules(*libc, because);
    return {};
  }
  if (!TRY(add_tree(dir, because)))
    return fail(Kind::NotFound, "this host has no character sets in " + quoted(dir));
  // Some modules share tables in libraries beside them, which come with the directory.
  return {};
}

// The sets that gconv-modules itself names (UTF-16, UTF-32, Latin-1, ...); UTF-8 is inside libc.
Result<> Packer::rule_character_set_modules(const Member& libc, const std::string& because) {
  const std::string dir = directory_of(libc.object().file.path) + "/gconv";
  const auto conf = TRY(tree_.find(dir + "/gconv-modules"));
  if (!conf) return {};
  std::set<std::string> modules;
  for (std::string& line : split(TRY(tree_.read_file(conf->path, kMaxConf)), '\n')) {
    if (!line.starts_with("module")) continue;
    std::replace(line.begin(), line.end(), '\t', ' ');
    std::vector<std::string> words;
    for (std::string& word : split(line, ' '))
      if (!word.empty()) words.push_back(std::move(word));
    if (words.size() >= 4 && words[3].find('/') == std::string::npos) modules.insert(words[3]);
  }
  for (const std::string& module : modules)
    TRY(add_opened(libc, dir + "/" + module + ".so", because));
  return {};
}

Result<> Packer::rule_locales() {
  for (const std::string& name : request_.locales) {
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.'))
      return fail(Kind::Invalid, quoted(name) + " is not the name of a locale");
    if (language_.empty()) language_ = name;
    const bool built_in = name == "C" || name == "POSIX" ||
                          (normalised_locale(name) == "C.utf8" && !uses_glibc_before(35));
    if (built_in) continue;
    const std::string because = "locale " + name;
    if (TRY(add_tree("/usr/lib/locale/" + normalised_locale(name), because))) continue;
    if (TRY(add_tree("/usr/lib/locale/" + name, because))) continue;
    if (!TRY(add_path("/usr/lib/locale/locale-archive", because)))
      return std::unexpected(
          Error(Kind::NotFound, "this host does not have the locale " + quoted(name))
              .hint("Make it with localedef, or uncomment it in /etc/locale.gen and run "
                    "locale-gen."));
    warn("The locale " + quoted(name) +
         " is taken with all others from /usr/lib/locale/locale-archive, if it is there at all.");
  }
  return {};
}

Result<> Packer::rule_terminals() {
  const std::string because =
      TRY(because_of(request_.terminfo, {{}, {"libtinfo", "libncurses"}, {}}));
  if (because.empty()) return {};
  if (request_.terminfo == When::On) {
    TRY(add_tree("/lib/terminfo", because));
    return {};
  }
  for (const std::string name :
       {"ansi", "dumb", "linux", "rxvt", "screen", "screen-256color", "tmux", "tmux-256color",
        "vt100", "vt220", "xterm", "xterm-256color", "xterm-color"})
    for (const std::string dir : {"/etc/terminfo/", "/lib/terminfo/", "/usr/share/terminfo/"})
      if (TRY(add_path(dir + name[0] + "/" + name, because))) break;
  return {};
}

Result<> Packer::rule_services() {
  const std::string because =
      TRY(because_of(request_.services, {{"getservbyname", "getservbyname_r", "getservbyport",
                                          "getservbyport_r", "getprotobyname", "getprotobyname_r",
                                          "getprotobynumber", "getprotobynumber_r"},
                                         {},
                                         {}}));
  if (because.empty()) return {};
  TRY(add_path("/etc/services", because));
  TRY(add_path("/etc/protocols", because));
  return {};
}

// Scripts and people say /bin/sh whatever the program was packed as.
Result<> Packer::rule_merged_usr() {
  for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64"}) {
    const auto found = TRY(tree_.find(path));
    if (!found || found->links.empty()) continue;
    const auto inside = files_.lower_bound(found->path + "/");
    if (inside != files_.end() && inside->first.starts_with(found->path + "/")) add_links(*found);
  }
  return {};
}

Result<> Packer::rule_packages() {
  if (request_.packages == When::Off) return {};
  if (!TRY(dpkg_.info_directory())) {
    if (request_.packages == When::On)
      return fail(Kind::NotFound, "this host has no package database of dpkg");
    return {};
  }
  // Scanners take the distribution from here. [os-release(5)]
  TRY(add_path("/etc/os-release", "tells scanners the distribution"));
  TRY(add_path("/etc/debian_version", "tells scanners the distribution"));
  // Files only: many packages own links as /bin and /lib, and none comes into the image by them.
  std::vector<std::string> sources;
  for (const auto& [path, file] : files_)
    if (file.kind == PackedKind::File && !file.source.empty()) sources.push_back(file.source);
  const auto owners = TRY(dpkg_.owners(sources));
  std::set<std::string> keys;
  for (auto& [path, file] : files_) {
    const auto owner = owners.find(file.source);
    if (owner == owners.end()) continue;
    file.package = owner->second.substr(0, owner->second.find(':'));
    keys.insert(owner->second);
  }
  return rule_package_files(TRY(dpkg_.packages({keys.begin(), keys.end()})));
}

// One file a package, as "distroless" images have it and scanners read it.
Result<> Packer::rule_package_files(const std::map<std::string, DpkgPackage>& packages) {
  std::map<std::string, std::string> status;  // Several architectures of a package share a file.
  for (const auto& [key, package] : packages) {
    std::string& content = status[package.name];
    if (!content.empty()) content += '\n';
    content += package.stanza;
    packages_.push_back({package.name, package.version, package.architecture});
    if (request_.licences == When::Off) continue;
    const std::string path = "/usr/share/doc/" + package.name + "/copyright";
    const bool there = TRY(add_path(path, "licence of " + package.name));
    if (const auto found = TRY(tree_.find(path)); there && found)
      files_[found->path].package = package.name;
    if (!there && request_.licences == When::On)
      return fail(Kind::NotFound, "this host does not have " + quoted(path));
  }
  for (auto& [name, content] : status)
    TRY(add_made("/var/lib/dpkg/status.d/" + name, std::move(content),
                 "tells scanners the package " + name));
  return {};
}

}  // namespace tare::audit
