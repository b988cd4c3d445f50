// SPDX-License-Identifier: Apache-2.0
#include "build/parser.h"

#include <doctest/doctest.h>

#include "build/mount.h"

using namespace tare;
using namespace tare::build;

namespace {

Result<Instruction> parse_one(const std::string& text) {
  const Dockerfile file = TRY(parse_dockerfile("D", text));
  if (file.instructions.size() != 1) return fail(Kind::Internal, "not one instruction");
  return file.instructions[0];
}

// The first line of the error and its hint.
std::string refused(const std::string& text) {
  const auto file = parse_dockerfile("D", text);
  if (file) return "accepted";
  const std::string message = file.error().message();
  return message.substr(0, message.find('\n')) +
         (file.error().hint().empty() ? "" : " | " + file.error().hint());
}

std::string mount_refused(const std::string& text) {
  const auto mount = parse_mount(text, no_variables, '\\');
  return mount ? "accepted" : mount.error().message();
}

}  // namespace

TEST_CASE("parser: FROM") {
  const auto instruction = parse_one("# app what it is\nFROM --platform=$P img:1 as App");
  REQUIRE(instruction.has_value());
  const From& from = *instruction->as<From>();
  CHECK(from.image.text == "img:1");
  CHECK(from.image.range == Range{{2, 20}, {2, 25}});
  CHECK(from.platform->text == "$P");
  CHECK(from.name->text == "app");
  CHECK(from.written_name == "App");
  CHECK(from.as == "as");
  CHECK(from.description == "what it is");
  CHECK(instruction->range == Range{{2, 1}, {2, 32}});
}

TEST_CASE("parser: RUN") {
  const auto instruction = parse_one(
      "run --mount=type=bind,from=b,target=/x --mount=type=tmpfs,target=/t --network=none "
      "--security=insecure --device=vendor.com/x=all,required --device=b make \\\n  all");
  REQUIRE(instruction.has_value());
  const Run& run = *instruction->as<Run>();
  CHECK(instruction->keyword == "run");
  CHECK(run.mounts.size() == 2);
  CHECK(run.mounts_from == std::vector<std::string>{"b", ""});
  CHECK(run.network == RunNetwork::None);
  CHECK(run.security == Security::Insecure);
  REQUIRE(run.devices.size() == 2);
  CHECK(run.devices[0].name == "vendor.com/x=all");
  CHECK(run.devices[0].required);
  CHECK_FALSE(run.devices[1].required);
  CHECK_FALSE(run.command.json);
  CHECK(run.command.words == std::vector<std::string>{"make   all"});
}

TEST_CASE("parser: COPY and ADD") {
  const auto instruction = parse_one(
      "COPY --from=b --chown=1:2 --chmod=u+x --link --parents --exclude=*.o --exclude=*.a a b /c/");
  REQUIRE(instruction.has_value());
  const Copy& copy = *instruction->as<Copy>();
  CHECK(copy.from->text == "b");
  CHECK(copy.parents);
  CHECK(copy.files.link);
  CHECK(copy.files.chown.text == "1:2");
  CHECK(copy.files.chmod.text == "u+x");
  CHECK(copy.files.excludes.size() == 2);
  CHECK(copy.files.paths.size() == 2);
  CHECK(copy.files.destination.text == "/c/");
  const auto json = parse_one(R"(COPY ["a b", "c"])");
  CHECK(json->as<Copy>()->files.paths[0].text == "a b");
  const auto add = parse_one("ADD --unpack=false --keep-git-dir --checksum=sha256:0 u /d");
  REQUIRE(add.has_value());
  CHECK(add->as<Add>()->unpack == false);
  CHECK(add->as<Add>()->keep_git_dir == true);
  CHECK(add->as<Add>()->checksum.text == "sha256:0");
  CHECK_FALSE(parse_one("ADD a b")->as<Add>()->unpack.has_value());
}

TEST_CASE("parser: the others") {
  const auto env = parse_one("ENV a=1 \"b c\"='d e'");
  REQUIRE(env.has_value());
  const auto& pairs = env->as<Env>()->variables;
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[1].key.text == "\"b c\"");
  CHECK(pairs[1].value.text == "'d e'");
  CHECK(pairs[1].value.range == Range{{1, 15}, {1, 20}});
  CHECK(parse_one("ENV a b  c")->as<Env>()->variables[0].value.text == "b  c");
  CHECK(parse_one("ENV a b")->as<Env>()->variables[0].legacy);
  const auto arg = parse_one("# b of use\nARG a b=2");
  CHECK_FALSE(arg->as<Arg>()->arguments[0].value.has_value());
  CHECK(arg->as<Arg>()->arguments[1].value->text == "2");
  CHECK(arg->as<Arg>()->arguments[1].description == "of use");
  const auto check = parse_one("HEALTHCHECK --interval=1m30s --retries=4 CMD [\"a\"]");
  CHECK(check->as<HealthcheckOptions>()->interval == std::chrono::seconds(90));
  CHECK(check->as<HealthcheckOptions>()->retries == 4);
  CHECK(check->as<HealthcheckOptions>()->command.json);
  CHECK(parse_one("HEALTHCHECK none")->as<HealthcheckOptions>()->none);
  CHECK(parse_one("ONBUILD RUN <<E\nx\nE\n")->as<OnBuild>()->trigger == "RUN <<E\nx\nE");
  CHECK(parse_one("EXPOSE 90 80")->as<Expose>()->ports[0].text == "80");
  CHECK(parse_one("VOLUME [\"/a b\"]")->as<Volume>()->paths[0].text == "/a b");
  CHECK(parse_one("CMD")->as<Cmd>()->command.words.empty());
  CHECK(parse_one("UNSET VOLUME /a /b")->as<Unset>()->names.size() == 2);
  CHECK(parse_one("PKG deb: make gcc")->as<Package>()->names.size() == 2);
  CHECK(parse_one("COPY --optional --mtime=0 a b")->as<Copy>()->optional);
}

TEST_CASE("parser: errors have a place and a remedy") {
  const std::pair<const char*, const char*> cases[] = {
      {"FORM x", "D:1:1: 'FORM' is no instruction | is FROM meant?"},
      {"FROM x\n  && y",
       "D:2:3: '&&' is no instruction | if it goes on from the line above, "
       "that line wants a '\\' at its end"},
      {"FROM", "D:1:1: FROM has no arguments | write FROM IMAGE or FROM IMAGE AS NAME"},
      {"FROM a b", "D:1:8: FROM takes an image, and AS and a name if anything | write FROM a AS b"},
      {"FROM a AS 1b",
       "D:1:11: '1b' cannot be the name of a stage | start with a letter and use "
       "letters, digits, '-', '_' and '.'"},
      {"FROM --platfrom=x a", "D:1:6: '--platfrom' is no flag of FROM | is --platform meant?"},
      {"CMD --x", "D:1:5: '--x' is no flag of CMD | write CMD -- --x if it is an argument"},
      {"COPY --link=maybe a b", "D:1:6: '--link' is either true or false, not 'maybe'"},
      {"COPY --chown a b", "D:1:6: '--chown' wants a value | write --chown=VALUE"},
      {"COPY --from=a --from=b a b", "D:1:15: '--from' is given twice"},
      {"COPY a", "D:1:6: COPY has no destination | write COPY SOURCE DESTINATION"},
      {"COPY a <<E\nx\nE", "D:1:8: a heredoc cannot be the destination"},
      {"ENV a", "D:1:5: ENV gives 'a' no value | write ENV a=VALUE"},
      {"ENV a=1 b",
       "D:1:9: 'b' has no '=' and so no value | put the value before it into quotes "
       "if it goes on here"},
      {"CMD [1]", "D:1:5: the JSON form is a list of strings, and '1' is none"},
      {"SHELL x",
       "D:1:7: SHELL takes a JSON list of strings | write SHELL [\"/bin/bash\", "
       "\"-c\"], with double quotes"},
      {"HEALTHCHECK curl x",
       "D:1:13: HEALTHCHECK is followed by CMD or NONE, not 'curl' | write "
       "HEALTHCHECK CMD curl x"},
      {"HEALTHCHECK --interval=5 CMD x",
       "D:1:13: '5' is no time span | write it like 30s or 1m30s"},
      {"ONBUILD FROM x", "D:1:9: 'FROM' cannot be a trigger"},
      {"ONBUILD RNU x", "D:1:9: 'RNU' is no instruction | is RUN meant?"},
      {"RUN --network=bridge x", "D:1:5: --network is default, none or host, not 'bridge'"},
      {"RUN --mount=type=bind,from=$X x",
       "D:1:5: 'from' of a mount has a variable, and stages are known before any | give the image "
       "a name with FROM $X AS NAME, and use that name"},
      {"RUN <<A <<B\nA\nx", "D:1:5: the heredoc has no line 'B' that ends it"},
      {"RUN\xc2\xa0x",
       "D:1:1: 'RUN\xc2\xa0x' is no instruction | it has characters that are no "
       "ASCII letters, perhaps a space that is not an ordinary one"},
      {"UNSET CMD x", "D:1:7: UNSET is for ENV, LABEL, EXPOSE and VOLUME"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    CHECK(refused(text) == message);
  }
}

TEST_CASE("parser: the place is marked, tabs and long lines included") {
  const auto file = parse_dockerfile("D", "FROM x\nCOPY\t--bad  \\\n  a b\n");
  CHECK(file.error().message() ==
        "D:2:6: '--bad' is no flag of COPY\n"
        "2 | COPY\\t--bad  \\\n"
        "  |       ^^^^^");
  const auto long_line =
      parse_dockerfile("D", "ENV " + std::string(300, 'a') + "=1 b " + std::string(300, 'c'));
  CHECK(long_line.error().message() == "D:1:308: 'b' has no '=' and so no value\n1 | ..." +
                                           std::string(77, 'a') + "=1 b " + std::string(58, 'c') +
                                           "...\n  | " + std::string(83, ' ') + "^");
}

TEST_CASE("parser: mounts") {
  const Lookup lookup = [](std::string_view name) -> std::optional<std::string> {
    return name == "id" ? std::optional<std::string>("a,b") : std::nullopt;
  };
  const auto cache =
      parse_mount("type=cache,id=$id,target=/c,sharing=Locked,mode=0700,uid=5", lookup, '\\');
  REQUIRE(cache.has_value());
  CHECK(cache->type == Mount::Type::Cache);
  CHECK(cache->id == "a,b");
  CHECK(cache->sharing == Mount::Sharing::Locked);
  CHECK(cache->mode == 0700U);
  CHECK(cache->uid == 5U);
  CHECK_FALSE(cache->read_only);
  CHECK(parse_mount("target=/a", no_variables, '\\')->read_only);
  CHECK_FALSE(parse_mount("target=/a,rw", no_variables, '\\')->read_only);
  CHECK_FALSE(parse_mount("target=/a,ro=false", no_variables, '\\')->read_only);
  CHECK(parse_mount("type=tmpfs,target=/a,size=1k", no_variables, '\\')->size_bytes == 1024);
  CHECK(parse_mount("\"target=/a,b\"", no_variables, '\\')->target == "/a,b");
  const auto secret = parse_mount("type=secret,id=x/y,required", no_variables, '\\');
  CHECK(secret->required);
  CHECK(secret_id(*secret) == "x/y");
  CHECK(secret_target(*secret) == "/run/secrets/y");
  const auto variable = parse_mount("type=secret,id=t,env=TOKEN", no_variables, '\\');
  CHECK(variable->env == "TOKEN");
  CHECK(secret_target(*variable).empty());
  CHECK(secret_id(*parse_mount("type=secret,target=/a/b", no_variables, '\\')) == "b");
  const std::pair<const char*, const char*> cases[] = {
      {"type=foo", "'type' is bind, cache, tmpfs, secret, ssh, not 'foo'"},
      {"tagret=/x", "a mount has no 'tagret'"},
      {"target", "'target' of a mount wants a value"},
      {"type=bind,size=1", "a mount of type bind has no 'size'"},
      {"type=bind,required", "a mount of type bind has no 'required'"},
      {"type=bind,mode=1", "a mount of type bind has no 'mode'"},
      {"type=ssh,sharing=shared", "a mount of type ssh has no 'sharing'"},
      {"type=secret", "a secret needs 'id' or 'target'"},
      {"type=cache,mode=9", "'mode' is an octal number, not '9'"},
      {"type=cache,uid=-1", "'uid' is a number, not '-1'"},
      {"ro=maybe", "'ro' is true or false, not 'maybe'"},
      {"a\"b", "there is a double quote within a field"},
      {"\"a", "there is no double quote to the end"},
      {"\"a\"b", "there is text behind a closing double quote"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    CHECK(mount_refused(text) == message);
  }
}
