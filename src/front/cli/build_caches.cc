// SPDX-License-Identifier: Apache-2.0
#include "front/cli/build_caches.h"

#include <map>

#include "base/text.h"
#include "build/mount.h"
#include "front/cli/handlers.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

struct CacheText {
  std::string type;
  std::map<std::string, std::string> fields;

  const std::string& field(const std::string& name) { return fields[name]; }
};

// A name alone is that of an image in a registry. [docker buildx build reference, --cache-from]
Result<CacheText> parse(const std::string& option, const std::string& text) {
  CacheText cache;
  const auto fields = TRY(build::split_csv(text), "--" + option);
  if (fields.size() == 1 && text.find('=') == std::string::npos) {
    cache.type = "registry";
    cache.fields["ref"] = text;
    return cache;
  }
  for (const std::string& field : fields) {
    const auto pair = split_once(field, '=');
    if (!pair) return bad_value(option, text, "fields are name=value");
    (pair->first == "type" ? cache.type : cache.fields[std::string(pair->first)]) = pair->second;
  }
  return cache;
}

Result<std::string> place_of(const std::string& option, const std::string& text, CacheText& cache) {
  if (cache.type == "registry") {
    const auto reference = image::Reference::parse(cache.field("ref"));
    if (!reference) return bad_value(option, text, "ref=NAME: " + reference.error().message());
    return "docker://" + reference->text();
  }
  if (cache.type == "local") {
    const std::string& place = cache.field(option == "cache-to" ? "dest" : "src");
    if (place.empty())
      return bad_value(option, text,
                       option == "cache-to" ? "it needs dest=DIRECTORY" : "it needs src=DIRECTORY");
    const std::string& tag = cache.field("tag");
    return "oci:" + place + ":" + (tag.empty() ? "latest" : tag);
  }
  return std::unexpected(Error(Kind::Unsupported, "--" + option + ": caches of the type " +
                                                      quoted(cache.type) + " are not known")
                             .hint("types are local, registry and inline"));
}

}  // namespace

Result<engine::BuildCaches> build_caches(const Arguments& arguments, build::BuildRequest& request) {
  engine::BuildCaches caches;
  caches.options.program = transfer_program();
  for (const std::string& text : arguments.list("cache-from")) {
    CacheText cache = TRY(parse("cache-from", text));
    caches.from.push_back(TRY(place_of("cache-from", text, cache)));
  }
  for (const std::string& text : arguments.list("cache-to")) {
    CacheText cache = TRY(parse("cache-to", text));
    if (cache.type == "inline") {
      request.inline_cache = true;
      continue;
    }
    const std::string& mode = cache.field("mode");
    if (!mode.empty() && mode != "min" && mode != "max")
      return bad_value("cache-to", text, "mode is min or max");
    caches.to.push_back({.place = TRY(place_of("cache-to", text, cache)),
                         .all_steps = mode == "max",
                         .may_fail = cache.field("ignore-error") == "true"});
  }
  return caches;
}

}  // namespace tare::cli
