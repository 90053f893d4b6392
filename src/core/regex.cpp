#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/regex.h"

#include "core/error.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <array>

namespace aunet {
namespace {

// Unicode 15 PropList.txt, White_Space; what \s means in Python's `regex` module.
constexpr std::string_view kWhiteSpace =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{"
    "3000}";

std::string spell_out_classes(const std::string& pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\' || i + 1 == pattern.size()) {
      if (pattern[i] == '[') in_class = true;
      if (pattern[i] == ']') in_class = false;
      out += pattern[i];
      continue;
    }
    const char letter = pattern[++i];
    if (letter == 's') {
      out += in_class ? std::string(kWhiteSpace) : fmt::format("[{}]", kWhiteSpace);
    } else if (letter == 'S' && !in_class) {
      out += fmt::format("[^{}]", kWhiteSpace);
    } else if (letter == 'd') {
      out += "\\p{Nd}";
    } else if (letter == 'D') {
      out += "\\P{Nd}";
    } else {
      out += '\\';
      out += letter;
    }
  }
  return out;
}

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

}  // namespace

struct Regex::Impl {
  pcre2_code* code = nullptr;
  decltype(&pcre2_match) match = pcre2_match;
  ~Impl() { pcre2_code_free(code); }
};

Regex::Regex(const std::string& pattern, const std::string& where) : impl_(std::make_unique<Impl>()) {
  const std::string text = spell_out_classes(pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  impl_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), PCRE2_UTF | PCRE2_UCP,
                              &error, &offset, nullptr);
  if (impl_->code == nullptr) {
    throw ConfigError(
        fmt::format("{}: expected a regular expression, got '{}': {}", where, pattern, pcre2_message(error)));
  }
  // pcre2_jit_match skips the checks of pcre2_match, half the time of a short match; without JIT the latter
  // works
  if (pcre2_jit_compile(impl_->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD) == 0)
    impl_->match = pcre2_jit_match;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;

bool Regex::may_match_empty() const {
  uint32_t may = 0;
  pcre2_pattern_info(impl_->code, PCRE2_INFO_MATCHEMPTY, &may);
  return may != 0;
}

RegexSearch::RegexSearch(const Regex& regex)
    : regex_(regex), match_data_(pcre2_match_data_create(1, nullptr)) {}

RegexSearch::~RegexSearch() { pcre2_match_data_free(static_cast<pcre2_match_data*>(match_data_)); }

RegexSearch::Found RegexSearch::find(std::string_view text, size_t from, bool is_prefix) {
  if (from >= text.size()) return Found::None;
  auto* data = static_cast<pcre2_match_data*>(match_data_);
  const auto match = regex_.impl_->match;
  const uint32_t options =
      PCRE2_NOTEMPTY | (match == pcre2_match ? PCRE2_NO_UTF_CHECK : 0) | (is_prefix ? PCRE2_PARTIAL_HARD : 0);
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int rc = match(regex_.impl_->code, subject, text.size(), from, options, data, nullptr);
  // the interpreter keeps its way back on the heap, not on the 32 KiB of JIT
  if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
    rc = pcre2_match(regex_.impl_->code, subject, text.size(), from,
                     options | PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, nullptr);
  if (rc == PCRE2_ERROR_NOMATCH) return Found::None;
  if (rc < 0 && rc != PCRE2_ERROR_PARTIAL)
    throw Error(fmt::format("regular expression: byte {} of {}: {}", from, text.size(), pcre2_message(rc)));
  const PCRE2_SIZE* borders = pcre2_get_ovector_pointer(data);
  begin_ = borders[0];
  end_ = borders[1];
  return rc == PCRE2_ERROR_PARTIAL ? Found::Open : Found::Match;
}

bool RegexMatcher::next() { return search_.whole(text_, search_.end()) == RegexSearch::Found::Match; }

}  // namespace aunet
