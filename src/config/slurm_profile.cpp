#include "config/slurm_profile.h"

#include "config/reader.h"
#include "config/sections.h"
#include "config/toml_file.h"
#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

namespace aunet {

namespace {

/// One line of a script: what holds a newline could be anything.
void check_lines(const Table& t, const char* key, const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    if (line.find('\n') != std::string::npos) t.fail(key, "expected one line a text, got a line break");
}

std::string path_of_profile(const std::string& name) {
  if (name.find('/') != std::string::npos || name.ends_with(".toml")) return name;
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  const std::string folder = config && *config ? config : std::string(home ? home : "") + "/.config";
  return folder + "/aunet-lab/slurm/" + name + ".toml";
}

}  // namespace

SlurmProfile parse_slurm_profile(const std::string& toml_text, const std::string& file_name) {
  const toml::table parsed = parse_toml(toml_text, file_name, {});
  const Table t(parsed, "",
                {"partition", "account", "qos", "time", "margin", "gpus", "cpus", "mem", "at_once", "sbatch",
                 "setup", "plan_partition", "plan_time", "plan_mem", "plan_sbatch"},
                file_name + ":1:1");
  SlurmProfile profile;
  for (auto [key, text] : {std::pair{"partition", &profile.partition},
                           {"account", &profile.account},
                           {"qos", &profile.qos},
                           {"mem", &profile.memory},
                           {"plan_partition", &profile.plan_partition},
                           {"plan_mem", &profile.plan_memory}}) {
    t.read(key, *text);
    if (text->find_first_of(" \t\n") != std::string::npos) t.fail(key, "expected one word");
  }
  t.read_duration("time", profile.time_seconds);
  t.read_duration("margin", profile.margin_seconds);
  t.read_duration("plan_time", profile.plan_seconds);
  t.read("gpus", profile.gpus, within(0, 1024));
  t.read("cpus", profile.cpus, within(0, 4096));
  t.read("at_once", profile.at_once, within(0, 1 << 20));
  t.read_list("sbatch", profile.sbatch);
  t.read_list("setup", profile.setup);
  t.read_list("plan_sbatch", profile.plan_sbatch);
  check_lines(t, "sbatch", profile.sbatch);
  check_lines(t, "plan_sbatch", profile.plan_sbatch);
  check_lines(t, "setup", profile.setup);
  if (profile.time_seconds > 0 && profile.margin_seconds >= profile.time_seconds)
    t.fail("margin", fmt::format("expected less than the time limit of {} s, got {} s", profile.time_seconds,
                                 profile.margin_seconds));
  return profile;
}

SlurmProfile read_slurm_profile(const std::string& name) {
  if (name.empty()) return {};
  const std::string path = path_of_profile(name);
  return parse_slurm_profile(read_config_text(path), path);
}

}  // namespace aunet
