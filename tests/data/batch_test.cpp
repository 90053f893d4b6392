#include "data/batch.h"

#include "core/file.h"
#include "data/profile.h"
#include "tests/data/fixtures.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstring>

namespace aunet {
namespace {

Sequence sequence_of(std::vector<int32_t> levels) {
  Sequence out;
  out.inputs.assign(levels.size(), 'x');
  out.targets.assign(levels.size(), 'y');
  out.target_levels = levels;
  out.input_levels = std::move(levels);
  out.text_bytes = static_cast<int64_t>(out.inputs.size());
  return out;
}

/// int32 tensors and the configuration of a safetensors file: 8 bytes of header length, a JSON header, the
/// data.
struct Golden {
  explicit Golden(const std::string& path) : bytes(read_file(path)) {
    uint64_t length;
    std::memcpy(&length, bytes.data(), 8);
    header = nlohmann::json::parse(bytes.substr(8, length));
    data = 8 + length;
    config = nlohmann::json::parse(header["__metadata__"]["config"].get<std::string>());
  }
  std::vector<int32_t> ints(const std::string& name) const {
    const auto offsets = header[name]["data_offsets"].get<std::vector<size_t>>();
    std::vector<int32_t> out((offsets[1] - offsets[0]) / 4);
    std::memcpy(out.data(), bytes.data() + data + offsets[0], out.size() * 4);
    return out;
  }
  std::string bytes;
  nlohmann::json header, config;
  size_t data;
};

}  // namespace

TEST_CASE("a worked example: two sequences, three stages", "[data]") {
  // rows        0  1  2  3  4 | 5  6  7
  // levels      0  1  0  2  0 | 1  0  1   first of each forced to 2
  const std::vector<Sequence> sequences = {sequence_of({0, 1, 0, 2, 0}), sequence_of({1, 0, 1})};
  const auto batch = pack(sequences, word_model(3));
  CHECK(batch.input_levels == std::vector<int32_t>{2, 1, 0, 2, 0, 2, 0, 1});
  CHECK(batch.target_levels == std::vector<int32_t>{0, 1, 0, 2, 0, 1, 0, 1});
  CHECK(batch.cu_rows == std::vector<std::vector<int32_t>>{{0, 5, 8}, {0, 3, 5}, {0, 2, 3}});
  const auto& first = batch.transitions[0];
  CHECK(first.kept == std::vector<int32_t>{0, 1, 3, 5, 7});
  CHECK(first.unit == std::vector<int32_t>{0, 1, 1, 2, 2, 3, 3, 4});
  CHECK(first.offset == std::vector<int32_t>{0, 0, 1, 0, 1, 0, 1, 0});
  CHECK(first.order == std::vector<int32_t>{0, 1, 3, 5, 7, 2, 4, 6});
  CHECK((first.group[0] == 0 && first.group[1] == 5 && first.group[2] == 8 && first.group[16] == 8));
  CHECK(batch.transitions[1].kept == std::vector<int32_t>{0, 2, 3});
  CHECK(batch.transitions[1].unit == std::vector<int32_t>{0, 0, 1, 2, 2});
  CHECK(batch.cut_rows == 0);
  CHECK(batch.text_bytes == 8);
  CHECK(batch.target_units == 8);
}

TEST_CASE("offsets wrap after sixteen positions", "[data]") {
  const auto batch = pack(std::vector<Sequence>{sequence_of(std::vector<int32_t>(40, 0))}, word_model(2));
  CHECK(batch.transitions[0].offset[15] == 15);
  CHECK(batch.transitions[0].offset[16] == 0);
  CHECK(batch.transitions[0].offset[39] == 7);
  CHECK(batch.transitions[0].group[16] == 40);
}

TEST_CASE("caps cut the later rows of a sequence and count them at every stage", "[data]") {
  auto model = word_model(3);
  model.max_seqlens = {-1, 3, 2};
  const auto batch = pack(std::vector<Sequence>{sequence_of({0, 1, 2, 0, 2, 2, 1})}, model);
  // uncapped: rows 0 1 2 4 5 6, of which 0 2 4 5 go deeper. Capped: 0 1 2, then 0 2.
  CHECK(batch.transitions[0].kept == std::vector<int32_t>{0, 1, 2});
  CHECK(batch.transitions[1].kept == std::vector<int32_t>{0, 2});
  CHECK(batch.cut_rows == 3 + 2);
  CHECK(batch.transitions[0].unit == std::vector<int32_t>{0, 1, 2, 2, 2, 2, 2});
}

TEST_CASE("kept rows equal the official pooled counts", "[data]") {
  int64_t n_files = 0;
  for (const char* name :
       {"aunet_2stage_indexed", "aunet_2stage_repeat", "aunet_2stage_scatter", "aunet_2stage_non_param",
        "aunet_3stage_indexed", "aunet_3stage_truncated_level_head"}) {
    const auto path = shared_path(std::string("golden/") + name + ".safetensors");
    if (path.empty()) return;
    const Golden golden(path);
    AunetConfig model;
    model.dimensions = golden.config["dimensions"].get<std::vector<int64_t>>();
    model.max_seqlens = golden.config["max_seqlens"].get<std::vector<int64_t>>();
    const auto shape = golden.header["input.tokens"]["shape"].get<std::vector<int64_t>>();
    const auto tokens = golden.ints("input.tokens"), targets = golden.ints("input.targets"),
               levels = golden.ints("input.levels");
    std::vector<Sequence> sequences(shape[0]);
    for (int64_t b = 0; b < shape[0]; ++b) {
      const auto part = [&](const std::vector<int32_t>& all) {
        return std::vector<int32_t>(all.begin() + b * shape[1], all.begin() + (b + 1) * shape[1]);
      };
      sequences[b] = {part(tokens), part(targets), part(levels), part(golden.ints("input.target_levels")), 0};
    }
    const auto batch = pack(sequences, model);
    const auto counts = golden.ints("output.pooled_counts");
    INFO(name);
    REQUIRE(batch.transitions.size() == counts.size());
    for (size_t k = 0; k < counts.size(); ++k) CHECK(batch.rows(static_cast<int64_t>(k) + 1) == counts[k]);
    ++n_files;
  }
  CHECK(n_files == 6);
}

TEST_CASE("a training sequence has marks around documents and begins units at them", "[data]") {
  const auto corpus = make_corpus({"a b", "cd"});
  const auto tokenizer = make_byte_tokenizer();
  const SequenceBuilder builder(word_model(3), *tokenizer);
  const Window window{{{0, 1, 3, true}, {1, 0, 1, false}}};
  const auto sequence = builder.training(corpus, window);
  CHECK(sequence.inputs == std::vector<int32_t>{256, ' ', 'b', 257, 256});
  CHECK(sequence.targets == std::vector<int32_t>{' ', 'b', 257, 256, 'c'});
  CHECK(sequence.input_levels == std::vector<int32_t>{2, 0, 0, 0, 2});
  CHECK(sequence.target_levels == std::vector<int32_t>{0, 0, 0, 2, 0});
  CHECK(sequence.text_bytes == 3);
  CHECK(builder.rows(sequence) == std::vector<int64_t>{5, 2, 2});
}

TEST_CASE("a cut window keeps whole characters", "[data]") {
  const auto corpus = make_corpus({"aé", "xyz"});
  const auto tokenizer = make_byte_tokenizer();
  const SequenceBuilder builder(word_model(2), *tokenizer);
  const Window window{{{0, 0, 3, true}, {1, 0, 3, true}}};
  CHECK(builder.training(corpus, window, 2).targets == std::vector<int32_t>{'a'});
  CHECK(builder.training(corpus, window, 3).targets == std::vector<int32_t>{'a', 0xc3, 0xa9, 257});
  CHECK(builder.training(corpus, window, 4).targets == std::vector<int32_t>{'a', 0xc3, 0xa9, 257, 256, 'x'});
  CHECK(builder.training(corpus, window, 4).text_bytes == 4);
}

TEST_CASE("evaluation scores every byte of the piece after a begin mark", "[data]") {
  const auto tokenizer = make_byte_tokenizer();
  const SequenceBuilder builder(word_model(2), *tokenizer);
  const auto sequence = builder.evaluation("a b");
  CHECK(sequence.inputs == std::vector<int32_t>{256, 'a', ' '});
  CHECK(sequence.targets == std::vector<int32_t>{'a', ' ', 'b'});
  CHECK(sequence.text_bytes == 3);
}

TEST_CASE("profiled rows are the rows that pack makes", "[data]") {
  RandomStream random(8, "profile");
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(random_text(random, 50, false));
  const auto corpus = make_corpus(texts);
  const auto tokenizer = make_byte_tokenizer();
  auto model = word_model(4);
  model.max_seqlens = {-1, 20, -1, 5};
  DataConfig data;
  data.context_bytes = 80;
  const auto result = profile(corpus, data, model, *tokenizer, 3, 30);
  REQUIRE(result.n_windows() == 30);
  REQUIRE(result.n_stages == 4);
  const TrainingStream stream(corpus, data, 3);
  const SequenceBuilder builder(model, *tokenizer);
  double text_bytes = 0, units = 0;
  for (int64_t i = 0; i < 30; ++i) {
    const auto batch = pack(std::vector<Sequence>{builder.training(corpus, stream.window(i))}, model);
    for (int64_t k = 0; k < 4; ++k) CHECK(result.rows[i * 4 + k] == batch.rows(k));
    CHECK(result.text_bytes[i] == batch.text_bytes);
    CHECK(batch.text_bytes == stream.window(i).text_bytes());
    text_bytes += static_cast<double>(batch.text_bytes);
    units += static_cast<double>(batch.target_units);
  }
  CHECK(result.epoch_bytes == static_cast<double>(corpus.n_bytes()));
  CHECK(result.bytes_per_token == text_bytes / units);
}

}  // namespace aunet
