#include "config/evaluation.h"

#include "config/sections.h"
#include "core/error.h"
#include "core/hash.h"

#include <fmt/format.h>

#include <algorithm>

namespace aunet {

std::vector<EvalConfig> read_evals(const Table& root, const std::string& base_folder, bool resolved) {
  std::vector<std::string_view> legal = {"name", "paths", "corrupt", "rate", "seed"};
  if (resolved) legal.push_back("fingerprint");
  std::vector<EvalConfig> evals;
  const auto tables = root.tables("eval");
  for (size_t i = 0; i < tables.size(); ++i) {
    const Table t(*tables[i], fmt::format("eval.{}", i), legal);
    EvalConfig eval;
    t.need("name", "a name");
    t.read("name", eval.name);
    check_name(t, "name", eval.name);
    if (eval.name == "heldout") t.fail("name", "expected another name: \"heldout\" is that of data.heldout");
    if (std::any_of(evals.begin(), evals.end(), [&](const EvalConfig& e) { return e.name == eval.name; }))
      t.fail("name", fmt::format("expected unique names, got \"{}\" twice", eval.name));
    t.read_list("paths", eval.paths);
    if (t.has("paths") && eval.paths.empty()) t.fail("paths", "expected at least one path, got none");
    for (std::string& path : eval.paths) path = resolve_path(path, base_folder);
    t.read_choice("corrupt", eval.corrupt, {"none", "typos", "no_spaces", "lowercase", "uppercase"});
    for (const char* key : {"rate", "seed"}) {
      if (t.has(key) && eval.corrupt != "typos")
        t.fail(key,
               fmt::format("expected only beside corrupt = \"typos\", got it beside \"{}\"", eval.corrupt));
    }
    t.read("rate", eval.rate, above_to(0, 1));
    t.read("seed", eval.seed);
    if (resolved) t.read("fingerprint", eval.fingerprint);
    evals.push_back(std::move(eval));
  }
  return evals;
}

std::string eval_key(const RunConfig& run, const EvalConfig& eval) {
  require(!eval.fingerprint.empty(), "eval_key: the evaluation's text has no fingerprint");
  std::string what = eval.corrupt;
  if (eval.corrupt == "typos") what += fmt::format(" {:.17g} {}", eval.rate, eval.seed);
  return hash_hex(fmt::format("{}|{}|{}|{}|{}", train_key(run), eval.fingerprint, what,
                              run.data.context_bytes, kScorerVersion))
      .substr(0, 16);
}

}  // namespace aunet
