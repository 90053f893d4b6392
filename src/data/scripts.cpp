#include "data/scripts.h"

#include "data/code_page.h"

#include <fmt/format.h>

namespace aunet {
namespace {

std::vector<Regex> compile() {
  std::vector<Regex> regexes;
  for (const auto& name : script_names())
    regexes.emplace_back(fmt::format("(?=[\\p{{L}}\\p{{M}}])\\p{{scx:{}}}", name), "script " + name);
  return regexes;
}

}  // namespace

const std::vector<std::string>& script_names() {
  static const std::vector<std::string> names = {
      "Han",        "Bopomofo", "Hiragana", "Katakana", "Thai",     "Lao",      "Khmer",
      "Myanmar",    "Latin",    "Greek",    "Cyrillic", "Armenian", "Hebrew",   "Arabic",
      "Devanagari", "Bengali",  "Tamil",    "Telugu",   "Georgian", "Ethiopic", "Hangul"};
  return names;
}

std::unique_ptr<ScriptTable::Page> ScriptTable::make_page(uint32_t page) {
  static const std::vector<Regex> regexes = compile();
  static const Regex letters("\\p{L}", "letters");
  auto sets = std::make_unique<Page>();
  sets->fill(0);
  const CodePage characters(page);
  const auto mark = [&](const Regex& regex, uint32_t bit) {
    characters.for_each_match(regex, [&](int i) { (*sets)[i] |= bit; });
  };
  for (size_t s = 0; s < regexes.size(); ++s) mark(regexes[s], 1u << s);
  mark(letters, kLetter);
  return sets;
}

}  // namespace aunet
