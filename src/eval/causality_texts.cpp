#include "eval/causality_texts.h"

#include "core/error.h"
#include "data/utf8.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace aunet {

namespace {

using namespace std::string_view_literals;

constexpr std::array kAdversarial = {
    "the cat sat  on\tthe   mat \n\n and  left"sv,
    "He said: \"don't!\" (twice), isn't it?..."sv,
    "3.14159 1,000,000 42nd x2 7-8 0x1F 12:30"sv,
    "line one\r\nline two\r\n\r\n  indented\n\ttabbed"sv,
    "na\xc3\xafve caf\xc3\xa9 \xe2\x80\x9cquoted\xe2\x80\x9d \xe2\x80\x94 dash\xe2\x80\xa6 end"sv,
    "\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97 \xf0\x9f\x98\x80\xf0\x9f\x98\x80 "
    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"sv,
    "\xff\xfe broken \xc3 \xe2\x80 half \xf0\x9f tail \x80\x80"sv,
    "a\xe1\xa0\x8e"
    "b\xc2\xa0"
    "c\xe2\x80\xaf"
    "d\xe3\x80\x80"
    "e \xe2\x80\x8b"
    "f"sv,
    "\xe0\xb8\xa0\xe0\xb8\xb2\xe0\xb8\xa9\xe0\xb8\xb2 \xe3\x82\xab\xe3\x83\x8a\xe3\x81\x8b\xe3\x81\xaa 12\xe5\xb9\xb4"sv,
    "snake_case camelCase kebab-case a.b.c f(x)[i]{j};"sv,
    "\0nul\0 bytes \x01\x02 \x7f"sv,
    "end.\n\n   \n\t\n\nnext. \n \n"sv,
    "          "sv,
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"sv,
};
constexpr std::array kInsertions = {" "sv, "\n"sv, "a"sv,    "."sv,    "\""sv,           "7"sv,
                                    "'"sv, "  "sv, "\xc3"sv, "\x80"sv, "\xe2\x80\x94"sv, "zebra "sv};

// Two bytes after t at least: the last byte of a text is only a target, and what no model reads shows no
// leak.
constexpr int64_t kFewestBefore = 8, kMostBefore = 40, kFewestAfter = 2, kMostAfter = 5, kMostAfterLong = 64;
constexpr int64_t kLongOneIn = 8;
constexpr int64_t kPieceBytes = 128;

/// In [low, high], each factor of two as likely as the next.
int64_t draw_on_log_scale(RandomStream& random, int64_t low, int64_t high) {
  const double ratio = static_cast<double>(high + 1) / static_cast<double>(low);
  const double drawn = static_cast<double>(low) * std::pow(ratio, random.uniform());
  return std::min(high, static_cast<int64_t>(drawn));
}

int64_t draw_between(RandomStream& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random.below(static_cast<uint64_t>(high - low + 1)));
}

std::string other_future(RandomStream& random, std::string_view past, std::string_view future,
                         const char*& kind) {
  std::string other(future);
  switch (random.below(4)) {
    case 0:
      if (future.empty()) break;  // nothing to change
      kind = "change";
      other[0] = static_cast<char>(static_cast<uint8_t>(other[0]) ^ (1 + random.below(255)));
      return other;
    case 1:
      if (future.empty()) break;
      kind = "delete";
      return other.substr(std::min<size_t>(future.size(), 1 + random.below(3)));
    case 2:
      kind = "replace";
      other = kInsertions[random.below(kInsertions.size())];
      return other += past.substr(0, random.below(std::min<size_t>(past.size(), future.size() + 4) + 1));
    default:
      break;
  }
  kind = "insert";
  return std::string(kInsertions[random.below(kInsertions.size())]) + other;
}

}  // namespace

Fork fork_text(RandomStream& random, std::string_view text, int64_t t) {
  const std::string_view past = text.substr(0, t + 1), future = text.substr(t + 1);
  Fork fork{.before = std::string(text), .after = std::string(past), .t = t};
  // A deletion inside a run of one byte may leave the text as it was.
  do {
    fork.after = std::string(past) + other_future(random, past, future, fork.kind);
  } while (fork.after == fork.before);
  return fork;
}

HeldoutForks::HeldoutForks(const Corpus& heldout, int64_t context_bytes, uint64_t seed)
    : heldout_(heldout),
      context_bytes_(std::max<int64_t>(1, context_bytes)),
      random_(seed, "causality forks") {
  require(heldout.n_bytes() > 0, "causality gate: held-out text without a byte");
}

Fork HeldoutForks::next() {
  const bool is_long = drawn_++ % kLongOneIn == 0;
  const int64_t most_before = is_long ? context_bytes_ : std::min(kMostBefore, context_bytes_);
  const int64_t fewest_before = std::min(kFewestBefore, most_before);
  const uint64_t at = random_.below(static_cast<uint64_t>(heldout_.n_bytes()));
  const int64_t n_before = is_long ? draw_on_log_scale(random_, fewest_before, most_before)
                                   : draw_between(random_, fewest_before, most_before);
  const int64_t n_after = is_long ? draw_on_log_scale(random_, kFewestAfter, kMostAfterLong)
                                  : draw_between(random_, kFewestAfter, kMostAfter);

  const auto [document, t] = heldout_.place(static_cast<int64_t>(at));
  const std::string_view text = heldout_.text(document);
  int64_t begin = std::max<int64_t>(0, t + 1 - n_before);
  while (begin < t && begin > 0 && is_continuation(static_cast<uint8_t>(text[begin]))) ++begin;
  return fork_text(random_, text.substr(begin, t + 1 - begin + n_after), t - begin);
}

std::vector<std::string_view> sample_pieces(const Corpus& heldout, int64_t n_bytes, uint64_t seed) {
  std::vector<std::string_view> pieces;
  if (heldout.n_bytes() <= n_bytes) {
    for (int64_t d = 0; d < heldout.n_documents(); ++d) {
      const std::string_view text = heldout.text(d);
      for (int64_t begin = 0, end; begin < std::ssize(text); begin = end) {
        end = utf8_cut(text, begin, std::min(begin + kPieceBytes, std::ssize(text)));
        pieces.push_back(text.substr(begin, end - begin));
      }
    }
    return pieces;
  }
  RandomStream random(seed, "causality pieces");
  for (int64_t drawn = 0; drawn < n_bytes;) {
    const uint64_t at = random.below(static_cast<uint64_t>(heldout.n_bytes()));
    auto [document, begin] = heldout.place(static_cast<int64_t>(at));
    const std::string_view text = heldout.text(document);
    for (int tries = 0; tries < 3 && begin > 0 && is_continuation(static_cast<uint8_t>(text[begin])); ++tries)
      --begin;
    const int64_t end = utf8_cut(text, begin, std::min(begin + kPieceBytes, std::ssize(text)));
    pieces.push_back(text.substr(begin, end - begin));
    drawn += end - begin;
  }
  return pieces;
}

std::span<const std::string_view> adversarial_texts() { return kAdversarial; }

}  // namespace aunet
