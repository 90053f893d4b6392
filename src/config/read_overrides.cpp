#include "config/read_overrides.h"

#include "core/text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace aunet {
namespace {

constexpr const char* kFields[] = {"lr", "batch_bytes", "weight_decay", "clip", "warmup", "init_seed"};

/// "x0.5" -> 0.5.
OverrideSpec::Change read_change(const Table& set, const char* field) {
  OverrideSpec::Change change{field, 0, false};
  const bool is_seed = change.field == "init_seed";
  const auto* text = set.find(field)->as_string();
  if (is_seed) {
    uint64_t seed = 0;
    set.read(field, seed);
    change.value = static_cast<double>(seed);
    if (seed > (uint64_t{1} << 52)) set.fail(field, fmt::format("expected a seed up to 2^52, got {}", seed));
  } else if (!text) {
    const bool may_be_zero = change.field == "weight_decay" || change.field == "warmup";
    const Range most = change.field == "warmup" ? within(0, 1) : Range{};
    set.read(field, change.value, most);
    if (change.value < 0 || (change.value == 0 && !may_be_zero)) set.fail_expected(field, "a number above 0");
  } else {
    const std::string& all = text->get();
    const char* end = all.data() + all.size();
    const auto [stop, error] =
        std::from_chars(all.data() + (all.starts_with("x") ? 1 : 0), end, change.value);
    const bool good = all.starts_with("x") && error == std::errc() && stop == end &&
                      std::isfinite(change.value) && change.value > 0;
    if (!good) set.fail_expected(field, "a number, or a factor like \"x0.5\"");
    change.is_factor = true;
  }
  return change;
}

}  // namespace

std::vector<OverrideSpec> read_overrides(const Table& root) {
  std::vector<OverrideSpec> overrides;
  const auto tables = root.tables("override");
  for (size_t i = 0; i < tables.size(); ++i) {
    const Table t(*tables[i], fmt::format("override.{}", i), {"where", "set", "reason"});
    OverrideSpec& one = overrides.emplace_back();
    t.need("where", "a condition like \"key == '0123abcd'\"");
    t.need("set", "a table like { lr = \"x0.5\" }");
    t.need("reason", "a reason in words");
    t.read("where", one.where);
    t.read("reason", one.reason);
    if (trim(one.where).empty()) t.fail_expected("where", "a condition like \"key == '0123abcd'\"");
    if (trim(one.reason).empty()) t.fail_expected("reason", "a reason in words");
    const Table set = t.table("set", {std::begin(kFields), std::end(kFields)});
    for (const char* field : kFields) {
      if (set.has(field)) one.set.push_back(read_change(set, field));
    }
    if (one.set.empty()) t.fail("set", "expected at least one value to change, got none");
    one.line = static_cast<int>(t.find("where")->source().begin.line);
  }
  return overrides;
}

}  // namespace aunet
