// SPDX-License-Identifier: Apache-2.0
#include "front/cli/bake_file.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace tare::cli {
namespace {

constexpr std::string_view kBlocks[] = {"function", "group", "target", "variable"};

Result<hcl::Body> body_of(hcl::Expression object);

// Blocks without names: an object, or a list of such.
Result<> add_blocks(hcl::Body& into, const std::string& type, hcl::Expression value) {
  if (value.node == hcl::Node::List) {
    for (hcl::Expression& each : value.parts) TRY(add_blocks(into, type, std::move(each)));
    return {};
  }
  const hcl::Place place = value.place;
  hcl::Body body = TRY(body_of(std::move(value)));
  into.blocks.push_back({type, {}, place, std::move(body)});
  return {};
}

Result<std::string> name_in(const hcl::Expression& key) {
  if (key.node != hcl::Node::Literal)
    return hcl::wrong(key.place, "what is named here has no ${} in its name");
  return key.value.as_string();
}

Result<hcl::Body> body_of(hcl::Expression object) {
  if (object.node != hcl::Node::Object) return hcl::wrong(object.place, "an object is needed here");
  hcl::Body body;
  for (std::size_t i = 0; i + 1 < object.parts.size(); i += 2) {
    std::string name = TRY(name_in(object.parts[i]));
    hcl::Expression& value = object.parts[i + 1];
    if (name == "//") continue;  // A comment. [HCL JSON syntax specification, "Bodies"]
    if (name == "validation")
      TRY(add_blocks(body, name, std::move(value)));
    else
      body.attributes.push_back({std::move(name), object.parts[i].place, std::move(value)});
  }
  return body;
}

// The members of `value` are blocks, each with its name.
Result<> add_named(hcl::Body& into, const std::string& type, hcl::Expression value) {
  if (value.node == hcl::Node::List) {
    for (hcl::Expression& each : value.parts) TRY(add_named(into, type, std::move(each)));
    return {};
  }
  if (value.node != hcl::Node::Object) return hcl::wrong(value.place, "an object is needed here");
  for (std::size_t i = 0; i + 1 < value.parts.size(); i += 2) {
    std::string name = TRY(name_in(value.parts[i]));
    const hcl::Place place = value.parts[i].place;
    // Several with the same name may be in a list.
    std::vector<hcl::Expression> same;
    if (value.parts[i + 1].node == hcl::Node::List)
      same = std::move(value.parts[i + 1].parts);
    else
      same.push_back(std::move(value.parts[i + 1]));
    for (hcl::Expression& each : same) {
      hcl::Body body = TRY(body_of(std::move(each)));
      into.blocks.push_back({type, {name}, place, std::move(body)});
    }
  }
  return {};
}

Result<hcl::Body> parse_json(const BakeText& text) {
  hcl::Expression object = TRY(hcl::parse_json(text.name, text.text));
  if (object.node != hcl::Node::Object)
    return hcl::wrong(object.place, "the file of JSON is no object");
  hcl::Body body;
  for (std::size_t i = 0; i + 1 < object.parts.size(); i += 2) {
    std::string name = TRY(name_in(object.parts[i]));
    hcl::Expression& value = object.parts[i + 1];
    if (std::ranges::find(kBlocks, name) != std::end(kBlocks))
      TRY(add_named(body, name, std::move(value)));
    else if (name != "//")
      body.attributes.push_back({std::move(name), object.parts[i].place, std::move(value)});
  }
  return body;
}

Result<hcl::Body> parse_text(const BakeText& text) {
  if (text.name.ends_with(".yml") || text.name.ends_with(".yaml"))
    return std::unexpected(
        Error(Kind::Unsupported, quoted(text.name) + ": compose files are not read")
            .hint("'docker buildx bake --print' writes JSON of them"));
  const bool is_json = text.name.ends_with(".json") ||
                       (!text.name.ends_with(".hcl") && trim(text.text).starts_with('{'));
  return is_json ? parse_json(text) : hcl::parse(text.name, text.text);
}

}  // namespace

Result<hcl::Body> parse_bake(const std::vector<BakeText>& texts) {
  hcl::Body all;
  for (const BakeText& text : texts) {
    hcl::Body body = TRY(parse_text(text));
    std::ranges::move(body.attributes, std::back_inserter(all.attributes));
    std::ranges::move(body.blocks, std::back_inserter(all.blocks));
  }
  return all;
}

}  // namespace tare::cli
