#include "data/read_corpus.h"

#include "core/error.h"
#include "core/file.h"
#include "data/source_reader.h"
#include "data/utf8.h"
#include "tests/data/fixtures.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>

namespace aunet {
namespace {

std::string compress(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

Corpus read_text(const std::string& content, const std::string& name = "x.jsonl",
                 const std::string& invalid = "refuse") {
  const ScratchFolder folder;
  write_file_atomic(folder.file(name), content);
  return read_texts({folder.file(name)}, invalid);
}

std::vector<std::string> texts_of(const Corpus& corpus) {
  std::vector<std::string> texts;
  for (int64_t d = 0; d < corpus.n_documents(); ++d) texts.emplace_back(corpus.text(d));
  return texts;
}

std::string gzip(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
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
    CHECK(texts_of(other) == texts_of(plain));
    CHECK(fingerprint(other) == fingerprint(plain));
  }
  CHECK(fingerprint(read_text(first)) != fingerprint(plain));
}

TEST_CASE("the fingerprint sees borders and weights, not paths", "[data]") {
  const ScratchFolder folder;
  write_file_atomic(folder.file("a"), "{\"text\": \"ab\"}\n{\"text\": \"c\"}\n");
  write_file_atomic(folder.file("b"), "{\"text\": \"a\"}\n{\"text\": \"bc\"}\n");
  write_file_atomic(folder.file("copy"), "{\"text\":\"ab\"}\n{\"text\":\"c\"}\n");
  const auto of = [&](const std::string& first, double w1, double w2) {
    DataConfig data;
    data.train = {{folder.file(first), w1}, {folder.file("b"), w2}};
    return fingerprint(read_train_sources(data), data.train);
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
  CHECK(failure(good + "{\"text\": \"a\", \"score\": 1e999}\n") ==
        "x.jsonl:2: expected numbers that a double can hold, got a larger one");
  CHECK(failure("{\"text\": 7}\n") == "x.jsonl:1: text: expected a string, got number");
  CHECK(failure(good + "{\"text\": \"a\xff\"}\n") == "x.jsonl:2: expected UTF-8, got byte 0xff at column 12");
  CHECK(failure(good + "{\"text\": \"\xe2\x82\"}\n") ==
        "x.jsonl:2: expected UTF-8, got byte 0xe2 at column 11");
  CHECK_THAT(failure("{\"text\": \"a\nb\"}\n"), Catch::StartsWith("x.jsonl:1:"));
  CHECK_THAT(failure("not zstd", "x.jsonl.zst"), Catch::StartsWith("unreadable x.jsonl.zst:1: zstd: "));
  CHECK_THROWS_WITH(read_texts({"/no/such/file"}), "/no/such/file: cannot open: No such file or directory");
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

TEST_CASE("a zstd frame whose text fills whole blocks is not cut off", "[data]") {
  for (const size_t n : {131071, 131072, 131073, 262144, 393216}) {
    const std::string line = "{\"text\": \"" + std::string(n - 12, 'x') + "\"}";
    REQUIRE(line.size() == n);
    CHECK(read_text(compress(line), "x.jsonl.zst").text(0).size() == n - 12);
    CHECK(read_text(compress(line + "\n") + compress(line), "x.jsonl.zst").n_documents() == 2);
  }
}

TEST_CASE("gzip, one member or several, is read like the rest; a truncated one is an error", "[data]") {
  const std::string lines = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n", more = "{\"text\": \"three\"}\n";
  CHECK(texts_of(read_text(gzip(lines), "x.jsonl.gz")) == std::vector<std::string>{"one", "two"});
  CHECK(texts_of(read_text(gzip(lines) + gzip(more), "x.jsonl.gz")) ==
        std::vector<std::string>{"one", "two", "three"});
  CHECK(failure(gzip(lines).substr(0, 20), "x.jsonl.gz") ==
        "unreadable x.jsonl.gz:1: gzip: the file is truncated");
  CHECK_THAT(failure("no gzip at all", "x.jsonl.gz"), Catch::StartsWith("unreadable x.jsonl.gz:1: gzip: "));
  CHECK(failure("", "x.jsonl.gz") == "x.jsonl.gz: expected at least one document with text, got none");
}

TEST_CASE("a .txt file is one document", "[data]") {
  CHECK(texts_of(read_text("a\n{\"text\": 1}\n", "x.txt")) == std::vector<std::string>{"a\n{\"text\": 1}\n"});
  CHECK(texts_of(read_text(compress("caf\xc3\xa9"), "x.txt.zst")) == std::vector<std::string>{"caf\xc3\xa9"});
  CHECK(failure("ab\xff", "x.txt") == "x.txt: expected UTF-8, got byte 0xff at offset 2");
}

TEST_CASE("a folder is its .jsonl and .txt files by path, hidden and other files left alone", "[data]") {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder.file("in/b"));
  std::filesystem::create_directories(folder.file("in/.git"));
  write_file_atomic(folder.file("in/c.txt"), "third");
  write_file_atomic(folder.file("in/b/z.jsonl"), "{\"text\": \"second\"}\n");
  write_file_atomic(folder.file("in/a.jsonl.zst"), compress("{\"text\": \"first\"}\n"));
  write_file_atomic(folder.file("in/.git/x.txt"), "hidden");
  write_file_atomic(folder.file("in/.d.txt"), "hidden");
  write_file_atomic(folder.file("in/README.md"), "other");
  CHECK(texts_of(read_texts({folder.file("in")})) == std::vector<std::string>{"first", "second", "third"});
  std::filesystem::create_directories(folder.file("elsewhere"));
  write_file_atomic(folder.file("elsewhere/e.txt"), "linked");
  std::filesystem::create_directory_symlink(folder.file("elsewhere"), folder.file("in/d"));
  CHECK(texts_of(read_texts({folder.file("in")})) ==
        std::vector<std::string>{"first", "second", "third", "linked"});
  std::filesystem::create_directory_symlink(folder.file("in"), folder.file("elsewhere/loop"));
  CHECK_THROWS_AS(read_texts({folder.file("in")}), Error);
  std::filesystem::create_directories(folder.file("none"));
  CHECK_THROWS_WITH(read_texts({folder.file("none")}),
                    Catch::Contains("none: expected .jsonl or .txt files (also .zst, .gz) in the folder"));
}

TEST_CASE("what is skipped is what is broken, and no more", "[data]") {
  const std::string lines =
      "{\"text\": \"one\"}\n{\"text\": \"bro\n[]\n{\"text\": \"two\"}\n{\"txt\": 1}\n{\"text\": \"\xff\"}\n"
      "{\"text\": \"\"}\n{\"text\": \"three\"}";
  CHECK(texts_of(read_text(lines, "x.jsonl", "skip")) == std::vector<std::string>{"one", "two", "three"});
  ReadReport report;
  const ScratchFolder folder;
  write_file_atomic(folder.file("x.jsonl"), lines);
  std::vector<int64_t> numbers;
  for_each_document(folder.file("x.jsonl"), 0, InvalidText::Skip, report,
                    [&](std::string_view, int64_t line) { numbers.push_back(line); });
  CHECK(numbers == std::vector<int64_t>{1, 4, 8});
  CHECK(report.invalid == 4);
  CHECK(report.empty == 1);
  REQUIRE(report.examples.size() == 4);
  CHECK_THAT(report.examples[0], Catch::Contains("x.jsonl:2: expected a JSON object, got invalid JSON"));
  CHECK_THAT(report.examples[1], Catch::EndsWith("x.jsonl:3: expected a JSON object, got array"));
  CHECK_THAT(report.examples[2], Catch::EndsWith("x.jsonl:5: expected a key 'text', got none"));
  CHECK_THAT(report.examples[3], Catch::EndsWith("x.jsonl:6: expected UTF-8, got byte 0xff at column 11"));
}

TEST_CASE("of a damaged file the whole lines before the damage are kept when skipping", "[data]") {
  std::string text;
  for (int i = 0; i < 50000; ++i) text += "{\"text\": \"" + std::to_string(i * 7919) + "\"}\n";
  for (const bool zstd : {true, false}) {
    const std::string whole = zstd ? compress(text) : gzip(text), name = zstd ? "x.jsonl.zst" : "x.jsonl.gz";
    const Corpus half = read_text(whole.substr(0, whole.size() / 2), name, "skip");
    REQUIRE(half.n_documents() > 1000);
    REQUIRE(half.n_documents() < 50000);
    for (int64_t d = 0; d < half.n_documents(); ++d) REQUIRE(half.text(d) == std::to_string(d * 7919));
  }
}

TEST_CASE("a file that changes while it is read is an error, whatever is asked for", "[data]") {
  const ScratchFolder folder;
  std::string lines;
  for (int i = 0; i < 20000; ++i) lines += "{\"text\": \"some text or other\"}\n";
  write_file_atomic(folder.file("x.jsonl"), lines);
  ReadReport report;
  const auto grow = [&](std::string_view, int64_t line) {
    if (line == 10) std::ofstream(folder.file("x.jsonl"), std::ios::app) << "{\"text\": \"more\"}\n";
  };
  CHECK_THROWS_WITH(for_each_document(folder.file("x.jsonl"), 0, InvalidText::Skip, report, grow),
                    Catch::Contains("x.jsonl: changed while it was read: "));
  const auto shrink = [&](std::string_view, int64_t line) {
    if (line == 10) std::filesystem::resize_file(folder.file("x.jsonl"), 5000);
  };
  CHECK_THROWS_WITH(for_each_document(folder.file("x.jsonl"), 0, InvalidText::Refuse, report, shrink),
                    Catch::Contains("x.jsonl"));
}

TEST_CASE("a line of 200 MB is a document", "[data][slow]") {
  std::string line = "{\"text\": \"" + std::string(200'000'000, 'x') + "\\u00e9\"}\n";
  const Corpus corpus = read_text(compress(line), "x.jsonl.zst");
  REQUIRE(corpus.n_documents() == 1);
  CHECK(corpus.text(0).size() == 200'000'002);
  line.resize(line.size() - 3);  // ... and without its end a broken line
  CHECK_THAT(failure(line), Catch::StartsWith("x.jsonl:1: expected a JSON object, got invalid JSON"));
}

TEST_CASE("a held-out document that is trained on is refused by name", "[data]") {
  const ScratchFolder folder;
  write_file_atomic(folder.file("train"), "{\"text\": \"a\"}\n{\"text\": \"both\"}\n{\"text\": \"b\"}\n");
  write_file_atomic(folder.file("held"), "{\"text\": \"c\"}\n{\"text\": \"d\"}\n{\"text\": \"both\"}\n");
  DataConfig data;
  data.train = {{folder.file("train"), 0}};
  data.heldout = {folder.file("held")};
  const Corpus train = read_train_sources(data), held = read_texts(data.heldout);
  CHECK_THROWS_WITH(
      check_disjoint(train, held, data, data.heldout, "data.heldout"),
      Catch::StartsWith("data.heldout: expected documents that are not trained on, got document 3 of ") &&
          Catch::Contains(", which is document 2 of ") && Catch::Contains("(\"both\"); 1 training"));
  data.overlap = "allow";
  CHECK_NOTHROW(check_disjoint(train, held, data, data.heldout, "data.heldout"));
  data.overlap = "refuse";
  CHECK_NOTHROW(check_disjoint(train, Corpus::of({"c", "A", "bot"}), data, {}, "x"));
  CHECK_NOTHROW(check_disjoint(train, Corpus(), data, {}, "x"));
}

TEST_CASE("a byte of a corpus is found in its document", "[data]") {
  const Corpus corpus = make_corpus({"ab", "c", "def", "g"}, {0, 1, 1, 3});
  CHECK(corpus.n_sources() == 4);
  CHECK(corpus.documents_of(1).first == 1);
  CHECK(corpus.documents_of(1).last == 3);
  CHECK(corpus.bytes_of(1) == 4);
  CHECK(corpus.bytes_of(2) == 0);
  std::string all;
  for (int64_t d = 0; d < 4; ++d) all += corpus.text(d);
  for (int64_t at = 0; at < corpus.n_bytes(); ++at) {
    const auto [document, offset] = corpus.place(at);
    CHECK(corpus.text(document)[static_cast<size_t>(offset)] == all[static_cast<size_t>(at)]);
  }
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
