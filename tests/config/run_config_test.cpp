#include "config/run_config.h"

#include "config/evaluation.h"

#include "config/experiment.h"
#include "core/error.h"
#include "core/file.h"
#include "tests/config/random_run.h"
#include "tests/core/temporary_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <set>
#include <sstream>

namespace aunet {
namespace {

using Json = nlohmann::json;

RunConfig a_run() {
  RunConfig run;
  run.model = AunetConfig{.dimensions = {32, 64},
                          .layers = {1, 3},
                          .head_dims = {32, 64},
                          .residuals = {true},
                          .sliding_windows = {64, 256},
                          .max_seqlens = {-1, -1},
                          .split = {{"word1", "1@1"}}};
  run.data.train = {{"train.jsonl", 1}};
  run.data.heldout = {"valid.jsonl"};
  run.data.train_fingerprint = "t";
  run.data.heldout_fingerprint = "h";
  run.optim.lr = 0.03;
  run.horizon = {100, 8, 0, 1};
  return run;
}

RunConfig a_bpe_run() {
  RunConfig run = a_run();
  TransformerConfig model{.dim = 32, .n_layers = 2, .head_dim = 32, .vocab_size = 1026};
  model.tokenizer = {.train = true, .vocab = 1024, .path = "", .fingerprint = "ranks"};
  run.model = model;
  return run;
}

SplitRule user_rule(const std::string& name, const std::string& start, const std::string& end) {
  SplitRule rule{name, ""};
  rule.start = start;
  rule.end = end;
  return rule;
}

std::string with(RunConfig run, const std::function<void(RunConfig&)>& change) {
  change(run);
  return train_key(run);
}

}  // namespace

TEST_CASE("run.toml gives back every field of 200 random runs", "[config]") {
  RandomStream stream(0, "round trip");
  for (int i = 0; i < 200; ++i) {
    const RunConfig run = random_run(stream);
    const std::string toml = to_toml(run);
    INFO(toml);
    const RunConfig back = parse_run_config(toml, "run.toml");
    REQUIRE(same_run(run, back));
    REQUIRE(to_toml(back) == toml);
    REQUIRE(canonical(back) == canonical(run));
  }
}

TEST_CASE("keys are frozen", "[config]") {
  // A line that fails here means that finished runs are no longer found. A new field needs a neutral value
  // that is left out of the canonical form; a change of the mathematics needs a higher kNumericsVersion and
  // new lines.
  std::istringstream golden(read_file(std::string(AUNET_SOURCE_DIR) + "/tests/golden/keys.jsonl"));
  int n = 0;
  for (std::string line; std::getline(golden, line); ++n) {
    const Json example = Json::parse(line);
    INFO(example["name"]);
    const RunConfig run = parse_run_config(example["toml"].get<std::string>(), "run.toml");
    CHECK(canonical(run) == example["canonical"].get<std::string>());
    CHECK(train_key(run) == example["key"].get<std::string>());
    CHECK(eval_key(run) == example["eval_key"].get<std::string>());
  }
  CHECK(n >= 7);
}

TEST_CASE("the canonical form is one line of JSON with sorted keys and no neutral values", "[config]") {
  CHECK(
      canonical(a_run()) ==
      R"({"data":{"context_bytes":512,"train":"t"},"horizon":{"batch_windows":8,"windows":100},)"
      R"("model":{"dimensions":[32,64],"head_dims":[32,64],"kind":"aunet","layers":[1,3],"multiple_of":256,)"
      R"("norm_eps":1e-05,"pooling_type":"indexed_matmul","rope_theta":5e+05,"sliding_windows":[64,256],)"
      R"("split":"word1=1@1","split_mode":"causal","vocab_size":258},"numerics":1,)"
      R"("optim":{"beta1":0.9,"beta2":0.95,"clip":0.2,"eps":1e-08,"lr":0.03,"weight_decay":0.1},)"
      R"("schedule":{"floor":0.01,"kind":"cosine","warmup":0.1},"seeds":{"data":0,"init":0}})");
  RandomStream stream(1, "canonical");
  for (int i = 0; i < 50; ++i) {
    const std::string text = canonical(random_run(stream));
    CHECK(text.find('\n') == std::string::npos);
    CHECK(Json::parse(text).is_object());
  }
}

TEST_CASE("an evaluation has a key of its own, and changes no other", "[config]") {
  RunConfig run;
  run.model = AunetConfig{};
  run.data.train_fingerprint = "00112233445566778899aabbccddeeff";
  run.data.heldout_fingerprint = "ffeeddccbbaa99887766554433221100";
  const std::string train = train_key(run), heldout = eval_key(run);
  EvalConfig eval{"robust", {}, "typos", 0.05, 3, run.data.heldout_fingerprint};
  run.evals = {eval};
  CHECK(train_key(run) == train);
  CHECK(eval_key(run) == heldout);
  const std::string typos = eval_key(run, eval);
  CHECK(typos != heldout);
  const auto changed = [&](auto change) {
    EvalConfig other = eval;
    change(other);
    return eval_key(run, other) != typos;
  };
  CHECK(changed([](EvalConfig& e) { e.rate = 0.1; }));
  CHECK(changed([](EvalConfig& e) { e.seed = 4; }));
  CHECK(changed([](EvalConfig& e) { e.corrupt = "lowercase"; }));
  CHECK(changed([](EvalConfig& e) { e.fingerprint = "other text"; }));
  CHECK(!changed([](EvalConfig& e) { e.name = "another name"; }));
  eval.corrupt = "no_spaces";
  EvalConfig same = eval;
  same.rate = 0.5;
  CHECK(eval_key(run, eval) == eval_key(run, same));  // of typos only
  CHECK(eval_key(run, eval).size() == 16);
  eval.fingerprint.clear();
  CHECK_THROWS_AS(eval_key(run, eval), BugError);
}

TEST_CASE("what does not change the weights does not change the key", "[config]") {
  const std::string key = train_key(a_run());
  CHECK(key.size() == 16);
  const std::vector<std::function<void(RunConfig&)>> neutral = {
      [](RunConfig& r) { r.runtime.threads = 8; },
      [](RunConfig& r) { r.runtime.device = "cuda"; },
      [](RunConfig& r) { r.runtime.checkpoint_seconds = 1; },
      [](RunConfig& r) { r.runtime.gate_causal = "off"; },
      [](RunConfig& r) { r.runtime.gate_perturbations = 46050; },
      [](RunConfig& r) {
        r.origin = {"n", "f", 1e9, "paper", 1e9};
      },
      [](RunConfig& r) { r.horizon.accumulation = 4; },
      [](RunConfig& r) { r.data.train[0].path = "elsewhere.jsonl.zst"; },
      [](RunConfig& r) { r.data.heldout_fingerprint = "other"; }};
  for (const auto& change : neutral) CHECK(with(a_run(), change) == key);
  const auto tokenizer = [](RunConfig& r) -> TokenizerConfig& {
    return std::get<TransformerConfig>(r.model).tokenizer;
  };
  CHECK(with(a_bpe_run(), [&](RunConfig& r) { tokenizer(r).path = "cache/ranks"; }) ==
        train_key(a_bpe_run()));
  CHECK(with(a_bpe_run(), [&](RunConfig& r) { tokenizer(r).train = false; }) == train_key(a_bpe_run()));
}

TEST_CASE("what changes the weights changes the key", "[config]") {
  const auto aunet = [](RunConfig& r) -> AunetConfig& { return std::get<AunetConfig>(r.model); };
  const std::vector<std::function<void(RunConfig&)>> changes = {
      [](RunConfig&) {},
      [&](RunConfig& r) { aunet(r).dimensions[1] = 128; },
      [&](RunConfig& r) { aunet(r).layers[0] = 2; },
      [&](RunConfig& r) { aunet(r).head_dims[0] = 16; },
      [&](RunConfig& r) { aunet(r).residuals[0] = false; },
      [&](RunConfig& r) { aunet(r).sliding_windows[0] = 65; },
      [&](RunConfig& r) { aunet(r).max_seqlens[1] = 99; },
      [&](RunConfig& r) { aunet(r).lambda_level = 0.1; },
      [&](RunConfig& r) { aunet(r).pooling_type = "repeat"; },
      [&](RunConfig& r) { aunet(r).pooling_type = "average"; },
      [&](RunConfig& r) {
        aunet(r).pooling_type = "average";
        aunet(r).upsampling = "repeat";
      },
      [&](RunConfig& r) { aunet(r).skip = "concat"; },
      [&](RunConfig& r) {
        aunet(r).n_kv_heads = {1, 1};
      },
      [&](RunConfig& r) { aunet(r).weight_tying = true; },
      [&](RunConfig& r) { aunet(r).lambda_units = {0.1}; },
      [&](RunConfig& r) {
        aunet(r).lambda_units = {0.1};
        aunet(r).unit_reach = 2;
      },
      [&](RunConfig& r) {
        aunet(r).lambda_units = {0.1};
        aunet(r).unit_targets = "first_bytes";
      },
      [&](RunConfig& r) { aunet(r).split[0].value = "2@1"; },
      [&](RunConfig& r) { aunet(r).split_mode = SplitMode::Official; },
      [&](RunConfig& r) { aunet(r).split = {user_rule("mine", "a", "")}; },
      [&](RunConfig& r) { aunet(r).split = {user_rule("mine", "", "a")}; },
      [&](RunConfig& r) { aunet(r).split = {user_rule("mine", "a", "b")}; },
      [](RunConfig& r) { r.data.train_fingerprint = "u"; },
      [](RunConfig& r) { r.data.context_bytes = 513; },
      [](RunConfig& r) { r.data.document_mask = true; },
      [](RunConfig& r) { r.optim.lr = 0.030000000000000002; },
      [](RunConfig& r) { r.optim.clip = 1; },
      [](RunConfig& r) { r.schedule.warmup = 0.2; },
      [](RunConfig& r) { r.schedule.floor = 0; },
      [](RunConfig& r) { r.horizon.windows = 101; },
      [](RunConfig& r) { r.horizon.batch_windows = 9; },
      [](RunConfig& r) { r.horizon.last_window_bytes = 100; },
      [](RunConfig& r) { r.seeds.init = 1; },
      [](RunConfig& r) { r.seeds.data = 1; },
      [](RunConfig& r) { r.model = a_bpe_run().model; }};
  std::set<std::string> keys;
  for (const auto& change : changes) keys.insert(with(a_run(), change));
  CHECK(keys.size() == changes.size());
}

TEST_CASE("two spellings of one model have one key", "[config]") {
  const std::string text = to_toml(a_run());
  const auto key = [&](const std::vector<std::string>& overrides) {
    return train_key(parse_run_config(text, "run.toml", overrides));
  };
  CHECK(key({"model.pooling_type=nearest", "model.upsampling=repeat"}) == key({"model.pooling_type=repeat"}));
  CHECK(key({"model.pooling_type=max", "model.upsampling=indexed_matmul"}) ==
        key({"model.pooling_type=max"}));
  CHECK(key({"model.residuals=[false]", "model.skip=concat"}) == key({"model.residuals=[false]"}));
  CHECK(key({"model.lambda_units=[0]", "model.unit_reach=2"}) == key({}));
  CHECK(key({"model.lambda_units=[0.5]", "model.unit_reach=2"}) != key({}));
}

TEST_CASE("a file names its own split rules; their names are not part of the key", "[config]") {
  const std::string head = to_toml(a_run());
  const auto read = [&](const std::string& name, const std::string& regex) {
    return parse_run_config(head + "[split." + name + "]\nstart = '" + regex + "'\n", "run.toml",
                            {"model.split=\"" + name + "\""});
  };
  const RunConfig run = read("capitals", R"(\p{Lu})");
  CHECK(std::get<AunetConfig>(run.model).split ==
        std::vector<SplitRule>{user_rule("capitals", R"(\p{Lu})", "")});
  CHECK(to_toml(run).find("\n[split.capitals]\nstart = \"\\\\p{Lu}\"\n") != std::string::npos);
  CHECK(train_key(run) == train_key(read("upper", R"(\p{Lu})")));
  CHECK(train_key(run) != train_key(read("capitals", R"(\p{Ll})")));
}

TEST_CASE("a key without its fingerprints is a bug", "[config]") {
  CHECK_THROWS_AS(with(a_run(), [](RunConfig& r) { r.data.train_fingerprint.clear(); }), BugError);
  CHECK_THROWS_AS(
      with(a_bpe_run(),
           [](RunConfig& r) { std::get<TransformerConfig>(r.model).tokenizer.fingerprint.clear(); }),
      BugError);
  RunConfig run = a_run();
  CHECK(eval_key(run).size() == 16);
  CHECK(eval_key(run) != train_key(run));
  run.data.heldout_fingerprint.clear();
  CHECK_THROWS_AS(eval_key(run), BugError);
}

TEST_CASE("paths are seen from the file's folder, and absolute once read", "[config]") {
  const TemporaryFolder folder;
  make_directories(folder / "sub");
  write_file_atomic(folder / "sub/run.toml", to_toml(a_run()));
  CHECK(read_run_config(folder / "sub/run.toml").data.train[0].path == folder / "sub/train.jsonl");
  CHECK(parse_run_config(to_toml(a_run()), "run.toml").data.train[0].path == "train.jsonl");
  CHECK(parse_run_config(to_toml(a_run()), "sub/run.toml").data.heldout[0] == "sub/valid.jsonl");
  CHECK_THROWS_WITH(read_run_config(folder / "absent.toml"), folder / "absent.toml: no such file");
}

TEST_CASE("an experiment says how far to train in four ways", "[config]") {
  const std::string text = to_toml(a_run());
  const std::string head = text.substr(0, text.find("[horizon]"));
  const std::string tail = text.substr(text.find("[seeds]"));
  const auto spec = [&](const std::string& horizon) {
    return parse_experiment(head + "[horizon]\n" + horizon + "\n" + tail, "x.toml");
  };
  const ExperimentSpec steps = spec("steps = 10\nbatch_windows = 3");
  CHECK(steps.resolved());
  CHECK(steps.run.horizon.windows == 30);
  const ExperimentSpec flops = spec("flops = 1e12\nbatch_bytes = 4096\nconvention = \"paper\"");
  CHECK(!flops.resolved());
  CHECK(flops.flops == 1e12);
  CHECK(flops.batch_bytes == 4096);
  CHECK(spec("bytes = 1e6\nbatch_windows = 2").bytes == 1e6);
  CHECK(spec("windows = 7\nbatch_windows = 2").resolved());
}

TEST_CASE("defaults follow the official configuration and the width", "[config]") {
  const ExperimentSpec spec = parse_experiment(R"(
model = { kind = "aunet", dimensions = [96, 128, 256], layers = [1, 1, 2], split = "word" }
data = { train = ["t"], heldout = ["h"] }
optim = { lr = 0.1 }
horizon = { steps = 1, batch_windows = 1 })",
                                               "x.toml");
  const auto& model = std::get<AunetConfig>(spec.run.model);
  CHECK(model.head_dims == std::vector<int64_t>{48, 64, 64});
  CHECK(model.sliding_windows == std::vector<int64_t>{512, 4096, 4096});
  CHECK(model.max_seqlens == std::vector<int64_t>{-1, -1, -1});
  CHECK(model.residuals == std::vector<bool>{true, true});
  CHECK(to_string(model.split) == "word1=1@1,word2=2@1");
  CHECK(model.multiple_of == 256);
  CHECK(spec.run.seeds.init == 0);
}

TEST_CASE("feed-forward width and marks", "[config]") {
  // paper.md 2.4: 1024 -> 2816, 1280 -> 3584, 1536 -> 4096, 256 -> 768 (multiple of 256)
  CHECK(ffn_hidden(1024, 256) == 2816);
  CHECK(ffn_hidden(1280, 256) == 3584);
  CHECK(ffn_hidden(1536, 256) == 4096);
  CHECK(ffn_hidden(256, 256) == 768);
  CHECK(ffn_hidden(16, 8) == 48);
  CHECK(ffn_hidden(32, 8) == 88);
  CHECK(begin_id(a_run().model) == 256);
  CHECK(end_id(a_run().model) == 257);
  CHECK(begin_id(a_bpe_run().model) == 1024);
  CHECK(kind_of(a_bpe_run().model) == "llama");
  CHECK(default_head_dim(32) == 32);
  CHECK(default_head_dim(2048) == 64);
  CHECK(default_head_dim(100) == 50);
}

}  // namespace aunet
