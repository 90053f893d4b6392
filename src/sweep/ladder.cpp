#include "sweep/ladder.h"

#include "core/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace aunet {

namespace {

constexpr int64_t kSmallestWidth = 8, kLargestWidth = 8192;
constexpr int64_t kByteWindow = 512, kDeepWindow = 4096;  // official sliding_windows
constexpr int64_t kPaperMultiple = 256, kSmallMultiple = 32, kPaperMultipleFrom = 1024;

int64_t grid_step(double width) { return width < 64 ? 8 : width < 128 ? 16 : width < 512 ? 32 : 64; }

std::string where(const FamilySpec& family, const SweepSpec& spec) {
  return fmt::format("{}:{}: family '{}'", spec.file, family.line, family.name);
}

int64_t multiple_for(int64_t given, int64_t widest) {
  if (given > 0) return given;
  return widest >= kPaperMultipleFrom ? kPaperMultiple : kSmallMultiple;
}

template <typename T>
void fill_per_stage(std::vector<T>& list, size_t n, const char* name, const T& value,
                    const std::string& place) {
  if (list.empty()) list.assign(n, value);
  if (list.size() != n)
    throw ConfigError(fmt::format("{}: {}: expected {} values, got {}", place, name, n, list.size()));
}

/// Grouped queries that a file fixes must divide the heads of every size.
void check_kv_heads(int64_t heads, int64_t kv_heads, const std::string& place) {
  if (kv_heads > 0 && heads % kv_heads != 0)
    throw ConfigError(
        fmt::format("{}: n_kv_heads: expected a divisor of {} heads, got {}", place, heads, kv_heads));
}

AunetConfig sized(AunetConfig m, std::vector<int64_t> dims, const std::vector<int64_t>& layers,
                  std::vector<int64_t> head_dims, double byte_width, const std::string& place) {
  const size_t n = m.split.size() + 1;
  if (dims.size() != n || layers.size() != n)
    throw ConfigError(fmt::format("{}: sizes: expected {} dims and layers (one per stage), got {} and {}",
                                  place, n, dims.size(), layers.size()));
  if (head_dims.empty()) head_dims = m.head_dims;
  if (byte_width != 1) {  // tuned: heads that a wider or narrower stage cannot have are chosen anew
    dims[0] = scaled_byte_width(dims[0], byte_width);
    if (!head_dims.empty() && (head_dims[0] <= 0 || dims[0] % head_dims[0] != 0))
      head_dims[0] = ladder_head_dim(dims[0], true);
  }
  m.dimensions = dims;
  m.layers = layers;
  m.head_dims = head_dims;
  if (m.head_dims.empty())
    for (size_t k = 0; k < n; ++k) m.head_dims.push_back(ladder_head_dim(dims[k], k == 0));
  fill_per_stage(m.head_dims, n, "head_dims", int64_t{0}, place);
  for (size_t k = 0; k < n; ++k)
    if (m.head_dims[k] <= 0 || dims[k] % m.head_dims[k] != 0)
      throw ConfigError(fmt::format("{}: head_dims: expected divisors of {}, got {}", place,
                                    fmt::join(dims, ", "), fmt::join(m.head_dims, ", ")));
  if (byte_width != 1 && !m.n_kv_heads.empty())
    m.n_kv_heads[0] = std::gcd(m.n_kv_heads[0], dims[0] / m.head_dims[0]);
  for (size_t k = 0; k < m.n_kv_heads.size(); ++k)
    check_kv_heads(dims[k] / m.head_dims[k], m.n_kv_heads[k], place);
  if (m.sliding_windows.empty()) {
    m.sliding_windows.assign(n, kDeepWindow);
    m.sliding_windows[0] = kByteWindow;
  }
  fill_per_stage(m.sliding_windows, n, "sliding_windows", kDeepWindow, place);
  fill_per_stage(m.max_seqlens, n, "max_seqlens", int64_t{-1}, place);
  fill_per_stage(m.residuals, n - 1, "residuals", true, place);
  m.multiple_of = multiple_for(m.multiple_of, n > 1 ? dims[1] : dims[0]);
  return m;
}

TransformerConfig sized(TransformerConfig m, const std::vector<int64_t>& dims,
                        const std::vector<int64_t>& layers, const std::vector<int64_t>& head_dims,
                        double /*byte_width*/, const std::string& place) {
  if (dims.size() != 1 || layers.size() != 1)
    throw ConfigError(fmt::format("{}: sizes: expected one width and one number of layers, got {} and {}",
                                  place, dims.size(), layers.size()));
  m.dim = dims[0];
  m.n_layers = layers[0];
  if (!head_dims.empty()) m.head_dim = head_dims[0];
  if (m.head_dim == 0) m.head_dim = ladder_head_dim(m.dim, false);
  if (m.dim % m.head_dim != 0)
    throw ConfigError(
        fmt::format("{}: head_dim: expected a divisor of {}, got {}", place, m.dim, m.head_dim));
  check_kv_heads(m.dim / m.head_dim, m.n_kv_heads, place);
  m.multiple_of = multiple_for(m.multiple_of, m.dim);
  if (m.vocab_size == 0) m.vocab_size = (m.tokenizer.kind == "bytes" ? 256 : m.tokenizer.vocab) + 2;
  return m;
}

/// Do the head widths and grouped queries that the file fixes divide these widths and their heads?
bool heads_fit(const FamilySpec& family, const std::vector<int64_t>& dims) {
  std::vector<int64_t> heads, kv_heads;
  if (const auto* transformer = std::get_if<TransformerConfig>(&family.base)) {
    if (transformer->head_dim > 0) heads = {transformer->head_dim};
    if (transformer->n_kv_heads > 0) kv_heads = {transformer->n_kv_heads};
  } else {
    heads = std::get<AunetConfig>(family.base).head_dims;
    kv_heads = std::get<AunetConfig>(family.base).n_kv_heads;
  }
  const bool bytes_first = dims.size() > 1;
  for (size_t k = 0; k < dims.size(); ++k) {
    const int64_t width = heads.empty() ? ladder_head_dim(dims[k], bytes_first && k == 0) : heads[k];
    if (dims[k] % width != 0) return false;
    if (!kv_heads.empty() && dims[k] / width % kv_heads[k] != 0) return false;
  }
  return true;
}

}  // namespace

int64_t snap_width(double width) {
  const int64_t step = grid_step(width);
  return std::max(kSmallestWidth,
                  step * static_cast<int64_t>(std::floor(width / static_cast<double>(step) + 0.5)));
}

int64_t scaled_byte_width(int64_t width, double factor) {
  return std::max<int64_t>(8, 8 * std::llround(static_cast<double>(width) * factor / 8));
}

int64_t ladder_depth(int64_t width) { return std::llround(2 + static_cast<double>(width) / 104); }

int64_t ladder_head_dim(int64_t width, bool byte_stage) {
  for (const int64_t head : {128, 64, 32, 16}) {
    if (head == 128 && byte_stage) continue;
    if (width % head == 0 && width / head >= 2) return head;
  }
  return 8;
}

std::vector<int64_t> ladder_dims(int64_t width, int64_t stages) {
  if (stages == 1) return {width};
  const int64_t quarter = width / 4 / 64 * 64;
  std::vector<int64_t> dims = {width <= 512 ? width / 2 : std::max<int64_t>(256, quarter), width};
  dims[0] = std::max<int64_t>(8, dims[0] / 8 * 8);
  double deeper = static_cast<double>(width);
  while (static_cast<int64_t>(dims.size()) < stages) dims.push_back(snap_width(deeper *= 1.5));
  return dims;
}

std::vector<int64_t> ladder_layers(int64_t width, int64_t stages) {
  if (stages == 1) return {ladder_depth(width)};
  const int64_t outer = width < 192 ? 1 : width < 512 ? 2 : 3;
  std::vector<int64_t> layers(static_cast<size_t>(stages), outer);
  layers.back() = std::max<int64_t>(2, ladder_depth(width) - 2 * outer * (stages - 2));
  return layers;
}

ModelConfig sized_model(const FamilySpec& family, const SweepSpec& spec, const std::vector<int64_t>& dims,
                        const std::vector<int64_t>& layers, const std::vector<int64_t>& head_dims) {
  return std::visit(
      [&](const auto& m) -> ModelConfig {
        return sized(m, dims, layers, head_dims, family.byte_width, where(family, spec));
      },
      family.base);
}

std::vector<ModelConfig> ladder(const FamilySpec& family, const SweepSpec& spec) {
  const auto* aunet = std::get_if<AunetConfig>(&family.base);
  const int64_t stages = aunet != nullptr ? static_cast<int64_t>(aunet->split.size()) + 1 : 1;
  std::vector<ModelConfig> sizes;
  for (int64_t width = kSmallestWidth; width <= kLargestWidth;
       width += grid_step(static_cast<double>(width))) {
    const std::vector<int64_t> dims = ladder_dims(width, stages);
    if (!heads_fit(family, dims)) continue;
    const std::vector<int64_t> layers = ladder_layers(width, stages);
    const std::vector<int64_t> next = ladder_layers(width + grid_step(static_cast<double>(width)), stages);
    sizes.push_back(sized_model(family, spec, dims, layers));
    if (next != layers) sizes.push_back(sized_model(family, spec, dims, next));
  }
  if (sizes.empty())
    throw ConfigError(where(family, spec) +
                      ": head_dims, n_kv_heads: no width of the ladder is divisible by them");
  return sizes;
}

}  // namespace aunet
