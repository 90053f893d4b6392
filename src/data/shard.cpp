#include "data/shard.h"

#include "core/error.h"
#include "core/hash.h"

#include <fmt/format.h>

namespace aunet {
namespace {

constexpr const char* kDigest = "texts";

std::string digest_of(std::span<const uint64_t> hashes) {
  return hash_hex({reinterpret_cast<const char*>(hashes.data()), hashes.size_bytes()});
}

/// Offsets that begin at 0, never fall and end at `size`; anything else would read outside of the section.
void check_offsets(const ShardFile& file, std::span<const uint64_t> offsets, size_t n_documents,
                   size_t size) {
  bool good = offsets.size() == n_documents + 1 && offsets.front() == 0 && offsets.back() == size;
  for (size_t i = 0; good && i + 1 < offsets.size(); ++i) good = offsets[i] <= offsets[i + 1];
  if (!good) throw Error(file.path() + ": the documents' offsets are damaged");
}

}  // namespace

std::string DerivedName::suffix() const {
  return (kind == Kind::Levels ? "levels-" : "ids-") + hash_hex(identity).substr(0, 12);
}

std::string shard_path(const std::string& folder, int64_t shard, const std::string& suffix) {
  return fmt::format("{}/{:05d}.{}", folder, shard, suffix);
}

void write_text_shard(const std::string& folder, int64_t shard, const MemoryBlock& block,
                      const ReadingPlace& end) {
  std::vector<uint64_t> offsets, hashes;
  for (int64_t i = 0; i < block.n_documents(); ++i) {
    offsets.push_back(static_cast<uint64_t>(block.offset(i)));
    hashes.push_back(block.text_hash(i));
  }
  offsets.push_back(static_cast<uint64_t>(block.offset(block.n_documents())));
  write_shard_file(
      shard_path(folder, shard, "text"),
      {.words = {{kDigest, digest_of(hashes)}}, .numbers = {{"end_file", end.file}, {"end_line", end.line}}},
      {{"text", block.bytes()}, {"offsets", bytes_of(offsets)}, {"hashes", bytes_of(hashes)}});
}

Shard::Shard(const std::string& folder, int64_t shard, const std::vector<DerivedName>& derived)
    : text_file_(shard_path(folder, shard, "text")),
      text_(text_file_.section<char>("text")),
      offsets_(text_file_.checked(text_file_.section<uint64_t>("offsets"))),
      hashes_(text_file_.checked(text_file_.section<uint64_t>("hashes"))),
      digest_(digest_of(hashes_)) {
  check_offsets(text_file_, offsets_, hashes_.size(), text_.size());
  for (const DerivedName& name : derived) add(folder, shard, name);
}

void Shard::add(const std::string& folder, int64_t shard, const DerivedName& name) {
  auto file = std::make_unique<ShardFile>(shard_path(folder, shard, name.suffix()));
  const auto& words = file->facts().words;
  const auto word = [&](const char* key) { return words.count(key) ? words.at(key) : std::string(); };
  if (word(kDigest) != digest_ || word("identity") != name.identity)
    throw Error(file->path() + ": was made from another text or by other rules; prepare it again");
  if (name.kind == DerivedName::Kind::Levels) {
    const auto levels = file->section<uint8_t>("levels");
    if (levels.size() != text_.size()) throw Error(file->path() + ": expected a level for each byte of text");
    levels_[name.identity] = {std::move(file), levels};
    return;
  }
  const auto ids = file->section<uint32_t>("ids");
  const auto offsets = file->checked(file->section<uint64_t>("offsets"));
  check_offsets(*file, offsets, hashes_.size(), ids.size());
  ids_[name.identity] = {std::move(file), ids, offsets};
}

int64_t Shard::offset(int64_t i) const { return static_cast<int64_t>(offsets_[static_cast<size_t>(i)]); }

std::string_view Shard::piece(int64_t i, int64_t begin, int64_t end) const {
  const auto piece = text_file_.checked(
      text_.subspan(static_cast<size_t>(offset(i) + begin), static_cast<size_t>(end - begin)));
  return {piece.data(), piece.size()};
}

uint64_t Shard::text_hash(int64_t i) const { return hashes_[static_cast<size_t>(i)]; }

std::span<const uint8_t> Shard::levels(int64_t i, int64_t n, std::string_view rules) const {
  const auto found = levels_.find(rules);
  if (found == levels_.end()) return {};
  return found->second.file->checked(
      found->second.levels.subspan(static_cast<size_t>(offset(i)), static_cast<size_t>(n)));
}

std::span<const uint32_t> Shard::ids(int64_t i, std::string_view tokenizer) const {
  const auto found = ids_.find(tokenizer);
  if (found == ids_.end()) return {};
  const auto& [file, ids, offsets] = found->second;
  const auto n = static_cast<size_t>(i);
  return file->checked(ids.subspan(offsets[n], offsets[n + 1] - offsets[n]));
}

ReadingPlace Shard::end() const {
  const auto& numbers = text_file_.facts().numbers;
  if (!numbers.count("end_file") || !numbers.count("end_line"))
    throw Error(text_file_.path() + ": does not say where its sources were left off");
  return {numbers.at("end_file"), numbers.at("end_line")};
}

void Shard::check_all() const {
  text_file_.check_all();
  for (const auto& [identity, levels] : levels_) levels.file->check_all();
  for (const auto& [identity, ids] : ids_) ids.file->check_all();
}

void write_levels(const std::string& folder, int64_t shard, const Shard& texts, const DerivedName& name,
                  const Splitter& splitter) {
  std::string levels;
  levels.reserve(static_cast<size_t>(texts.offset(texts.n_documents())));
  for (int64_t i = 0; i < texts.n_documents(); ++i) {
    for (const int32_t level : splitter.levels(byte_ids(texts.piece(i, 0, texts.size(i)))))
      levels += static_cast<char>(level);
  }
  write_shard_file(shard_path(folder, shard, name.suffix()),
                   {.words = {{kDigest, texts.digest()}, {"identity", name.identity}, {"label", name.label}}},
                   {{"levels", levels}});
}

void write_ids(const std::string& folder, int64_t shard, const Shard& texts, const DerivedName& name,
               const Tokenizer& tokenizer) {
  std::vector<uint32_t> all;
  std::vector<uint64_t> offsets{0};
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < texts.n_documents(); ++i) {
    ids.clear();
    tokenizer.encode(texts.piece(i, 0, texts.size(i)), ids);
    all.insert(all.end(), ids.begin(), ids.end());
    offsets.push_back(all.size());
  }
  write_shard_file(shard_path(folder, shard, name.suffix()),
                   {.words = {{kDigest, texts.digest()}, {"identity", name.identity}, {"label", name.label}}},
                   {{"ids", bytes_of(all)}, {"offsets", bytes_of(offsets)}});
}

}  // namespace aunet
