// SPDX-License-Identifier: Apache-2.0
#include "build/deb_plan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "build/pick.h"
#include "sys/files.h"
#include "trust/openpgp.h"

namespace tare::build {
namespace {

constexpr std::size_t kMostText = 512 << 20;  // Debian's largest index is a tenth of that.
constexpr std::size_t kMostFile = 64 << 20;
constexpr const char* kLists = "etc/apt/sources.list";
constexpr const char* kHostKeys = "/usr/share/keyrings/debian-archive-keyring.gpg";

// One after the other, each with what it says and what vouches for it.
class Planner {
 public:
  Planner(Workshop& workshop, const DebRequest& request) : workshop_(workshop), request_(request) {}

  Result<DebPlan> plan();

 private:
  Result<std::vector<deb::Repository>> repositories() const;
  Result<std::vector<std::string>> names_in(const std::string& directory) const;
  Result<std::vector<trust::OpenPgpKey>> keys_of(const deb::Repository& repository);
  Result<std::vector<trust::OpenPgpKey>> usual_keys() const;
  Result<Fetched> fetch(const std::string& url, const Digest& expected);
  Result<std::string> fetch_text(const std::string& url);
  Result<deb::Release> release_of(const deb::Repository& repository);
  Result<> check_release(const deb::Repository& repository, const deb::Release& release) const;
  Result<> read_component(const deb::Repository& repository, const deb::Release& release,
                          const std::string& directory, std::size_t index);
  Result<std::string_view> read_plain(int file);
  Result<DebPackage> get(const deb::Package& package);

  Workshop& workshop_;
  const DebRequest& request_;
  DebPlan plan_;
  std::vector<deb::Repository> repositories_;
  std::vector<deb::Package> available_;
};

Result<std::vector<std::string>> Planner::names_in(const std::string& directory) const {
  if (request_.root < 0) return std::vector<std::string>();
  const auto open = open_in(request_.root, directory, O_RDONLY | O_DIRECTORY);
  if (!open) return std::vector<std::string>();
  std::vector<std::string> names = TRY(sys::list_directory(open->get()));
  std::ranges::sort(names);
  return names;
}

Result<std::vector<deb::Repository>> Planner::repositories() const {
  std::vector<deb::Repository> all;
  for (const std::string& line : request_.repositories) {
    const std::string_view rest =
        line.starts_with("deb ") ? std::string_view(line).substr(4) : line;
    if (auto one = TRY(deb::parse_repository(rest, request_.architecture), "--from"))
      all.push_back(std::move(*one));
  }
  if (!request_.repositories.empty()) return all;
  std::vector<std::string> files = {kLists};
  for (const std::string& name : TRY(names_in(std::string(kLists) + ".d")))
    if (name.ends_with(".list") || name.ends_with(".sources"))
      files.push_back(std::string(kLists) + ".d/" + name);
  for (const std::string& file : files) {
    const std::string text = TRY(read_in(request_.root, file));
    auto found =
        TRY(deb::parse_repositories(text, file.ends_with(".sources"), request_.architecture),
            "/" + file);
    std::ranges::move(found, std::back_inserter(all));
  }
  if (all.empty())
    return std::unexpected(
        Error(Kind::NotFound, "the stage has no list of package repositories")
            .hint("name one: PKG --from=\"http://deb.example.org/debian bookworm main\" deb: ..."));
  return all;
}

Result<std::vector<trust::OpenPgpKey>> Planner::usual_keys() const {
  std::vector<trust::OpenPgpKey> keys;
  std::vector<std::string> files = {"etc/apt/trusted.gpg"};
  for (const std::string& name : TRY(names_in("etc/apt/trusted.gpg.d")))
    if (name.ends_with(".gpg") || name.ends_with(".asc"))
      files.push_back("etc/apt/trusted.gpg.d/" + name);
  files.emplace_back(std::string(kHostKeys).substr(1));
  for (const std::string& file : files) {
    const std::string ring = TRY(read_in(request_.root, file));
    if (ring.empty()) continue;
    auto found = TRY(trust::read_openpgp_keys(ring), "/" + file);
    std::ranges::move(found, std::back_inserter(keys));
  }
  if (!keys.empty()) return keys;
  // The stage trusts nobody yet: whom this machine trusts.
  if (const auto ring = sys::load_file(AT_FDCWD, kHostKeys))
    keys = TRY(trust::read_openpgp_keys(*ring), kHostKeys);
  return keys;
}

Result<std::vector<trust::OpenPgpKey>> Planner::keys_of(const deb::Repository& repository) {
  std::vector<trust::OpenPgpKey> keys;
  std::vector<std::string> rings = request_.keys;
  const std::string& by = repository.signed_by;
  if (rings.empty() && by.empty()) return usual_keys();
  if (rings.empty() && by.find("-----BEGIN") != std::string::npos) {
    // In a stanza an empty line is a dot, and lines have a space in front.
    std::string ring;
    for (const std::string& line : split(by, '\n'))
      ring += (trim(line) == "." ? "" : std::string(trim(line))) + "\n";
    rings.push_back(std::move(ring));
  } else if (rings.empty()) {
    for (const std::string& file : split(by, ' ')) {
      if (file.empty()) continue;
      if (!file.starts_with('/'))
        return std::unexpected(
            Error(Kind::Unsupported, "signed-by names a key by its fingerprint: " + quoted(file))
                .hint("name the file that it is in"));
      std::string ring = TRY(read_in(request_.root, file.substr(1)));
      if (ring.empty())
        return fail(Kind::NotFound, "the key ring " + quoted(file) + " is not in the stage");
      rings.push_back(std::move(ring));
    }
  }
  for (const std::string& ring : rings) {
    auto found = TRY(trust::read_openpgp_keys(ring), "the keys of " + repository.label());
    std::ranges::move(found, std::back_inserter(keys));
  }
  return keys;
}

Result<Fetched> Planner::fetch(const std::string& url, const Digest& expected) {
  FetchRequest wanted{.source = {.kind = AddSource::Kind::Url,
                                 .text = url,
                                 .file_name = url.substr(url.rfind('/') + 1),
                                 .git = {}},
                      .expected = expected,
                      .what = request_.what,
                      .is_interrupted = request_.is_interrupted};
  if (request_.pin) TRY(request_.pin(wanted));
  Fetched fetched = TRY(workshop_.fetch(wanted));
  plan_.materials.push_back(fetched.material);
  return fetched;
}

Result<std::string> Planner::fetch_text(const std::string& url) {
  const Fetched fetched = TRY(fetch(url, {}));
  return sys::read_all(fetched.file.get(), kMostFile);
}

Result<deb::Release> Planner::release_of(const deb::Repository& repository) {
  const std::vector<trust::OpenPgpKey> keys = TRY(keys_of(repository));
  if (keys.empty())
    return std::unexpected(
        Error(Kind::Denied, "there are no keys to verify " + repository.label() + " with")
            .hint("PKG --key=FILE has those of a file of the context; or install "
                  "debian-archive-keyring on this machine"));
  const std::int64_t now = repository.checks_end ? request_.now : 0;
  const std::string base = repository.url;
  auto both = fetch_text(base + repository.release_path("InRelease"));
  if (!both && both.error().kind() != Kind::NotFound) return std::unexpected(both.error());
  trust::OpenPgpSigned checked;
  if (both) {
    checked = TRY(trust::check_signed_text(*both, keys, now), repository.label());
  } else {
    const std::string text = TRY(fetch_text(base + repository.release_path("Release")));
    const std::string signature = TRY(fetch_text(base + repository.release_path("Release.gpg")));
    checked = TRY(trust::check_signature(text, signature, keys, now), repository.label());
  }
  deb::Release release = TRY(deb::parse_release(checked.text), repository.label());
  TRY(check_release(repository, release));
  return release;
}

// SECURITY: a mirror that lies has only true things to say: those of another suite, or old ones.
Result<> Planner::check_release(const deb::Repository& repository,
                                const deb::Release& release) const {
  const std::string& suite = repository.suite;
  if (!repository.is_flat() && suite != release.suite && suite != release.codename)
    return fail(Kind::Denied, repository.label() + " says that it is " + quoted(release.suite) +
                                  ", " + quoted(release.codename));
  if (repository.checks_end && release.valid_until != 0 && release.valid_until < request_.now)
    return std::unexpected(
        Error(Kind::Denied, repository.label() + " is too old: it was valid until " +
                                rfc3339(release.valid_until * 1'000'000'000))
            .hint("for a snapshot of the past write [check-valid-until=no] before the URL"));
  return {};
}

Result<std::string_view> Planner::read_plain(int file) {
  const auto source = TRY(workshop_.open_plain(file));
  auto text = std::make_unique<std::string>();
  std::string buffer(256 << 10, '\0');
  while (const std::size_t count = TRY(source->read(buffer.data(), buffer.size()))) {
    if (text->size() + count > kMostText) return fail(Kind::Corrupt, "an index above 512 MiB");
    text->append(buffer, 0, count);
  }
  plan_.texts.push_back(std::move(text));
  return std::string_view(*plan_.texts.back());
}

Result<> Planner::read_component(const deb::Repository& repository, const deb::Release& release,
                                 const std::string& directory, std::size_t index) {
  for (const char* end : {".xz", ".gz", ".zst", ""}) {
    const std::string name = directory + "Packages" + end;
    const auto file = release.files.find(name);
    if (file == release.files.end()) continue;
    // By its digest, so that a repository that is just being renewed is no failure.
    const std::string path =
        release.has_by_hash ? directory + "by-hash/SHA256/" + file->second.digest.hex() : name;
    const Fetched fetched =
        TRY(fetch(repository.url + repository.release_path(path), file->second.digest));
    const std::string_view text = TRY(read_plain(fetched.file.get()), name);
    for (deb::Package& package : TRY(deb::read_index(text, request_.architecture), name)) {
      package.repository = index;
      package.priority = release.priority;
      available_.push_back(package);
    }
    return {};
  }
  return fail(Kind::NotFound, repository.label() + " has no packages in " + quoted(directory));
}

Result<DebPackage> Planner::get(const deb::Package& package) {
  const Digest digest = TRY(Digest::parse("sha256:" + std::string(package.sha256)));
  if (request_.says) request_.says("gets " + package.label() + "\n");
  const deb::Repository& repository = repositories_[package.repository];
  Fetched fetched =
      TRY(fetch(repository.url + std::string(package.filename), digest), package.label());
  return DebPackage{.package = package, .file = std::move(fetched.file)};
}

Result<DebPlan> Planner::plan() {
  repositories_ = TRY(repositories());
  for (std::size_t i = 0; i < repositories_.size(); ++i) {
    const deb::Repository& repository = repositories_[i];
    const deb::Release release = TRY(release_of(repository));
    if (repository.is_flat()) TRY(read_component(repository, release, "", i));
    for (const std::string& component : repository.components)
      TRY(read_component(repository, release, component + "/binary-" + request_.architecture + "/",
                         i));
  }
  plan_.texts.push_back(
      std::make_unique<std::string>(TRY(read_in(request_.root, "var/lib/dpkg/status"))));
  plan_.status = *plan_.texts.back();
  const auto installed =
      TRY(deb::read_status(*plan_.texts.back(), request_.architecture), "/var/lib/dpkg/status");
  const deb::Resolution resolution =
      TRY(deb::resolve(available_, installed, request_.wishes, request_.architecture));
  for (const deb::Package* package : resolution.added) plan_.added.push_back(TRY(get(*package)));
  for (const deb::Package* package : resolution.replaced) plan_.replaced.push_back(*package);
  return std::move(plan_);
}

}  // namespace

Result<std::string> read_in(int root, const std::string& path) {
  if (root < 0) return "";
  const auto file = open_in(root, path, O_RDONLY | O_NONBLOCK);
  if (!file && (file.error().errnum() == ENOENT || file.error().errnum() == ENOTDIR)) return "";
  if (!file) return std::unexpected(Error(file.error()).wrap("/" + path));
  struct stat info{};
  if (::fstat(file->get(), &info) != 0) return fail_errno("look at " + quoted("/" + path));
  if (!S_ISREG(info.st_mode)) return fail(Kind::Invalid, quoted("/" + path) + " is no file");
  return sys::read_all(file->get(), kMostFile);
}

Result<std::string> deb_architecture(const std::string& architecture, const std::string& variant) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kNames = {
      {{"amd64", "amd64"},
       {"arm64", "arm64"},
       {"386", "i386"},
       {"ppc64le", "ppc64el"},
       {"s390x", "s390x"},
       {"riscv64", "riscv64"},
       {"mips64le", "mips64el"},
       {"loong64", "loong64"}}};
  if (architecture == "arm") return variant == "v7" || variant.empty() ? "armhf" : "armel";
  for (const auto& [ours, theirs] : kNames)
    if (ours == architecture) return std::string(theirs);
  return fail(Kind::Unsupported, "Debian has no architecture " + quoted(architecture));
}

Result<DebPlan> plan_packages(Workshop& workshop, const DebRequest& request) {
  return Planner(workshop, request).plan();
}

}  // namespace tare::build
