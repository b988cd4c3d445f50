// SPDX-License-Identifier: Apache-2.0
#include "front/record/http_message.h"

#include <doctest/doctest.h>

#include "support/images.h"

using namespace tare;
using namespace tare::front_record;
using testing::must;

TEST_CASE("recorder: a request") {
  const RequestHead head = must(parse_request_head(
      "GET http://host/a?b HTTP/1.1\r\nHost: host\r\nX-One:  1 \r\nx-one: 2\r\n\r\n"));
  CHECK(head.method == "GET");
  CHECK(head.minor == 1);
  CHECK(head.header("x-one") == "2");
  CHECK(head.keeps_alive());
  CHECK(must(url_of(head, "")) == "http://host/a?b");
  CHECK_FALSE(url_of(head, "https://other"));
  CHECK_FALSE(must(framing_of(head)).has_body());
  CHECK_FALSE(must(parse_request_head("GET / HTTP/1.0\r\n\r\n")).keeps_alive());
  CHECK_FALSE(
      must(parse_request_head("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")).keeps_alive());
}

TEST_CASE("recorder: in a tunnel") {
  const RequestHead head = must(parse_request_head("GET /a HTTP/1.1\r\n\r\n"));
  CHECK(must(url_of(head, "https://host")) == "https://host/a");
  CHECK_FALSE(url_of(head, ""));
  CHECK(must(parse_host_port("Host.example:443")).text(443) == "host.example");
  CHECK(must(parse_host_port("[::1]:8443")).text(443) == "[::1]:8443");
  for (const char* text : {"host", "host:", "host:0", "host:70000", "a b:1", "a/b:1", ":1", "[]:1"})
    CHECK_FALSE(parse_host_port(text));
}

TEST_CASE("recorder: what could be read in two ways is refused") {
  for (const char* text :
       {"GET /\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/2\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.1\r\nA: b\001\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_request_head(text));
  }
  const auto framing = [](const std::string& headers) {
    return framing_of(must(parse_request_head("POST / HTTP/1.1\r\n" + headers + "\r\n")));
  };
  CHECK(must(framing("Content-Length: 12\r\n")).length == 12);
  CHECK(must(framing("Transfer-Encoding: chunked\r\n")).is_chunked);
  CHECK_FALSE(framing("Content-Length: 1\r\nContent-Length: 2\r\n"));
  CHECK_FALSE(framing("Content-Length: +1\r\n"));
  CHECK_FALSE(framing("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"));
  CHECK_FALSE(framing("Transfer-Encoding: gzip, chunked\r\n"));
  CHECK(must(parse_chunk_size("1F;x=y")) == 31);
  CHECK_FALSE(parse_chunk_size("0x1"));
  CHECK_FALSE(parse_chunk_size("fffffffffffffffff"));
}

TEST_CASE("recorder: nobody's name and password are noted") {
  CHECK(without_user("http://me:secret@host/a@b#c") == "http://host/a@b");
  CHECK(without_user("http://me@else@host?q=@") == "http://host?q=@");
  CHECK(without_user("http://host/a") == "http://host/a");
}
