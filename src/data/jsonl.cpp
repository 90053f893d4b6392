#include "data/jsonl.h"

#include "core/error.h"
#include "data/byte_reader.h"
#include "data/utf8.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cctype>

namespace aunet {
namespace {

constexpr size_t kMostLine = size_t{1} << 30;

/// Cuts a byte stream into lines.
class Lines {
 public:
  explicit Lines(const std::function<void(std::string_view, int64_t)>& each) : each_(each) {}
  int64_t number() const { return number_; }
  void add(std::string_view block) {
    size_t begin = 0;
    for (size_t end; (end = block.find('\n', begin)) != std::string_view::npos; begin = end + 1) {
      const auto piece = block.substr(begin, end - begin);
      if (partial_.empty()) {
        emit(piece);
      } else {
        partial_ += piece;
        emit(partial_);
        partial_.clear();
      }
    }
    partial_ += block.substr(begin);
    if (partial_.size() > kMostLine) throw BrokenFile("a line is longer than 1 GiB");
  }
  void finish() {
    if (!partial_.empty()) emit(partial_);
  }

 private:
  void emit(std::string_view line) {
    each_(line, number_);
    ++number_;
  }
  const std::function<void(std::string_view, int64_t)>& each_;
  std::string partial_;
  int64_t number_ = 1;  // of the line being read
};

/// Replaces \uD800..\uDFFF escapes that have no partner by \uFFFD; nlohmann refuses them.
int64_t mend_surrogates(std::string& line) {
  const auto escape = [&line](size_t i) -> uint32_t {  // code of \uXXXX at i, 0 when there is none
    if (i + 6 > line.size() || line[i] != '\\' || line[i + 1] != 'u') return 0;
    uint32_t code = 0;
    for (size_t k = i + 2; k < i + 6; ++k) {
      const auto digit = std::string_view("0123456789abcdef")
                             .find(static_cast<char>(std::tolower(static_cast<unsigned char>(line[k]))));
      if (digit == std::string_view::npos) return 0;
      code = code << 4 | static_cast<uint32_t>(digit);
    }
    return code;
  };
  int64_t n_mended = 0;
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    if (line[i] != '\\') continue;
    const uint32_t code = escape(i);
    if (code >= 0xD800 && code < 0xDC00 && escape(i + 6) >= 0xDC00 && escape(i + 6) < 0xE000) {
      i += 11;
    } else if (code >= 0xD800 && code < 0xE000) {
      line.replace(i, 6, "\\uFFFD");
      i += 5;
      ++n_mended;
    } else {
      ++i;  // the escaped character
    }
  }
  return n_mended;
}

int64_t parse_slowly(std::string_view line, const std::string& where, std::string& out) {
  std::string mended(line);
  const int64_t n_mended = mend_surrogates(mended);
  nlohmann::json object;
  try {
    object = nlohmann::json::parse(mended);
  } catch (const nlohmann::json::parse_error& e) {
    const std::string_view what = e.what();  // "[json.exception...] parse error at line 1, column 7: ..."
    const auto column = what.find("column ");
    throw ConfigError(fmt::format("{}: expected a JSON object, got invalid JSON at {}", where,
                                  column == std::string_view::npos ? what : what.substr(column)));
  } catch (const nlohmann::json::exception&) {  // JSON, but with a number that no double holds
    throw ConfigError(fmt::format("{}: expected numbers that a double can hold, got a larger one", where));
  }
  if (!object.is_object())
    throw ConfigError(fmt::format("{}: expected a JSON object, got {}", where, object.type_name()));
  const auto text = object.find("text");
  if (text == object.end()) throw ConfigError(fmt::format("{}: expected a key 'text', got none", where));
  if (!text->is_string())
    throw ConfigError(fmt::format("{}: text: expected a string, got {}", where, text->type_name()));
  out += text->get_ref<const std::string&>();
  return n_mended;
}

/// Handles {"text": "..."} with simple escapes, the shape nearly every line has. Leaves `out` as it was and
/// returns false for everything else.
bool parse_quickly(std::string_view line, std::string& out) {
  constexpr std::string_view head = "{\"text\": \"";
  if (!line.starts_with(head)) return false;
  const size_t before = out.size();
  size_t i = head.size();
  while (i < line.size()) {
    const size_t run = i;
    while (i < line.size() && line[i] != '"' && line[i] != '\\' && static_cast<uint8_t>(line[i]) >= 0x20) ++i;
    out.append(line.substr(run, i - run));
    if (i + 1 >= line.size() || static_cast<uint8_t>(line[i]) < 0x20) break;
    if (line[i] == '"') {
      if (line.substr(i) == "\"}") return true;
      break;
    }
    static constexpr std::string_view kLetters = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    const auto which = kLetters.find(line[i + 1]);
    if (which == std::string_view::npos) break;
    out += kValues[which];
    i += 2;
  }
  out.resize(before);
  return false;
}

}  // namespace

void for_each_line(const std::string& path, const std::function<void(std::string_view, int64_t)>& each) {
  Lines lines(each);
  ByteReader file(path);
  try {
    for (std::string_view block; !(block = file.next()).empty();) lines.add(block);
  } catch (const BrokenFile& e) {
    throw BrokenFile(fmt::format("{}:{}: {}", path, lines.number(), e.what()));
  }
  lines.finish();
}

int64_t append_text_field(std::string_view line, const std::string& where, std::string& out) {
  const size_t invalid = find_invalid_utf8(line);
  if (invalid != std::string_view::npos) {
    throw ConfigError(fmt::format("{}: expected UTF-8, got byte 0x{:02x} at column {}", where,
                                  static_cast<uint8_t>(line[invalid]), invalid + 1));
  }
  return parse_quickly(line, out) ? 0 : parse_slowly(line, where, out);
}

}  // namespace aunet
