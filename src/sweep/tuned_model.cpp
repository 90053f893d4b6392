#include "sweep/tuned_model.h"

#include "core/error.h"
#include "core/text.h"
#include "sweep/cell_factory.h"
#include "sweep/ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace aunet {

namespace {

constexpr double kSmallestVocab = 258, kLargestVocab = 262144;
constexpr int64_t kNarrowestBytes = 16;
constexpr double kWidthStep = 0.5;  // octaves

}  // namespace

std::string ModelSetting::text() const {
  std::vector<std::string> words;
  if (vocab > 0) words.push_back(fmt::format("vocab {}", vocab));
  if (!split.empty()) words.push_back("split " + split);
  if (byte_width != 1) words.push_back(fmt::format("byte_width {:.4g}", byte_width));
  return join(words, " ");
}

FamilySpec with_model(const FamilySpec& family, const ModelSetting& setting, const SweepSpec& spec,
                      const FactsProvider& facts) {
  FamilySpec moved = family;
  moved.variant = setting.text();
  moved.byte_width = setting.byte_width;
  if (auto* aunet = std::get_if<AunetConfig>(&moved.base); aunet && !setting.split.empty()) {
    const auto known = std::find_if(family.splits.begin(), family.splits.end(),
                                    [&](const auto& rules) { return to_string(rules) == setting.split; });
    if (known == family.splits.end())
      throw ConfigError(fmt::format("{}: {}.splits: expected the tuned rule \"{}\" among them, got none",
                                    spec.file, family.name, setting.split));
    aunet->split = *known;
  }
  if (auto* transformer = std::get_if<TransformerConfig>(&moved.base); transformer && setting.vocab > 0) {
    transformer->tokenizer.vocab = setting.vocab;
    transformer->tokenizer.fingerprint.clear();
    transformer->tokenizer.path.clear();
    fill_vocabulary(moved, spec, facts);
  }
  return moved;
}

bool is_model_axis(const std::string& name) {
  return name == "vocab" || name == "split" || name == "byte_width";
}

SearchAxis model_axis(const std::string& name, const FamilySpec& family, const ModelConfig& sized) {
  SearchAxis axis{.name = name, .lowest = 0, .highest = 0, .ordered = name != "split"};
  if (name == "vocab") {
    const auto vocab = static_cast<double>(std::get<TransformerConfig>(sized).tokenizer.vocab);
    axis.lowest = std::min(0, -static_cast<int>(std::floor(std::log2(vocab / kSmallestVocab))));
    axis.highest = std::max(0, static_cast<int>(std::floor(std::log2(kLargestVocab / vocab))));
  } else if (name == "split") {
    const auto own =
        std::find(family.splits.begin(), family.splits.end(), std::get<AunetConfig>(family.base).split);
    require(own != family.splits.end(), "model_axis: splits without the family's own");
    axis.lowest = -static_cast<int>(own - family.splits.begin());
    axis.highest = static_cast<int>(family.splits.end() - own) - 1;
  } else {
    const std::vector<int64_t>& dims = std::get<AunetConfig>(sized).dimensions;
    const auto exists = [&](int step) {
      const int64_t width = scaled_byte_width(dims[0], std::exp2(kWidthStep * step));
      return width >= kNarrowestBytes && width <= dims[1];
    };
    while (exists(axis.lowest - 1)) --axis.lowest;
    while (exists(axis.highest + 1)) ++axis.highest;
  }
  return axis;
}

void move_model(const std::string& name, int steps, const FamilySpec& family, ModelSetting& setting) {
  if (steps == 0) return;
  if (name == "vocab") {
    const auto vocab = static_cast<double>(std::get<TransformerConfig>(family.base).tokenizer.vocab);
    setting.vocab = std::llround(vocab * std::exp2(steps));
  } else if (name == "split") {
    const auto own =
        std::find(family.splits.begin(), family.splits.end(), std::get<AunetConfig>(family.base).split);
    setting.split = to_string(*(own + steps));
  } else {
    setting.byte_width = std::exp2(kWidthStep * steps);
  }
}

}  // namespace aunet
