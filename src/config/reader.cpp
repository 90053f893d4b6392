#include "config/reader.h"

#include "config/toml_file.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace aunet {
namespace {

const toml::table kNothing;

bool by_length(std::string_view a, std::string_view b) { return a.size() < b.size(); }

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  std::string near = nearest_name(name, candidates);
  for (const std::string& candidate : candidates) {  // "dim" for "dimensions", "warmup_steps" for "warmup"
    const std::string_view shorter = std::min<std::string_view>(name, candidate, by_length);
    const std::string_view longer = std::max<std::string_view>(name, candidate, by_length);
    if (near.empty() && shorter.size() >= 3 && longer.starts_with(shorter)) near = candidate;
  }
  return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

/// The toml++ order is alphabetical; people read from the top.
const toml::key* first_unknown(const toml::table& table, const std::vector<std::string_view>& legal) {
  const toml::key* first = nullptr;
  for (auto it = table.begin(); it != table.end(); ++it) {
    if (std::find(legal.begin(), legal.end(), it->first.str()) != legal.end()) continue;
    if (!first || it->first.source().begin < first->source().begin) first = &it->first;
  }
  return first;
}

void refuse_unknown(const toml::table& table, const std::string& path,
                    const std::vector<std::string_view>& legal) {
  const toml::key* unknown = first_unknown(table, legal);
  if (!unknown) return;
  const std::vector<std::string> names(legal.begin(), legal.end());
  std::string hint = suggestion(unknown->str(), names);
  if (hint.empty()) {
    hint = fmt::format("; known {}: {}", path.empty() ? "here" : "in [" + path + "]", join(names, ", "));
  }
  throw ConfigError(fmt::format("{}: unknown key '{}'{}", place_of(unknown->source()), unknown->str(), hint));
}

}  // namespace

bool Range::holds(double value) const {
  return std::isfinite(value) && (min_is_legal ? value >= min : value > min) && value <= max;
}

std::string Range::text() const {
  const bool has_min = std::isfinite(min), has_max = std::isfinite(max);
  if (has_min && has_max) {
    return min_is_legal ? fmt::format(" in {} .. {}", min, max)
                        : fmt::format(" above {} and up to {}", min, max);
  }
  if (has_min) return fmt::format(" {} {}", min_is_legal ? ">=" : ">", min);
  return has_max ? fmt::format(" <= {}", max) : "";
}

void fail_at(const toml::node& node, const std::string& path, const std::string& message) {
  throw ConfigError(fmt::format("{}: {}: {}", place_of(node.source()), path, message));
}

template <>
bool value_of<bool>(const toml::node& node, const std::string& path, const Range&) {
  if (const auto* flag = node.as_boolean()) return flag->get();
  fail_at(node, path, "expected true or false, got " + describe(node));
}

template <>
std::string value_of<std::string>(const toml::node& node, const std::string& path, const Range&) {
  if (const auto* text = node.as_string()) return text->get();
  fail_at(node, path, "expected a text in quotes, got " + describe(node));
}

template <>
int64_t value_of<int64_t>(const toml::node& node, const std::string& path, const Range& range) {
  const auto* integer = node.as_integer();
  if (integer && range.holds(static_cast<double>(integer->get()))) return integer->get();
  fail_at(node, path, fmt::format("expected an integer{}, got {}", range.text(), describe(node)));
}

template <>
uint64_t value_of<uint64_t>(const toml::node& node, const std::string& path, const Range&) {
  return static_cast<uint64_t>(value_of<int64_t>(node, path, at_least(0)));
}

template <>
double value_of<double>(const toml::node& node, const std::string& path, const Range& range) {
  std::optional<double> number;
  if (const auto* floating = node.as_floating_point()) number = floating->get();
  if (const auto* integer = node.as_integer()) number = static_cast<double>(integer->get());
  if (number && range.holds(*number)) return *number;
  fail_at(node, path, fmt::format("expected a number{}, got {}", range.text(), describe(node)));
}

Table::Table(const toml::table& table, std::string path, std::vector<std::string_view> legal)
    : Table(table, std::move(path), std::move(legal), "") {}

Table::Table(const toml::table& table, std::string path, std::vector<std::string_view> legal,
             std::string fallback_place)
    : table_(table),
      path_(std::move(path)),
      legal_(std::move(legal)),
      place_(table.source().path ? place_of(table.source()) : std::move(fallback_place)) {
  refuse_unknown(table_, path_, legal_);
}

const toml::node* Table::find(std::string_view key) const {
  require(std::find(legal_.begin(), legal_.end(), key) != legal_.end(),
          fmt::format("config: [{}] asks for '{}', which is not among its legal keys", path_, key));
  return table_.get(key);
}

bool Table::read(std::string_view key, bool& value) const {
  const toml::node* node = find(key);
  if (node) value = value_of<bool>(*node, path_of(key));
  return node;
}

bool Table::read(std::string_view key, std::string& value) const {
  const toml::node* node = find(key);
  if (node) value = value_of<std::string>(*node, path_of(key));
  return node;
}

bool Table::read(std::string_view key, int64_t& value, const Range& range) const {
  const toml::node* node = find(key);
  if (node) value = value_of<int64_t>(*node, path_of(key), range);
  return node;
}

bool Table::read(std::string_view key, uint64_t& value) const {
  const toml::node* node = find(key);
  if (node) value = value_of<uint64_t>(*node, path_of(key));
  return node;
}

bool Table::read(std::string_view key, double& value, const Range& range) const {
  const toml::node* node = find(key);
  if (node) value = value_of<double>(*node, path_of(key), range);
  return node;
}

bool Table::read_choice(std::string_view key, std::string& value,
                        const std::vector<std::string>& choices) const {
  const toml::node* node = find(key);
  if (!node) return false;
  const std::string expected =
      fmt::format("expected {}\"{}\"", choices.size() > 1 ? "one of " : "", join(choices, "\", \""));
  const auto* text = node->as_string();
  if (!text) fail(key, fmt::format("{}, got {}", expected, describe(*node)));
  if (std::find(choices.begin(), choices.end(), text->get()) == choices.end()) {
    fail(key, fmt::format("{}, got {}{}", expected, describe(*node), suggestion(text->get(), choices)));
  }
  value = text->get();
  return true;
}

bool Table::read_duration(std::string_view key, double& seconds) const {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto* text = node->as_string();
  if (!text) return read(key, seconds, at_least(0));
  const std::string_view all = trim(text->get());
  double number = 0;
  const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), number);
  const std::string_view unit = trim(all.substr(static_cast<size_t>(end - all.data())));
  const double scale = unit == "s" ? 1 : unit == "min" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86400 : 0;
  if (error != std::errc() || scale == 0 || !at_least(0).holds(number * scale)) {
    fail_expected(key, "seconds, or a text like \"90s\", \"2min\", \"1h\", \"1d\"");
  }
  seconds = number * scale;
  return true;
}

void Table::need(std::string_view key, std::string_view expected) const {
  if (!has(key)) fail(key, fmt::format("expected {}, got nothing", expected));
}

Table Table::table(std::string_view key, std::vector<std::string_view> legal) const {
  const toml::node* node = find(key);
  if (node && !node->is_table()) fail_expected(key, "a table");
  return Table(node ? *node->as_table() : kNothing, path_of(key), std::move(legal), place_);
}

std::vector<const toml::table*> Table::tables(std::string_view key) const {
  std::vector<const toml::table*> all;
  const toml::node* node = find(key);
  if (!node) return all;
  const toml::array* array = node->as_array();
  if (!array)
    fail(key, fmt::format("expected an array of tables ([[{}]]), got {}", path_of(key), describe(*node)));
  for (const toml::node& element : *array) {
    if (!element.is_table()) {
      fail_at(element, path_of(key),
              fmt::format("expected an array of tables ([[{}]]), got {}", path_of(key), describe(element)));
    }
    all.push_back(element.as_table());
  }
  return all;
}

void Table::fail(std::string_view key, const std::string& message) const {
  const toml::node* node = table_.get(key);
  const std::string place = node ? place_of(node->source()) : place_;
  throw ConfigError(fmt::format("{}: {}: {}", place, path_of(key), message));
}

void Table::fail_expected(std::string_view key, const std::string& expected) const {
  const toml::node* node = find(key);
  fail(key, fmt::format("expected {}, got {}", expected, node ? describe(*node) : "nothing"));
}

std::string Table::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

}  // namespace aunet
