// SPDX-License-Identifier: Apache-2.0
// Functions of texts. Letters whose case changes are those of ASCII.
#include <openssl/evp.h>

#include <algorithm>

#include "base/path.h"
#include "base/text.h"
#include "codec/hcl_functions.h"
#include "codec/hcl_values.h"
#include "codec/utf8.h"

namespace tare::hcl {
namespace {

using Made = Result<json::Value>;

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// Where each character begins, and the end.
std::vector<std::size_t> characters(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t at = 0; at < text.size();
       at += std::max<std::size_t>(codec::utf8_length(text, at), 1))
    starts.push_back(at);
  starts.push_back(text.size());
  return starts;
}

Made digest(const char* name, const std::string& text) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  std::size_t size = 0;
  if (EVP_Q_digest(nullptr, name, nullptr, text.data(), text.size(), bytes, &size) != 1)
    return fail(Kind::Unsupported, "this machine's OpenSSL does not compute it");
  return json::Value(to_hex({reinterpret_cast<const char*>(bytes), size}));
}

Made replace(Values& values, Computing&) {
  const std::string& text = values[0].as_string();
  const std::string& what = values[1].as_string();
  std::string made;
  std::size_t at = 0;
  // Before each character where `what` is empty.
  if (what.empty()) {
    const auto starts = characters(text);
    for (std::size_t i = 0; i < starts.size(); ++i) {
      TRY(append(made, values[2].as_string()));
      if (i + 1 < starts.size())
        TRY(append(made, std::string_view(text).substr(starts[i], starts[i + 1] - starts[i])));
    }
    return json::Value(std::move(made));
  }
  for (;;) {
    const std::size_t found = text.find(what, at);
    TRY(append(made, std::string_view(text).substr(at, found - at)));
    if (found == std::string::npos) return json::Value(std::move(made));
    TRY(append(made, values[2].as_string()));
    at = found + what.size();
  }
}

Made split_text(Values& values, Computing&) {
  const std::string& separator = values[0].as_string();
  const std::string& text = values[1].as_string();
  json::Array made;
  if (text.empty()) return json::Value(json::Array{json::Value("")});
  if (separator.empty()) {
    const auto starts = characters(text);
    for (std::size_t i = 0; i + 1 < starts.size(); ++i)
      made.emplace_back(text.substr(starts[i], starts[i + 1] - starts[i]));
    return json::Value(std::move(made));
  }
  std::size_t at = 0;
  for (;;) {
    const std::size_t found = text.find(separator, at);
    made.emplace_back(text.substr(at, found - at));
    if (found == std::string::npos) return json::Value(std::move(made));
    at = found + separator.size();
  }
}

// Separator, and lists of texts.
Made join_texts(Values& values, Computing&) {
  std::string made;
  bool is_first = true;
  for (std::size_t i = 1; i < values.size(); ++i)
    for (const json::Value& each : values[i].as_array()) {
      if (!std::exchange(is_first, false)) TRY(append(made, values[0].as_string()));
      const std::string text = TRY(text_of(each));
      TRY(append(made, text));
    }
  return json::Value(std::move(made));
}

// A negative offset counts from the end, a negative length is up to it.
Made part_of_text(Values& values, Computing&) {
  const std::string& text = values[0].as_string();
  const auto starts = characters(text);
  const auto count = static_cast<std::int64_t>(starts.size() - 1);
  std::int64_t offset = values[1].as_int();
  if (offset < 0) offset = std::max<std::int64_t>(offset + count, 0);
  offset = std::min(offset, count);
  const std::int64_t wanted = values[2].as_int();
  const std::int64_t end = wanted < 0 || wanted > count - offset ? count : offset + wanted;
  const std::size_t begin = starts[static_cast<std::size_t>(offset)];
  return json::Value(text.substr(begin, starts[static_cast<std::size_t>(end)] - begin));
}

Made trim_set(Values& values, Computing&) {
  const std::string& text = values[0].as_string();
  const auto starts = characters(text);
  const auto is_in_set = [&](std::size_t i) {
    return values[1].as_string().find(std::string_view(text).substr(
               starts[i], starts[i + 1] - starts[i])) != std::string::npos;
  };
  std::size_t begin = 0;
  std::size_t end = starts.size() - 1;
  while (begin < end && is_in_set(begin)) ++begin;
  while (end > begin && is_in_set(end - 1)) --end;
  return json::Value(text.substr(starts[begin], starts[end] - starts[begin]));
}

Made indent(Values& values, Computing&) {
  const std::int64_t spaces = values[0].as_int();
  if (spaces < 0 || spaces > 1024) return fail(Kind::Invalid, "it indents by 0 to 1024");
  std::string made;
  for (const char c : values[1].as_string()) {
    TRY(append(made, std::string_view(&c, 1)));
    if (c == '\n') TRY(append(made, std::string(static_cast<std::size_t>(spaces), ' ')));
  }
  return json::Value(std::move(made));
}

Made title(Values& values, Computing&) {
  std::string text = values[0].as_string();
  bool begins = true;
  for (char& c : text) {
    if (begins) c = upper(std::string(1, c))[0];
    begins = c == ' ' || c == '\t' || c == '\n';
  }
  return json::Value(std::move(text));
}

Made reverse_text(Values& values, Computing&) {
  const std::string& text = values[0].as_string();
  const auto starts = characters(text);
  std::string made;
  for (std::size_t i = starts.size() - 1; i-- > 0;)
    made += text.substr(starts[i], starts[i + 1] - starts[i]);
  return json::Value(std::move(made));
}

// For names of targets.
Made sanitize(Values& values, Computing&) {
  const std::string& text = values[0].as_string();
  const auto starts = characters(text);
  std::string made;
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    const char c = text[starts[i]];
    const bool stays = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    made += stays ? c : '_';
  }
  return json::Value(std::move(made));
}

// [Go's path.Base and path.Dir]
std::string base_name(std::string path) {
  if (path.empty()) return ".";
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path == "/" ? path : path.substr(path.rfind('/') + 1);
}

std::string directory_name(const std::string& path) {
  return clean_path(path.substr(0, path.rfind('/') + 1));
}

// [Go's net/url.QueryEscape]
std::string url_encoded(const std::string& text) {
  std::string made;
  for (const char c : text) {
    const bool stays = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || c == '.' || c == '~';
    if (stays)
      made += c;
    else if (c == ' ')
      made += '+';
    else
      made += "%" + upper(to_hex({&c, 1}));
  }
  return made;
}

std::string without_ends(std::string text, std::string_view set) {
  text.erase(text.find_last_not_of(set) + 1);
  return text;
}

constexpr Builtin kTexts[] = {
    {"base64decode", "s",
     [](Values& v, Computing&) -> Made {
       std::string text = TRY(from_base64(v[0].as_string()));
       if (!codec::is_utf8(text)) return fail(Kind::Invalid, "what it decodes is no text");
       return json::Value(std::move(text));
     }},
    {"base64encode", "s",
     [](Values& v, Computing&) -> Made { return json::Value(to_base64(v[0].as_string())); }},
    {"basename", "s",
     [](Values& v, Computing&) -> Made { return json::Value(base_name(v[0].as_string())); }},
    {"chomp", "s",
     [](Values& v, Computing&) -> Made {
       return json::Value(without_ends(v[0].as_string(), "\r\n"));
     }},
    {"dirname", "s",
     [](Values& v, Computing&) -> Made { return json::Value(directory_name(v[0].as_string())); }},
    {"format", "sa*",
     [](Values& v, Computing&) -> Made {
       std::string text = TRY(format_values(v[0].as_string(), std::span(v).subspan(1)));
       return json::Value(std::move(text));
     }},
    {"homedir", "",
     [](Values&, Computing& computing) -> Made { return json::Value(computing.home); }},
    {"indent", "is", indent},
    {"join", "sl*", join_texts},
    {"jsondecode", "s",
     [](Values& v, Computing&) -> Made { return json::parse(v[0].as_string()); }},
    {"jsonencode", "a",
     [](Values& v, Computing&) -> Made { return json::Value(json::print(v[0])); }},
    {"lower", "s",
     [](Values& v, Computing&) -> Made { return json::Value(lower(v[0].as_string())); }},
    {"md5", "s", [](Values& v, Computing&) -> Made { return digest("MD5", v[0].as_string()); }},
    {"replace", "sss", replace},
    {"reverse", "s", reverse_text},
    {"sanitize", "s", sanitize},
    {"sha1", "s", [](Values& v, Computing&) -> Made { return digest("SHA1", v[0].as_string()); }},
    {"sha256", "s",
     [](Values& v, Computing&) -> Made { return digest("SHA256", v[0].as_string()); }},
    {"sha512", "s",
     [](Values& v, Computing&) -> Made { return digest("SHA512", v[0].as_string()); }},
    {"split", "ss", split_text},
    {"strlen", "s",
     [](Values& v, Computing&) -> Made {
       return json::Value(characters(v[0].as_string()).size() - 1);
     }},
    {"substr", "sii", part_of_text},
    {"title", "s", title},
    {"trim", "ss", trim_set},
    {"trimprefix", "ss",
     [](Values& v, Computing&) -> Made {
       const bool has_it = v[0].as_string().starts_with(v[1].as_string());
       return json::Value(v[0].as_string().substr(has_it ? v[1].as_string().size() : 0));
     }},
    {"trimspace", "s",
     [](Values& v, Computing&) -> Made {
       return json::Value(std::string(trim(v[0].as_string())));
     }},
    {"trimsuffix", "ss",
     [](Values& v, Computing&) -> Made {
       std::string text = v[0].as_string();
       if (text.ends_with(v[1].as_string())) text.resize(text.size() - v[1].as_string().size());
       return json::Value(std::move(text));
     }},
    {"upper", "s",
     [](Values& v, Computing&) -> Made { return json::Value(upper(v[0].as_string())); }},
    {"urlencode", "s",
     [](Values& v, Computing&) -> Made { return json::Value(url_encoded(v[0].as_string())); }},
};

}  // namespace

std::span<const Builtin> text_functions() { return kTexts; }

}  // namespace tare::hcl
