// What a user reads when a file is wrong: each row is one change to a right text and the whole message.
#include "config/experiment.h"
#include "config/run_config.h"
#include "config/sweep_spec.h"
#include "core/error.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace aunet {
namespace {

// Line numbers in the messages below count from here.
const char* const kExperiment = R"(name = "x"
[model]
kind = "aunet"
dimensions = [32, 64]
layers = [1, 3]
split = "word"
[data]
train = ["t.jsonl"]
heldout = ["h.jsonl"]
[optim]
lr = 0.01
[horizon]
steps = 10
batch_windows = 4
[seeds]
init = 0
)";

const char* const kSweep = R"([sweep]
name = "s"
[data]
train = ["t.jsonl"]
heldout = ["h.jsonl"]
[budget]
flops = [1e9, 2e9]
[[family]]
name = "a"
model = { kind = "aunet", stages = 2, split = "word" }
sizes = { per_budget = 2, around = "optimum" }
[[family]]
name = "b"
model = { kind = "llama", tokenizer = { train = true, vocab = 512 } }
sizes = { same_as = "a" }
[tune]
axes = ["lr", "batch"]
)";

struct Case {
  const char* from;  // replaced in the right text; "" appends `to`
  const char* to;
  const char* message;
};

const std::vector<Case> kExperimentCases = {
    // TOML itself
    {"lr = 0.01",
     "lr = ", "x.toml:11:6: not valid TOML: error while parsing key-value pair: expected value, saw '\\n'"},
    {"lr = 0.01", "lr = 0.01\nlr = 0.02",
     "x.toml:12:6: not valid TOML: error while parsing key-value pair: cannot redefine existing "
     "floating-point 'lr'"},
    {"[optim]", "[optim",
     "x.toml:10:7: not valid TOML: error while parsing table header: expected ']', saw '\\n'"},
    // unknown keys
    {"layers =", "layerz =", "x.toml:5:1: unknown key 'layerz'; did you mean 'layers'?"},
    {"lr = 0.01", "lr = 0.01\nmomentum = 0.9",
     "x.toml:12:1: unknown key 'momentum'; known in [optim]: lr, beta1, beta2, eps, weight_decay, clip"},
    {"[seeds]", "[seedz]", "x.toml:15:2: unknown key 'seedz'; did you mean 'seeds'?"},
    {"kind = \"aunet\"", "kind = \"aunet\"\ndim = 32",
     "x.toml:4:1: unknown key 'dim'; did you mean 'dimensions'?"},
    // split rules
    {"split = \"word\"", "split = \"mine\"\n[split.mine]\nstart = '['",
     "x.toml:8:9: split.mine.start: expected a regular expression, got '[': missing terminating ] for "
     "character class"},
    {"split = \"word\"", "split = \"mine\"\n[split.mine]\nstart = 'a\\Kb'",
     "x.toml:8:9: split.mine.start: expected a regular expression without \\K, got \"a\\Kb\""},
    {"split = \"word\"", "split = \"mine\"\n[split.mine]\nend = ''",
     "x.toml:8:7: split.mine.end: expected a regular expression, got \"\""},
    {"split = \"word\"", "split = \"mine\"\n[split.mine]",
     "x.toml:7:1: split.mine: expected start or end, a regular expression each, got neither"},
    {"split = \"word\"", "split = \"mine\"\n[split.mine]\nbegin = 'a'",
     "x.toml:8:1: unknown key 'begin'; did you mean 'start'?"},
    {"split = \"word\"", "split = \"word\"\n[split]\nmine = 'a'",
     "x.toml:8:8: split.mine: expected a table, got \"a\""},
    // types
    {"lr = 0.01", "lr = \"fast\"", "x.toml:11:6: optim.lr: expected a number > 0, got \"fast\""},
    {"steps = 10", "steps = 10.5",
     "x.toml:13:9: horizon.steps: expected an integer in 1 .. 1000000000000, got 10.5"},
    {"train = [\"t.jsonl\"]", "train = \"t.jsonl\"",
     "x.toml:8:9: data.train: expected an array of paths or { path, weight }, got \"t.jsonl\""},
    {"train = [\"t.jsonl\"]", "train = [7]",
     "x.toml:8:10: data.train[0]: expected a path or { path, weight }, got 7"},
    {"heldout = [\"h.jsonl\"]", "heldout = [\"h.jsonl\"]\ndocument_mask = 1",
     "x.toml:10:17: data.document_mask: expected true or false, got 1"},
    {"layers = [1, 3]", "layers = [1, \"3\"]",
     "x.toml:5:14: model.layers[1]: expected an integer in 1 .. 10000, got \"3\""},
    {"name = \"x\"", "name = 3", "x.toml:1:8: name: expected a text in quotes, got 3"},
    {"[seeds]\ninit = 0", "[[seeds]]\ninit = 0", "x.toml:15:1: seeds: expected a table, got an array of 1"},
    {"", "[gates]\nperturbations = 0\n",
     "x.toml:18:17: gates.perturbations: expected an integer in 1 .. 10000000, got 0"},
    {"", "[gates]\nperturbation = 5\n",
     "x.toml:18:1: unknown key 'perturbation'; did you mean 'perturbations'?"},
    {"", "[run]\nthreads = 2020-01-01\n",
     "x.toml:18:11: run.threads: expected an integer in 1 .. 4096, got a date or time"},
    // ranges
    {"lr = 0.01", "lr = -1", "x.toml:11:6: optim.lr: expected a number > 0, got -1"},
    {"lr = 0.01", "lr = nan", "x.toml:11:6: optim.lr: expected a number > 0, got nan"},
    {"lr = 0.01", "lr = inf", "x.toml:11:6: optim.lr: expected a number > 0, got inf"},
    {"lr = 0.01", "lr = 0.01\nbeta1 = 1.0",
     "x.toml:12:9: optim.beta1: expected a number in 0 .. 0.999999, got 1"},
    {"heldout = [\"h.jsonl\"]", "heldout = [\"h.jsonl\"]\ncontext_bytes = 8",
     "x.toml:10:17: data.context_bytes: expected an integer in 16 .. 1048576, got 8"},
    {"init = 0", "init = -1", "x.toml:16:8: seeds.init: expected an integer >= 0, got -1"},
    {"train = [\"t.jsonl\"]", "train = [{ path = \"t\", weight = 0 }]",
     "x.toml:8:33: data.train[0].weight: expected a number > 0, got 0"},
    {"train = [\"t.jsonl\"]", "train = [\"t.jsonl\", { path = \"u.jsonl\", weight = 2 }]",
     "x.toml:8:21: data.train[1]: expected a weight for every source or for none (then their sizes are the "
     "weights), got one after none"},
    {"", "[schedule]\nwarmup = 1.5\n", "x.toml:18:10: schedule.warmup: expected a number in 0 .. 1, got 1.5"},
    // missing
    {"lr = 0.01", "clip = 1", "x.toml:10:1: optim.lr: expected a number > 0, got nothing"},
    {"[optim]\nlr = 0.01\n", "", "x.toml:1:1: optim: expected a table with lr, got nothing"},
    {"split = \"word\"", "",
     "x.toml:2:1: model.split: expected rules like \"word\" or \"word1=1@1,word2=2@1\", got nothing"},
    {"train = [\"t.jsonl\"]", "train = []", "x.toml:8:9: data.train: expected at least one path, got none"},
    // list lengths and what hangs together
    {"layers = [1, 3]", "layers = [1, 3]\nhead_dims = [32, 64, 64]",
     "x.toml:6:13: model.head_dims: expected 2 values (one per stage), got 3"},
    {"layers = [1, 3]", "layers = [1, 3]\nresiduals = [true, true]",
     "x.toml:6:13: model.residuals: expected 1 value (one per transition), got 2"},
    {"layers = [1, 3]", "layers = [1]",
     "x.toml:5:10: model.layers: expected 2 values (one per stage), got 1"},
    {"dimensions = [32, 64]", "dimensions = [32]",
     "x.toml:4:14: model.dimensions: expected 2 to 8 values (one per stage; one stage is kind = \"bytes\"), "
     "got 1"},
    {"layers = [1, 3]", "layers = [1, 3]\nhead_dims = [32, 48]",
     "x.toml:6:13: model.head_dims: expected an even divisor of the width 64, got 48"},
    {"layers = [1, 3]", "layers = [1, 3]\nmax_seqlens = [-1, 0]",
     "x.toml:6:15: model.max_seqlens: expected -1 (no cap) or a cap >= 1, got 0"},
    {"split = \"word\"", "split = \"word1=1@1,word2=2@1\"",
     "x.toml:6:9: model.split: expected 1 rule (one per transition), got 2"},
    {"split = \"word\"", "split = \"words per minute\"",
     "x.toml:6:9: model.split: expected rules like \"word1=1@1,word2=2@1\" with names that begin with word, "
     "pretok, punct, space, every, chars, script, file, bpe or entropy, got \"words per minute\""},
    {"split = \"word\"", "split = \"word1=0@1\"",
     "x.toml:6:9: model.split: expected rules like \"word1=1@1,word2=2@1\" with names that begin with word, "
     "pretok, punct, space, every, chars, script, file, bpe or entropy, got \"word1=0@1\""},
    {"steps = 10", "steps = 10\nflops = 1e9",
     "x.toml:14:9: horizon.flops: expected exactly one of windows, steps, bytes, flops, got steps and flops"},
    {"batch_windows = 4\n", "",
     "x.toml:12:1: horizon.batch_windows: expected exactly one of batch_windows, batch_bytes, got none"},
    {"steps = 10", "steps = 10\nlast_window_bytes = 5",
     "x.toml:14:21: horizon.last_window_bytes: expected only beside windows, got it beside steps"},
    // words
    {"kind = \"aunet\"", "kind = \"unet\"",
     "x.toml:3:8: model.kind: expected one of \"aunet\", \"llama\", \"bytes\", got \"unet\"; did you mean "
     "'aunet'?"},
    {"split = \"word\"", "split = \"word\"\nsplit_mode = \"casual\"",
     "x.toml:7:14: model.split_mode: expected one of \"official\", \"causal\", got \"casual\"; did you mean "
     "'causal'?"},
    {"split = \"word\"", "split = \"word\"\npooling_type = \"mean\"",
     "x.toml:7:16: model.pooling_type: expected one of \"indexed_matmul\", \"repeat\", \"scatter\", "
     "\"non_param\", \"nearest\", \"average\", \"max\", \"cross_attention\", got \"mean\"; did you "
     "mean 'max'?"},
    {"split = \"word\"", "split = \"word\"\nupsampling = \"non_param\"",
     "x.toml:7:14: model.upsampling: expected one of \"indexed_matmul\", \"repeat\", \"nearest\", "
     "\"scatter\", got \"non_param\""},
    {"dimensions = [32, 64]", "dimensions = [32, 48]\npooling_type = \"non_param\"",
     "x.toml:4:14: model.dimensions: expected a multiple of 32 after it with pooling_type \"non_param\", got "
     "48"},
    {"split = \"word\"", "split = \"word\"\nskip = \"concatenate\"",
     "x.toml:7:8: model.skip: expected one of \"add\", \"concat\", got \"concatenate\"; did you mean "
     "'concat'?"},
    {"split = \"word\"", "split = \"word\"\nhead_dims = [8, 8]\nn_kv_heads = [2, 3]",
     "x.toml:8:14: model.n_kv_heads: expected a divisor of stage 2's 8 heads, got 3"},
    {"split = \"word\"", "split = \"word\"\nn_kv_heads = [1]",
     "x.toml:7:14: model.n_kv_heads: expected 2 values (one per stage), got 1"},
    {"split = \"word\"", "split = \"word\"\nlambda_units = [0.1, 0.1]",
     "x.toml:7:16: model.lambda_units: expected 1 value (one per stage above bytes), got 2"},
    {"split = \"word\"", "split = \"word\"\nlambda_units = [-1]",
     "x.toml:7:17: model.lambda_units[0]: expected a number >= 0, got -1"},
    {"split = \"word\"", "split = \"word\"\nunit_reach = 0",
     "x.toml:7:14: model.unit_reach: expected an integer in 1 .. 256, got 0"},
    {"", "[schedule]\nkind = \"wsd\"\ndecay = 0\n",
     "x.toml:19:9: schedule.decay: expected a number above 0 and up to 1, got 0"},
    {"", "[schedule]\nkind = \"wsd\"\nwarmup = 0.3\ndecay = 0.8\n",
     "x.toml:20:9: schedule.decay: expected warmup + decay up to 1, got 0.3 + 0.8"},
    {"", "[schedule]\nkind = \"wsd\"\nwarmup = 0.9\n",
     "x.toml:19:10: schedule.warmup: expected warmup + decay up to 1, got 0.9 + 0.2"},
    {"", "[schedule]\nkind = \"wsd\"\nwarmup = 0.1\nwarmup_steps = 9\n",
     "x.toml:20:16: schedule.warmup_steps: expected only without warmup"},
    {"", "[schedule]\ndecay = 0.1\n", "x.toml:18:9: schedule.decay: expected only beside kind = \"wsd\""},
    {"", "[schedule]\nbranches = true\n",
     "x.toml:18:1: unknown key 'branches'; known in [schedule]: kind, warmup, floor, decay, warmup_steps"},
    {"", "[run]\nparent = \"0123456789abcdef\"\n",
     "x.toml:18:10: run.parent: expected a key and a step, KEY@STEP, got \"0123456789abcdef\""},
    {"", "[run]\nparent = \"0123456789abcdef@0\"\n",
     "x.toml:18:10: run.parent: expected a key and a step, KEY@STEP, got \"0123456789abcdef@0\""},
    {"", "[checkpoints]\nevery = \"2 weeks\"\n",
     "x.toml:18:9: checkpoints.every: expected seconds, or a text like \"90s\", \"2min\", \"1h\", \"1d\", "
     "got \"2 weeks\""},
    {"", "[checkpoints]\nkeep = \"first:2\"\n",
     "x.toml:18:8: checkpoints.keep: expected \"last:N\" or an integer >= 1, got \"first:2\""},
    {"name = \"x\"", "name = \"../x\"",
     "x.toml:1:8: name: expected a name of letters, digits, '-', '_', '.', got \"../x\""},
};

const std::vector<Case> kSweepCases = {
    {"flops = [1e9, 2e9]", "flops = [2e9, 1e9]",
     "x.toml:7:9: budget.flops: expected ascending budgets, got 1000000000 after 2000000000"},
    {"flops = [1e9, 2e9]", "flops = [0]", "x.toml:7:10: budget.flops[0]: expected a number > 0, got 0"},
    {"flops = [1e9, 2e9]", "flops = []", "x.toml:7:9: budget.flops: expected at least one budget, got none"},
    {"[budget]\nflops = [1e9, 2e9]\n", "", "x.toml:1:1: budget: expected a table with flops, got nothing"},
    {"flops = [1e9, 2e9]", "flops = [1e9, 2e9]\nmatch = \"byte\"",
     "x.toml:8:9: budget.match: expected one of \"flops\", \"bytes\", \"params\", "
     "\"inference_flops_per_byte\", \"seconds\", got \"byte\"; did you mean 'bytes'?"},
    {"flops = [1e9, 2e9]", "flops = [1e9, 2e9]\nreference = \"c\"",
     "x.toml:8:13: budget.reference: expected one of \"a\", \"b\", got \"c\""},
    {"flops = [1e9, 2e9]", "flops = [1e9, 2e9]\nrates = { c = 1e9 }",
     "x.toml:8:11: unknown key 'c'; known in [budget.rates]: a, b"},
    {"flops = [1e9, 2e9]", "flops = [1e9, 2e9]\nrates = { a = 0 }",
     "x.toml:8:15: budget.rates.a: expected a number > 0, got 0"},
    {"flops = [1e9, 2e9]", "flops = [1e9, 2e9]\nconvention = \"usefull\"",
     "x.toml:8:14: budget.convention: expected one of \"paper\", \"useful\", \"executed\", got \"usefull\"; "
     "did you mean "
     "'useful'?"},
    {"name = \"b\"", "name = \"a\"", "x.toml:13:8: family.a.name: expected unique names, got \"a\" twice"},
    {"name = \"b\"", "name = \"b c\"",
     "x.toml:13:8: family.b c.name: expected a name of letters, digits, '-', '_', '.', got \"b c\""},
    {"name = \"b\"\n", "", "x.toml:12:1: family.1.name: expected a name, got nothing"},
    {"same_as = \"a\"", "same_as = \"aa\"",
     "x.toml:15:21: family.b.sizes.same_as: expected the name of a family (a, b), got \"aa\"; did you mean "
     "'a'?"},
    {"same_as = \"a\"", "same_as = \"b\"",
     "x.toml:15:21: family.b.sizes.same_as: expected a family with sizes of its own, got \"b\""},
    {"same_as = \"a\"", "same_as = \"a\", per_budget = 3",
     "x.toml:15:9: family.b.sizes: expected exactly one of { dims, layers }, { per_budget, around = "
     "\"optimum\" }, "
     "{ same_as = FAMILY }"},
    {"sizes = { same_as = \"a\" }\n", "",
     "x.toml:12:1: family.b.sizes: expected a table: { dims, layers }, { per_budget, around = \"optimum\" } "
     "or "
     "{ same_as = FAMILY }, got nothing"},
    {"same_as = \"a\"", "dims = [64, 128], layers = [2]",
     "x.toml:15:38: family.b.sizes.layers: expected 2 entries (one per entry of dims), got 1"},
    {"per_budget = 2, around = \"optimum\"", "dims = [[32, 64], [32]], layers = [[1, 2], [1, 3]]",
     "x.toml:11:29: family.a.sizes.dims[1]: expected 2 values (one per stage), got 1"},
    {"vocab = 512", "vocab = 12",
     "x.toml:14:63: family.b.model.tokenizer.vocab: expected an integer in 256 .. 4194304, got 12"},
    {"train = true, vocab = 512", "train = true",
     "x.toml:14:39: family.b.model.tokenizer.vocab: expected an integer >= 256 (256 bytes and the merges to "
     "train), got "
     "nothing"},
    {"stages = 2, ", "",
     "x.toml:10:9: family.a.model.stages: expected an integer in 2 .. 8 (or dimensions and layers), got "
     "nothing"},
    {"[data]\ntrain = [\"t.jsonl\"]", "[data]",
     "x.toml:3:1: data.train: expected an array of paths or { path, weight }, got nothing"},
    {"[tune]", "[[eval]]\nname = \"heldout\"\n[tune]",
     "x.toml:17:8: eval.0.name: expected another name: \"heldout\" is that of data.heldout"},
    {"[tune]", "[[eval]]\nname = \"a\"\ncorrupt = \"typo\"\n[tune]",
     "x.toml:18:11: eval.0.corrupt: expected one of \"none\", \"typos\", \"no_spaces\", \"lowercase\", "
     "\"uppercase\", "
     "got \"typo\"; did you mean 'typos'?"},
    {"[tune]", "[[eval]]\nname = \"a\"\nrate = 0.1\n[tune]",
     "x.toml:18:8: eval.0.rate: expected only beside corrupt = \"typos\", got it beside \"none\""},
    {"axes = [\"lr\", \"batch\"]", "axes = [\"lr\", \"width\"]",
     "x.toml:17:8: tune.axes: expected lr, batch, weight_decay, vocab, split, byte_width, got \"width\""},
    {"axes = [\"lr\", \"batch\"]", "axes = [\"lr\", \"batch\"]\nstart = 0.1",
     "x.toml:18:9: tune.start: expected { lr = .., batch = .. }, because a number fits one axis only"},
    {"axes = [\"lr\", \"batch\"]", "at = [\"smallest\", 3e9]",
     "x.toml:17:19: tune.at: expected \"smallest\", \"middle\", \"largest\", \"each\" or one of the budgets, "
     "got 3000000000"},
    {"axes = [\"lr\", \"batch\"]", "max_trials = 0",
     "x.toml:17:14: tune.max_trials: expected an integer in 1 .. 10000, got 0"},
    {"", "[replicates]\nseeds = 3\n",
     "x.toml:18:1: replicates.at: expected the budgets to replicate, like [\"smallest\", \"largest\"], got "
     "nothing"},
    {"", "[[exclude]]\nwhere = \"epochs > 4\"\n",
     "x.toml:18:1: exclude.0.reason: expected a reason in words, got nothing"},
    {"", "[schedule]\nbranches = true\n",
     "x.toml:19:12: schedule.branches: expected only beside kind = \"wsd\""},
    {"", "[schedule]\nkind = \"wsd\"\nbranches = [0.5]\n",
     "x.toml:20:12: schedule.branches: expected true or false, got an array of 1"},
    {"", "[schedule]\nwarmup_steps = 9\n", "x.toml:19:1: unknown key 'warmup_steps'; did you mean 'warmup'?"},
    {"", "[run]\nparent = \"0123456789abcdef@4\"\n",
     "x.toml:19:1: unknown key 'parent'; did you mean 'device'?"},
    {"", "[optim]\nlr = 0.1\n",
     "x.toml:19:1: unknown key 'lr'; known in [optim]: beta1, beta2, eps, weight_decay, clip"},
    {"name = \"s\"", "name = \"s\"\nseeds = { init = [0, 0] }",
     "x.toml:3:18: sweep.seeds.init: expected each seed once, got 0 twice"},
};

std::string changed(const char* right, const Case& c) {
  std::string text = right;
  const std::string from = c.from;
  if (from.empty()) return text + c.to;
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), c.to);
}

template <class Parse>
std::string message_of(Parse parse) {
  try {
    parse();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "(no error)";
}

}  // namespace

TEST_CASE("the right texts are right", "[config]") {
  CHECK(parse_experiment(kExperiment, "x.toml").run.horizon.windows == 40);
  CHECK(parse_sweep_spec(kSweep, "x.toml").families.size() == 2);
}

TEST_CASE("each wrong experiment gets its exact message", "[config]") {
  for (const Case& c : kExperimentCases) {
    const std::string text = changed(kExperiment, c);
    CHECK(message_of([&] { parse_experiment(text, "x.toml"); }) == c.message);
  }
}

TEST_CASE("each wrong sweep gets its exact message", "[config]") {
  for (const Case& c : kSweepCases) {
    const std::string text = changed(kSweep, c);
    CHECK(message_of([&] { parse_sweep_spec(text, "x.toml"); }) == c.message);
  }
}

TEST_CASE("an experiment whose horizon is a budget is no resolved run", "[config]") {
  const std::string text = changed(kExperiment, {"steps = 10", "flops = 1e9", ""});
  CHECK(message_of([&] { parse_run_config(text, "x.toml"); }) ==
        "x.toml: horizon: expected windows and batch_windows (a resolved run), got a budget that needs data "
        "to resolve");
}

TEST_CASE("an error that an override caused names the override", "[config]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"family.b.lr=fast", "--set family.b.lr=fast: family.b.lr: expected a number > 0, got \"fast\""},
      {"family.0.lrr=1", "--set family.0.lrr=1: unknown key 'lrr'; did you mean 'lr'?"},
      {"family.2.lr=1", "--set family.2.lr=1: family: expected an index below 2 or one of a, b, got \"2\""},
      {"family.bb.lr=1",
       "--set family.bb.lr=1: family: expected an index below 2 or one of a, b, got \"bb\"; did you mean "
       "'b'?"},
      {"budget.flops.1=1e8",
       "x.toml:7:9: budget.flops: expected ascending budgets, got 100000000 after 1000000000"},
      {"sweep.name.x=1", "--set sweep.name.x=1: sweep.name: expected a table or an array, got \"s\""},
      {"tune", "--set tune: expected KEY=VALUE"},
      {"=1", "--set =1: expected KEY=VALUE"},
      {"tune.axes=[1",
       "--set tune.axes=[1: not valid TOML: error while parsing array: encountered end-of-file"},
      {"replicates.seeds=2",
       "--set replicates.seeds=2: replicates.at: expected the budgets to replicate, like "
       "[\"smallest\", \"largest\"], got nothing"}};
  for (const auto& [override_text, message] : cases) {
    CHECK(message_of([&] { parse_sweep_spec(kSweep, "x.toml", {override_text}); }) == message);
  }
}

}  // namespace aunet
