// SPDX-License-Identifier: Apache-2.0
// Rows of values to text: Docker's tables, and --format.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "front/cli/context.h"
#include "front/cli/template.h"

namespace tare::cli {

// Columns of text, each as wide as its widest cell and `gap` spaces, at least `minimum`; the last
// one is not padded. Control characters of cells are escaped. [observed: docker ps, docker top]
std::string render_table(const std::vector<std::vector<std::string>>& rows,
                         std::size_t minimum = 10, std::size_t gap = 3);

// One thing to list: its fields as {{json .}} shows them, and what only templates can ask for.
struct Row {
  json::Value fields;
  json::Value methods;
};
// Field name to column title; the order is that of the default table.
using Columns = std::vector<std::pair<std::string_view, std::string_view>>;

// --format of a listing: "" and "table" print `columns`; "json" a line of JSON a row; "table ..."
// and templates as Docker does. `titles` has the titles of all fields. Errors: Invalid (template).
Result<std::string> render_rows(const std::vector<Row>& rows, const std::string& format,
                                const Columns& columns, const Columns& titles);

// --format of inspect, version and info on each of `values`: a template's text and a newline each.
Result<std::string> render_values(const std::vector<json::Value>& values,
                                  const std::string& format);

// A template that was written for values of Go's structures, on one of them (Template::Manner).
Result<std::string> render_go_value(const Row& value, const std::string& format);

// At most `count` characters, the last one an ellipsis when something was cut.
std::string ellipsis(std::string_view text, std::size_t count);
// The number of characters that a terminal shows for UTF-8 text.
std::size_t display_width(std::string_view text);
// A full reference of an image as Docker shows it: "busybox:latest".
std::string familiar(const std::string& name);
// "5 minutes ago"; "N/A" for zero.
std::string ago(UnixNanos when, UnixNanos now);
// "2026-11-24 05:52:18 +0000 UTC", as Docker's CreatedAt.
std::string created_at(UnixNanos when);
// "Up 5 minutes", "Exited (0) 3 seconds ago", "Created".
std::string status_text(const engine::Container& container, UnixNanos now);
std::string_view state_text(const engine::Container& container);  // "running", "paused"...
// --filter KEY=VALUE. Errors: Invalid, with the known keys.
Result<std::vector<std::pair<std::string, std::string>>> parse_filters(
    const std::vector<std::string>& texts, const std::vector<std::string>& known);

}  // namespace tare::cli
