#include "data/prepare.h"

#include "config/rule_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "data/corpus.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace aunet {
namespace {

PreparedFile describe_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    throw Error(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
  return {path, status.st_size, int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

/// What the folder is to hold when nothing has been read yet.
Manifest new_manifest(const PrepareOptions& options) {
  if (options.sources.empty()) throw ConfigError("data prepare: expected at least one source, got none");
  Manifest manifest{
      .sources = options.sources, .invalid = options.invalid, .shard_bytes = options.shard_bytes};
  for (const std::string& source : options.sources) {
    if (is_prepared(source))
      throw ConfigError(fmt::format("{}: expected a source, got a corpus that is prepared already", source));
    for (const std::string& file : source_files(source)) manifest.files.push_back(describe_file(file));
  }
  return manifest;
}

/// A folder goes on as it was begun. Once its texts are read, it needs the sources no more.
void check_same(const std::string& folder, const Manifest& then, PrepareOptions options) {
  if (options.sources.empty() && !then.fingerprint.empty()) return;
  if (options.sources.empty())
    options = {
        .folder = folder, .sources = then.sources, .invalid = then.invalid, .shard_bytes = then.shard_bytes};
  const Manifest now = new_manifest(options);
  const auto refuse = [&](const std::string& what) {
    throw ConfigError(fmt::format("{}: was prepared from {}; take a new folder", folder, what));
  };
  if (now.sources != then.sources) refuse("other sources");
  if (now.shard_bytes != then.shard_bytes) refuse(fmt::format("shards of {} bytes", then.shard_bytes));
  if (now.invalid != then.invalid) refuse("text under another --invalid");
  for (size_t f = 0; f < std::max(now.files.size(), then.files.size()); ++f) {
    if (f >= now.files.size()) refuse(then.files[f].path + ", which is gone");
    if (f >= then.files.size()) refuse("fewer files: " + now.files[f].path + " is new");
    if (now.files[f] != then.files[f]) refuse(now.files[f].path + " as it was before it changed");
  }
}

/// What an earlier call left: whole, and made from this text. Anything else is made again.
bool is_whole(const std::string& folder, int64_t shard, const DerivedName& name) {
  const std::string path = shard_path(folder, shard, name.suffix());
  if (!exists(path)) return false;
  try {
    ShardFile(path).check_all();
    const Shard with_it(folder, shard, {name});
    return true;
  } catch (const Error& e) {
    log_warn(fmt::format("{}; made again", e.what()));
    return false;
  }
}

/// Files that a killed writer did not finish. Only for the holder of the lock.
void remove_leftovers(const std::string& folder) {
  for (const std::string& name : list_directory(folder)) {
    if (name.find(".tmp-") != std::string::npos) remove_tree(folder + "/" + name);
  }
}

class Preparation {
 public:
  Preparation(const PrepareOptions& options, const PrepareProgress& progress)
      : folder_(options.folder), progress_(progress) {}

  void read_texts(Manifest& manifest);
  void derive(const DerivedName& name, const Manifest& manifest,
              const std::function<void(int64_t shard, const Shard& texts)>& write);

 private:
  void end_shard(Manifest& manifest, MemoryBlock& block, const ReadingPlace& end);

  const std::string& folder_;
  const PrepareProgress& progress_;
};

/// A shard ends behind the document that fills it, so that shards depend on the sources alone. What was
/// counted up to there is kept with it: a killed call loses nothing of the report.
void Preparation::end_shard(Manifest& manifest, MemoryBlock& block, const ReadingPlace& end) {
  write_text_shard(folder_, manifest.shards, block, end);
  ++manifest.shards;
  manifest.documents += block.n_documents();
  manifest.bytes += block.offset(block.n_documents());
  write_manifest(folder_, manifest);
  block = MemoryBlock();
}

void Preparation::read_texts(Manifest& manifest) {
  ReadingPlace at;
  if (manifest.shards > 0) at = Shard(folder_, manifest.shards - 1, {}).end();
  MemoryBlock block;
  for (auto f = static_cast<size_t>(at.file); f < manifest.files.size(); ++f) {
    const std::string& file = manifest.files[f].path;
    const int64_t after = static_cast<int64_t>(f) == at.file ? at.line : 0;
    for_each_document(file, after, manifest.invalid, manifest.report,
                      [&](std::string_view text, int64_t line) {
                        block.add(text);
                        progress_("texts", manifest.bytes + block.offset(block.n_documents()), 0);
                        if (block.offset(block.n_documents()) < manifest.shard_bytes) return;
                        end_shard(manifest, block, {static_cast<int64_t>(f), line});
                      });
  }
  for (const PreparedFile& file : manifest.files) {
    if (describe_file(file.path) != file)
      throw Error(fmt::format("{}: changed while the folder was prepared; take a new folder", file.path));
  }
  if (block.n_documents() > 0) end_shard(manifest, block, {static_cast<int64_t>(manifest.files.size()), 0});
  if (manifest.documents == 0)
    throw ConfigError(
        fmt::format("{}: expected at least one document with text, got none", manifest.sources.front()));
}

void Preparation::derive(const DerivedName& name, const Manifest& manifest,
                         const std::function<void(int64_t shard, const Shard& texts)>& write) {
  int64_t done = 0;
  for (int64_t s = 0; s < manifest.shards; ++s) {
    const Shard texts(folder_, s, {});
    if (!is_whole(folder_, s, name)) write(s, texts);
    done += texts.offset(texts.n_documents());
    progress_(name.label, done, manifest.bytes);
  }
}

void add_derived(Manifest& manifest, const DerivedName& name) {
  if (std::find(manifest.derived.begin(), manifest.derived.end(), name) == manifest.derived.end())
    manifest.derived.push_back(name);
}

std::string fingerprint_of(const std::string& folder, const Manifest& manifest) {
  std::vector<Corpus::Part> parts;
  for (int64_t s = 0; s < manifest.shards; ++s)
    parts.push_back({std::make_shared<Shard>(folder, s, std::vector<DerivedName>{}), 0});
  return fingerprint(Corpus(std::move(parts)));
}

}  // namespace

Manifest prepare(const PrepareOptions& options, const PrepareProgress& progress) {
  for (const PrepareSplit& split : options.splits) {
    if (Splitter(split.rules, split.mode).from_file())
      throw ConfigError(fmt::format("--split {}: expected rules that compute, got boundaries from a file",
                                    to_string(split.rules)));
  }
  if (!is_prepared(options.folder)) new_manifest(options);  // no folder for what would be refused
  make_directories(options.folder);
  const FileLock lock(options.folder + "/lock");
  if (!lock.held()) throw Error(fmt::format("{}: another process prepares this folder", options.folder));
  remove_leftovers(options.folder);
  const bool begun = is_prepared(options.folder);
  Manifest manifest = begun ? read_manifest(options.folder) : new_manifest(options);
  if (begun) check_same(options.folder, manifest, options);

  Preparation work(options, progress);
  if (manifest.fingerprint.empty()) {
    work.read_texts(manifest);
    manifest.fingerprint = fingerprint_of(options.folder, manifest);
    write_manifest(options.folder, manifest);
  }
  for (const PrepareSplit& split : options.splits) {
    const Splitter splitter(split.rules, split.mode);
    const DerivedName name{DerivedName::Kind::Levels, split_identity(split.rules, split.mode),
                           fmt::format("{} {}", to_string(split.rules), to_string(split.mode))};
    work.derive(name, manifest, [&](int64_t s, const Shard& texts) {
      write_levels(options.folder, s, texts, name, splitter);
    });
    add_derived(manifest, name);
  }
  for (const PrepareTokenizer& t : options.tokenizers) {
    const DerivedName name{DerivedName::Kind::Ids, t.fingerprint, t.label};
    work.derive(name, manifest, [&](int64_t s, const Shard& texts) {
      write_ids(options.folder, s, texts, name, *t.tokenizer);
    });
    add_derived(manifest, name);
  }
  manifest.complete = true;
  write_manifest(options.folder, manifest);
  return manifest;
}

void check_prepared(const std::string& folder, const PrepareProgress& progress) {
  const Manifest manifest = read_manifest(folder);
  if (!manifest.complete)
    throw Error(fmt::format("{}: is not complete: run the same `aunet data prepare` again", folder));
  int64_t documents = 0, bytes = 0;
  for (int64_t s = 0; s < manifest.shards; ++s) {
    const Shard shard(folder, s, manifest.derived);
    shard.check_all();
    documents += shard.n_documents();
    bytes += shard.offset(shard.n_documents());
    progress("checks", bytes, manifest.bytes);
  }
  if (documents != manifest.documents || bytes != manifest.bytes)
    throw Error(fmt::format("{}: expected {} documents of {} bytes, got {} of {}", folder, manifest.documents,
                            manifest.bytes, documents, bytes));
  const std::string now = fingerprint_of(folder, manifest);
  if (now != manifest.fingerprint)
    throw Error(fmt::format("{}: expected fingerprint {}, got {}", folder, manifest.fingerprint, now));
}

}  // namespace aunet
