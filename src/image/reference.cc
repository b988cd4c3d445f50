// SPDX-License-Identifier: Apache-2.0
// The grammar of image references. [distribution "reference" grammar, as Docker documents it;
// distribution-spec 1.1 "Pulling manifests"]
#include <algorithm>

#include "image/image.h"

namespace tare::image {
namespace {

constexpr std::string_view kDefaultRegistry = "docker.io";
constexpr std::string_view kOfficial = "library/";
constexpr std::string_view kDefaultTag = "latest";
constexpr std::size_t kMaxName = 255;  // Registry and repository.
constexpr std::size_t kMaxTag = 128;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

std::unexpected<Error> invalid(std::string_view text, const std::string& why) {
  return fail(Kind::Invalid, "invalid image reference " + quoted(text) + ": " + why);
}

// [a-z0-9]+ joined by one of "." "_" "__" or any number of "-".
bool is_component(std::string_view part) {
  if (part.empty() || !is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back()))
    return false;
  for (std::size_t i = 0; i < part.size();) {
    if (is_lower_or_digit(part[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < part.size() && !is_lower_or_digit(part[end])) ++end;
    const std::string_view separator = part.substr(i, end - i);
    if (separator != "." && separator != "_" && separator != "__" &&
        separator.find_first_not_of('-') != std::string_view::npos)
      return false;
    i = end;
  }
  return true;
}

// A host name or address, and a port. "[::1]:5000" is allowed.
bool is_registry(std::string_view text) {
  std::string_view host = text;
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return false;
    if (host.substr(1, close - 1).find_first_not_of("0123456789abcdefABCDEF:") !=
        std::string_view::npos)
      return false;
    if (close + 1 == host.size()) return close > 1;
    if (host[close + 1] != ':') return false;
    return parse_u64(host.substr(close + 2)).value_or(65536) < 65536;
  }
  if (const auto parts = split_once(host, ':')) {
    if (parse_u64(parts->second).value_or(65536) > 65535) return false;
    host = parts->first;
  }
  for (const std::string& label : split(host, '.')) {
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return (is_word(c) && c != '_') || c == '-'; }))
      return false;
  }
  return !host.empty();
}

// "localhost", or something that only a host name can have. [Docker's splitDockerDomain rule]
bool looks_like_registry(std::string_view part) {
  return part.find_first_of(".:[") != std::string_view::npos || part == "localhost" ||
         lower(part) != part;
}

bool is_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTag && is_word(tag.front()) &&
         std::all_of(tag.begin(), tag.end(),
                     [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

Result<> check_repository(std::string_view text, std::string_view repository) {
  for (const std::string& part : split(repository, '/')) {
    if (is_component(part)) continue;
    if (part.empty()) return invalid(text, "a part of the name is empty");
    if (lower(part) != part) return invalid(text, "the repository name has to be in lower case");
    return invalid(text, quoted(part) + " is not made of a-z, 0-9 and single separators");
  }
  return {};
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
  Reference reference;
  std::string_view rest = text;
  if (rest.empty()) return invalid(text, "it is empty");
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    reference.digest =
        TRY(Digest::parse(rest.substr(at + 1)), "invalid image reference " + quoted(text));
    rest = rest.substr(0, at);
  }
  const std::size_t slash = rest.rfind('/');
  const std::size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    reference.tag = std::string(rest.substr(colon + 1));
    if (!is_tag(reference.tag))
      return invalid(text, "the tag " + quoted(reference.tag) + " is invalid");
    rest = rest.substr(0, colon);
  }
  const auto parts = split_once(rest, '/');
  if (parts && looks_like_registry(parts->first)) {
    reference.registry = std::string(parts->first);
    rest = parts->second;
  } else {
    reference.registry = std::string(kDefaultRegistry);
  }
  if (reference.registry == "index.docker.io") reference.registry = std::string(kDefaultRegistry);
  if (!is_registry(reference.registry))
    return invalid(text, quoted(reference.registry) + " is not a registry's host name");
  TRY(check_repository(text, rest));
  // Would be taken for an image id.
  if (!parts && rest.size() == 64 && rest.find_first_not_of("0123456789abcdef") == rest.npos)
    return invalid(text, "64 hexadecimal digits are an image id and not a name");
  reference.repository = std::string(rest);
  if (reference.registry == kDefaultRegistry && rest.find('/') == std::string_view::npos)
    reference.repository.insert(0, kOfficial);
  if (reference.registry.size() + 1 + reference.repository.size() > kMaxName)
    return invalid(text, "it is longer than " + std::to_string(kMaxName) + " characters");
  if (reference.tag.empty() && reference.digest.empty()) reference.tag = std::string(kDefaultTag);
  return reference;
}

std::string Reference::familiar_repository() const {
  // "docker.io/a.b/c" without its registry would be read as a registry a.b.
  const bool ambiguous =
      looks_like_registry(std::string_view(repository).substr(0, repository.find('/')));
  if (registry != kDefaultRegistry || ambiguous) return registry + "/" + repository;
  if (!repository.starts_with(kOfficial)) return repository;
  const std::string name = repository.substr(kOfficial.size());
  return name.find('/') == std::string::npos ? name : repository;
}

std::string Reference::text() const {
  std::string out = registry + "/" + repository;
  if (!tag.empty()) out += ":" + tag;
  if (!digest.empty()) out += "@" + digest.text();
  return out;
}

std::string Reference::familiar() const {
  std::string out = familiar_repository();
  if (!tag.empty()) out += ":" + tag;
  if (!digest.empty()) out += "@" + digest.text();
  return out;
}

}  // namespace tare::image
