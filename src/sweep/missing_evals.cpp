#include "sweep/missing_evals.h"

#include "config/evaluation.h"
#include "core/file.h"
#include "core/text.h"

#include <algorithm>
#include <fstream>

namespace aunet {
namespace {

constexpr std::streamoff kTail = 1 << 14;  // bytes: some forty evaluations

/// Records of the last bytes of a journal; a first line that is cut is none.
std::vector<JournalRecord> last_records(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = in.tellg();
  std::vector<JournalRecord> records;
  if (!in || size <= 0) return records;
  in.seekg(std::max<std::streamoff>(0, size - kTail));
  for (std::string line; std::getline(in, line) && !in.eof();) {
    if (auto record = parse_journal_line(line)) records.push_back(std::move(*record));
  }
  return records;
}

}  // namespace

std::vector<EvalConfig> missing_evals(const RunConfig& run, const std::vector<JournalRecord>& records) {
  std::vector<EvalConfig> missing;
  for (const EvalConfig& eval : run.evals) {
    const std::string key = eval_key(run, eval);
    const bool known = std::any_of(records.begin(), records.end(), [&](const JournalRecord& record) {
      const auto* scored = std::get_if<EvalRecord>(&record);
      return scored && scored->split == eval.name && scored->eval_key == key;
    });
    if (!known) missing.push_back(eval);
  }
  return missing;
}

std::vector<EvalConfig> missing_evals(const RunConfig& run, const RunDir& dir) {
  if (run.evals.empty() || !exists(dir.journal())) return run.evals;
  const auto missing = missing_evals(run, last_records(dir.journal()));
  return missing.empty() ? missing : missing_evals(run, read_journal(dir.journal()));
}

std::string names_of(const std::vector<EvalConfig>& evals) {
  std::vector<std::string> names;
  for (const EvalConfig& eval : evals) names.push_back(eval.name);
  return join(names, ", ");
}

bool was_done(const std::vector<JournalRecord>& records) {
  return std::any_of(records.begin(), records.end(), [](const JournalRecord& record) {
    const auto* end = std::get_if<EndRecord>(&record);
    return end && end->status == "done";
  });
}

}  // namespace aunet
