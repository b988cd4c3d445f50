// SPDX-License-Identifier: Apache-2.0
// --progress=rawjson: one object a line, as docker buildx build writes them.
// [BuildKit, client/graph.go, SolveStatus]
#include <unistd.h>

#include "base/text.h"
#include "codec/json.h"
#include "codec/sha256.h"
#include "front/cli/build_view.h"
#include "sys/fd.h"

namespace tare::cli {
namespace {

class JsonView : public BuildView {
 public:
  void begins(const build::StepInfo& step, std::string_view why) override {
    Vertex& vertex = open(step);
    tell(vertex);
    if (!why.empty()) log(vertex.digest, "again, because " + std::string(why) + "\n");
  }
  void says(const build::StepInfo& step, std::string_view output) override {
    log(vertices_[step.number].digest, output);
  }
  void ends(const build::StepInfo& step) override { close(step.number); }
  void is_cached(const build::StepInfo& step) override {
    open(step).cached = true;
    close(step.number);
  }
  image::TransferProgress transfers() override {
    return [this](const image::TransferState& state) { show(state); };
  }
  void fails(const Error& error) override {
    for (auto& [number, vertex] : vertices_) {
      if (vertex.completed != 0) continue;
      vertex.error = error.message();
      close(number);
    }
    close_pulls();
  }
  void results(const std::vector<std::string>& lines) override {
    close_pulls();
    Vertex vertex = named("exporting to image");
    tell(vertex);
    for (const std::string& text : lines)
      status(vertex.digest, text, text, {.layer = "", .text = ""}, true);
    vertex.completed = now_ns();
    tell(vertex);
  }

 private:
  struct Vertex {
    std::string digest;
    std::string name;
    UnixNanos started = 0;
    UnixNanos completed = 0;
    bool cached = false;
    std::string error;
  };

  static Vertex named(const std::string& name) {
    return {.digest = codec::sha256(name).text(), .name = name, .started = now_ns(), .error = ""};
  }
  Vertex& open(const build::StepInfo& step) {
    Vertex& vertex = vertices_[step.number] = named(step.label);
    // The same instruction may come twice.
    vertex.digest = codec::sha256(std::to_string(step.number) + " " + step.label).text();
    return vertex;
  }
  void close(std::size_t number) {
    vertices_[number].completed = now_ns();
    tell(vertices_[number]);
  }
  void close_pulls() {
    if (pulls_.started == 0 || pulls_.completed != 0) return;
    pulls_.completed = now_ns();
    tell(pulls_);
  }

  static void write(const char* what, json::Value object) {
    json::Value line{json::Object()};
    line.set(what, json::Array()).push(std::move(object));
    (void)sys::write_all(STDERR_FILENO, json::print(line) + "\n");
  }
  static void tell(const Vertex& vertex) {
    json::Value object;
    object.set("digest", vertex.digest);
    object.set("name", vertex.name);
    object.set("started", rfc3339(vertex.started));
    if (vertex.completed != 0) object.set("completed", rfc3339(vertex.completed));
    if (vertex.cached) object.set("cached", true);
    if (!vertex.error.empty()) object.set("error", vertex.error);
    write("vertexes", std::move(object));
  }
  static void log(const std::string& digest, std::string_view bytes) {
    json::Value object;
    object.set("vertex", digest);
    object.set("stream", 1);
    object.set("data", to_base64(bytes));
    object.set("timestamp", rfc3339(now_ns()));
    write("logs", std::move(object));
  }
  static void status(const std::string& digest, const std::string& id, const std::string& name,
                     const image::TransferState& state, bool is_done) {
    const std::string now = rfc3339(now_ns());
    json::Value object;
    object.set("id", id);
    object.set("vertex", digest);
    object.set("name", name);
    if (state.total != 0) object.set("total", state.total);
    object.set("current", state.done);
    object.set("timestamp", now);
    object.set("started", now);
    if (is_done) object.set("completed", now);
    write("statuses", std::move(object));
  }
  void show(const image::TransferState& state) {
    if (pulls_.started == 0 || pulls_.completed != 0) {
      pulls_ = named("[internal] load images");
      tell(pulls_);
    }
    if (state.layer.empty()) return log(pulls_.digest, state.text + "\n");
    const bool is_done = state.text == "Pull complete" || state.text == "Already exists";
    status(pulls_.digest, state.layer, state.text, state, is_done);
  }

  std::map<std::size_t, Vertex> vertices_;
  Vertex pulls_;
};

}  // namespace

std::unique_ptr<BuildView> make_json_view() { return std::make_unique<JsonView>(); }

}  // namespace tare::cli
