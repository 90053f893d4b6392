#include "sweep/cell_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace aunet {

namespace {

using Json = nlohmann::json;

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

/// KEY@STEP
std::string parent_of(const Cell& cell) {
  const RuntimeConfig& runtime = cell.run.runtime;
  return runtime.parent_key.empty() ? "" : fmt::format("{}@{}", runtime.parent_key, runtime.parent_step);
}

}  // namespace

std::string model_line(const ModelConfig& model) {
  if (const auto* m = std::get_if<AunetConfig>(&model))
    return fmt::format("aunet {} x {}", fmt::join(m->dimensions, ","), fmt::join(m->layers, ","));
  const auto& m = std::get<TransformerConfig>(model);
  const std::string vocab = m.tokenizer.kind == "bytes" ? "" : fmt::format(" v{}", m.tokenizer.vocab);
  return fmt::format("{} {} x {}{}", kind_of(model), m.dim, m.n_layers, vocab);
}

Json cell_to_json(const Cell& cell) {
  const HorizonConfig& horizon = cell.run.horizon;
  Json json = {
      {"key", or_null(cell.key)},
      {"family", cell.family},
      {"role", to_string(cell.role)},
      {"size_index", cell.size_index},
      {"budget", cell.budget_flops},
      {"convention", cell.run.origin.convention},
      {"model", model_line(cell.run.model)},
      {"bytes", cell.text_bytes},
      {"text_bytes", cell.text_bytes},
      {"tokens", cell.tokens ? Json(*cell.tokens) : Json()},
      {"epochs", cell.epochs > 0 ? Json(cell.epochs) : Json()},
      {"rows", cell.rows},
      {"windows", horizon.windows},
      {"last_window_bytes", horizon.last_window_bytes},
      {"steps", cell.steps},
      {"lr", cell.run.optim.lr},
      {"lr_source", cell.lr_source},
      {"provisional", cell.provisional},
      {"memory_bytes", cell.memory_bytes},
      {"inference_flops_per_byte", cell.inference_flops_per_byte},
      {"warnings", cell.warnings},
      {"tree", or_null(cell.tree)},
      {"parent", cell.shared_steps > 0 ? or_null(parent_of(cell)) : Json()},
      {"steps_incremental", cell.incremental_steps()},
  };
  json["unique_bytes"] = cell.unique_bytes > 0 ? Json(cell.unique_bytes) : Json();
  json["repeated"] = cell.sources.empty() ? Json() : Json(cell.repeated());
  json["sources"] = Json::array();
  for (size_t s = 0; s < cell.sources.size(); ++s) {
    const SourceUse& source = cell.sources[s];
    const bool named = s < cell.run.data.train.size();
    json["sources"].push_back({{"path", named ? Json(cell.run.data.train[s].path) : Json()},
                               {"drawn_bytes", source.drawn_bytes},
                               {"size_bytes", source.size_bytes},
                               {"epochs", source.epochs()}});
  }
  json["params"] = {{"total", cell.params.total},
                    {"non_embedding", cell.params.non_embedding},
                    {"active", cell.params.active},
                    {"embedding", cell.params.embedding}};
  json["flops"] = {{"paper", cell.flops_paper.total()},       {"useful", cell.flops_useful.total()},
                   {"executed", cell.flops_executed.total()}, {"budget", cell.budget_flops},
                   {"incremental", cell.incremental_flops()}, {"error", cell.budget_error}};
  json["batch"] = {
      {"sequences", horizon.batch_windows}, {"units", cell.batch_units}, {"bytes", cell.batch_bytes}};
  json["seeds"] = {{"init", cell.run.seeds.init}, {"data", cell.run.seeds.data}};
  json["law"] = {{"lr", cell.law_lr}, {"batch_units", cell.law_batch_units}};
  return json;
}

Json plan_to_json(const Plan& plan) {
  Json cells = Json::array(), excluded = Json::array();
  for (const Cell& cell : plan.cells) cells.push_back(cell_to_json(cell));
  for (const ExcludedCell& out : plan.excluded)
    excluded.push_back({{"reason", out.reason}, {"cell", cell_to_json(out.cell)}});
  const std::string convention = plan.cells.empty() ? "useful" : plan.cells.front().run.origin.convention;
  return {{"sweep", plan.sweep},
          {"convention", convention},
          {"tuning_complete", plan.tuning_complete},
          {"cells", std::move(cells)},
          {"excluded", std::move(excluded)},
          {"notes", plan.notes}};
}

}  // namespace aunet
