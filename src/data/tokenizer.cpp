#include "data/tokenizer.h"

#include "data/split_rules.h"

namespace aunet {
namespace {

void append_bytes(std::string_view text, std::vector<int32_t>& ids) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  ids.insert(ids.end(), bytes, bytes + text.size());
}

class ByteTokenizer final : public Tokenizer {
 public:
  void encode(std::string_view text, std::vector<int32_t>& ids) const override { append_bytes(text, ids); }
  std::string text(int32_t id) const override {
    return id < kBeginId ? std::string(1, static_cast<char>(id)) : std::string();
  }
  int64_t n_bytes(int32_t id) const override { return id < kBeginId ? 1 : 0; }
  int32_t begin_id() const override { return kBeginId; }
  int32_t end_id() const override { return kEndId; }
  int64_t vocab_size() const override { return kEndId + 1; }
};

}  // namespace

std::vector<int32_t> byte_ids(std::string_view text) {
  std::vector<int32_t> ids;
  append_bytes(text, ids);
  return ids;
}

std::unique_ptr<Tokenizer> make_byte_tokenizer() { return std::make_unique<ByteTokenizer>(); }

}  // namespace aunet
