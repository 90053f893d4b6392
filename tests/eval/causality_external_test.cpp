// The causality gate over split rules that read files: n-gram entropies, the ends of BPE tokens, boundaries
// written down.
#include "baselines/bpe_rule.h"
#include "baselines/make_model.h"
#include "core/file.h"
#include "data/entropy_model.h"
#include "data/tokenizer.h"
#include "eval/causality.h"
#include "tests/core/temporary_folder.h"
#include "tests/eval/held_out.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace aunet;

namespace {

CausalityVerdict check(const std::string& split, SplitMode mode) {
  AunetConfig config;
  config.split = parse_split(split, "test");
  config.split_mode = mode;
  config.dimensions = {8, 16};
  config.layers = {1, 1};
  config.head_dims = {8, 8};
  config.residuals = {true};
  config.sliding_windows = {24, 24};
  config.max_seqlens = {-1, -1};
  config.multiple_of = 8;
  const auto tokenizer = make_byte_tokenizer();
  const SequenceBuilder builder(config, *tokenizer);
  return check_causality(*make_model(config, 1), config, builder, held_out(), at::kCPU,
                         {.n_perturbations = 100, .context_bytes = 128});
}

}  // namespace

TEST_CASE("entropy boundaries pass in both modes", "[eval][gate]") {
  const TemporaryFolder folder;
  EntropyModel::train(held_out_text(), 4).save(folder / "m.entropy");
  for (const SplitMode mode : {SplitMode::Causal, SplitMode::Official}) {
    const CausalityVerdict verdict = check("entropy=" + (folder / "m.entropy") + "@1.5", mode);
    CAPTURE(verdict.detail);
    CHECK(verdict.verdict == "pass");
    CHECK(verdict.n_leaky == 0);
  }
}

TEST_CASE("the ends of a BPE's tokens leak in official mode and pass in causal mode", "[eval][gate]") {
  install_bpe_rule();
  const TemporaryFolder folder;
  const std::string path = folder / "ranks.tiktoken";
  Bpe::train({held_out_text()}, 400, "gpt2").save(path);
  const CausalityVerdict official = check("bpe=" + path, SplitMode::Official);
  CAPTURE(official.detail);
  CHECK(official.verdict == "leak");
  CHECK(official.leak_rate > 0.05);
  CHECK(official.n_logits_moved == 0);
  const CausalityVerdict causal = check("bpe=" + path, SplitMode::Causal);
  CAPTURE(causal.detail);
  CHECK(causal.verdict == "pass");
}

TEST_CASE("boundaries from a file are a leak, whatever they are", "[eval][gate]") {
  const TemporaryFolder folder;
  const std::string path = folder / "ends.jsonl";
  write_file_atomic(path, nlohmann::json{{"text", held_out_text()}, {"ends", {3, 9}}}.dump() + "\n");
  const CausalityVerdict verdict = check("file=" + path, SplitMode::Official);
  CHECK(verdict.verdict == "leak");
  CHECK(verdict.leak_rate == 1);
  CHECK(verdict.n_perturbations() == 0);
}
