#include "sweep/advice.h"

#include "core/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace aunet {

namespace {

using Json = nlohmann::json;

const Json& list_of(const Json& plan, const char* name) {
  static const Json none = Json::array();
  const auto found = plan.find(name);
  return found != plan.end() && found->is_array() ? *found : none;
}

std::string key_of(const Json& cell) {
  const auto key = cell.find("key");
  return key != cell.end() && key->is_string() ? key->get<std::string>() : "";
}

/// The excluded cell that `key` took the place of; nullptr when it is as planned.
const Json* replaced_by(const Json& plan, const std::string& key) {
  for (const Json& out : list_of(plan, "excluded"))
    if (out.value("reason", "").starts_with("superseded by " + key)) return &out;
  return nullptr;
}

std::optional<PlanPlace> place_in(const Json& plan, const std::string& key) {
  std::optional<PlanPlace> place;
  for (const Json& cell : list_of(plan, "cells")) {
    if (key_of(cell) != key) continue;
    const bool trial = cell.value("role", "") == "tune";
    if (!place || !trial) place = {plan.value("sweep", ""), cell.value("lr_source", ""), 0, "", trial};
  }
  for (const Json& out : list_of(plan, "excluded")) {
    const std::string reason = out.value("reason", ""), begin = "superseded by ";
    if (!out.contains("cell") || key_of(out["cell"]) != key || !reason.starts_with(begin)) continue;
    place = {plan.value("sweep", ""), out["cell"].value("lr_source", ""), 0, "", false};
    place->superseded_by = reason.substr(begin.size(), reason.find(':') - begin.size());
  }
  if (!place) return place;
  std::string now = key;
  for (const Json* old = replaced_by(plan, now); old; old = replaced_by(plan, now)) {
    ++place->n_superseded;
    now = key_of(old->at("cell"));
    if (now.empty() || now == key) break;
  }
  return place;
}

std::string advice_for(const std::string& cause, const std::string& message) {
  if (cause == "oom")
    return "not enough memory: fewer runs at a time (--jobs 1), a machine with more, or an [[override]] with "
           "batch_bytes = \"x0.5\"; `aunet sweep` tries again";
  if (cause == "disk")
    return "the disk is full: make room, then `aunet sweep` goes on from the last checkpoint";
  if (cause == "gate" && message.find("\"leak\"") != std::string::npos)
    return "the split rule reads ahead: split_mode = \"causal\", or gates.causal = \"leaky-allowed\" to run "
           "it marked";
  if (cause == "gate")
    return "the model sees the future: a bug, not a setting; `aunet eval RUN --gate causal` repeats it";
  if (cause == "config")
    return "the run does not fit its surroundings any more (message above): put that right, then `aunet "
           "sweep` goes on";
  if (cause == "preempted" || cause == "timeout")
    return "somebody or a time limit ended it, more often in a row than [retry] allows: `aunet sweep` goes "
           "on "
           "from the last checkpoint";
  if (cause == "crash" || cause == "signal")
    return "the process died: see the end of its log; `aunet sweep` goes on from the last checkpoint";
  if (cause == "journal")
    return "the journal is broken in the middle: restore it, or delete the run and train it again";
  return "";
}

}  // namespace

std::optional<PlanPlace> find_in_plans(const RunsRoot& runs, const std::string& key) {
  const std::string folder = runs.path + "/plans";
  if (!exists(folder)) return std::nullopt;
  for (const std::string& name : list_directory(folder)) {
    if (!name.ends_with(".json")) continue;
    const Json plan = Json::parse(read_file(folder + "/" + name), nullptr, false);
    if (!plan.is_object()) continue;
    if (const auto place = place_in(plan, key)) return place;
  }
  return std::nullopt;
}

Advice advise(const RunConfig& run, const std::string& key, const RunState& state,
              const std::optional<PlanPlace>& place) {
  if (state.status != "failed") return {};
  if (state.cause != "nan" && state.cause != "diverged") return {advice_for(state.cause, state.message), ""};
  if (place && !place->superseded_by.empty())
    return {fmt::format("an override has replaced this cell: `aunet why {}`", place->superseded_by), ""};
  if (place && place->only_trial)
    return {"a trial whose loss leaves the numbers is a result: the tuning rule takes it as infinitely bad",
            ""};
  const bool again = place && place->n_superseded > 0;
  const double lr = run.optim.lr / 2;
  if (!place) return {fmt::format("no sweep planned this run: --set optim.lr={:g} halves its rate", lr), ""};
  Advice advice;
  advice.text = again ? fmt::format(
                            "the mended cell failed as well: half its rate again ({:g}) and half its "
                            "clipping norm ({:g})",
                            lr, run.optim.clip / 2)
                      : fmt::format("half the rate ({:g}); the cell stays in the plan as superseded", lr);
  advice.override_toml = fmt::format(
      "[[override]]\nwhere = \"key == '{}'\"\nset = {{ lr = \"x0.5\"{} }}\nreason = \"{} at step {}\"\n", key,
      again ? ", clip = \"x0.5\"" : "", state.cause, state.step);
  return advice;
}

}  // namespace aunet
