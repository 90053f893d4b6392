// A power cut leaves a journal without the end of its last record: at whatever byte it was cut, the run goes
// on from the last whole one, with the numbers of a run that was never cut.
#include "core/file.h"
#include "fixture.h"
#include "sweep/missing_evals.h"
#include "sweep/run_state.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <map>

using namespace aunet;
using Catch::Contains;

namespace {

/// Lines of a journal with their newlines.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin) + 1;
    lines.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return lines;
}

/// Loss by step, as the last attempt that did it has it.
std::map<int64_t, double> curve(const std::vector<JournalRecord>& journal) {
  std::map<int64_t, double> losses;
  for (const JournalRecord& record : journal)
    if (const auto* step = std::get_if<StepRecord>(&record)) losses[step->step] = step->loss_nats;
  return losses;
}

/// A checkpoint is written after the steps before it are on the disk: later ones than the journal's last step
/// were not there yet.
void remove_later_checkpoints(const RunDir& run) {
  const auto losses = curve(read_journal(run.journal()));
  const int64_t last = losses.empty() ? 0 : losses.rbegin()->first;
  for (const std::string& name : list_directory(run.checkpoints()))
    if (std::stoll(name.substr(5)) > last) remove_tree(run.checkpoints() + "/" + name);
}

}  // namespace

TEST_CASE("a journal cut at any byte of its last record: the run goes on to the same end",
          "[cli][powercut]") {
  const SweepFixture fixture;
  fixture.without_tuning();
  REQUIRE(fixture.start_sweep("checkpoint_steps=4")->wait().code == 0);
  const std::string key = fixture.planned_keys().at(0);
  const RunDir run = fixture.runs().run(key);
  const std::string whole = read_file(run.journal());
  const auto undisturbed = read_journal(run.journal());
  const std::vector<std::string> lines = lines_of(whole);
  // Cut in the last record of each kind that a journal can end with; the folder has what it had then.
  std::map<std::string, size_t> last_of_kind;
  for (size_t i = 0; i < lines.size(); ++i) last_of_kind[lines[i].substr(0, lines[i].find(','))] = i;
  REQUIRE(last_of_kind.size() >= 6);
  size_t n = 0;
  for (const auto& [kind, last] : last_of_kind) {
    std::string before;
    for (size_t i = 0; i < last; ++i) before += lines[i];
    // Every byte of the short ones, a handful of the long ones: a trial is a process.
    const size_t stride = lines[last].size() < 120 ? 1 : 23;
    for (size_t cut = 0; cut < lines[last].size(); cut += stride, ++n) {
      INFO(kind << " cut to " << cut << " of " << lines[last].size() << " bytes");
      write_file_atomic(run.journal(), before + lines[last].substr(0, cut));
      remove_later_checkpoints(run);
      REQUIRE(read_run_state(run).status != "done");
      const Finished worked = fixture.aunet({"work", run.path}, "step_ms=0 checkpoint_steps=4");
      INFO(worked.out << worked.err);
      REQUIRE(worked.code == 0);
      const auto journal = read_journal(run.journal());
      REQUIRE(was_done(journal));
      REQUIRE(curve(journal) == curve(undisturbed));
      REQUIRE(summarize(journal).final_eval->loss_bpb == summarize(undisturbed).final_eval->loss_bpb);
    }
  }
  WARN(n << " cuts");
}
