#include "sweep/exclude.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <variant>

namespace aunet {

namespace {

using NumberOf = std::function<double(const Cell&)>;
using TextOf = std::function<std::string(const Cell&)>;
struct KeyOf {};  // compared by its beginning
using Operand = std::variant<NumberOf, TextOf, KeyOf>;

struct Name {
  const char* name;
  Operand operand;
};

const std::vector<Name>& names() {
  static const std::vector<Name> table = {
      {"epochs", NumberOf([](const Cell& c) { return c.epochs; })},
      {"budget", NumberOf([](const Cell& c) { return c.budget_flops; })},
      {"params", NumberOf([](const Cell& c) { return static_cast<double>(c.params.total); })},
      {"bytes", NumberOf([](const Cell& c) { return c.text_bytes; })},
      {"steps", NumberOf([](const Cell& c) { return static_cast<double>(c.steps); })},
      {"lr", NumberOf([](const Cell& c) { return c.run.optim.lr; })},
      {"size_index", NumberOf([](const Cell& c) { return static_cast<double>(c.size_index); })},
      {"batch_bytes", NumberOf([](const Cell& c) { return c.batch_bytes; })},
      {"family", TextOf([](const Cell& c) { return c.family; })},
      {"key", KeyOf()},
      {"role", TextOf([](const Cell& c) { return to_string(c.role); })},
  };
  return table;
}

template <typename T>
bool compare(const std::string& op, const T& a, const T& b) {
  if (op == "==") return a == b;
  if (op == "!=") return a != b;
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  return a >= b;
}

/// Recursive descent over one `where`.
class Parser {
 public:
  Parser(const std::string& text, std::string place) : text_(text), place_(std::move(place)) { advance(); }

  CellPredicate parse() {
    CellPredicate result = any_of();
    if (!token_.empty()) fail("'and', 'or' or the end");
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    const std::string got = token_.empty() ? "the end" : fmt::format("'{}'", token_);
    throw ConfigError(fmt::format("{}: expected {}, got {}", place_, expected, got));
  }

  void advance() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    const size_t begin = at_;
    if (at_ == text_.size()) {
      token_.clear();
      return;
    }
    const char c = text_[at_];
    if (c == '\'' || c == '"') {
      const size_t end = text_.find(c, at_ + 1);
      if (end == std::string::npos) {
        token_ = text_.substr(at_);
        fail("a closing quote");
      }
      at_ = end + 1;
    } else if (is_word(c)) {
      while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    } else {
      at_ += text_.compare(at_ + 1, 1, "=") == 0 && std::string("<>=!").find(c) != std::string::npos ? 2 : 1;
    }
    token_ = text_.substr(begin, at_ - begin);
  }

  /// Letters, digits and what a number in scientific notation needs.
  bool is_word(char c) const {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.') return true;
    const bool after_exponent = at_ > 0 && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
    return (c == '-' || c == '+') &&
           (after_exponent || at_ == 0 || !std::isalnum(static_cast<unsigned char>(text_[at_ - 1])));
  }

  bool take(const char* word) {
    if (token_ != word) return false;
    advance();
    return true;
  }

  CellPredicate any_of() {
    CellPredicate left = all_of();
    while (take("or")) left = [left, right = all_of()](const Cell& c) { return left(c) || right(c); };
    return left;
  }

  CellPredicate all_of() {
    CellPredicate left = negated();
    while (take("and")) left = [left, right = negated()](const Cell& c) { return left(c) && right(c); };
    return left;
  }

  CellPredicate negated() {
    if (take("not")) return [inner = negated()](const Cell& c) { return !inner(c); };
    if (take("(")) {
      CellPredicate inner = any_of();
      if (!take(")")) fail("')'");
      return inner;
    }
    return comparison();
  }

  CellPredicate comparison() {
    const Operand left = operand();
    const std::string op = token_;
    const bool equality = op == "==" || op == "!=";
    if (!equality && op != "<" && op != "<=" && op != ">" && op != ">=") fail("==, !=, <, <=, > or >=");
    if (!equality && !std::holds_alternative<NumberOf>(left)) fail("== or != after a text");
    advance();
    if (std::holds_alternative<KeyOf>(left)) return key_begins(op == "==");
    const std::string right_word = token_;
    const Operand right = operand();
    if (left.index() != right.index()) {
      token_ = right_word;
      fail(std::holds_alternative<TextOf>(left) ? "a text in quotes" : "a number");
    }
    return std::visit(
        [&](const auto& a) -> CellPredicate {
          using Side = std::decay_t<decltype(a)>;
          if constexpr (std::is_same_v<Side, KeyOf>) {
            throw BugError("where: two keys");
          } else {
            const auto& b = std::get<Side>(right);
            return [op, a, b](const Cell& c) { return compare(op, a(c), b(c)); };
          }
        },
        left);
  }

  /// The quoted beginning of a key, after `key ==`.
  CellPredicate key_begins(bool equal) {
    const std::string word = token_;
    const bool quoted = word.size() >= 2 && (word[0] == '\'' || word[0] == '"');
    const std::string prefix = quoted ? word.substr(1, word.size() - 2) : "";
    const bool is_hex = prefix.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (prefix.size() < 4 || prefix.size() > 16 || !is_hex)
      fail("the beginning of a key in quotes, 4 to 16 of its digits");
    advance();
    return [prefix, equal](const Cell& c) { return c.key.starts_with(prefix) == equal; };
  }

  Operand operand() {
    const std::string word = token_;
    if (word.empty()) fail("a name, a number or a text in quotes");
    if (word[0] == '\'' || word[0] == '"') {
      advance();
      return TextOf([text = word.substr(1, word.size() - 2)](const Cell&) { return text; });
    }
    char* end = nullptr;
    const double number = std::strtod(word.c_str(), &end);
    if (*end == '\0' && std::isfinite(number)) {
      advance();
      return NumberOf([number](const Cell&) { return number; });
    }
    std::vector<std::string> known;
    for (const Name& name : names()) {
      if (word == name.name) {
        advance();
        return name.operand;
      }
      known.push_back(name.name);
    }
    const std::string nearest = nearest_name(word, known);
    fail(fmt::format("one of {}{}", join(known, ", "),
                     nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest)));
  }

  const std::string& text_;
  std::string place_;
  size_t at_ = 0;
  std::string token_;  // "" at the end
};

}  // namespace

CellPredicate compile_exclude(const ExcludeSpec& rule, const std::string& file) {
  return compile_where(rule.where, fmt::format("{}:{}: exclude.where", file, rule.line));
}

CellPredicate compile_where(const std::string& where, const std::string& place) {
  return Parser(where, place).parse();
}

}  // namespace aunet
