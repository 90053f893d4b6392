// A strict view of one TOML table: typed, ranged reads into struct fields whose defaults stay where nothing
// was written. Every error is a ConfigError `file:line:col: section.key: expected X, got Y`.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// The legal interval of a number. NaN and infinities are never legal.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_is_legal = true;
  bool holds(double value) const;
  std::string text() const;  ///< "", " >= 1", " > 0", " in 16 .. 1048576", " above 0 and up to 0.1"
};
constexpr Range at_least(double min) { return {.min = min}; }
constexpr Range above(double min) { return {.min = min, .min_is_legal = false}; }
constexpr Range within(double min, double max) { return {.min = min, .max = max}; }
constexpr Range above_to(double min, double max) { return {.min = min, .max = max, .min_is_legal = false}; }

/// One table and its legal keys. Views the parsed TOML: the toml::table must outlive it.
class Table {
 public:
  /// `path` is the dotted name used in messages ("" for the root). Throws ConfigError for the first key in
  /// the text that is not in `legal`, with the nearest legal name.
  Table(const toml::table& table, std::string path, std::vector<std::string_view> legal);
  /// The same; `fallback_place` stands for the place of a table that is not in the text.
  Table(const toml::table& table, std::string path, std::vector<std::string_view> legal,
        std::string fallback_place);

  bool has(std::string_view key) const { return find(key) != nullptr; }

  /// Reads `key` into `value` when it is there, and says whether it was. Integers are accepted for doubles,
  /// never the other way round.
  bool read(std::string_view key, bool& value) const;
  bool read(std::string_view key, std::string& value) const;
  bool read(std::string_view key, int64_t& value, const Range& range = {}) const;
  bool read(std::string_view key, uint64_t& value) const;  ///< 0 .. 2^63 - 1
  bool read(std::string_view key, double& value, const Range& range = {}) const;
  /// One of `choices`; the message lists them and the nearest.
  bool read_choice(std::string_view key, std::string& value, const std::vector<std::string>& choices) const;
  /// Seconds: a number, or text with a unit: "90s", "2min", "1.5h", "1d".
  bool read_duration(std::string_view key, double& seconds) const;
  /// A list. `n` >= 0 demands that many values, `per` says why: "one per stage".
  template <class T>
  bool read_list(std::string_view key, std::vector<T>& values, const Range& range = {}, int64_t n = -1,
                 std::string_view per = "") const;

  /// Throws unless `key` is there; `expected` is what the message asks for: "a number > 0".
  void need(std::string_view key, std::string_view expected) const;

  /// The value of `key`, or nullptr. `key` must be legal.
  const toml::node* find(std::string_view key) const;
  /// The table at `key`, empty when absent.
  Table table(std::string_view key, std::vector<std::string_view> legal) const;
  /// The elements of an array of tables; [] when absent.
  std::vector<const toml::table*> tables(std::string_view key) const;

  /// Throws ConfigError at `key` (or at the table when the key is absent).
  [[noreturn]] void fail(std::string_view key, const std::string& message) const;
  /// "expected X, got Y", with what stands at `key`.
  [[noreturn]] void fail_expected(std::string_view key, const std::string& expected) const;

  const std::string& path() const { return path_; }
  /// Path of a key of this table in messages.
  std::string path_of(std::string_view key) const;

 private:
  const toml::table& table_;
  std::string path_;
  std::vector<std::string_view> legal_;
  std::string place_;  // file:line:col of the table
};

/// One value of a list or table; throws ConfigError at the node. T: bool, std::string, int64_t, uint64_t,
/// double.
template <class T>
T value_of(const toml::node& node, const std::string& path, const Range& range = {});

[[noreturn]] void fail_at(const toml::node& node, const std::string& path, const std::string& message);

template <class T>
bool Table::read_list(std::string_view key, std::vector<T>& values, const Range& range, int64_t n,
                      std::string_view per) const {
  const toml::node* node = find(key);
  if (!node) return false;
  const toml::array* array = node->as_array();
  if (!array) fail_expected(key, "an array");
  if (n >= 0 && static_cast<int64_t>(array->size()) != n) {
    fail(key, "expected " + std::to_string(n) + (n == 1 ? " value" : " values") +
                  (per.empty() ? "" : " (" + std::string(per) + ")") + ", got " +
                  std::to_string(array->size()));
  }
  values.clear();
  for (size_t i = 0; i < array->size(); ++i) {
    values.push_back(value_of<T>((*array)[i], path_of(key) + "[" + std::to_string(i) + "]", range));
  }
  return true;
}

}  // namespace aunet
