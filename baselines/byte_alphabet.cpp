#include "baselines/byte_alphabet.h"

#include "data/utf8.h"

#include <algorithm>
#include <numeric>

namespace aunet {
namespace {

constexpr uint32_t kLetters = 256 + 68;  // code points below: 68 bytes are not printable

struct Alphabet {
  std::array<uint32_t, 256> letter{};    // code point of a byte
  std::array<int16_t, kLetters> byte{};  // of a code point, -1 when it is no letter
  std::array<std::string, 256> utf8{};   // letter of a byte
  std::array<uint8_t, 256> bytes_by_letter{};
};

bool is_printable(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

const Alphabet& alphabet() {
  static const Alphabet made = [] {
    Alphabet a;
    a.byte.fill(-1);
    uint32_t next = 256;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      a.letter[byte] = is_printable(byte) ? byte : next++;
      a.byte[a.letter[byte]] = static_cast<int16_t>(byte);
      append_utf8(a.letter[byte], a.utf8[byte]);
    }
    std::iota(a.bytes_by_letter.begin(), a.bytes_by_letter.end(), uint8_t{0});
    std::sort(a.bytes_by_letter.begin(), a.bytes_by_letter.end(),
              [&](uint8_t x, uint8_t y) { return a.letter[x] < a.letter[y]; });
    return a;
  }();
  return made;
}

}  // namespace

const std::array<uint8_t, 256>& bytes_by_letter() { return alphabet().bytes_by_letter; }

std::string letters_of_bytes(std::string_view bytes) {
  std::string letters;
  for (const char byte : bytes) letters += alphabet().utf8[static_cast<uint8_t>(byte)];
  return letters;
}

bool bytes_of_letters(std::string_view letters, std::string& bytes) {
  bytes.clear();
  Utf8Decoder decoder;
  for (const char c : letters) {
    const auto step = decoder.feed(static_cast<uint8_t>(c));
    if (step == Utf8Decoder::Step::Pending) continue;
    if (step != Utf8Decoder::Step::Character) return false;
    if (decoder.code() >= kLetters || alphabet().byte[decoder.code()] < 0) return false;
    bytes += static_cast<char>(alphabet().byte[decoder.code()]);
  }
  return decoder.pending() == 0;
}

}  // namespace aunet
