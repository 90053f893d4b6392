#include "data/corrupt.h"

#include "core/error.h"
#include "core/random.h"

#include <fmt/format.h>

#include <array>

namespace aunet {
namespace {

// ASCII only, whatever the locale.
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_letter(char c) { return is_lower(c) || is_upper(c); }
char lower(char c) { return is_upper(c) ? static_cast<char>(c + 32) : c; }
char upper(char c) { return is_lower(c) ? static_cast<char>(c - 32) : c; }

/// The keys that touch each letter's key, a to z.
constexpr std::array<std::string_view, 26> kNeighbours = {
    "qwsz",   "vghn",  "xdfv", "serfcx", "wsdr", "drtgvc", "ftyhbv", "gyujnb", "ujko",
    "huiknm", "jiolm", "kop",  "njk",    "bhjm", "iklp",   "ol",     "wa",     "edft",
    "awedxz", "rfgy",  "yhji", "cfgb",   "qase", "zsdc",   "tghu",   "asx"};

char neighbour(RandomStream& random, char letter) {
  const std::string_view keys = kNeighbours[static_cast<size_t>(lower(letter) - 'a')];
  const char key = keys[random.below(keys.size())];
  return is_upper(letter) ? upper(key) : key;
}

std::string with_typos(std::string_view text, const EvalConfig& eval, int64_t document, int64_t& n_hit) {
  RandomStream random(eval.seed, fmt::format("typos/{}", document));
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!is_letter(c) || random.uniform() >= eval.rate) {
      out += c;
      continue;
    }
    ++n_hit;
    const bool can_swap = i + 1 < text.size() && is_letter(text[i + 1]) && text[i + 1] != c;
    switch (can_swap ? random.below(4) : random.below(3)) {
      case 0:  // dropped
        break;
      case 1:
        out += c;
        out += c;
        break;
      case 2:
        out += neighbour(random, c);
        break;
      default:  // swapped; the next letter has had its share
        out += text[++i];
        out += c;
    }
  }
  return out;
}

}  // namespace

std::string corrupt_text(std::string_view text, const EvalConfig& eval, int64_t document, int64_t* n_hit) {
  int64_t hits = 0;
  std::string out;
  if (eval.corrupt == "typos") {
    out = with_typos(text, eval, document, hits);
  } else {
    const bool none = eval.corrupt == "none", spaces = eval.corrupt == "no_spaces";
    require(none || spaces || eval.corrupt == "lowercase" || eval.corrupt == "uppercase",
            "corrupt: no such corruption: " + eval.corrupt);
    for (const char c : text) {
      if (spaces && c == ' ') continue;
      out += none || spaces ? c : eval.corrupt == "lowercase" ? lower(c) : upper(c);
    }
  }
  if (n_hit) *n_hit = hits;
  return out;
}

Corpus corrupted(const Corpus& clean, const EvalConfig& eval) {
  if (eval.corrupt == "none") return clean;
  std::vector<std::string> texts;
  for (int64_t d = 0; d < clean.n_documents(); ++d) texts.push_back(corrupt_text(clean.text(d), eval, d));
  return Corpus::of(texts);
}

}  // namespace aunet
