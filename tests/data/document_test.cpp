#include "data/document.h"

#include "core/error.h"
#include "core/file.h"
#include "data/jsonl.h"
#include "data/utf8.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>
#include <zstd.h>

namespace aunet {
namespace {

std::string compress(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

Corpus read_text(const std::string& content, const std::string& name = "x.jsonl") {
  const ScratchFolder folder;
  write_file_atomic(folder.file(name), content);
  return read_corpus(std::vector<std::string>{folder.file(name)});
}

/// Message of the ConfigError (wrong content) or Error (unreadable file), with the folder's name cut off.
std::string failure(const std::string& content, const std::string& name = "x.jsonl") {
  try {
    read_text(content, name);
  } catch (const ConfigError& e) {
    const std::string what = e.what();
    return what.substr(what.find(name));
  } catch (const Error& e) {
    const std::string what = e.what();
    return "unreadable " + what.substr(what.find(name));
  }
  return "no error";
}

}  // namespace

TEST_CASE("documents are read with every JSON escape, and empty texts are skipped", "[data]") {
  const auto corpus = read_text(
      "{\"text\": \"a\\n\\\"b\\\\\\/\\tc\"}\n{\"text\": \"\"}\n"
      "{\"id\": 7, \"text\": \"\\u00e9\\ud83d\\ude00é😀\", \"more\": [1, {\"text\": 2}]}\r\n{ "
      "\"text\":\"end\" }");
  REQUIRE(corpus.n_documents() == 3);
  CHECK(corpus.text(0) == "a\n\"b\\/\tc");
  CHECK(corpus.text(1) == "é😀é😀");
  CHECK(corpus.text(2) == "end");
}

TEST_CASE("lone surrogate escapes become U+FFFD", "[data]") {
  const auto corpus = read_text("{\"text\": \"a\\ud800b\\udc00\\\\ud800 \\ud83d\\ude00 \\udbff\"}\n");
  CHECK(corpus.text(0) == "a\uFFFDb\uFFFD\\ud800 😀 \uFFFD");
}

TEST_CASE("a plain file, a compressed one and one of several frames give the same corpus and fingerprint",
          "[data]") {
  std::string first, second;
  for (int i = 0; i < 3000; ++i)
    (i < 2000 ? first : second) += "{\"text\": \"document " + std::to_string(i * i) + "\"}\n";
  const auto plain = read_text(first + second);
  for (const auto& content : {compress(first + second), compress(first) + compress(second)}) {
    const auto other = read_text(content, "x.jsonl.zst");
    CHECK(other.bytes == plain.bytes);
    CHECK(other.offsets == plain.offsets);
    CHECK(other.fingerprint == plain.fingerprint);
  }
  CHECK(read_text(first).fingerprint != plain.fingerprint);
}

TEST_CASE("the fingerprint sees borders and weights, not paths", "[data]") {
  const ScratchFolder folder;
  write_file_atomic(folder.file("a"), "{\"text\": \"ab\"}\n{\"text\": \"c\"}\n");
  write_file_atomic(folder.file("b"), "{\"text\": \"a\"}\n{\"text\": \"bc\"}\n");
  write_file_atomic(folder.file("copy"), "{\"text\":\"ab\"}\n{\"text\":\"c\"}\n");
  const auto of = [&](const std::string& first, double w1, double w2) {
    return read_corpus({SourceConfig{folder.file(first), w1}, SourceConfig{folder.file("b"), w2}})
        .fingerprint;
  };
  CHECK(of("a", 1, 1) == of("copy", 2, 2));
  CHECK(of("a", 1, 1) != of("a", 1, 2));
  CHECK(of("a", 1, 1) != of("b", 1, 1));
}

TEST_CASE("what cannot be read is an error that names file and line", "[data]") {
  const std::string good = "{\"text\": \"fine\"}\n";
  CHECK(failure("") == "x.jsonl: expected at least one document with text, got none");
  CHECK(failure("{\"text\": \"\"}\n") == "x.jsonl: expected at least one document with text, got none");
  CHECK_THAT(failure(good + "{\"text\": \"broken\n" + good),
             Catch::StartsWith("x.jsonl:2: expected a JSON object, got invalid JSON at column "));
  CHECK_THAT(failure(good + "\n" + good),
             Catch::StartsWith("x.jsonl:2: expected a JSON object, got invalid JSON"));
  CHECK(failure(good + "[1]\n") == "x.jsonl:2: expected a JSON object, got array");
  CHECK(failure(good + good + "{\"txt\": \"a\"}\n") == "x.jsonl:3: expected a key 'text', got none");
  CHECK(failure("{\"text\": 7}\n") == "x.jsonl:1: text: expected a string, got number");
  CHECK(failure(good + "{\"text\": \"a\xff\"}\n") == "x.jsonl:2: expected UTF-8, got byte 0xff at column 12");
  CHECK(failure(good + "{\"text\": \"\xe2\x82\"}\n") ==
        "x.jsonl:2: expected UTF-8, got byte 0xe2 at column 11");
  CHECK_THAT(failure("{\"text\": \"a\nb\"}\n"), Catch::StartsWith("x.jsonl:1:"));
  CHECK_THAT(failure("not zstd", "x.jsonl.zst"), Catch::StartsWith("unreadable x.jsonl.zst:1: zstd: "));
  CHECK_THROWS_WITH(read_corpus(std::vector<std::string>{"/no/such/file"}),
                    "/no/such/file: cannot open: No such file or directory");
}

TEST_CASE("a truncated zstd file is an error that names the line it broke in", "[data]") {
  std::string text;
  for (int i = 0; i < 50000; ++i) text += "{\"text\": \"" + std::to_string(i * 7919) + "\"}\n";
  const auto whole = compress(text);
  const auto message = failure(whole.substr(0, whole.size() / 2), "x.jsonl.zst");
  CHECK_THAT(message, Catch::StartsWith("unreadable x.jsonl.zst:") &&
                          Catch::EndsWith(": zstd: the file is truncated"));
  CHECK(std::stol(message.substr(23)) > 1000);
}

TEST_CASE("the first invalid byte of UTF-8 is found", "[data]") {
  const auto npos = std::string_view::npos;
  CHECK(find_invalid_utf8("plain ASCII, longer than eight bytes") == npos);
  CHECK(find_invalid_utf8("é中😀\U0010FFFF") == npos);
  CHECK(find_invalid_utf8("123456789\xc3") == 9);
  CHECK(find_invalid_utf8("a\xc0\xaf") == 1);         // overlong
  CHECK(find_invalid_utf8("ab\xed\xa0\x80") == 2);    // surrogate
  CHECK(find_invalid_utf8("\xf4\x90\x80\x80") == 0);  // above U+10FFFF
  CHECK(find_invalid_utf8("中\xe4\xb8 ") == 3);
  CHECK(find_invalid_utf8("\x80") == 0);
}

TEST_CASE("a cut falls on a character border, or is forced after three continuation bytes", "[data]") {
  CHECK(utf8_cut("abc", 0, 2) == 2);
  CHECK(utf8_cut("aé", 0, 2) == 1);
  CHECK(utf8_cut("aé", 0, 3) == 3);
  CHECK(utf8_cut("a😀b", 0, 4) == 1);
  CHECK(utf8_cut("a😀b", 1, 4) == 1);  // nothing fits: the caller decides
  CHECK(utf8_cut("a\x80\x80\x80\x80\x80\x80", 0, 5) == 5);
}

}  // namespace aunet
