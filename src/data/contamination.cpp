#include "data/contamination.h"

#include "core/error.h"
#include "core/hash.h"
#include "data/byte_reader.h"
#include "data/jsonl.h"
#include "data/utf8.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <unordered_map>

namespace aunet {
namespace {

using nlohmann::json;

constexpr uint64_t kBase = 0x9E3779B97F4A7C15u;  // odd, so that a hash of words depends on all of them

void collect_strings(const json& value, std::vector<std::string>& out) {
  if (value.is_string()) out.push_back(value.get<std::string>());
  if (!value.is_structured()) return;
  for (const json& part : value) collect_strings(part, out);
}

BenchmarkItem item_of(const json& value, int64_t line) {
  BenchmarkItem item{.line = line};
  collect_strings(value, item.texts);
  return item;
}

json parse_json(std::string_view text, const std::string& where) {
  try {
    return json::parse(text);
  } catch (const json::exception&) {
    throw ConfigError(fmt::format("{}: expected JSON, got invalid JSON", where));
  }
}

/// The array of items of a .json file: the file's own, or the longest one that its object holds.
const json& array_of(const json& file, const std::string& path) {
  const json* longest = file.is_array() ? &file : nullptr;
  for (const json& part : file) {
    if (!file.is_array() && part.is_array() && (!longest || part.size() > longest->size())) longest = &part;
  }
  if (!longest) throw ConfigError(fmt::format("{}: expected an array of items, got none", path));
  return *longest;
}

/// Hashes of the n-grams of texts, as they end.
class Grams {
 public:
  explicit Grams(int64_t n) : n_(static_cast<size_t>(n)), words_(n_) {
    for (size_t i = 0; i < n_; ++i) leading_ *= kBase;
  }

  void of(std::string_view text, const std::function<void(uint64_t)>& each) {
    count_ = 0;
    hash_ = 0;
    std::string word;
    Utf8Decoder decoder;
    for (size_t i = 0, begin = 0; i < text.size();) {
      const auto byte = static_cast<uint8_t>(text[i]);
      if (byte < 0x80) {  // the usual case
        is_word_byte(byte) ? word.push_back(static_cast<char>(byte | (is_upper(byte) ? 0x20 : 0)))
                           : end_word(word, each);
        begin = ++i;
        continue;
      }
      const auto step = decoder.feed(byte);
      if (step == Utf8Decoder::Step::Broken) continue;  // the byte comes again
      ++i;
      if (step == Utf8Decoder::Step::Pending) continue;
      const CharClass kind =
          step == Utf8Decoder::Step::Character ? classes_.of(decoder.code()) : CharClass::Symbol;
      if (kind == CharClass::Letter || kind == CharClass::Digit || kind == CharClass::Number)
        word += text.substr(begin, i - begin);
      else
        end_word(word, each);
      begin = i;
    }
    end_word(word, each);
  }

 private:
  static bool is_upper(uint8_t byte) { return byte >= 'A' && byte <= 'Z'; }
  static bool is_word_byte(uint8_t byte) {
    return is_upper(byte) || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
  }

  /// hash = sum of word hashes times powers of the base: the word that leaves is taken off in one step.
  void end_word(std::string& word, const std::function<void(uint64_t)>& each) {
    if (word.empty()) return;
    const uint64_t hash = hash_u64(word);
    word.clear();
    uint64_t& slot = words_[count_ % n_];
    hash_ = hash_ * kBase + hash - (count_ >= n_ ? slot * leading_ : 0);
    slot = hash;
    if (++count_ >= n_) each(hash_);
  }

  size_t n_;
  CharClasses classes_;
  std::vector<uint64_t> words_;  // hashes of the last n words
  size_t count_ = 0;
  uint64_t hash_ = 0, leading_ = 1;
};

}  // namespace

std::vector<BenchmarkItem> read_benchmark(const std::string& path) {
  std::vector<BenchmarkItem> items;
  const std::string suffix = content_suffix(path);
  if (suffix == "json") {
    const json file = parse_json(read_whole(path), path);
    for (const json& value : array_of(file, path)) items.push_back(item_of(value, std::ssize(items) + 1));
    return items;
  }
  bool open_quote = false;  // a quoted field of a .csv goes on in the next line
  for_each_line(path, [&](std::string_view line, int64_t number) {
    if (line.empty() && !open_quote) return;
    if (suffix == "jsonl") {
      items.push_back(item_of(parse_json(line, fmt::format("{}:{}", path, number)), number));
      return;
    }
    if (open_quote) {
      items.back().texts.back().append("\n").append(line);
    } else {
      items.push_back({number, {std::string(line)}});
    }
    if (suffix == "csv") open_quote ^= std::count(line.begin(), line.end(), '"') % 2 == 1;
  });
  return items;
}

int64_t ContaminationReport::with_share(double share) const {
  return std::count_if(found.begin(), found.end(), [share](const ContaminatedItem& item) {
    return static_cast<double>(item.found) >= share * static_cast<double>(item.grams);
  });
}

struct ContaminationScan::Impl {
  explicit Impl(int64_t n) : grams(n) {}
  Grams grams;
  struct Seen {
    int64_t document = -1;  // the first that holds it; -1: none
  };
  std::unordered_map<uint64_t, Seen> seen;
  struct Item {
    int64_t line = 0;
    std::vector<uint64_t> grams;  // different ones
  };
  struct Benchmark {
    std::string path;
    std::vector<Item> items;
  };
  std::vector<Benchmark> benchmarks;
};

ContaminationScan::ContaminationScan(int64_t n) {
  if (n < 1) throw ConfigError(fmt::format("n-grams: expected words from 1 on, got {}", n));
  impl_ = std::make_unique<Impl>(n);
}
ContaminationScan::~ContaminationScan() = default;

void ContaminationScan::add(const std::string& path, const std::vector<BenchmarkItem>& items) {
  Impl::Benchmark benchmark{path, {}};
  for (const BenchmarkItem& item : items) {
    Impl::Item& kept = benchmark.items.emplace_back(Impl::Item{item.line, {}});
    for (const std::string& text : item.texts) {
      impl_->grams.of(text, [&](uint64_t gram) {
        kept.grams.push_back(gram);
        impl_->seen[gram];
      });
    }
    std::sort(kept.grams.begin(), kept.grams.end());
    kept.grams.erase(std::unique(kept.grams.begin(), kept.grams.end()), kept.grams.end());
  }
  impl_->benchmarks.push_back(std::move(benchmark));
}

std::vector<ContaminationReport> ContaminationScan::scan(const Corpus& corpus) {
  for (int64_t d = 0; d < corpus.n_documents(); ++d) {
    impl_->grams.of(corpus.text(d), [&](uint64_t gram) {
      const auto found = impl_->seen.find(gram);
      if (found != impl_->seen.end() && found->second.document < 0) found->second.document = d;
    });
  }
  std::vector<ContaminationReport> reports;
  for (const Impl::Benchmark& benchmark : impl_->benchmarks) {
    ContaminationReport& report = reports.emplace_back();
    report.path = benchmark.path;
    report.items = std::ssize(benchmark.items);
    for (const Impl::Item& item : benchmark.items) {
      if (item.grams.empty()) ++report.too_short;
      ContaminatedItem dirty{.line = item.line, .grams = std::ssize(item.grams), .document = -1};
      for (const uint64_t gram : item.grams) {
        const int64_t document = impl_->seen.at(gram).document;
        if (document < 0) continue;
        ++dirty.found;
        if (dirty.document < 0 || document < dirty.document) dirty.document = document;
      }
      if (dirty.found > 0) report.found.push_back(dirty);
    }
  }
  return reports;
}

}  // namespace aunet
