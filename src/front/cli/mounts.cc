// SPDX-License-Identifier: Apache-2.0
// -v, --mount and --tmpfs.
#include <charconv>
#include <utility>

#include "base/text.h"
#include "front/cli/request.h"
#include "store/volumes.h"

namespace tare::cli {
namespace {

using engine::MountRequest;
using engine::MountType;

// Absolute as it is; "./x" below the directory we were called in; empty: it is a name.
std::string host_path(std::string_view path, std::string_view directory) {
  if (path.starts_with('/')) return std::string(path);
  if (path == "." || path == ".." || path.starts_with("./") || path.starts_with("../"))
    return std::string(directory) + "/" + std::string(path);
  return "";
}

Result<> check_target(std::string_view target, std::string_view text, std::string_view option) {
  if (target.empty()) return bad_value(option, text, "the path in the container is missing");
  if (!target.starts_with('/'))
    return bad_value(option, text,
                     "the path in the container, " + quoted(target) + ", has to start with /");
  for (const std::string& part : split(target, '/'))
    if (!part.empty() && part != ".") return {};
  return bad_value(option, text, "nothing can be mounted over / of the container");
}

Result<> volume_option(MountRequest& mount, std::string_view option, std::string_view text) {
  if (option == "ro") {
    mount.read_only = true;
  } else if (option == "rw") {
    mount.read_only = false;
  } else if (option == "nocopy" && mount.type == MountType::Volume) {
    mount.no_copy = true;
  } else if (option == "nocopy") {
    return bad_value("volume", text, "nocopy goes with a volume, not with a directory of the host");
  } else if (option == "z" || option == "Z" || option == "private" || option == "rprivate" ||
             option == "cached" || option == "delegated" || option == "consistent") {
    // Labels of SELinux do not exist here; the others are what happens anyway.
  } else if (option.find("shared") != std::string_view::npos ||
             option.find("slave") != std::string_view::npos) {
    return bad_value(
        "volume", text,
        "mounts are private to the container; " + quoted(option) + " is not there yet");
  } else {
    return bad_value("volume", text, "unknown option " + quoted(option) + "; ro and rw are known");
  }
  return {};
}

Result<std::uint32_t> parse_mode(std::string_view option, std::string_view text) {
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || mode > 07777)
    return bad_value(option, text, "a mode is an octal number as 1777");
  return mode;
}

// Why a key is not taken.
std::unexpected<Error> refuse_field(std::string_view key, std::string_view text) {
  if (key == "bind-propagation" || key == "bind-recursive" || key.starts_with("volume-") ||
      key.starts_with("image-"))
    return bad_value("mount", text, quoted(key) + " is not there yet with this value");
  if (key.starts_with("tmpfs-"))
    return bad_value("mount", text, quoted(key) + " goes with type=tmpfs");
  const std::vector<std::string> known = {"type",           "source",       "target",
                                          "readonly",       "tmpfs-size",   "tmpfs-mode",
                                          "volume-subpath", "volume-nocopy"};
  const auto close = nearest(key, known);
  return bad_value("mount", text,
                   "unknown key " + quoted(key) + (close ? ", did you mean " + *close + "?" : ""));
}

// Of a volume; false: it is none of these.
Result<bool> volume_field(MountRequest& mount, std::string_view key, std::string_view value,
                          std::string_view text) {
  if (mount.type != MountType::Volume) return false;
  if (key == "volume-driver") return value == "local";  // The only one that there is.
  if (key != "volume-subpath") return false;
  if (value.empty()) return bad_value("mount", text, "volume-subpath is empty");
  mount.subpath = value;
  return true;
}

// One "key=value" of --mount, type already known.
Result<> mount_field(MountRequest& mount, std::string_view key, std::string_view value,
                     bool has_value, std::string_view text) {
  const auto truth = [&]() -> Result<bool> {
    if (!has_value) return true;
    const auto on = parse_bool(value);
    if (!on) return bad_value("mount", text, on.error().message());
    return *on;
  };
  if (key == "readonly" || key == "ro") {
    mount.read_only = TRY(truth());
    return {};
  }
  if (key == "volume-nocopy" && mount.type == MountType::Volume) {
    mount.no_copy = TRY(truth());
    return {};
  }
  if (key == "bind-nonrecursive" || key == "bind-create-src") {
    const bool on = TRY(truth());
    if (!on) return {};
    if (key == "bind-nonrecursive")
      return bad_value("mount", text, "bind-nonrecursive is not there yet");
    mount.make_source = true;
    return {};
  }
  if (!has_value) return bad_value("mount", text, quoted(key) + " has to be a key=value pair");
  if (key == "type" || key == "consistency") return {};
  if (TRY(volume_field(mount, key, value, text))) return {};
  if (key == "source" || key == "src") {
    mount.source = value;
  } else if (key == "target" || key == "dst" || key == "destination") {
    mount.target = value;
  } else if (key == "tmpfs-size" && mount.type == MountType::Tmpfs) {
    mount.tmpfs_bytes = TRY(parse_size(value));
  } else if (key == "tmpfs-mode" && mount.type == MountType::Tmpfs) {
    mount.tmpfs_mode = TRY(parse_mode("mount", value));
  } else if ((key == "bind-propagation" && (value == "private" || value == "rprivate")) ||
             (key == "bind-recursive" && (value == "enabled" || value == "writable"))) {
    // This is what happens anyway.
  } else {
    return refuse_field(key, text);
  }
  return {};
}

Result<MountType> mount_type(const std::vector<std::string>& fields, std::string_view text) {
  std::string type = "volume";
  for (const std::string& field : fields)
    if (const auto pair = split_once(field, '='); pair && lower(pair->first) == "type")
      type = lower(pair->second);
  if (type == "bind") return MountType::Bind;
  if (type == "tmpfs") return MountType::Tmpfs;
  if (type == "volume") return MountType::Volume;
  if (type == "image" || type == "npipe" || type == "cluster")
    return std::unexpected(
        Error(Kind::Unsupported,
              "--mount " + quoted(text) + ": mounts of type " + type + " are not there yet")
            .hint(
                "type=volume,source=NAME,target=/path, type=bind,source=/path/on/host,target=/path "
                "or type=tmpfs,target=/path"));
  return bad_value("mount", text,
                   "unknown type " + quoted(type) + "; volume, bind and tmpfs are known");
}

}  // namespace

Result<std::vector<std::string>> csv_fields(std::string_view option, std::string_view text) {
  std::vector<std::string> fields(1);
  bool quoting = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoting && text[i] == '"') {
      if (i + 1 < text.size() && text[i + 1] == '"')
        fields.back() += text[++i];
      else
        quoting = false;
    } else if (!quoting && text[i] == '"' && fields.back().empty()) {
      quoting = true;
    } else if (!quoting && text[i] == ',') {
      fields.emplace_back();
    } else {
      fields.back() += text[i];
    }
  }
  if (quoting) return bad_value(option, text, "a quote is not closed");
  return fields;
}

Result<MountRequest> parse_volume(std::string_view text, std::string_view directory) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 3) return bad_value("volume", text, "more than two colons");
  if (parts.size() == 1) {
    if (text.empty()) return bad_value("volume", text, "it is empty");
    MountRequest mount{.type = MountType::Volume, .target = parts[0], .anonymous = true};
    TRY(check_target(mount.target, text, "volume"));
    return mount;
  }
  if (parts[0].empty())
    return bad_value("volume", text, "the volume, or the path on the host, is missing");
  MountRequest mount{.type = MountType::Bind, .make_source = true};
  mount.source = host_path(parts[0], directory);
  if (mount.source.empty()) {
    mount.type = MountType::Volume;
    mount.make_source = false;
    mount.volume = parts[0];
    const auto name = store::check_volume_name(mount.volume);
    if (!name) return bad_value("volume", text, name.error().message());
  }
  mount.target = parts[1];
  TRY(check_target(mount.target, text, "volume"));
  if (parts.size() == 3)
    for (const std::string& option : split(parts[2], ',')) TRY(volume_option(mount, option, text));
  return mount;
}

Result<MountRequest> parse_mount(std::string_view text, std::string_view directory) {
  const std::vector<std::string> fields = TRY(csv_fields("mount", text));
  MountRequest mount;
  mount.type = TRY(mount_type(fields, text));
  mount.executable = mount.type != MountType::Tmpfs;
  for (const std::string& field : fields) {
    const auto pair = split_once(field, '=');
    const std::string key = lower(pair ? pair->first : std::string_view(field));
    TRY(mount_field(mount, key, pair ? pair->second : "", pair.has_value(), text));
  }
  TRY(check_target(mount.target, text, "mount"));
  if (mount.type == MountType::Tmpfs && !mount.source.empty())
    return bad_value("mount", text, "a tmpfs has no source");
  if (mount.type == MountType::Bind) {
    if (mount.source.empty()) return bad_value("mount", text, "source is missing");
    const std::string path = host_path(mount.source, directory);
    if (path.empty())
      return bad_value("mount", text,
                       "source " + quoted(mount.source) + " is no absolute path, as a bind has it");
    mount.source = path;
  }
  if (mount.type == MountType::Volume) {
    mount.volume = std::exchange(mount.source, "");
    mount.anonymous = mount.volume.empty();
    if (!mount.anonymous) TRY(store::check_volume_name(mount.volume), "--mount");
  }
  return mount;
}

Result<MountRequest> parse_tmpfs(std::string_view text) {
  const auto pair = split_once(text, ':');
  MountRequest mount{.type = MountType::Tmpfs, .executable = false};
  mount.target = pair ? pair->first : text;
  TRY(check_target(mount.target, text, "tmpfs"));
  if (!pair) return mount;
  for (const std::string& option : split(pair->second, ',')) {
    const auto setting = split_once(option, '=');
    if (setting && setting->first == "size") {
      mount.tmpfs_bytes = TRY(parse_size(setting->second));
    } else if (setting && setting->first == "mode") {
      mount.tmpfs_mode = TRY(parse_mode("tmpfs", setting->second));
    } else if (option == "ro" || option == "rw") {
      mount.read_only = option == "ro";
    } else if (option == "exec" || option == "noexec") {
      mount.executable = option == "exec";
    } else if (option == "suid" || option == "dev") {
      return bad_value("tmpfs", text,
                       quoted(option) +
                           " is not offered: a tmpfs of a container is "
                           "always nosuid and nodev");
    } else if (!option.empty() && option != "nosuid" && option != "nodev") {
      return bad_value(
          "tmpfs", text,
          "unknown option " + quoted(option) + "; size, mode, exec, noexec, ro and rw are known");
    }
  }
  return mount;
}

}  // namespace tare::cli
