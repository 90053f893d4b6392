#include "baselines/piece_counts.h"

#include "baselines/token_ids.h"
#include "core/error.h"
#include "data/utf8.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

namespace aunet {
namespace {

/// Open addressing on bytes; a slot is a cache line's third. std::unordered_map spends most of the time of a
/// count on nodes and on hashing byte by byte.
class PieceTable {
 public:
  PieceTable() : slots_(size_t{1} << 12) {}

  void add(std::string_view piece, int64_t count) {
    if (2 * n_used_ >= slots_.size()) grow();
    Slot& slot = slots_[slot_of(piece, hash_bytes(piece))];
    if (slot.count == 0) {
      slot.begin = piece.data();
      slot.size = piece.size();
      ++n_used_;
    }
    slot.count += count;
  }

  template <typename Each>
  void for_each(const Each& each) const {
    for (const Slot& slot : slots_)
      if (slot.count > 0) each(std::string_view(slot.begin, slot.size), slot.count);
  }

 private:
  struct Slot {
    const char* begin = nullptr;
    size_t size = 0;
    int64_t count = 0;  // 0: free
  };

  size_t slot_of(std::string_view piece, uint64_t hash) const {
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at].count > 0 && std::string_view(slots_[at].begin, slots_[at].size) != piece)
      at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.count == 0) continue;
      const std::string_view piece(slot.begin, slot.size);
      slots_[slot_of(piece, hash_bytes(piece))] = slot;
    }
  }

  std::vector<Slot> slots_;
  size_t n_used_ = 0;
};

void count_text(std::string_view text, const Pretokenizer& pretokenizer, PieceTable& table) {
  while (!text.empty()) {
    const size_t invalid = std::min(find_invalid_utf8(text), text.size());
    pretokenizer.for_each_piece(text.substr(0, invalid), [&](std::string_view piece) {
      if (piece.size() > 1) table.add(piece, 1);
    });
    text.remove_prefix(std::min(invalid + 1, text.size()));
  }
}

}  // namespace

std::vector<std::pair<std::string_view, int64_t>> count_pieces(const std::vector<std::string_view>& texts,
                                                               const Pretokenizer& pretokenizer,
                                                               int threads) {
  require(threads >= 1, "count_pieces: at least one thread");
  const auto n = static_cast<size_t>(threads);
  std::vector<PieceTable> tables(n);
  std::vector<std::exception_ptr> failures(n);
  std::atomic<size_t> next{0};
  const auto work = [&](size_t worker) {
    try {
      for (size_t i; (i = next++) < texts.size();) count_text(texts[i], pretokenizer, tables[worker]);
    } catch (...) {
      failures[worker] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (size_t worker = 1; worker < n; ++worker) others.emplace_back(work, worker);
  work(0);
  for (std::thread& other : others) other.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
  for (size_t worker = 1; worker < n; ++worker) {
    tables[worker].for_each([&](std::string_view piece, int64_t count) { tables[0].add(piece, count); });
    tables[worker] = PieceTable();
  }
  std::vector<std::pair<std::string_view, int64_t>> pieces;
  tables[0].for_each([&](std::string_view piece, int64_t count) { pieces.emplace_back(piece, count); });
  std::sort(pieces.begin(), pieces.end());
  return pieces;
}

}  // namespace aunet
