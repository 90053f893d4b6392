#include "data/split_report.h"

#include "core/error.h"
#include "data/batch.h"
#include "data/scripts.h"
#include "data/utf8.h"

#include <algorithm>
#include <bit>
#include <map>

namespace aunet {
namespace {

/// Reads positions one by one; says which script names the unit that they make.
class UnitScript {
 public:
  void start() { name_.clear(); }
  const std::string& name() const {
    static const std::string none = "None";
    return name_.empty() ? none : name_;
  }
  /// `decoded`: the position completes the character `code`.
  void see(bool decoded, uint32_t code) {
    if (!decoded || !name_.empty()) return;
    const uint32_t set = table_.of(code);
    if (set == 0) return;
    name_ = (set & ~kLetter) ? script_names()[static_cast<size_t>(std::countr_zero(set))] : "Other";
  }

 private:
  ScriptTable table_;
  std::string name_;
};

/// The characters of a text: at which position each is complete.
struct Character {
  bool complete = false;
  uint32_t code = 0;
};
std::vector<Character> characters(const std::vector<int32_t>& ids) {
  std::vector<Character> out(ids.size());
  Utf8Decoder decoder;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] > 255) {
      decoder.reset();
      continue;
    }
    const auto byte = static_cast<uint8_t>(ids[i]);
    auto result = decoder.feed(byte);
    if (result == Utf8Decoder::Step::Broken) {
      decoder.reset();
      result = decoder.feed(byte);
    }
    if (result == Utf8Decoder::Step::Character) out[i] = {true, decoder.code()};
  }
  return out;
}

void add(UnitCount& to, int64_t bytes) {
  ++to.units;
  to.bytes += bytes;
  to.one_byte_units += bytes == 1;
}

/// The window of ids that begins at `begin`, which moves to the next one.
Sequence read_window(const std::vector<int32_t>& ids, size_t& begin, size_t window, const Splitter& splitter,
                     size_t n_stages) {
  Sequence sequence;
  if (ids[begin] != kBeginId) sequence.inputs.push_back(kBeginId);
  while (begin < ids.size() && sequence.inputs.size() < window) sequence.inputs.push_back(ids[begin++]);
  sequence.input_levels = splitter.levels(sequence.inputs);
  for (size_t i = 0; i < sequence.inputs.size(); ++i) {
    if (sequence.inputs[i] == kBeginId) sequence.input_levels[i] = static_cast<int32_t>(n_stages) - 1;
  }
  return sequence;
}

}  // namespace

std::vector<StageUnits> count_units(const std::vector<std::vector<int32_t>>& texts,
                                    const std::vector<std::vector<int32_t>>& levels, size_t n_stages) {
  require(texts.size() == levels.size(), "count_units: a list of levels per text is needed");
  std::vector<StageUnits> stages(n_stages - 1);
  UnitScript script;
  for (size_t k = 0; k + 1 < n_stages; ++k) {
    std::map<std::string, UnitCount> by_script;
    for (size_t t = 0; t < texts.size(); ++t) {
      const auto chars = characters(texts[t]);
      size_t begin = 0;
      script.start();
      for (size_t i = 0; i <= chars.size(); ++i) {
        const bool ends = i == chars.size() || levels[t][i] > static_cast<int32_t>(k);
        if (ends && i > begin) {
          add(stages[k].all, static_cast<int64_t>(i - begin));
          add(by_script[script.name()], static_cast<int64_t>(i - begin));
          script.start();
          begin = i;
        }
        if (i < chars.size()) script.see(chars[i].complete, chars[i].code);
      }
    }
    for (const auto& [name, count] : by_script) stages[k].scripts.push_back({name, count});
    std::stable_sort(stages[k].scripts.begin(), stages[k].scripts.end(),
                     [](const auto& a, const auto& b) { return a.count.bytes > b.count.bytes; });
  }
  return stages;
}

CapReport count_cut_rows(const std::vector<std::vector<int32_t>>& texts, const Splitter& splitter,
                         const std::vector<int64_t>& caps, int64_t window) {
  const size_t n_stages = caps.size();
  CapReport report{.window = window, .caps = caps};
  report.rows.assign(n_stages, 0);
  report.cut = report.largest = report.rows;
  AunetConfig free, capped;
  free.dimensions = capped.dimensions = std::vector<int64_t>(n_stages, 1);
  free.max_seqlens.assign(n_stages, -1);
  capped.max_seqlens = caps;
  for (const auto& ids : texts) {
    for (size_t begin = 0; begin < ids.size();) {
      const Sequence sequence = read_window(ids, begin, static_cast<size_t>(window), splitter, n_stages);
      const auto rows = row_counts(sequence, free), kept = row_counts(sequence, capped);
      for (size_t k = 0; k < n_stages; ++k) {
        report.rows[k] += rows[k];
        report.cut[k] += rows[k] - kept[k];
        report.largest[k] = std::max(report.largest[k], rows[k]);
      }
      ++report.windows;
      report.cut_windows += rows != kept;
    }
  }
  return report;
}

}  // namespace aunet
