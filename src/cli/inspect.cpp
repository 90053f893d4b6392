#include "cli/inspect.h"

#include "cli/find_run.h"
#include "config/run_config.h"
#include "core/file.h"
#include "core/journal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>
#include <variant>

namespace aunet {
namespace po = boost::program_options;

namespace {

using Json = nlohmann::json;

/// Fields that two objects do not share, name -> [of a, of b]; null where one has none.
Json differences(const Json& a, const Json& b) {
  std::set<std::string> fields;
  for (const auto& [field, value] : a.items()) fields.insert(field);
  for (const auto& [field, value] : b.items()) fields.insert(field);
  Json found = Json::object();
  for (const std::string& field : fields) {
    const Json left = a.value(field, Json()), right = b.value(field, Json());
    if (left != right) found[field] = {left, right};
  }
  return found;
}

/// What makes the key, one entry per value: "model.dims.0".
Json configuration_of(const RunDir& run) {
  const Json nested = Json::parse(canonical(read_run_config(run.run_toml()))).flatten();
  Json flat = Json::object();
  for (const auto& [field, value] : nested.items()) flat[field.substr(1)] = value;
  return flat;
}

/// Of the last attempt: where, from which code, with what. Times and process ids differ always and say
/// nothing.
Json provenance_of(const RunDir& run) {
  Json last = Json::object();
  if (!exists(run.journal())) return last;
  for (const JournalRecord& record : read_journal(run.journal())) {
    if (std::holds_alternative<AttemptRecord>(record)) last = Json::parse(to_json_line(record));
  }
  for (const char* field : {"type", "pid", "started", "command"}) last.erase(field);
  return last;
}

void print_differences(const Json& found, const std::string& prefix) {
  for (const auto& [field, pair] : found.items())
    fmt::print("{}{}: {} -> {}\n", prefix, field, pair[0].is_null() ? "(not set)" : pair[0].dump(),
               pair[1].is_null() ? "(not set)" : pair[1].dump());
}

}  // namespace

int cmd_diff(const Args& args) {
  po::options_description options("options");
  std::string first, second, runs = "runs";
  options.add_options()("a", po::value(&first)->required(),
                        "run directory, or the beginning of a key in RUNS")(
      "b", po::value(&second)->required(), "the other one")("runs", po::value(&runs)->default_value(runs),
                                                            "folder of run directories")(
      "json", "one JSON object: configuration and provenance, each field -> [of the first, of the second]");
  po::variables_map values;
  if (!parse_command_line(args, "aunet diff RUN RUN [options]", "aunet diff 0123abcd 4567cdef", options,
                          {"a", "b"}, values)) {
    return 0;
  }
  const RunDir a = find_run(runs, first), b = find_run(runs, second);
  const Json configuration = differences(configuration_of(a), configuration_of(b));
  const Json provenance = differences(provenance_of(a), provenance_of(b));
  if (values.count("json")) {
    fmt::print("{}\n", Json{{"configuration", configuration}, {"provenance", provenance}}.dump(1));
    return 0;
  }
  print_differences(configuration, "");
  if (configuration.empty()) fmt::print("no difference in what makes a run's key\n");
  print_differences(provenance, "provenance of the last attempt: ");
  return 0;
}

}  // namespace aunet
