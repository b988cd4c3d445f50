// SPDX-License-Identifier: Apache-2.0
#include "front/cli/render.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::cli;

namespace {

const Columns kColumns = {{"ID", "CONTAINER ID"}, {"Names", "NAMES"}};

Row row(std::string id, std::string name) {
  Row made;
  made.fields.set("ID", std::move(id));
  made.fields.set("Names", std::move(name));
  json::Value labels;
  labels.set("x", "y");
  made.methods.set("Label", std::move(labels));
  return made;
}

}  // namespace

TEST_CASE("columns are as wide as their widest cell and three spaces, at least ten") {
  CHECK(render_table({{"A", "B", "C"}, {"1", "a long cell", ""}}) ==
        "A         B             C\n"
        "1         a long cell   \n");
  CHECK(render_table({{"ä…", "x"}}) == "ä…        x\n");
  CHECK(render_table({{"a\x1b[31m", "x\n"}}) == "a\\x1b[31m   x\\n\n");
}

TEST_CASE("formats of listings") {
  const std::vector<Row> rows = {row("1", "a"), row("2", "b")};
  CHECK(*render_rows(rows, "", kColumns, kColumns) ==
        "CONTAINER ID   NAMES\n1              a\n2              b\n");
  CHECK(*render_rows(rows, "table", kColumns, kColumns) ==
        *render_rows(rows, "", kColumns, kColumns));
  CHECK(*render_rows(rows, "json", kColumns, kColumns) ==
        "{\"ID\":\"1\",\"Names\":\"a\"}\n{\"ID\":\"2\",\"Names\":\"b\"}\n");
  CHECK(*render_rows(rows, "{{.Names}}\\t{{.ID}}", kColumns, kColumns) == "a\t1\nb\t2\n");
  CHECK(*render_rows(rows, "table {{.Names}}\\t{{.ID}}", kColumns, kColumns) ==
        "NAMES     CONTAINER ID\na         1\nb         2\n");
  CHECK(*render_rows(rows, "{{.Label \"x\"}}", kColumns, kColumns) == "y\ny\n");
  CHECK(*render_rows({}, "", kColumns, kColumns) == "CONTAINER ID   NAMES\n");
  CHECK_FALSE(render_rows(rows, "{{.Nmaes}}", kColumns, kColumns));
}

TEST_CASE("texts are cut by characters") {
  CHECK(ellipsis("short", 20) == "short");
  CHECK(ellipsis("\"ls -la /some/where/far\"", 10) == "\"ls -la /…");
  CHECK(ellipsis("äöüäöü", 4) == "äöü…");
}

TEST_CASE("status in words") {
  engine::Container container;
  constexpr UnixNanos kSecond = 1'000'000'000;
  CHECK(status_text(container, 100 * kSecond) == "Created");
  container.status = engine::Status::Running;
  container.started_at = 100 * kSecond;
  CHECK(status_text(container, (100 + 300) * kSecond) == "Up 5 minutes");
  container.status = engine::Status::Exited;
  container.exit_code = 137;
  container.finished_at = 397 * kSecond;
  CHECK(status_text(container, 400 * kSecond) == "Exited (137) 3 seconds ago");
}

TEST_CASE("filters are keys and values") {
  const std::vector<std::string> known = {"name", "label"};
  const auto filters = parse_filters({"name=x", "label=a=b"}, known);
  REQUIRE(filters);
  CHECK((*filters)[1] == std::pair<std::string, std::string>("label", "a=b"));
  CHECK(parse_filters({"nmae=x"}, known).error().hint() == "did you mean name?");
  CHECK_FALSE(parse_filters({"name"}, known));
}
