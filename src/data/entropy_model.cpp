#include "data/entropy_model.h"

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

namespace aunet {
namespace {

constexpr size_t kHashDigits = 32;
using Distribution = std::array<double, 256>;

uint64_t last_bytes(uint64_t bytes, int n) { return n == 0 ? 0 : bytes & (~uint64_t{0} >> (64 - 8 * n)); }
uint64_t key_of(uint64_t bytes, int length) { return static_cast<uint64_t>(length) << 56 | bytes; }

double entropy(const Distribution& p) {
  double bits = 0;
  for (const double x : p) bits -= x * std::log2(x);
  return bits;
}

}  // namespace

/// Visits the contexts as a tree: one byte further back at each depth.
class EntropyModel::Trainer {
 public:
  explicit Trainer(int order) : order_(order) {}
  std::vector<Entry> run(std::string_view text);

 private:
  void visit(std::span<const uint64_t> grams, int depth, uint64_t context, const Distribution& shorter);

  int order_;
  std::vector<Entry> contexts_;
};

std::vector<EntropyModel::Entry> EntropyModel::Trainer::run(std::string_view text) {
  // [c-1][c-2]...[next]: sorted, the grams of a context are neighbours whatever its length
  std::vector<uint64_t> grams;
  const auto n_context = static_cast<size_t>(order_ - 1);
  grams.reserve(text.size());
  for (size_t i = n_context; i < text.size(); ++i) {
    uint64_t gram = 0;
    for (size_t k = 1; k <= n_context; ++k)
      gram |= static_cast<uint64_t>(static_cast<uint8_t>(text[i - k])) << (64 - 8 * k);
    grams.push_back(gram | static_cast<uint8_t>(text[i]));
  }
  std::sort(grams.begin(), grams.end());
  Distribution uniform;
  uniform.fill(1.0 / 256);
  visit(grams, 0, 0, uniform);
  return std::move(contexts_);
}

void EntropyModel::Trainer::visit(std::span<const uint64_t> grams, int depth, uint64_t context,
                                  const Distribution& shorter) {
  if (depth > 0 && grams.size() < kMinSeen) return;
  std::array<uint32_t, 256> count{};
  for (const uint64_t gram : grams) ++count[gram & 0xFF];
  const auto distinct = static_cast<double>(256 - std::count(count.begin(), count.end(), 0u));
  Distribution p;
  for (size_t b = 0; b < p.size(); ++b)
    p[b] = (count[b] + distinct * shorter[b]) / (static_cast<double>(grams.size()) + distinct);
  contexts_.push_back({key_of(context, depth), static_cast<float>(entropy(p))});
  if (depth + 1 == order_) return;
  const int shift = 64 - 8 * (depth + 1);
  for (auto begin = grams.begin(); begin != grams.end();) {
    const uint64_t byte = *begin >> shift & 0xFF;
    const auto end =
        std::find_if(begin, grams.end(), [&](uint64_t gram) { return (gram >> shift & 0xFF) != byte; });
    visit({begin, end}, depth + 1, context | byte << (8 * depth), p);
    begin = end;
  }
}

EntropyModel::EntropyModel(int order, int64_t text_bytes, std::vector<Entry> contexts)
    : order_(order), text_bytes_(text_bytes), contexts_(std::move(contexts)) {
  int bits = 4;
  while ((size_t{1} << bits) < 2 * contexts_.size()) ++bits;
  slots_.resize(size_t{1} << bits);
  shift_ = 64 - bits;
  for (const Entry& entry : contexts_) {
    if (entry.key == 0)
      empty_bits_ = entry.bits;
    else
      slots_[slot_of(entry.key)] = entry;
  }
}

size_t EntropyModel::slot_of(uint64_t key) const {
  size_t slot = (key * 0x9E3779B97F4A7C15u) >> shift_;  // Fibonacci hashing
  while (slots_[slot].key != 0 && slots_[slot].key != key) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

float EntropyModel::next(Context& context, uint8_t byte) const {
  const uint64_t bytes = context.bytes << 8 | byte;
  for (int length = std::min(context.length + 1, order_ - 1); length > 0; --length) {
    const uint64_t last = last_bytes(bytes, length);
    const Entry& entry = slots_[slot_of(key_of(last, length))];
    if (entry.key == 0) continue;
    context = {last, length};
    return entry.bits;
  }
  context = {};
  return empty_bits_;
}

EntropyModel EntropyModel::train(std::string_view text, int order) {
  if (order < 1 || order > kMaxOrder)
    throw ConfigError(fmt::format("entropy model: order: expected 1 to {}, got {}", kMaxOrder, order));
  if (text.size() < static_cast<size_t>(order))
    throw ConfigError(
        fmt::format("entropy model: expected a text of {} bytes or more, got {}", order, text.size()));
  return EntropyModel(order, static_cast<int64_t>(text.size()), Trainer(order).run(text));
}

void EntropyModel::save(const std::string& path) const {
  std::string out =
      fmt::format("aunet-entropy 1 order {} contexts {} text {}\n", order_, contexts_.size(), text_bytes_);
  for (const Entry& entry : contexts_) {
    const auto length = static_cast<int>(entry.key >> 56);
    out += static_cast<char>(length);
    for (int i = length - 1; i >= 0; --i) out += static_cast<char>(entry.key >> (8 * i) & 0xFF);
    const auto bits = std::bit_cast<uint32_t>(entry.bits);
    for (int i = 0; i < 4; ++i) out += static_cast<char>(bits >> (8 * i) & 0xFF);
  }
  write_file_atomic(path, out + hash_hex(out));
}

EntropyModel EntropyModel::load(const std::string& path) {
  const std::string file = read_file(path);
  const auto fail = [&](const std::string& what) { throw Error(fmt::format("{}: {}", path, what)); };
  int order = 0;
  uint64_t n_contexts = 0;
  int64_t text_bytes = 0;
  int header = 0;
  if (std::sscanf(file.c_str(), "aunet-entropy 1 order %d contexts %lu text %ld\n%n", &order, &n_contexts,
                  &text_bytes, &header) != 3 ||
      header == 0 || file.size() < static_cast<size_t>(header) + kHashDigits)
    fail("expected an entropy model (aunet split --train-entropy), got something else");
  const std::string_view body(file.data(), file.size() - kHashDigits);
  if (hash_hex(body) != file.substr(body.size())) fail("the checksum does not fit: the file is damaged");
  std::vector<Entry> contexts;
  size_t at = static_cast<size_t>(header);
  while (at < body.size()) {
    const auto length = static_cast<uint8_t>(body[at++]);
    if (length >= order || at + length + 4 > body.size()) fail("a record is not as it should be");
    uint64_t bytes = 0;
    for (int i = 0; i < length; ++i) bytes = bytes << 8 | static_cast<uint8_t>(body[at++]);
    uint32_t bits = 0;
    for (int i = 0; i < 4; ++i) bits |= static_cast<uint32_t>(static_cast<uint8_t>(body[at++])) << (8 * i);
    contexts.push_back({key_of(bytes, length), std::bit_cast<float>(bits)});
  }
  if (order < 1 || order > kMaxOrder || contexts.size() != n_contexts)
    fail("the header does not fit the records");
  return EntropyModel(order, text_bytes, std::move(contexts));
}

}  // namespace aunet
