#include "data/read_corpus.h"

#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "data/prepared.h"
#include "data/source_reader.h"
#include "data/utf8.h"

#include <fmt/format.h>
#include <unistd.h>

#include <limits>
#include <utility>
#include <unordered_map>

namespace aunet {
namespace {

constexpr int64_t kMemoryCheck = int64_t{256} << 20;  // bytes of text between looks at the memory
constexpr int64_t kBlockBytes = int64_t{64} << 20;    // a block that grows is copied: not all of a corpus
constexpr int64_t kHeadBytes = 60;

/// Text that does not fit would be swapped, or get the process killed without a word.
void check_memory(int64_t text_bytes) {
  const auto memory =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (static_cast<double>(text_bytes) < 0.7 * memory) return;
  throw ConfigError(
      fmt::format("data: expected sources that fit into memory ({}), got more than {} of text; `aunet data "
                  "prepare` makes a "
                  "corpus that is mapped instead",
                  human_bytes(memory), human_bytes(static_cast<double>(text_bytes))));
}

/// Reads sources one after the other and keeps the whole text's size in view.
class SourceLoader {
 public:
  SourceLoader(InvalidText invalid, ReadReport& report) : invalid_(invalid), report_(report) {}

  void add(const std::string& path, uint16_t source) {
    if (is_prepared(path)) {
      report_ += read_manifest(path).report;
      for (auto& shard : open_prepared(path)) parts_.push_back({std::move(shard), source});
      return;
    }
    const size_t first = parts_.size();
    auto block = std::make_shared<MemoryBlock>();
    const auto end_block = [&] {
      if (block->n_documents() > 0)
        parts_.push_back({std::exchange(block, std::make_shared<MemoryBlock>()), source});
    };
    for (const std::string& file : source_files(path)) {
      for_each_document(file, 0, invalid_, report_, [&](std::string_view text, int64_t) {
        block->add(text);
        if (std::ssize(block->bytes()) > kBlockBytes) end_block();
        bytes_ += static_cast<int64_t>(text.size());
        if (bytes_ < next_check_) return;
        check_memory(bytes_);
        next_check_ = bytes_ + kMemoryCheck;
      });
    }
    end_block();
    if (parts_.size() == first)
      throw ConfigError(fmt::format("{}: expected at least one document with text, got none", path));
  }

  Corpus finish() { return Corpus(std::move(parts_)); }

 private:
  InvalidText invalid_;
  ReadReport& report_;
  std::vector<Corpus::Part> parts_;
  int64_t bytes_ = 0, next_check_ = kMemoryCheck;
};

Corpus read_all(const std::vector<std::string>& paths, const std::string& invalid, ReadReport& report) {
  if (paths.empty()) throw ConfigError("data: expected at least one source, got none");
  if (paths.size() > std::numeric_limits<uint16_t>::max())
    throw ConfigError(fmt::format("data: expected at most 65535 sources, got {}", paths.size()));
  SourceLoader loader(invalid == "skip" ? InvalidText::Skip : InvalidText::Refuse, report);
  for (size_t s = 0; s < paths.size(); ++s) loader.add(paths[s], static_cast<uint16_t>(s));
  return loader.finish();
}

std::string name_of(const Corpus& corpus, int64_t document, const std::vector<std::string>& paths) {
  const auto source = static_cast<size_t>(corpus.source(document));
  const int64_t number = document - corpus.documents_of(static_cast<int64_t>(source)).first + 1;
  return fmt::format("document {} of {}", number, source < paths.size() ? paths[source] : "");
}

}  // namespace

Corpus read_train_sources(const DataConfig& data) {
  std::vector<std::string> paths;
  for (const SourceConfig& source : data.train) paths.push_back(source.path);
  return read_texts(paths, data.invalid);
}

Corpus read_texts(const std::vector<std::string>& paths, const std::string& invalid) {
  ReadReport report;
  Corpus corpus = read_all(paths, invalid, report);
  log_report(report);
  return corpus;
}

Corpus read_texts(const std::vector<std::string>& paths, const std::string& invalid, ReadReport* report) {
  return read_all(paths, invalid, *report);
}

void check_disjoint(const Corpus& train, const Corpus& heldout, const DataConfig& data,
                    const std::vector<std::string>& paths, const std::string& key) {
  std::unordered_map<uint64_t, int64_t> held;  // the smaller set, by hash
  for (int64_t d = 0; d < heldout.n_documents(); ++d) held.emplace(heldout.text_hash(d), d);
  int64_t n_shared = 0, first_train = -1, first_held = -1;
  for (int64_t d = 0; d < train.n_documents(); ++d) {
    const auto found = held.find(train.text_hash(d));
    if (found == held.end() || train.text(d) != heldout.text(found->second)) continue;
    if (n_shared++ > 0) continue;
    first_train = d;
    first_held = found->second;
  }
  if (n_shared == 0) return;
  std::vector<std::string> train_paths;
  for (const SourceConfig& source : data.train) train_paths.push_back(source.path);
  const std::string_view text = heldout.text(first_held);
  const std::string what = fmt::format(
      "{}: expected documents that are not trained on, got {}, which is {} too (\"{}\"); {} "
      "training "
      "documents are held out",
      key, name_of(heldout, first_held, paths), name_of(train, first_train, train_paths),
      text.substr(0, static_cast<size_t>(utf8_cut(text, 0, kHeadBytes))), n_shared);
  if (data.overlap != "allow") throw ConfigError(what + "; data.overlap = \"allow\" takes them all the same");
  log_warn(what);
}

}  // namespace aunet
