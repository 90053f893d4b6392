// What we say to Slurm and read of it, and what a worker counts.
#include "core/error.h"
#include "core/text.h"
#include "sweep/command_launcher.h"
#include "sweep/slurm.h"
#include "sweep/worker.h"

#include <catch2/catch.hpp>

using namespace aunet;
using Catch::Contains;

TEST_CASE("times of Slurm are read and written", "[sweep][slurm]") {
  CHECK(parse_slurm_time("3:04\n") == 184);
  CHECK(parse_slurm_time("2:03:04") == 7384);
  CHECK(parse_slurm_time("1-02:03:04") == 93784);
  for (const char* none : {"", "UNLIMITED", "INVALID", "NOT_SET", "7", "1-", "a:b", "1:2:3:4"})
    CHECK(!parse_slurm_time(none));
  CHECK(slurm_time(60) == "00:01:00");
  CHECK(slurm_time(61) == "00:02:00");
  CHECK(slurm_time(93784) == "1-02:04:00");
}

TEST_CASE("a word for the shell is that word, whatever it holds", "[sweep][slurm]") {
  CHECK(shell_quoted("a b") == "'a b'");
  CHECK(shell_quoted("it's $HOME") == "'it'\\''s $HOME'");
}

TEST_CASE("an array's script asks for what the profile says, and nothing else", "[sweep][slurm]") {
  const SlurmProfile plain;
  SlurmArray array{.sweep = "s", .stem = "/r/100% s/round-1", .n_tasks = 6, .threads = 3, .command = "x --y"};
  const std::string bare = slurm_array_script(plain, array);
  CHECK(bare ==
        "#!/bin/bash\n#SBATCH --job-name=aunet-s\n#SBATCH --requeue\n#SBATCH --open-mode=append\n#SBATCH "
        "--nodes=1\n"
        "#SBATCH --ntasks=1\n#SBATCH --array=0-5\n#SBATCH --output=\"/r/100%% s/round-1-%a.log\"\n"
        "#SBATCH --cpus-per-task=3\nexec x --y\n");
  const SlurmProfile full = parse_slurm_profile(R"(
partition = "gpu"
account = "a"
qos = "q"
time = "4h"
margin = "5min"
gpus = 1
cpus = 8
mem = "16G"
at_once = 4
sbatch = ["--constraint=h100", "--signal=B:USR1@120"]
setup = ["module load cuda"]
plan_partition = "cpu"
plan_sbatch = ["--licenses=none"]
)",
                                                "p.toml");
  const std::string text = slurm_array_script(full, array);
  for (const char* line :
       {"#SBATCH --array=0-5%4\n", "#SBATCH --partition=gpu\n", "#SBATCH --account=a\n", "#SBATCH --qos=q\n",
        "#SBATCH --time=04:00:00\n", "#SBATCH --cpus-per-task=8\n", "#SBATCH --gpus-per-node=1\n",
        "#SBATCH --mem=16G\n",
        "#SBATCH --constraint=h100\n#SBATCH --signal=B:USR1@120\nmodule load cuda\nexec x"})
    CHECK_THAT(text, Contains(line));
  const std::string plan = slurm_plan_script(full, "s", "/r/plan.log", "again");
  CHECK_THAT(plan, Contains("--partition=cpu\n") && Contains("--time=00:30:00\n") && !Contains("gpus"));
  CHECK_THAT(plan, Contains("#SBATCH --licenses=none\n") && !Contains("h100") && !Contains("--signal"));
}

TEST_CASE("a profile's mistakes are named with their place", "[sweep][slurm]") {
  const auto message = [](const char* text) -> std::string {
    try {
      parse_slurm_profile(text, "p.toml");
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  CHECK_THAT(message("partion = \"x\""), Contains("p.toml:1:1") && Contains("did you mean 'partition'?"));
  CHECK_THAT(message("time = 60\nmargin = 60"),
             Contains("p.toml:2:10: margin: expected less than the time limit"));
  CHECK_THAT(message("mem = \"16 G\""), Contains("mem: expected one word"));
  CHECK_THAT(message("sbatch = [\"a\\nb\"]"), Contains("expected one line a text"));
}

TEST_CASE("ends count by cause until an attempt checkpoints, is done, fails for good or is marked for retry",
          "[sweep][work]") {
  using Counts = std::map<std::string, int64_t>;
  std::vector<JournalRecord> journal = {AttemptRecord{.attempt = 1}, AttemptRecord{.attempt = 2}};
  CHECK(fruitless_ends(journal) == Counts{{"preempted", 2}});
  CHECK(fruitless_ends(journal, {{1, "crash"}}) == Counts{{"crash", 1}, {"preempted", 1}});
  journal.push_back(CheckpointRecord{2, 5, "c"});
  CHECK(fruitless_ends(journal).empty());
  journal.push_back(AttemptRecord{.attempt = 3});
  journal.push_back(EndRecord{3, 5, "interrupted", "signal", ""});
  CHECK(fruitless_ends(journal) == Counts{{"timeout", 1}});
  CHECK(fruitless_ends(journal, {{3, "preempted"}}) == Counts{{"preempted", 1}});
  journal.push_back(AttemptRecord{.attempt = 4});
  journal.push_back(EndRecord{4, 5, "failed", "crash", ""});
  CHECK(fruitless_ends(journal).empty());
  journal.push_back(AttemptRecord{.attempt = 5});
  journal.push_back(EndRecord{5, 5, "interrupted", "retry", ""});
  CHECK(fruitless_ends(journal).empty());
  journal.push_back(AttemptRecord{.attempt = 6});
  journal.push_back(EndRecord{6, 9, "done", "", ""});
  for (int64_t round = 7; round < 20; ++round) {  // evaluations alone: no checkpoint, and nothing to limit
    journal.push_back(AttemptRecord{.attempt = round});
    journal.push_back(EndRecord{round, 9, "done", "", ""});
  }
  CHECK(fruitless_ends(journal).empty());
}

TEST_CASE("a command's template takes the run's words and refuses others", "[sweep][command]") {
  const RunDir run{"/r/0123"};
  CHECK(expand_template("srun -c {threads} {command} # {key} {dir} {gpu}", "/b/aunet", run, 4, "2") ==
        "srun -c 4 '/b/aunet' work '/r/0123' --once # 0123 /r/0123 2");
  CHECK(expand_template("{command}", "/b/au'net", run, 1, "") == "'/b/au'\\''net' work '/r/0123' --once");
  CHECK_THROWS_AS(make_command_launcher("srun x", "p"), ConfigError);
  CHECK_THROWS_WITH(make_command_launcher("{command} {host}", "p"), Contains("got '{host}'"));
}
