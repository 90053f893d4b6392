#include "config/toml_file.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <sstream>
#include <string_view>

namespace aunet {
namespace {

constexpr std::string_view kSetPrefix = "--set ";

std::string lower_first(std::string_view text) {
  std::string lowered(text);
  if (!lowered.empty()) lowered[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(lowered[0])));
  return lowered;
}

toml::table parse_named(std::string_view text, const std::string& name) {
  try {
    return toml::parse(text, std::string(name));
  } catch (const toml::parse_error& error) {
    throw ConfigError(
        fmt::format("{}: not valid TOML: {}", place_of(error.source()), lower_first(error.description())));
  }
}

bool is_bare_word(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view("_-./@,=+:").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

toml::table parse_override(const std::string& text) {
  const std::string place = std::string(kSetPrefix) + text;
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw ConfigError(place + ": expected KEY=VALUE");
  if (text.find_first_of("\n\r") != std::string::npos) throw ConfigError(place + ": expected one line");
  const std::string_view value = trim(std::string_view(text).substr(equals + 1));
  if (is_bare_word(value)) {
    try {
      return toml::parse(std::string_view(text), std::string(place));
    } catch (const toml::parse_error&) {
      return parse_named(fmt::format("{}=\"{}\"", text.substr(0, equals), value), place);
    }
  }
  return parse_named(text, place);
}

class Merger {
 public:
  explicit Merger(const std::string& override_text) : place_(std::string(kSetPrefix) + override_text) {}

  void merge(toml::table& into, toml::table& from, const std::string& path) const {
    for (auto it = from.begin(); it != from.end(); ++it) {
      const toml::key& key = it->first;
      toml::node* old_value = into.get(key.str());
      if (old_value && descend(*old_value, it->second, join_path(path, key.str()))) continue;
      it->second.visit([&](auto& value) { into.insert_or_assign(key, std::move(value)); });
    }
  }

 private:
  static std::string join_path(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }

  /// Merges a dotted key's table into what is there; false: the new value replaces the old one.
  bool descend(toml::node& old_value, toml::node& value, const std::string& path) const {
    toml::table* table = value.as_table();
    if (!table || table->is_inline()) return false;
    if (old_value.is_table()) {
      merge(*old_value.as_table(), *table, path);
    } else if (old_value.is_array()) {
      merge_elements(*old_value.as_array(), *table, path);
    } else {
      throw ConfigError(
          fmt::format("{}: {}: expected a table or an array, got {}", place_, path, describe(old_value)));
    }
    return true;
  }

  void merge_elements(toml::array& array, toml::table& from, const std::string& path) const {
    for (auto it = from.begin(); it != from.end(); ++it) {
      const size_t index = element(array, it->first.str(), path);
      if (descend(array[index], it->second, join_path(path, it->first.str()))) continue;
      it->second.visit([&](auto& value) {
        array.replace(array.cbegin() + static_cast<std::ptrdiff_t>(index), std::move(value));
      });
    }
  }

  size_t element(const toml::array& array, std::string_view name, const std::string& path) const {
    size_t index = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (error == std::errc() && end == name.data() + name.size() && index < array.size()) return index;
    std::vector<std::string> names;
    for (size_t i = 0; i < array.size(); ++i) {
      const toml::table* table = array[i].as_table();
      const std::optional<std::string> found = table ? (*table)["name"].value<std::string>() : std::nullopt;
      if (found && *found == name) return i;
      if (found) names.push_back(*found);
    }
    const std::string near = nearest_name(name, names);
    throw ConfigError(fmt::format("{}: {}: expected an index below {}{}, got \"{}\"{}", place_, path,
                                  array.size(), names.empty() ? "" : " or one of " + join(names, ", "), name,
                                  near.empty() ? "" : "; did you mean '" + near + "'?"));
  }

  std::string place_;
};

}  // namespace

toml::table parse_toml(const std::string& text, const std::string& file_name,
                       const std::vector<std::string>& overrides) {
  toml::table root = parse_named(text, file_name);
  for (const std::string& override_text : overrides) {
    toml::table override_table = parse_override(override_text);
    Merger(override_text).merge(root, override_table, "");
  }
  return root;
}

std::string place_of(const toml::source_region& source) {
  const std::string name = source.path ? *source.path : "";
  if (name.starts_with(kSetPrefix)) return name;
  return fmt::format("{}:{}:{}", name, source.begin.line, source.begin.column);
}

std::string describe(const toml::node& node) {
  if (node.is_table()) return "a table";
  if (const toml::array* array = node.as_array()) return fmt::format("an array of {}", array->size());
  if (const auto* text = node.as_string()) return fmt::format("\"{}\"", text->get());
  if (const auto* integer = node.as_integer()) return fmt::format("{}", integer->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return "a date or time";
}

}  // namespace aunet
