// SPDX-License-Identifier: Apache-2.0
#include "image/changes.h"

#include <doctest/doctest.h>

namespace tare::image {
namespace {

using Words = std::vector<std::string>;

oci::ImageConfig changed(const Words& changes) {
  oci::ImageConfig config;
  const auto done = apply_changes(config, changes);
  if (!done) FAIL(done.error().message());
  return config;
}

// The hint.
std::string refused(const std::string& change) {
  oci::ImageConfig config;
  const auto done = apply_changes(config, {change});
  REQUIRE(!done);
  return done.error().hint();
}

TEST_CASE("changes: commands") {
  CHECK(changed({R"(CMD ["a", "b c"])"}).cmd == Words{"a", "b c"});
  CHECK(changed({"cmd echo $HOME"}).cmd == Words{"/bin/sh", "-c", "echo $HOME"});
  CHECK(changed({R"(ENTRYPOINT ["/x"])"}).entrypoint == Words{"/x"});
  CHECK(changed({"CMD [not json"}).cmd == Words{"/bin/sh", "-c", "[not json"});
}

TEST_CASE("changes: pairs") {
  CHECK(changed({R"(ENV A=1 B="two words" C=x\ y)", "ENV A=2"}).env ==
        Words{"A=2", "B=two words", "C=x y"});
  CHECK(changed({"ENV OLD a b  c"}).env == Words{"OLD=a b  c"});
  CHECK(changed({"LABEL x=1 y='2 3'"}).labels ==
        std::map<std::string, std::string>{{"x", "1"}, {"y", "2 3"}});
  refused("ENV A");
  refused("ENV A=1 B");
  refused("LABEL a='b");
}

TEST_CASE("changes: the rest") {
  CHECK(changed({"EXPOSE 80 53/udp", "EXPOSE 8000-8001"}).exposed_ports ==
        Words{"53/udp", "80/tcp", "8000/tcp", "8001/tcp"});
  CHECK(changed({"VOLUME /b /a", R"(VOLUME ["/c"])"}).volumes == Words{"/a", "/b", "/c"});
  CHECK(changed({"WORKDIR /a/b", "WORKDIR ../c"}).working_dir == "/a/c");
  CHECK(changed({"USER 1:2", "STOPSIGNAL SIGINT"}).user == "1:2");
  const auto health = changed({"HEALTHCHECK --interval=5s --retries=3 CMD curl -f x"}).healthcheck;
  CHECK(health.interval_ns == 5'000'000'000);
  CHECK(health.retries == 3);
  CHECK(health.test == Words{"CMD-SHELL", "curl -f x"});
  CHECK(changed({"HEALTHCHECK NONE"}).healthcheck.test == Words{"NONE"});
  refused("EXPOSE 0");
  refused("EXPOSE 70000");
  refused("EXPOSE 1-65535");
  refused("EXPOSE 80/icmp");
  refused("HEALTHCHECK --foo=1 CMD x");
  refused("HEALTHCHECK CMD");
  refused("CMD");
  CHECK(refused("ENTRYPIONT x") == "did you mean ENTRYPOINT?");
  refused("RUN x");
}

}  // namespace
}  // namespace tare::image
