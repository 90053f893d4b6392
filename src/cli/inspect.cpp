#include "cli/inspect.h"

#include "cli/find_run.h"
#include "config/run_config.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>

namespace aunet {
namespace po = boost::program_options;

namespace {

using Json = nlohmann::json;

}  // namespace

int cmd_diff(const Args& args) {
  po::options_description options("options");
  std::string first, second, runs = "runs";
  options.add_options()("a", po::value(&first)->required(),
                        "run directory, or the beginning of a key in RUNS")(
      "b", po::value(&second)->required(), "the other one")("runs", po::value(&runs)->default_value(runs),
                                                            "folder of run directories");
  po::variables_map values;
  if (!parse_command_line(args, "aunet diff RUN RUN [options]", "aunet diff 0123abcd 4567cdef", options,
                          {"a", "b"}, values)) {
    return 0;
  }
  const auto flat = [&](const std::string& name) {
    return Json::parse(canonical(read_run_config(find_run(runs, name).run_toml()))).flatten();
  };
  const Json a = flat(first), b = flat(second);
  std::set<std::string> fields;
  for (const auto& [field, value] : a.items()) fields.insert(field);
  for (const auto& [field, value] : b.items()) fields.insert(field);
  bool same = true;
  for (const std::string& field : fields) {
    const Json left = a.value(field, Json()), right = b.value(field, Json());
    if (left == right) continue;
    same = false;
    fmt::print("{}: {} -> {}\n", field.substr(1), left.is_null() ? "(not set)" : left.dump(),
               right.is_null() ? "(not set)" : right.dump());
  }
  if (same) fmt::print("no difference in what makes a run's key\n");
  return 0;
}

}  // namespace aunet
