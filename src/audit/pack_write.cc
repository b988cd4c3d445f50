// SPDX-License-Identifier: Apache-2.0
// The plan as a layer, and the plan as a table.
#include <algorithm>

#include "audit/host_tree.h"
#include "audit/pack.h"
#include "codec/tar.h"
#include "sys/fd.h"

namespace tare::audit {
namespace {

constexpr std::size_t kChunk = 256 << 10;

bool is_clean_absolute(std::string_view path) {
  if (!path.starts_with('/') || path == "/" || path.find('\0') != std::string_view::npos)
    return false;
  const std::vector<std::string> parts = split(path, '/');
  return std::none_of(parts.begin(), parts.end(),
                      [](const std::string& part) { return part == "." || part == ".."; });
}

// Without doubled slashes and slashes at the end.
std::string tidy(std::string_view path) {
  std::string out;
  for (const std::string& part : split(path, '/'))
    if (!part.empty()) out += "/" + part;
  return out;
}

tar::Entry entry_of(const PackedFile& file, UnixNanos mtime) {
  tar::Entry entry;
  entry.name = file.path.substr(1);
  entry.mode = file.mode;
  entry.mtime = mtime;
  switch (file.kind) {
    case PackedKind::File:
      entry.type = tar::Type::Regular;
      entry.size = file.size;
      break;
    case PackedKind::Symlink:
      entry.type = tar::Type::Symlink;
      entry.link = file.target;
      break;
    case PackedKind::Directory:
      entry.type = tar::Type::Directory;
      break;
  }
  return entry;
}

Result<> copy_content(const HostTree& tree, const PackedFile& file, tar::Writer& writer) {
  const sys::Fd fd = TRY(tree.open_file(file.source));
  std::string buffer(std::min<std::uint64_t>(kChunk, file.size + 1), '\0');
  std::uint64_t done = 0;
  for (;;) {
    const std::size_t count = TRY(sys::read_full(fd.get(), buffer.data(), buffer.size()));
    if (count > file.size - done || (count == 0 && done != file.size))
      return fail(Kind::Busy, quoted(file.source) + " changed while it was packed");
    if (count == 0) return {};
    TRY(writer.write_content(std::string_view(buffer).substr(0, count)));
    done += count;
  }
}

void pad_to(std::string& text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
}

}  // namespace

Result<When> parse_when(std::string_view text) {
  if (text == "auto") return When::Auto;
  if (text == "on" || text == "yes" || text == "true") return When::On;
  if (text == "off" || text == "no" || text == "false") return When::Off;
  return fail(Kind::Invalid, quoted(text) + " is none of auto, on, off");
}

Result<ExtraFile> ExtraFile::parse(std::string_view text) {
  ExtraFile extra;
  const auto parts = split_once(text, ':');
  const std::string_view source = parts ? parts->first : text;
  const std::string_view path = parts ? parts->second : source;
  for (const std::string_view part : {source, path})
    if (!is_clean_absolute(part))
      return fail(Kind::Invalid, quoted(part) + " in " + quoted(text) +
                                     " is not an absolute path of a file, without '..'");
  extra.source = tidy(source);
  if (parts) extra.path = tidy(path);
  return extra;
}

Result<> write_pack(const PackPlan& plan, codec::Sink& sink) {
  const HostTree tree = TRY(HostTree::open(plan.root));
  tar::Writer writer(sink);
  for (const PackedFile& file : plan.files) {
    TRY(writer.add(entry_of(file, plan.config.created)), "write " + quoted(file.path));
    if (file.kind != PackedKind::File) continue;
    if (file.source.empty())
      TRY(writer.write_content(file.content));
    else
      TRY(copy_content(tree, file, writer));
  }
  return writer.finish();
}

std::string explain(const PackPlan& plan) {
  struct Row {
    std::string path;
    std::string size;
    std::string package;
    std::string because;
  };
  std::vector<Row> rows{{"PATH", "SIZE", "PACKAGE", "WHY"}};
  std::size_t files = 0;
  for (const PackedFile& file : plan.files) {
    if (file.because.empty()) continue;  // Only there to hold others.
    Row row{escaped(file.path), "-", escaped(file.package), escaped(file.because)};
    if (file.kind == PackedKind::Symlink) row.path += " -> " + escaped(file.target);
    if (file.kind == PackedKind::Directory) row.path += "/";
    if (file.kind == PackedKind::File) {
      row.size = human_size(file.size);
      ++files;
    }
    if (row.package.empty()) row.package = "-";
    rows.push_back(std::move(row));
  }
  std::size_t width[3] = {0, 0, 0};
  for (const Row& row : rows) {
    width[0] = std::max(width[0], row.path.size());
    width[1] = std::max(width[1], row.size.size());
    width[2] = std::max(width[2], row.package.size());
  }
  std::string out;
  for (Row& row : rows) {
    pad_to(row.path, width[0] + 2);
    pad_to(row.size, width[1] + 2);
    pad_to(row.package, width[2] + 2);
    out += row.path + row.size + row.package + row.because + "\n";
  }
  for (const std::string& warning : plan.warnings) out += "Note: " + warning + "\n";
  out += human_size(plan.size) + " in " + std::to_string(files) + " files from " +
         std::to_string(plan.packages.size()) + " packages\n";
  return out;
}

}  // namespace tare::audit
