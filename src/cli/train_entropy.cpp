#include "cli/train_entropy.h"

#include "cli/text_table.h"
#include "core/text.h"
#include "data/entropy_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace aunet {
namespace {

constexpr std::array kUnitBytes = {3.0, 4.0, 4.5, 5.0, 6.0, 8.0, 12.0};  // around the 4.5 of BLT and of BPE

}  // namespace

void train_entropy(std::string_view text, int order, const std::string& path) {
  const EntropyModel model = EntropyModel::train(text, order);
  model.save(path);
  std::vector<float> bits;
  bits.reserve(text.size());
  EntropyModel::Context context;
  double sum = 0;
  for (const char c : text) {
    bits.push_back(model.next(context, static_cast<uint8_t>(c)));
    sum += static_cast<double>(bits.back());
  }
  fmt::print("{}: order {}, {} contexts from {}; {:.3f} bits a byte expected on that text\n\n", path, order,
             model.n_contexts(), human_bytes(static_cast<double>(text.size())),
             sum / static_cast<double>(text.size()));
  std::sort(bits.begin(), bits.end(), std::greater<>());
  std::vector<std::vector<std::string>> rows = {{"threshold", "bytes a unit"}};
  for (const double bytes : kUnitBytes) {
    const auto n = static_cast<size_t>(static_cast<double>(bits.size()) / bytes);
    if (n >= bits.size()) continue;
    const float threshold = bits[n];
    const auto above = std::lower_bound(bits.begin(), bits.end(), threshold, std::greater<>()) - bits.begin();
    rows.push_back({fmt::format("{:.4f}", threshold),
                    fmt::format("{:.2f}", static_cast<double>(bits.size()) /
                                              static_cast<double>(std::max<int64_t>(above, 1)))});
  }
  fmt::print("{}", text_table(rows, "rr"));
}

}  // namespace aunet
