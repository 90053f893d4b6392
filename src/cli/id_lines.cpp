#include "cli/id_lines.h"

#include "core/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <iostream>
#include <iterator>

namespace aunet {
namespace {

/// What was found instead, short enough for one line of a terminal.
std::string excerpt(const std::string& line) {
  return line.size() <= 40 ? fmt::format("'{}'", line) : fmt::format("'{}...'", line.substr(0, 40));
}

}  // namespace

std::string read_stdin() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

void for_each_stdin_line(const std::function<void(const std::string&, const std::string&)>& each) {
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number)
    each(line, fmt::format("stdin:{}", number));
}

std::vector<int32_t> parse_ids(const std::string& line, int64_t max_id, const std::string& where) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_array())
    throw ConfigError(fmt::format("{}: expected a JSON array of ids, got {}", where, excerpt(line)));
  std::vector<int32_t> ids;
  ids.reserve(json.size());
  for (const auto& id : json) {
    if (!id.is_number_integer() || id < 0 || id > max_id) {
      throw ConfigError(fmt::format("{}: id: expected 0 to {}, got {}", where, max_id, id.dump()));
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

std::string parse_string(const std::string& line, const std::string& where) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_string())
    throw ConfigError(fmt::format("{}: expected a JSON string, got {}", where, excerpt(line)));
  return json.get<std::string>();
}

void print_ids(const std::vector<int32_t>& ids) {
  const std::string text = fmt::format("[{}]\n", fmt::join(ids, ","));
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace aunet
