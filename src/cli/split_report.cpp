#include "cli/split_report.h"

#include "cli/text_table.h"
#include "core/error.h"
#include "core/text.h"
#include "data/leak.h"
#include "data/split_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <optional>

namespace aunet {
namespace {

using nlohmann::json;

struct SplitReport {
  std::string rules{}, mode{};
  int64_t positions = 0;
  std::vector<StageUnits> stages{};  // from stage 2 on
  std::optional<LeakReport> leak{};  // none: boundaries from a file know no shorter texts
  std::optional<CapReport> caps{};   // none: no caps were given, and none are official
};

json json_of(const UnitCount& c) {
  return {{"units", c.units},
          {"bytes", c.bytes},
          {"units_per_byte", c.per_byte()},
          {"one_byte_share", c.one_byte_share()}};
}

json json_of(const LeakReport& leak) {
  return {{"positions", leak.positions},
          {"changed", leak.changed},
          {"rate", leak.rate()},
          {"boundaries", leak.boundaries},
          {"boundary_rate", leak.boundary_rate()},
          {"changed_boundaries", leak.changed_boundaries},
          {"pieces", leak.pieces},
          {"pieces_measured", leak.pieces_measured}};
}

json json_of(const CapReport& caps) {
  return {{"window", caps.window},           {"caps", caps.caps}, {"windows", caps.windows},
          {"cut_windows", caps.cut_windows}, {"rows", caps.rows}, {"cut", caps.cut},
          {"largest", caps.largest}};
}

void print_json(const SplitReport& report) {
  json out = {{"rules", report.rules}, {"mode", report.mode}, {"positions", report.positions}};
  out["stages"] = json::array();
  for (size_t k = 0; k < report.stages.size(); ++k) {
    json stage = json_of(report.stages[k].all);
    stage["stage"] = k + 2;
    stage["scripts"] = json::array();
    for (const auto& [script, count] : report.stages[k].scripts) {
      json one = json_of(count);
      one["script"] = script;
      stage["scripts"].push_back(one);
    }
    out["stages"].push_back(stage);
  }
  out["leak"] = report.leak ? json_of(*report.leak) : json();
  out["caps"] = report.caps ? json_of(*report.caps) : json();
  fmt::print("{}\n", out.dump());
}

std::vector<std::string> unit_row(const std::string& stage, const std::string& script, const UnitCount& c) {
  return {stage,
          script,
          fmt::format("{}", c.bytes),
          fmt::format("{}", c.units),
          fmt::format("{:.4f}", c.per_byte()),
          fmt::format("{:.2f}", c.units ? static_cast<double>(c.bytes) / static_cast<double>(c.units) : 0),
          fmt::format("{:.1f} %", 100 * c.one_byte_share())};
}

void print_units(const SplitReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"stage", "script", "positions", "units", "per byte", "bytes each", "of one byte"}};
  for (size_t k = 0; k < report.stages.size(); ++k) {
    rows.push_back(unit_row(fmt::format("{}", k + 2), "all", report.stages[k].all));
    for (const auto& [script, count] : report.stages[k].scripts) rows.push_back(unit_row("", script, count));
  }
  fmt::print("{} in {} mode, {} positions\n\n{}", report.rules, report.mode, report.positions,
             text_table(rows, "rlrrrrr"));
}

void print_leak(const std::optional<LeakReport>& leak) {
  if (!leak) {
    fmt::print("\nboundaries from a file: whether they look ahead cannot be measured\n");
    return;
  }
  fmt::print(
      "\nofficial mode: {} of {} levels ({:.4f} %) depend on later bytes, {} of {} boundaries ({:.3f} %)\n"
      "measured on {} of {} pieces of {} positions, each level against the one that the piece up to it "
      "gives\n",
      leak->changed, leak->positions, 100 * leak->rate(), leak->changed_boundaries, leak->boundaries,
      100 * leak->boundary_rate(), leak->pieces_measured, leak->pieces, kLeakPiece);
}

void print_caps(const std::optional<CapReport>& caps, size_t n_stages) {
  if (!caps) {
    fmt::print("\nno official caps are known for {} stages: --caps says some\n", n_stages);
    return;
  }
  fmt::print("\na padded model with {} rows per window of {} positions cuts {} of {} windows short\n",
             fmt::join(caps->caps, ","), caps->window, caps->cut_windows, caps->windows);
  std::vector<std::vector<std::string>> rows = {{"stage", "cap", "mean rows", "most", "cut", "of all rows"}};
  for (size_t k = 1; k < caps->caps.size(); ++k) {
    const auto all = static_cast<double>(std::max<int64_t>(1, caps->rows[k]));
    rows.push_back({fmt::format("{}", k + 1), fmt::format("{}", caps->caps[k]),
                    fmt::format("{:.0f}", all / static_cast<double>(std::max<int64_t>(1, caps->windows))),
                    fmt::format("{}", caps->largest[k]), fmt::format("{}", caps->cut[k]),
                    fmt::format("{:.2f} %", 100 * static_cast<double>(caps->cut[k]) / all)});
  }
  fmt::print("{}", text_table(rows, "rrrrrr"));
}

}  // namespace

std::vector<int64_t> official_caps(size_t n_stages) {
  if (n_stages == 2) return {8192, 3200};
  if (n_stages == 3) return {8192, 1600, 928};
  return {};
}

void print_split_report(const std::vector<SplitRule>& rules, SplitMode mode,
                        const std::vector<std::vector<int32_t>>& texts, const SplitReportOptions& options) {
  const size_t n_stages = rules.size() + 1;
  if (!options.caps.empty() && options.caps.size() != n_stages)
    throw ConfigError(
        fmt::format("--caps: expected {} numbers (one per stage), got {}", n_stages, options.caps.size()));
  const Splitter splitter(rules, mode);
  SplitReport report{.rules = to_string(rules), .mode = to_string(mode)};
  std::vector<std::vector<int32_t>> levels;
  for (const auto& ids : texts) {
    levels.push_back(splitter.levels(ids));
    report.positions += static_cast<int64_t>(ids.size());
  }
  report.stages = count_units(texts, levels, n_stages);
  if (!splitter.from_file()) report.leak = measure_leak(rules, texts);
  const auto caps = options.caps.empty() ? official_caps(n_stages) : options.caps;
  if (!caps.empty()) report.caps = count_cut_rows(texts, splitter, caps, options.window);
  if (options.json) {
    print_json(report);
    return;
  }
  print_units(report);
  print_leak(report.leak);
  print_caps(report.caps, n_stages);
}

}  // namespace aunet
