// SPDX-License-Identifier: Apache-2.0
// What is read can be evaluated, or is refused with a place; a value can be printed and read again.
#include "codec/hcl.h"

#include "codec/hcl_evaluate.h"
#include "fuzz/fuzz.h"

using namespace tare;

namespace {

// Every attribute by its name, and functions of blocks "function".
class Names final : public hcl::Scope {
 public:
  explicit Names(const hcl::Body& body) : body_(body) {
    for (const hcl::Block& block : body.blocks) {
      const hcl::Attribute* result = block.body.find("result");
      if (block.type != "function" || block.labels.empty() || result == nullptr) continue;
      functions_[block.labels[0]] = {{"x"}, "rest", &result->value};
    }
  }
  Result<std::optional<Found>> find(std::span<const std::string> path) override {
    const hcl::Attribute* attribute = body_.find(path[0]);
    if (attribute == nullptr) return std::nullopt;
    json::Value value = TRY(hcl::evaluate(attribute->value, *this, computing));
    return Found{std::move(value), 1};
  }
  const hcl::Function* function(const std::string& name) override {
    const auto found = functions_.find(name);
    return found == functions_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> names() const override { return {}; }

  hcl::Computing computing;

 private:
  const hcl::Body& body_;
  std::map<std::string, hcl::Function> functions_;
};

void evaluate_all(const hcl::Body& body, Names& names) {
  for (const hcl::Attribute& attribute : body.attributes) {
    const auto value = hcl::evaluate(attribute.value, names, names.computing);
    if (value) (void)json::print(*value);
    (void)hcl::read_type(attribute.value);
  }
  for (const hcl::Block& block : body.blocks) evaluate_all(block.body, names);
}

}  // namespace

TARE_FUZZER(hcl) {
  const auto body = hcl::parse("f", bytes);
  if (body) {
    Names names(*body);
    evaluate_all(*body, names);
  } else {
    FUZZ_CHECK(body.error().kind() == Kind::Invalid);
    FUZZ_CHECK(body.error().message().starts_with("f:"));
  }
  const auto expression = hcl::parse_json("f", bytes);
  if (!expression) return;
  const hcl::Body empty;
  Names names(empty);
  (void)hcl::evaluate(*expression, names, names.computing);
}
