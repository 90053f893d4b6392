#include "config/sweep_spec.h"

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/core/temporary_folder.h"

#include <catch2/catch.hpp>

namespace aunet {
namespace {

// The sweep file of DESIGN section 6, with the forms it leaves out appended.
const char* const kDesign = R"(
[sweep]
name = "aunet_vs_bpe"
seeds = { init = [0], data = [0, 1] }
[data]
train = [{ path = "corpus/train.jsonl.zst", weight = 1 }, { path = "/abs/b.jsonl", weight = 2 }]
heldout = ["corpus/valid.jsonl.zst"]
context_bytes = 512
declared = { bytes_per_token = 4.56, rows_per_8192 = [8192, 1664, 1144] }
[budget]
flops = [1e11, 2e11, 4e11, 8e11, 1.6e12]
convention = "useful"
match = "flops"
tolerance = 1e-3
[[family]]
name = "aunet2"
model = { kind = "aunet", stages = 2, split = "word" }
sizes = { per_budget = 4, around = "optimum" }
[[family]]
name = "bpe"
model = { kind = "llama", tokenizer = { train = true, vocab = 1024 } }
sizes = { same_as = "aunet2" }
[[family]]
name = "aunet3"
model = { kind = "aunet", stages = 3, split = "word", split_mode = "official", pooling_type = "simple_indexed_matmul" }
sizes = { dims = [[32, 64, 96], [64, 128, 192]], layers = [[1, 1, 2], [1, 1, 3]], head_dims = [[32, 32, 32], [64, 64, 64]] }
lr = 0.01
batch_bytes = 4096
[[family]]
name = "bytes"
model = { kind = "bytes", sliding_window = 128 }
sizes = { dims = [64, 128], layers = [2, 4], grid = "product" }
batch_sequences = [1, 2, 3, 4]
[[family]]
name = "fixed"
model = { kind = "llama", dim = 64, n_layers = 2, tokenizer = { train = true, vocab = 300 } }
law = "paper"
[tune]
axes = ["lr", "batch"]
start = { lr = 0.01, batch = 4096 }
until = "interior"
max_trials = 9
at = ["smallest", 4e11]
[schedule]
kind = "cosine"
warmup = 0.1
[replicates]
seeds = 3
at = ["smallest", "largest"]
[checkpoints]
every = "2min"
keep = "last:2"
[gates]
causal = "pass"
[[exclude]]
where = "epochs > 4"
reason = "more than four epochs"
)";

}  // namespace

TEST_CASE("the sweep file of the design reads into plain structs", "[config]") {
  const SweepSpec s = parse_sweep_spec(kDesign, "sweeps/x.toml");
  CHECK(s.name == "aunet_vs_bpe");
  CHECK(s.seeds_data == std::vector<uint64_t>{0, 1});
  CHECK(s.data.data.train ==
        std::vector<SourceConfig>{{"sweeps/corpus/train.jsonl.zst", 1}, {"/abs/b.jsonl", 2}});
  CHECK(s.data.declared->rows_per_8192 == std::vector<double>{8192, 1664, 1144});
  CHECK(s.budget.flops.size() == 5);
  CHECK(s.runtime.checkpoint_seconds == 120);
  CHECK(s.runtime.checkpoint_keep == 2);
  CHECK(s.tune.start_lr == 0.01);
  CHECK(s.tune.start_batch_bytes == 4096);
  CHECK(s.tune.at == std::vector<std::string>{"smallest", "400000000000"});
  CHECK(std::stod(s.tune.at[1]) == s.budget.flops[2]);
  CHECK(s.replicates.seeds == 3);
  REQUIRE(s.exclude.size() == 1);
  CHECK(s.exclude[0].where == "epochs > 4");
  REQUIRE(s.families.size() == 5);
}

TEST_CASE("a family keeps what the file says and leaves the rest to the planner", "[config]") {
  const SweepSpec s = parse_sweep_spec(kDesign, "x.toml");
  const FamilySpec& aunet2 = s.families[0];
  CHECK(aunet2.kind == "aunet");
  CHECK(aunet2.stages == 2);
  CHECK(aunet2.line == 15);
  CHECK(aunet2.sizes.per_budget == 4);
  const auto& base = std::get<AunetConfig>(aunet2.base);
  CHECK(base.head_dims.empty());
  CHECK(base.multiple_of == 0);
  CHECK(to_string(base.split) == "word1=1@1");

  CHECK(s.families[1].sizes.same_as == "aunet2");
  CHECK(std::get<TransformerConfig>(s.families[1].base).vocab_size == 1026);

  const FamilySpec& aunet3 = s.families[2];
  CHECK(to_string(std::get<AunetConfig>(aunet3.base).split) == "word1=1@1,word2=2@1");
  CHECK(std::get<AunetConfig>(aunet3.base).pooling_type == "indexed_matmul");
  CHECK(aunet3.sizes.dims[1] == std::vector<int64_t>{64, 128, 192});
  CHECK(aunet3.lr == 0.01);
  CHECK(aunet3.batch_bytes == 4096);

  const FamilySpec& bytes = s.families[3];
  CHECK(bytes.kind == "bytes");
  CHECK(bytes.sizes.product);
  CHECK(bytes.sizes.dims == std::vector<std::vector<int64_t>>{{64}, {128}});
  CHECK(bytes.batch_sequences == std::vector<int64_t>{1, 2, 3, 4});

  const FamilySpec& fixed = s.families[4];
  CHECK(fixed.law == "paper");
  CHECK(fixed.sizes.dims == std::vector<std::vector<int64_t>>{{64}});
  CHECK(fixed.sizes.layers == std::vector<std::vector<int64_t>>{{2}});
}

TEST_CASE("overrides reach tables, arrays of tables by index and name, and array elements", "[config]") {
  const SweepSpec s = parse_sweep_spec(
      kDesign, "x.toml",
      {"sweep.name=other", "family.bpe.lr=0.5", "family.0.model.multiple_of=32", "budget.flops.0=5e10",
       "schedule.floor=0.1", "tune.axes=[\"lr\"]", "family.aunet3.model.split=word1=1@1,word4=4@1",
       "family.bytes.model={ kind = \"bytes\", multiple_of = 16 }"});
  CHECK(s.name == "other");
  CHECK(s.families[1].lr == 0.5);
  CHECK(std::get<AunetConfig>(s.families[0].base).multiple_of == 32);
  CHECK(s.budget.flops[0] == 5e10);
  CHECK(s.schedule.floor == 0.1);
  CHECK(s.tune.axes == std::vector<std::string>{"lr"});
  CHECK(to_string(std::get<AunetConfig>(s.families[2].base).split) == "word1=1@1,word4=4@1");
  CHECK(std::get<TransformerConfig>(s.families[3].base).sliding_window == 0);
  CHECK(std::get<TransformerConfig>(s.families[3].base).multiple_of == 16);
}

TEST_CASE("a rank file's vocabulary is its number of lines", "[config]") {
  const TemporaryFolder folder;
  std::string ranks;
  for (int i = 0; i < 300; ++i) ranks += "QQ== " + std::to_string(i) + "\n";
  write_file_atomic(folder / "r.tiktoken", ranks);
  const std::string text = R"(
sweep = { name = "s" }
data = { train = ["t"], heldout = ["h"] }
budget = { flops = [1e9] }
[[family]]
name = "f"
model = { kind = "llama", tokenizer = { path = "r.tiktoken", pattern = "cl100k_base" } }
sizes = { dims = [64], layers = [2] }
)";
  const SweepSpec s = parse_sweep_spec(text, folder / "s.toml");
  const auto& model = std::get<TransformerConfig>(s.families[0].base);
  CHECK(model.tokenizer.vocab == 300);
  CHECK(model.vocab_size == 302);
  CHECK(model.tokenizer.path == folder / "r.tiktoken");
  CHECK_THROWS_AS(parse_sweep_spec(text, "elsewhere/s.toml"), ConfigError);
}

TEST_CASE("a tokenizer.json's vocabulary is its largest id and one, and it has its own pattern", "[config]") {
  const TemporaryFolder folder;
  std::string vocab;
  for (int i = 0; i < 300; ++i)
    vocab += (i > 0 ? "," : "") + ("\"t" + std::to_string(i)) + "\":" + std::to_string(i);
  write_file_atomic(folder / "t.json",
                    R"({"model": {"vocab": {)" + vocab + R"(}}, "added_tokens": [{"id": 310}]})");
  const auto read = [&](const std::string& tokenizer) {
    const SweepSpec s = parse_sweep_spec(R"(
sweep = { name = "s" }
data = { train = ["t"], heldout = ["h"] }
budget = { flops = [1e9] }
[[family]]
name = "f"
model = { kind = "llama", tokenizer = )" + tokenizer +
                                             R"( }
sizes = { dims = [64], layers = [2] }
)",
                                         folder / "s.toml");
    return std::get<TransformerConfig>(s.families[0].base).tokenizer;
  };
  CHECK(read(R"({ path = "t.json" })").vocab == 311);
  CHECK(read(R"({ path = "t.json" })").pattern == "json");
  CHECK(read(R"({ path = "t.json", pattern = "llama3" })").pattern == "llama3");
  CHECK(read(R"({ path = "t.bin", vocab = 400 })").pattern == "gpt2");
  CHECK_THROWS_WITH(read(R"({ train = true, vocab = 400, pattern = "json" })"),
                    Catch::Matchers::Contains("expected a name with train = true, got \"json\""));
  write_file_atomic(folder / "t.json.zst", "x");
  CHECK_THROWS_WITH(read(R"({ path = "t.json.zst" })"), Catch::Matchers::Contains("expected vocab"));
  write_file_atomic(folder / "t.json", "{\"model\": 3}");
  CHECK_THROWS_WITH(read(R"({ path = "t.json" })"),
                    Catch::Matchers::Contains("expected a tokenizer of 256 ids or more, got 0"));
}

TEST_CASE("families and tuning use the split rules that the sweep file defines", "[config]") {
  const SweepSpec spec = parse_sweep_spec(R"([split.sentence]
end = '[.!?]\s'
[sweep]
name = "s"
[data]
train = ["t.jsonl"]
heldout = ["h.jsonl"]
[budget]
flops = [1e9]
[[family]]
name = "a"
model = { kind = "aunet", stages = 3, split = "word1=1@1,sentence" }
sizes = { per_budget = 2, around = "optimum" }
splits = ["word1=1@1,sentence", "word1=1@1,word2=2@1"]
[tune]
axes = ["split"]
)",
                                          "s.toml", {});
  const auto& split = std::get<AunetConfig>(spec.families[0].base).split;
  REQUIRE(split.size() == 2);
  CHECK(to_string(split) == "word1=1@1,sentence");
  CHECK(split[1].end == R"([.!?]\s)");
  CHECK(split == spec.families[0].splits[0]);
}

TEST_CASE("every shipped sweep reads", "[config]") {
  const std::string folder = std::string(AUNET_SOURCE_DIR) + "/sweeps";
  int n = 0;
  for (const std::string& name : list_directory(folder)) {
    if (!name.ends_with(".toml") || name.ends_with(".lock.toml")) continue;
    INFO(name);
    CHECK(!read_sweep_spec(folder + "/" + name).families.empty());
    ++n;
  }
  CHECK(n >= 2);
}

TEST_CASE("2000 mutations of a sweep file parse or throw ConfigError, nothing else", "[config]") {
  RandomStream stream(0, "mutations");
  const std::string right = kDesign;
  int parsed = 0, refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string text = right;
    for (uint64_t changes = 1 + stream.below(4); changes > 0; --changes) {
      const size_t at = stream.below(text.size());
      switch (stream.below(4)) {
        case 0:
          text[at] = static_cast<char>(stream.below(256));
          break;
        case 1:
          text.erase(at, 1 + stream.below(20));
          break;
        case 2:
          text.insert(at, 1, "[]{}=\",.0-9e\n#"[stream.below(14)]);
          break;
        default:
          text.insert(at, right.substr(stream.below(right.size()), stream.below(30)));
      }
    }
    try {
      parse_sweep_spec(text, "x.toml");
      ++parsed;
    } catch (const ConfigError& error) {
      ++refused;
      REQUIRE(std::string(error.what()).starts_with("x.toml:"));
    }
  }
  CHECK(parsed > 20);
  CHECK(refused > 1000);
}

}  // namespace aunet
