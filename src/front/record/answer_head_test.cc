// SPDX-License-Identifier: Apache-2.0
#include "front/record/answer_head.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "support/images.h"

using namespace tare;
using namespace tare::front_record;
using testing::must;

namespace {

Result<ResponseHead> read(int status, const std::string& lines) {
  AnswerReader reader;
  for (const std::string& line : split(lines, '\n')) {
    const int of = line.starts_with("HTTP/1.1 1") ? 100 : status;
    if (TRY(reader.take(line + "\r\n", of))) return reader.head();
  }
  return fail(Kind::Invalid, "no end");
}

std::string all(const ResponseHead& head) {
  std::string text;
  for (const Header& header : head.headers) text += header.name + "=" + header.value + "|";
  return text;
}

std::string of(int status, const std::string& lines) { return all(must(read(status, lines))); }

}  // namespace

TEST_CASE("recorder: an answer has one length, and none beside a transfer coding") {
  CHECK(of(200, "HTTP/1.1 200 OK\nA: b\nContent-Length: 5\n\n") == "A=b|content-length=5|");
  CHECK(of(200, "HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n").empty());
  CHECK(of(200, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Length: 5\n\n").empty());
  CHECK(of(200, "HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 05, 5\n\n") ==
        "content-length=5|");
  for (const char* lines :
       {"HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n\n",
        "HTTP/1.1 200 OK\nContent-Length: 5, 6\n\n", "HTTP/1.1 200 OK\nContent-Length: +5\n\n",
        "HTTP/1.1 200 OK\nContent-Length: 5 5\n\n", "HTTP/1.1 200 OK\nContent-Length:\n\n",
        "HTTP/1.1 200 OK\nContent-Length: 1\n 0\n\n"}) {
    CAPTURE(lines);
    CHECK_FALSE(read(200, lines));
  }
  CHECK(of(204, "HTTP/1.1 204 -\nContent-Length: 5\n\n").empty());
}

TEST_CASE("recorder: of an answer only its own headers count") {
  AnswerReader reader;
  CHECK_FALSE(must(reader.take("HTTP/1.1 103 Early Hints\r\n", 103)));
  CHECK_FALSE(must(reader.take("Link: </style>\r\n", 103)));
  CHECK_FALSE(must(reader.take("\r\n", 103)));
  CHECK_FALSE(must(reader.take("HTTP/1.1 200 OK\r\n", 200)));
  CHECK_FALSE(must(reader.take("X: y\r\n", 200)));
  CHECK(must(reader.take("\r\n", 200)));
  // Trailers.
  CHECK_FALSE(must(reader.take("Content-Length: 7\r\n", 200)));
  CHECK_FALSE(must(reader.take("HTTP/1.1 302 Found\r\n", 200)));
  CHECK_FALSE(must(reader.take("\r\n", 200)));
  CHECK(all(reader.head()) == "X=y|");
  AnswerReader switches;
  CHECK_FALSE(must(switches.take("HTTP/1.1 101 Switching Protocols\r\n", 101)));
  CHECK_FALSE(must(switches.take("Upgrade: x\r\n", 101)));
  const auto refused = switches.take("\r\n", 101);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().contains("101"));
  CHECK(of(200, "HTTP/1.1 200 OK\nConnection: close, X-Own\nx-own: 1\nUpgrade: h2c\nY: 2\n\n") ==
        "Y=2|");
  CHECK(of(200, "HTTP/1.1 200 OK\nA: b\n\tc\n\n") == "A=b c|");
}

TEST_CASE("recorder: values of headers can be noted") {
  CHECK(of(200,
           "HTTP/1.1 200 OK\nA: gr\xfc\xdf"
           "e\nB: gr\xc3\xbc\xc3\x9f"
           "e\nC: \xe2\x82\n\n") ==
        "A=gr%FC%DFe|B=gr\xc3\xbc\xc3\x9f"
        "e|C=%E2%82|");
}

TEST_CASE("recorder: nobody's password is noted with an address") {
  const auto noted = [](const char* name, const char* value) {
    return noted_value({.name = name, .value = value});
  };
  CHECK(noted("Location", "https://me:secret@host/a@b#c") == "https://host/a@b#c");
  CHECK(noted("location", "//me:sec@ret@host?x=@") == "//host?x=@");
  CHECK(noted("location", "HTTP:/\\me:secret@host/") == "HTTP:/\\host/");
  CHECK(noted("location", "/a//b@c/d") == "/a//b@c/d");
  CHECK(noted("location", "a/b?c=http://x:y@z/") == "a/b?c=http://x:y@z/");
  CHECK(noted("location", "").empty());
  CHECK(noted("Link", "<https://me:secret@host/2>; rel=\"next\", <//you@host/9>; rel=last") ==
        "<https://host/2>; rel=\"next\", <//host/9>; rel=last");
  CHECK(noted("link", "<") == "<");
  CHECK(noted("etag", "<http://a@b>") == "<http://a@b>");
}
