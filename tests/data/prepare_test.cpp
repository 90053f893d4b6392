#include "data/prepare.h"

#include "core/error.h"
#include "core/file.h"
#include "data/loader.h"
#include "data/read_corpus.h"
#include "tests/data/fixtures.h"
#include "tests/support/shared_data.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace aunet {
namespace {

const PrepareProgress kSilent = [](const std::string&, int64_t, int64_t) {};

/// Two files of documents of many lengths, one of them with broken lines.
void write_sources(const ScratchFolder& folder, const std::string& name = "in") {
  RandomStream random(8, "prepare");
  std::filesystem::create_directories(folder.file(name));
  std::string lines;
  const auto add = [&lines](const std::string& text) {
    std::string escaped;
    for (const char c : text) {
      if (c == '\n' || c == '\r' || c == '\t')
        escaped += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
      else
        escaped += c;
    }
    lines += "{\"text\": \"" + escaped + "\"}\n";
  };
  for (int i = 0; i < 40; ++i) add(random_text(random, 1 + static_cast<int64_t>(random.below(80)), false));
  lines += "{\"text\": \"\"}\nbroken\n";
  for (int i = 0; i < 40; ++i) add(random_text(random, 1 + static_cast<int64_t>(random.below(80)), false));
  write_file_atomic(folder.file(name + "/a.jsonl"), lines);
  write_file_atomic(folder.file(name + "/b.txt"), "One whole file. And a second sentence.\n");
}

PrepareOptions options_for(const ScratchFolder& folder, const std::string& out) {
  PrepareOptions options{.folder = folder.file(out),
                         .sources = {folder.file("in")},
                         .invalid = InvalidText::Skip,
                         .shard_bytes = 1500};
  options.splits.push_back({word_model(3).split, SplitMode::Causal});
  options.splits.push_back({word_model(3).split, SplitMode::Official});
  return options;
}

std::string content_of(const std::string& folder) {
  std::string all;
  for (const std::string& name : list_directory(folder)) {
    if (name != "lock") all += name + "\n" + read_file(folder + "/" + name);
  }
  return all;
}

/// A tokenizer that counts what it is asked to encode: pairs of bytes are one id.
class PairTokenizer final : public Tokenizer {
 public:
  void encode(std::string_view text, std::vector<int32_t>& ids) const override {
    n_encoded += static_cast<int64_t>(text.size());
    for (size_t i = 0; i < text.size(); i += 2)
      ids.push_back(i + 1 < text.size()
                        ? 300 + static_cast<uint8_t>(text[i]) * 256 + static_cast<uint8_t>(text[i + 1])
                        : static_cast<uint8_t>(text[i]));
  }
  std::string text(int32_t) const override { return {}; }
  int64_t n_bytes(int32_t id) const override { return id >= 300 ? 2 : 1; }
  int32_t begin_id() const override { return 256; }
  int32_t end_id() const override { return 257; }
  int64_t vocab_size() const override { return 300 + 65536; }
  std::string fingerprint() const override { return "pairs"; }
  mutable int64_t n_encoded = 0;
};

}  // namespace

TEST_CASE("a prepared corpus has the documents, hashes and fingerprint of its sources", "[data]") {
  const ScratchFolder folder;
  write_sources(folder);
  const Manifest manifest = prepare(options_for(folder, "out"), kSilent);
  CHECK(manifest.complete);
  CHECK(manifest.shards > 3);
  CHECK(manifest.documents == 81);
  CHECK(manifest.report.invalid == 1);
  CHECK(manifest.report.empty == 1);
  const Corpus raw = read_texts({folder.file("in")}, "skip"), prepared = read_texts({folder.file("out")});
  REQUIRE(prepared.n_documents() == raw.n_documents());
  for (int64_t d = 0; d < raw.n_documents(); ++d) {
    CHECK(prepared.text(d) == raw.text(d));
    CHECK(prepared.text_hash(d) == raw.text_hash(d));
  }
  CHECK(fingerprint(prepared) == fingerprint(raw));
  CHECK(manifest.fingerprint == fingerprint(raw));
  CHECK_NOTHROW(check_prepared(folder.file("out"), kSilent));
}

TEST_CASE("raw and prepared sources give the same batches, for every mode, rank and number of workers",
          "[data]") {
  const ScratchFolder folder;
  write_sources(folder);
  prepare(options_for(folder, "out"), kSilent);
  const Corpus raw = read_texts({folder.file("in")}, "skip"), prepared = read_texts({folder.file("out")});
  const auto tokenizer = make_byte_tokenizer();
  for (const SplitMode mode : {SplitMode::Causal, SplitMode::Official}) {
    for (const int64_t context : {16, 100, 4096}) {
      RunConfig run;
      run.model = word_model(3, mode);
      run.data.context_bytes = context;
      run.horizon = {.windows = 50, .batch_windows = 7, .last_window_bytes = 11, .accumulation = 2};
      Loader a(raw, run, *tokenizer), b(prepared, run, *tokenizer, {.workers = 3});
      for (int step = 0; step < 8; ++step) {
        const auto x = a.next(), y = b.next();
        REQUIRE(x.micro.size() == y.micro.size());
        for (size_t m = 0; m < x.micro.size(); ++m) CHECK(x.micro[m] == y.micro[m]);
      }
    }
  }
}

TEST_CASE("prepared ids are used for whole documents and equal those of the text", "[data]") {
  const ScratchFolder folder;
  write_sources(folder);
  PairTokenizer tokenizer;
  PrepareOptions options = options_for(folder, "out");
  options.tokenizers.push_back({&tokenizer, "pairs", "pairs of bytes"});
  prepare(options, kSilent);
  const Corpus raw = read_texts({folder.file("in")}, "skip"), prepared = read_texts({folder.file("out")});
  RunConfig run;
  run.model = TransformerConfig{};
  run.data.context_bytes = 1000;
  run.horizon = {.windows = 12, .batch_windows = 3, .last_window_bytes = 0, .accumulation = 1};
  std::vector<StepBatches> expected;
  {
    Loader loader(raw, run, tokenizer);
    for (int step = 0; step < 4; ++step) expected.push_back(loader.next());
  }
  const int64_t n_raw = tokenizer.n_encoded;
  tokenizer.n_encoded = 0;
  Loader loader(prepared, run, tokenizer);
  for (const StepBatches& step : expected) CHECK(step.micro[0] == loader.next().micro[0]);
  CHECK(tokenizer.n_encoded < n_raw / 2);  // only documents that a window cuts were encoded again
}

TEST_CASE("a preparation killed at any file goes on and ends byte for byte as one that was not", "[data]") {
  const ScratchFolder folder;
  write_sources(folder);
  prepare(options_for(folder, "whole"), kSilent);
  const std::string whole = content_of(folder.file("whole"));
  const auto n_calls = [&] {
    int64_t n = 0;
    prepare(options_for(folder, "count"), [&n](const std::string&, int64_t, int64_t) { ++n; });
    return n;
  }();
  for (int64_t kill_at = 1; kill_at < n_calls; kill_at += 5) {
    std::filesystem::remove_all(folder.file("out"));
    const pid_t child = ::fork();
    if (child == 0) {
      int64_t n = 0;
      prepare(options_for(folder, "out"), [&](const std::string&, int64_t, int64_t) {
        if (++n == kill_at) ::_exit(9);
      });
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WEXITSTATUS(status) == 9);
    if (is_prepared(folder.file("out")))
      CHECK_THROWS_WITH(open_prepared(folder.file("out")), Catch::Contains("is not complete"));
    prepare(options_for(folder, "out"), kSilent);
    CHECK(content_of(folder.file("out")) == whole);
  }
}

TEST_CASE("a prepared folder refuses another writer, other sources, and sources that changed", "[data]") {
  const ScratchFolder folder;
  write_sources(folder);
  write_sources(folder, "other");
  const PrepareOptions options = options_for(folder, "out");
  prepare(options, kSilent);
  {
    const FileLock lock(folder.file("out/lock"));
    CHECK_THROWS_WITH(prepare(options, kSilent), Catch::Contains("another process prepares this folder"));
  }
  PrepareOptions other = options;
  other.sources = {folder.file("other")};
  CHECK_THROWS_WITH(prepare(other, kSilent), Catch::Contains("out: was prepared from other sources"));
  other = options;
  other.shard_bytes = 99;
  CHECK_THROWS_WITH(prepare(other, kSilent), Catch::Contains("shards of 1500 bytes"));
  other = options;
  other.sources = {folder.file("out")};
  other.folder = folder.file("again");
  CHECK_THROWS_WITH(prepare(other, kSilent), Catch::Contains("got a corpus that is prepared already"));
  std::ofstream(folder.file("in/b.txt"), std::ios::app) << "more";
  CHECK_THROWS_WITH(prepare(options, kSilent), Catch::Contains("b.txt as it was before it changed"));
  other = options;
  other.sources.clear();  // the texts are there: the sources are not asked for
  CHECK_NOTHROW(prepare(other, kSilent));
  other.folder = folder.file("nothing");
  CHECK_THROWS_WITH(prepare(other, kSilent), "data prepare: expected at least one source, got none");
}

TEST_CASE("a complete corpus gets further levels and keeps what it has", "[data]") {
  const ScratchFolder folder;
  write_sources(folder);
  PrepareOptions options = options_for(folder, "out");
  options.splits.resize(1);
  prepare(options, kSilent);
  const std::string before = read_file(folder.file("out/00000.text"));
  options.splits[0].mode = SplitMode::Official;
  const Manifest manifest = prepare(options, kSilent);
  REQUIRE(manifest.derived.size() == 2);
  CHECK(read_file(folder.file("out/00000.text")) == before);
  const Corpus corpus = read_texts({folder.file("out")});
  for (const DerivedName& name : manifest.derived)
    CHECK(corpus.levels(0, corpus.size(0), name.identity).size() == corpus.text(0).size());
  CHECK(corpus.levels(0, 1, "other rules").empty());
}

TEST_CASE("damaged, missing and foreign shards are named", "[data]") {
  const ScratchFolder folder;
  write_sources(folder);
  const Manifest manifest = prepare(options_for(folder, "out"), kSilent);
  const std::string path = folder.file("out/00001.text"), good = read_file(path);
  std::string bad = good;
  bad[bad.size() / 3] = static_cast<char>(bad[bad.size() / 3] ^ 1);
  write_file_atomic(path, bad);
  CHECK_THROWS_WITH(check_prepared(folder.file("out"), kSilent), Catch::Contains("00001.text: "));
  write_file_atomic(path, read_file(folder.file("out/00002.text")));
  CHECK_THROWS_WITH(read_texts({folder.file("out")}), Catch::Contains("was made from another text"));
  std::filesystem::remove(path);
  CHECK_THROWS_WITH(read_texts({folder.file("out")}), Catch::Contains("00001.text: cannot open"));
  write_file_atomic(path, good);
  CHECK_NOTHROW(check_prepared(folder.file("out"), kSilent));
}

TEST_CASE("every truncation of a manifest, and other JSON, is one clear error", "[data]") {
  const ScratchFolder folder;
  write_sources(folder);
  prepare(options_for(folder, "out"), kSilent);
  const std::string good = read_file(folder.file("out/prepared.json"));
  CHECK(parse_manifest(good, "m").documents == 81);
  for (size_t n = 0; n + 2 < good.size(); n += 7)
    CHECK_THROWS_AS(parse_manifest(good.substr(0, n), "m"), Error);
  CHECK_THROWS_WITH(parse_manifest("{\"version\": 99}", "m"),
                    "m: version: expected 1, got 99; prepare it again");
  CHECK_THROWS_AS(parse_manifest("[]", "m"), Error);
}

}  // namespace aunet
