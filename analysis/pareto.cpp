#include "analysis/pareto.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

namespace aunet {
namespace {

template <typename T>
std::optional<double> as_number(const std::optional<T>& value) {
  return value && *value > 0 ? std::optional(double(*value)) : std::nullopt;
}

/// Of the first seed: seeds of a cell differ in nothing that was planned.
std::optional<double> cost_of(const SizeCell& cell, Against against) {
  const FinalRow& row = cell.rows.front();
  switch (against) {
    case Against::Inference:
      return as_number(row.inference_flops_per_byte);
    case Against::Params:
      return as_number(row.params);
    case Against::Memory:
      return as_number(row.memory_bytes);
  }
  return std::nullopt;
}

/// What a model costs to run is its own, but the planner counts it on the text that each cell trains on, so
/// that the figures of one model at several budgets differ by some per cent and would put a worse cell on a
/// front by accident: they are averaged. Farther apart, the models differ in something else (a split rule
/// tuned at each budget).
constexpr double kOneModel = 1.05;

void average_inference(std::vector<ParetoCell>& cells) {
  std::map<std::tuple<std::string, std::string, std::string, std::string>, std::vector<ParetoCell*>> models;
  for (ParetoCell& one : cells)
    models[{one.family, one.cell->dims, one.cell->layers, one.cell->rows.front().tokenizer_fingerprint}]
        .push_back(&one);
  for (auto& [_, list] : models) {
    std::sort(list.begin(), list.end(),
              [](const ParetoCell* a, const ParetoCell* b) { return a->cost < b->cost; });
    for (auto first = list.begin(); first != list.end();) {
      const double bar = (*first)->cost * kOneModel;
      const auto last =
          std::find_if(first, list.end(), [&](const ParetoCell* one) { return one->cost > bar; });
      const double sum =
          std::accumulate(first, last, 0.0, [](double x, const ParetoCell* one) { return x + one->cost; });
      std::for_each(first, last,
                    [&, mean = sum / double(last - first)](ParetoCell* one) { one->cost = mean; });
      first = last;
    }
  }
}

using Keep = std::function<bool(const ParetoCell&)>;

/// best_at_no_more_cost among the cells that `keep` keeps, as indices of all cells.
std::map<size_t, std::optional<size_t>> among(const std::vector<ParetoCell>& cells, const Keep& keep) {
  std::vector<size_t> index;
  std::vector<CostLoss> points;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (!keep(cells[i])) continue;
    index.push_back(i);
    points.push_back({cells[i].cost, cells[i].cell->loss_bpb});
  }
  const auto better = best_at_no_more_cost(points);
  std::map<size_t, std::optional<size_t>> result;
  for (size_t k = 0; k < index.size(); ++k)
    result[index[k]] = better[k] ? std::optional(index[*better[k]]) : std::nullopt;
  return result;
}

void place(ParetoView& view, Standing ParetoCell::*standing, const Keep& keep) {
  std::vector<ParetoCell>& cells = view.cells;
  for (const auto& [i, better] : among(cells, keep)) {
    Standing& here = cells[i].*standing;
    here.better = better;
    if (!better) continue;
    const SizeCell &mine = *cells[i].cell, &other = *cells[*better].cell;
    here.within_noise = std::log(mine.loss_bpb / other.loss_bpb) <= view.noise.difference_bar(mine, other);
  }
  std::set<std::string> families;
  for (const ParetoCell& cell : cells) families.insert(cell.family);
  for (const std::string& family : families) {
    for (const auto& [i, better] :
         among(cells, [&](const ParetoCell& cell) { return cell.family == family && keep(cell); }))
      (cells[i].*standing).own_front = !better;
  }
}

std::string words_of(const ParetoCell& cell, const Standing& standing) {
  return standing.word() + (!standing.on_front() && standing.own_front ? "; front of " + cell.family : "");
}

}  // namespace

Against parse_against(const std::string& name) {
  for (const Against against : {Against::Inference, Against::Params, Against::Memory})
    if (name == to_string(against)) return against;
  throw ConfigError(fmt::format("--against: expected inference, params or memory, got '{}'", name));
}

std::string to_string(Against against) {
  return against == Against::Inference ? "inference" : against == Against::Params ? "params" : "memory";
}

std::string label_of(Against against) {
  return against == Against::Inference ? "inference FLOPs per byte"
         : against == Against::Params  ? "parameters"
                                       : "training memory estimate (bytes)";
}

std::string Standing::word() const {
  return on_front() ? "front" : within_noise ? "within noise" : "dominated";
}

std::string ParetoCell::name() const {
  return fmt::format("{} {}{}", family, cell->dims, cell->layers.empty() ? "" : " x " + cell->layers);
}

std::vector<std::optional<size_t>> best_at_no_more_cost(const std::vector<CostLoss>& points) {
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tie(points[a].cost, points[a].loss) < std::tie(points[b].cost, points[b].loss);
  });
  std::vector<std::optional<size_t>> better(points.size());
  std::optional<size_t> best;
  for (const size_t i : order) {
    const bool twin = best && points[i].loss == points[*best].loss && points[i].cost == points[*best].cost;
    if (!best || points[i].loss < points[*best].loss)
      best = i;
    else if (!twin)
      better[i] = best;
  }
  return better;
}

ParetoView pareto_view(const SweepCells& cells, Against against) {
  ParetoView view;
  view.against = against;
  view.noise = cells.noise;
  std::set<double> budgets;
  for (const FamilyCells& family : cells.families) {
    for (const SizeCell& cell : family.cells) {
      const std::optional<double> cost = cost_of(cell, against);
      view.left_out += !cost;
      if (!cost) continue;
      view.cells.push_back({&cell, family.name, *cost, {}, {}});
      budgets.insert(cell.budget);
    }
  }
  if (against == Against::Inference) average_inference(view.cells);
  if (view.cells.empty()) {
    view.refusal =
        view.left_out == 0
            ? "no finished run may enter: see `aunet-analyze check`"
            : fmt::format("none of the {} finished cells has {}: the plan of their sweep is missing",
                          view.left_out, label_of(against));
  }
  std::stable_sort(view.cells.begin(), view.cells.end(), [](const ParetoCell& a, const ParetoCell& b) {
    return std::tie(a.cell->budget, a.cost, a.cell->loss_bpb) <
           std::tie(b.cell->budget, b.cost, b.cell->loss_bpb);
  });
  for (const double budget : budgets)
    place(view, &ParetoCell::at_budget, [&](const ParetoCell& cell) { return cell.cell->budget == budget; });
  place(view, &ParetoCell::over_all, [](const ParetoCell&) { return true; });
  return view;
}

std::string pareto_summary(const ParetoView& view) {
  if (!view.refusal.empty())
    return fmt::format("No Pareto view against {}: {}.", label_of(view.against), view.refusal);
  std::map<std::string, int64_t> on_front;
  int64_t total = 0;
  for (const ParetoCell& cell : view.cells) {
    on_front[cell.family] += cell.over_all.on_front();
    total += cell.over_all.on_front();
  }
  std::vector<std::string> parts;
  for (const auto& [family, n] : on_front) parts.push_back(fmt::format("{} of {}", n, family));
  return fmt::format(
      "Bits per byte against {}: {} of {} cells are on the front over all budgets ({}).{}",
      label_of(view.against), total, view.cells.size(), join(parts, ", "),
      view.left_out > 0 ? fmt::format(" {} cells without that figure are left out.", view.left_out) : "");
}

TextTable pareto_table(const ParetoView& view) {
  TextTable table;
  table.title = "Pareto view: bits per byte against " + label_of(view.against);
  table.columns = {
      "budget (FLOPs)",       "family",         "widths; layers", "bits/byte",     "seeds",
      "inference FLOPs/byte", "parameters",     "non-embedding",  "at its budget", "better there",
      "over all budgets",     "better over all"};
  const bool memory = view.against == Against::Memory;
  if (memory) table.columns.insert(table.columns.begin() + 5, "memory (bytes)");
  const auto shown = [](const std::optional<double>& value) { return value ? human_count(*value) : ""; };
  for (const ParetoCell& one : view.cells) {
    const SizeCell& cell = *one.cell;
    const FinalRow& row = cell.rows.front();
    const ParetoCell* there = one.at_budget.better ? &view.cells[*one.at_budget.better] : nullptr;
    const ParetoCell* over_all = one.over_all.better ? &view.cells[*one.over_all.better] : nullptr;
    table.rows.push_back(
        {human_flops(cell.budget), one.family, cell.dims + (cell.layers.empty() ? "" : "; " + cell.layers),
         fmt::format("{:.4f}", cell.loss_bpb), std::to_string(cell.n_seeds),
         shown(view.against == Against::Inference ? one.cost : cost_of(cell, Against::Inference)),
         shown(cost_of(cell, Against::Params)), shown(as_number(row.params_non_embedding)),
         words_of(one, one.at_budget), there ? there->name() : "", words_of(one, one.over_all),
         over_all ? fmt::format("{} at {}", over_all->name(), human_flops(over_all->cell->budget)) : ""});
    if (memory) table.rows.back().insert(table.rows.back().begin() + 5, shown(one.cost));
  }
  table.note = fmt::format(
      "front: no cell is as good or better in both and better in one. Within noise: the lead of the best "
      "cell that "
      "costs no more is at most 2 sd of the difference between seeds (sd {:.2g} of the log loss{}).{}",
      view.noise.sd, view.noise.assumed ? ", assumed" : "",
      view.against == Against::Inference ? " Inference figures of one model at several budgets are averaged."
                                         : "");
  return table;
}

nlohmann::json pareto_to_json(const ParetoView& view) {
  using nlohmann::json;
  const auto number = [](const std::optional<double>& value) { return value ? json(*value) : json(); };
  const auto standing = [](const Standing& s) {
    return json{{"standing", s.on_front()     ? "front"
                             : s.within_noise ? "within_noise"
                                              : "dominated"},
                {"better", s.better ? json(*s.better) : json()},
                {"own_front", s.own_front}};
  };
  json cells = json::array();
  for (const ParetoCell& one : view.cells) {
    const SizeCell& cell = *one.cell;
    json keys = json::array();
    for (const FinalRow& row : cell.rows) keys.push_back(row.key);
    cells.push_back({{"family", one.family},
                     {"budget", cell.budget},
                     {"dims", cell.dims},
                     {"layers", cell.layers},
                     {"cost", one.cost},
                     {"loss_bpb", cell.loss_bpb},
                     {"seeds", cell.n_seeds},
                     {"inference_flops_per_byte", number(cost_of(cell, Against::Inference))},
                     {"params", number(cost_of(cell, Against::Params))},
                     {"params_non_embedding", number(as_number(cell.rows.front().params_non_embedding))},
                     {"memory_bytes", number(cost_of(cell, Against::Memory))},
                     {"keys", keys},
                     {"at_budget", standing(one.at_budget)},
                     {"over_all", standing(one.over_all)}});
  }
  return {{"against", to_string(view.against)},
          {"cost", label_of(view.against)},
          {"refused", !view.refusal.empty()},
          {"refusal", view.refusal},
          {"summary", pareto_summary(view)},
          {"left_out", view.left_out},
          {"noise", {{"sd_log_loss", view.noise.sd}, {"assumed", view.noise.assumed}}},
          {"cells", cells}};
}

std::string pareto_line(const ParetoView& view, double budget, const std::vector<std::string>& families) {
  if (!view.refusal.empty()) return pareto_summary(view);
  std::vector<std::string> parts;
  for (const std::string& family : families) {
    const ParetoCell* best = nullptr;
    for (const ParetoCell& cell : view.cells) {
      if (cell.family != family || cell.cell->budget != budget) continue;
      if (best == nullptr || cell.cell->loss_bpb < best->cell->loss_bpb) best = &cell;
    }
    if (best == nullptr) continue;
    const Standing& here = best->at_budget;
    parts.push_back(here.on_front() ? best->name() + " is on the front"
                                    : fmt::format("{} is dominated by {}{}", best->name(),
                                                  view.cells[*here.better].name(),
                                                  here.within_noise ? " within noise" : ""));
  }
  return fmt::format("At {} FLOPs, bits per byte against {}: {}.", human_flops(budget),
                     label_of(view.against), parts.empty() ? "no cell of the families" : join(parts, "; "));
}

}  // namespace aunet
