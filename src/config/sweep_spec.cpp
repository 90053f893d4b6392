#include "config/sweep_spec.h"

#include "config/evaluation.h"
#include "config/read_engine.h"
#include "config/read_family.h"
#include "config/read_match.h"
#include "config/read_overrides.h"
#include "config/sections.h"
#include "config/sweep_claims.h"
#include "config/toml_file.h"
#include "config/user_rules.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace aunet {
namespace {

Table sweep_section(const Table& root) {
  root.need("sweep", "a table with a name");
  return root.table("sweep", {"name", "seeds", "claims"});
}

void read_sweep_section(const Table& t, SweepSpec& spec) {
  t.need("name", "a name");
  t.read("name", spec.name);
  check_name(t, "name", spec.name);
  const Table seeds = t.table("seeds", {"init", "data"});
  for (auto [key, list] : {std::pair{"init", &spec.seeds_init}, std::pair{"data", &spec.seeds_data}}) {
    if (!seeds.read_list(key, *list)) continue;
    if (list->empty()) seeds.fail(key, "expected at least one seed, got none");
    std::vector<uint64_t> sorted = *list;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) seeds.fail(key, fmt::format("expected each seed once, got {} twice", *twice));
  }
}

void read_sweep_data(const Table& root, const std::string& base_folder, SweepData& out) {
  root.need("data", "a table with train and heldout, or declared");
  const Table t = root.table("data", {"train", "heldout", "context_bytes", "document_mask", "invalid",
                                      "overlap", "declared", "max_epochs"});
  if (t.has("declared")) {
    const Table d = t.table("declared", {"bytes_per_token", "rows_per_8192", "tokens_per_window"});
    DeclaredData& declared = out.declared.emplace();
    d.read("bytes_per_token", declared.bytes_per_token, within(1, 1000));
    d.read_list("rows_per_8192", declared.rows_per_8192, above_to(0, 8192));
    d.read("tokens_per_window", declared.tokens_per_window, within(1, 1 << 20));
    for (size_t k = 1; k < declared.rows_per_8192.size(); ++k) {
      if (declared.rows_per_8192[k] > declared.rows_per_8192[k - 1]) {
        d.fail("rows_per_8192", fmt::format("expected rows that fall from stage to stage, got {} after {}",
                                            declared.rows_per_8192[k], declared.rows_per_8192[k - 1]));
      }
    }
  }
  out.data = read_data(t, base_folder, out.declared.has_value());
  t.read("max_epochs", out.max_epochs, above(0));
}

void read_budget(const Table& root, bool needs_flops, const std::vector<FamilySpec>& families,
                 BudgetSpec& budget) {
  if (needs_flops) root.need("budget", "a table with flops");
  const Table t = root.table("budget", {"flops", "convention", "match", "reference", "rates", "tolerance"});
  if (needs_flops) t.need("flops", "an array of FLOPs, ascending");
  t.read_list("flops", budget.flops, above(0));
  if (needs_flops && budget.flops.empty()) t.fail("flops", "expected at least one budget, got none");
  for (size_t i = 1; i < budget.flops.size(); ++i) {
    if (budget.flops[i] <= budget.flops[i - 1]) {
      t.fail("flops", fmt::format("expected ascending budgets, got {} after {}", budget.flops[i],
                                  budget.flops[i - 1]));
    }
  }
  t.read_choice("convention", budget.convention, {"paper", "useful", "executed"});
  read_match(t, families, budget);
  t.read("tolerance", budget.tolerance, above_to(0, 0.1));
}

void check_families(const Table& root, const std::vector<const toml::table*>& tables,
                    const std::vector<FamilySpec>& families) {
  std::vector<std::string> names;
  for (size_t i = 0; i < families.size(); ++i) {
    const FamilySpec& family = families[i];
    if (std::find(names.begin(), names.end(), family.name) != names.end()) {
      fail_at(*tables[i]->get("name"), family_path(*tables[i], i) + ".name",
              fmt::format("expected unique names, got \"{}\" twice", family.name));
    }
    names.push_back(family.name);
  }
  if (families.empty()) root.fail("family", "expected at least one [[family]], got none");
  for (size_t i = 0; i < families.size(); ++i) {
    const std::string& same_as = families[i].sizes.same_as;
    if (same_as.empty()) continue;
    const toml::node& node = *tables[i]->at_path("sizes.same_as").node();
    const std::string path = family_path(*tables[i], i) + ".sizes.same_as";
    const auto other = std::find_if(families.begin(), families.end(),
                                    [&](const FamilySpec& f) { return f.name == same_as; });
    if (other == families.end()) {
      const std::string near = nearest_name(same_as, names);
      fail_at(node, path,
              fmt::format("expected the name of a family ({}), got \"{}\"{}", join(names, ", "), same_as,
                          near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
    if (!other->sizes.same_as.empty()) {
      fail_at(node, path, fmt::format("expected a family with sizes of its own, got \"{}\"", same_as));
    }
  }
}

/// Budgets by word or by number, as [tune].at and [replicates].at name them. Numbers are kept as shortest
/// text.
void read_at(const Table& t, const std::vector<std::string>& words, const std::vector<double>& budgets,
             std::vector<std::string>& at) {
  const toml::node* node = t.find("at");
  if (!node) return;
  const toml::array* array = node->as_array();
  if (!array) t.fail_expected("at", fmt::format("an array of \"{}\" or budgets", join(words, "\", \"")));
  at.clear();
  for (const toml::node& element : *array) {
    const std::string expected = fmt::format("expected \"{}\" or one of the budgets, got {}",
                                             join(words, "\", \""), describe(element));
    if (const auto* text = element.as_string()) {
      if (std::find(words.begin(), words.end(), text->get()) == words.end())
        fail_at(element, t.path_of("at"), expected);
      at.push_back(text->get());
      continue;
    }
    if (!element.is_number()) fail_at(element, t.path_of("at"), expected);
    const auto budget = value_of<double>(element, t.path_of("at"));
    if (std::find(budgets.begin(), budgets.end(), budget) == budgets.end())
      fail_at(element, t.path_of("at"), expected);
    at.push_back(fmt::format("{}", budget));
  }
}

void read_tune_start(const Table& t, TuneSpec& tune) {
  const toml::node* node = t.find("start");
  if (!node) return;
  if (node->is_table()) {
    const Table start = t.table("start", {"lr", "batch"});
    if (start.has("lr")) start.read("lr", tune.start_lr.emplace(), above(0));
    if (start.has("batch")) start.read("batch", tune.start_batch_bytes.emplace(), above(0));
  } else if (node->is_number()) {
    if (tune.axes.size() != 1)
      t.fail("start", "expected { lr = .., batch = .. }, because a number fits one axis only");
    if (tune.axes[0] != "lr" && tune.axes[0] != "batch")
      t.fail("start", "expected \"law\": only lr and batch have a start of their own");
    std::optional<double>& only = tune.axes[0] == "lr" ? tune.start_lr : tune.start_batch_bytes;
    t.read("start", only.emplace(), above(0));
  } else {
    t.read_choice("start", tune.start, {"law"});
  }
}

bool can_move(const FamilySpec& family, const std::string& axis) {
  const auto* transformer = std::get_if<TransformerConfig>(&family.base);
  if (axis == "vocab")
    return transformer && transformer->tokenizer.kind == "bpe" && transformer->tokenizer.train;
  if (axis == "split") return !family.splits.empty();
  return axis != "byte_width" || (family.kind == "aunet" && family.stages > 1);
}

/// A model axis that no family has is a mistake of the file, as are splits that nothing tries.
void check_model_axes(const Table& t, const std::vector<FamilySpec>& families, const TuneSpec& tune) {
  for (const auto& [axis, wanted] : {std::pair{"vocab", "a family with a trained tokenizer"},
                                     {"split", "a family with splits"},
                                     {"byte_width", "an AU-Net family"}}) {
    if (std::find(tune.axes.begin(), tune.axes.end(), axis) == tune.axes.end()) continue;
    if (std::none_of(families.begin(), families.end(),
                     [&, &axis = axis](const FamilySpec& f) { return can_move(f, axis); }))
      t.fail("axes", fmt::format("\"{}\": expected {}, got none", axis, wanted));
  }
  const bool tries_splits = std::find(tune.axes.begin(), tune.axes.end(), "split") != tune.axes.end();
  for (const FamilySpec& family : families)
    if (!family.splits.empty() && !tries_splits)
      t.fail("axes",
             fmt::format("expected \"split\" among them, because family '{}' has splits", family.name));
}

void read_tune(const Table& root, const std::vector<double>& budgets, const std::vector<FamilySpec>& families,
               TuneSpec& tune) {
  const Table t = root.table("tune", {"axes", "start", "until", "max_trials", "at", "law"});
  t.read_list("axes", tune.axes);
  const std::vector<std::string> legal(std::begin(kTuneAxes), std::end(kTuneAxes));
  for (size_t i = 0; i < tune.axes.size(); ++i) {
    const std::string& axis = tune.axes[i];
    if (std::find(legal.begin(), legal.end(), axis) == legal.end()) {
      const std::string near = nearest_name(axis, legal);
      t.fail("axes", fmt::format("expected {}, got \"{}\"{}", join(legal, ", "), axis,
                                 near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
    if (std::find(tune.axes.begin(), tune.axes.begin() + static_cast<std::ptrdiff_t>(i), axis) !=
        tune.axes.begin() + static_cast<std::ptrdiff_t>(i)) {
      t.fail("axes", fmt::format("expected each axis once, got \"{}\" twice", axis));
    }
  }
  read_tune_start(t, tune);
  t.read_choice("until", tune.until, {"interior"});
  t.read("max_trials", tune.max_trials, within(1, 10000));
  t.read_choice("law", tune.law, {"fitted", "paper"});
  read_at(t, {"smallest", "middle", "largest", "each"}, budgets, tune.at);
  if (tune.at.empty()) t.fail("at", "expected at least one budget, got none");
  check_model_axes(t, families, tune);
}

void read_optim_section(const Table& root, OptimConfig& optim) {
  const Table t = root.table("optim", {std::begin(kOptimKeys), std::end(kOptimKeys)});
  optim = read_optim(t);
}

void read_replicates(const Table& root, const std::vector<double>& budgets, ReplicateSpec& replicates) {
  const Table t = root.table("replicates", {"seeds", "at"});
  t.read("seeds", replicates.seeds, within(1, 1000));
  read_at(t, {"smallest", "middle", "largest", "each"}, budgets, replicates.at);
  if (replicates.seeds > 1 && replicates.at.empty()) {
    t.fail("at", "expected the budgets to replicate, like [\"smallest\", \"largest\"], got nothing");
  }
}

void read_excludes(const Table& root, std::vector<ExcludeSpec>& excludes) {
  const std::vector<const toml::table*> tables = root.tables("exclude");
  for (size_t i = 0; i < tables.size(); ++i) {
    const Table t(*tables[i], fmt::format("exclude.{}", i), {"where", "reason"});
    ExcludeSpec& exclude = excludes.emplace_back();
    t.need("where", "a condition like \"epochs > 4\"");
    t.need("reason", "a reason in words");
    t.read("where", exclude.where);
    t.read("reason", exclude.reason);
    if (trim(exclude.where).empty()) t.fail_expected("where", "a condition like \"epochs > 4\"");
    if (trim(exclude.reason).empty()) t.fail_expected("reason", "a reason in words");
    exclude.line = static_cast<int>(t.find("where")->source().begin.line);
  }
}

SweepSpec parse(const std::string& text, const std::string& file_name, const std::string& base_folder,
                const std::vector<std::string>& overrides) {
  const toml::table parsed = parse_toml(text, file_name, overrides);
  const Table root(parsed, "",
                   {"sweep", "data", "budget", "family", "tune", "optim", "schedule", "replicates",
                    "checkpoints", "gates", "run", "retry", "notify", "exclude", "override", "eval", "split"},
                   file_name + ":1:1");
  SweepSpec spec;
  spec.file = file_name;
  const Table sweep = sweep_section(root);
  read_sweep_section(sweep, spec);
  read_sweep_data(root, base_folder, spec.data);
  const UserRules user = read_user_rules(root);
  const std::vector<const toml::table*> families = root.tables("family");
  for (size_t i = 0; i < families.size(); ++i)
    spec.families.push_back(read_family(*families[i], i, base_folder, user));
  check_families(root, families, spec.families);
  const bool needs_flops = std::any_of(spec.families.begin(), spec.families.end(),
                                       [](const FamilySpec& family) { return family.data_ratio == 0; });
  read_budget(root, needs_flops, spec.families, spec.budget);
  read_tune(root, spec.budget.flops, spec.families, spec.tune);
  read_optim_section(root, spec.optim);
  spec.schedule = read_schedule(root, &spec.branches);
  read_replicates(root, spec.budget.flops, spec.replicates);
  spec.runtime = read_runtime(root);
  spec.retry = read_retry(root);
  spec.notify = read_notify(root);
  read_excludes(root, spec.exclude);
  spec.overrides = read_overrides(root);
  spec.data.evals = read_evals(root, base_folder, false);
  read_sweep_claims(sweep, base_folder, spec);
  return spec;
}

}  // namespace

SweepSpec read_sweep_spec(const std::string& path, const std::vector<std::string>& overrides) {
  return parse(read_config_text(path), path, folder_of_file(path), overrides);
}

SweepSpec parse_sweep_spec(const std::string& toml_text, const std::string& file_name,
                           const std::vector<std::string>& overrides) {
  return parse(toml_text, file_name, std::filesystem::path(file_name).parent_path().string(), overrides);
}

}  // namespace aunet
