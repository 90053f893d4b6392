#include "data/data_manifest.h"

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "data/prepared.h"
#include "data/read_corpus.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

namespace aunet {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string text_fingerprint(const std::string& path, const std::string& invalid) {
  ReadReport report;
  return fingerprint(read_texts({path}, invalid, &report));
}

/// Every file of a prepared corpus; of a folder those that are read.
std::vector<std::string> files_of(const std::string& path) {
  if (!is_prepared(path)) return source_files(path);
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

SourceRecord describe(const std::string& path, const std::string& invalid) {
  SourceRecord source;
  source.path = path;
  source.is_folder = fs::is_directory(path);
  ReadReport report;
  const Corpus corpus = read_texts({path}, invalid, &report);
  source.documents = corpus.n_documents();
  source.text_bytes = corpus.n_bytes();
  source.fingerprint = fingerprint(corpus);
  for (const std::string& file : files_of(path))
    source.files.push_back({source.is_folder ? fs::path(file).lexically_relative(path).string()
                                             : fs::path(file).filename().string(),
                            static_cast<int64_t>(fs::file_size(file)), hash_file(file)});
  return source;
}

void check_changed(const std::string& what, const std::string& expected, const std::string& got) {
  if (expected.empty() || expected == got) return;
  throw ConfigError(
      fmt::format("{}: changed data: expected the text with fingerprint {}, got {}", what, expected, got));
}

/// The run's own fingerprints over all sources: what its key was made from.
void check_totals(const RunConfig& run) {
  ReadReport report;
  std::vector<std::string> paths;
  for (const SourceConfig& source : run.data.train) paths.push_back(source.path);
  check_changed("data.train", run.data.train_fingerprint,
                fingerprint(read_texts(paths, run.data.invalid, &report), run.data.train));
  if (!run.data.heldout.empty())
    check_changed("data.heldout", run.data.heldout_fingerprint,
                  fingerprint(read_texts(run.data.heldout, run.data.invalid, &report)));
  for (const EvalConfig& eval : run.evals)
    if (!eval.paths.empty())
      check_changed("eval " + eval.name, eval.fingerprint,
                    fingerprint(read_texts(eval.paths, run.data.invalid, &report)));
}

template <class Describe>
DataManifest manifest_of(const RunConfig& run, Describe describe_one) {
  DataManifest manifest;
  for (const SourceConfig& source : run.data.train) manifest.train.push_back(describe_one(source.path));
  for (const std::string& path : run.data.heldout) manifest.heldout.push_back(describe_one(path));
  for (const EvalConfig& eval : run.evals) {
    auto& sources = manifest.evals.emplace_back();
    for (const std::string& path : eval.paths) sources.push_back(describe_one(path));
  }
  return manifest;
}

Json to_json(const SourceRecord& source) {
  Json files = Json::array();
  for (const SourceRecord::File& file : source.files)
    files.push_back({{"name", file.name}, {"bytes", file.n_bytes}, {"hash", file.hash}});
  return {{"path", source.path},
          {"folder", source.is_folder},
          {"documents", source.documents},
          {"text_bytes", source.text_bytes},
          {"fingerprint", source.fingerprint},
          {"files", std::move(files)}};
}

Json to_json(const std::vector<SourceRecord>& sources) {
  Json array = Json::array();
  for (const SourceRecord& source : sources) array.push_back(to_json(source));
  return array;
}

std::vector<SourceRecord> sources_of(const Json& array) {
  std::vector<SourceRecord> sources;
  for (const Json& json : array) {
    SourceRecord source{.path = json.at("path"),
                        .is_folder = json.at("folder"),
                        .documents = json.at("documents"),
                        .text_bytes = json.at("text_bytes"),
                        .fingerprint = json.at("fingerprint")};
    for (const Json& file : json.at("files"))
      source.files.push_back({file.at("name"), file.at("bytes"), file.at("hash")});
    sources.push_back(std::move(source));
  }
  return sources;
}

/// Finds sources; a source that occurs twice is read once.
class Finder {
 public:
  Finder(const DataPlaces& places, const std::string& invalid) : places_(places), invalid_(invalid) {}

  std::string find(const SourceRecord& source, const std::string& bundled) {
    const std::string id = source.path + "|" + source.fingerprint;
    const auto known = found_.find(id);
    if (known != found_.end()) return known->second;
    return found_[id] = search(source, bundled);
  }

 private:
  std::string search(const SourceRecord& source, const std::string& bundled) {
    if (!places_.unpacked.empty()) {
      const std::string folder = places_.unpacked + "/" + bundled;
      const std::string path =
          source.is_folder || source.files.empty() ? folder : folder + "/" + source.files.front().name;
      if (exists(path)) return path;  // its hashes were checked while it was unpacked
    }
    std::string changed;  // what the recorded path holds now
    if (exists(source.path)) {
      const std::string now = source.fingerprint.empty() ? "" : fingerprint_of(source.path).value_or("none");
      if (now == source.fingerprint) return source.path;
      changed = now;
    }
    for (const std::string& candidate : candidates(source))
      if (source.fingerprint.empty() || fingerprint_of(candidate) == source.fingerprint) return candidate;
    const std::string elsewhere = places_.data_dir.empty() ? "; --data-dir DIR looks elsewhere"
                                                           : "; nor is it under " + places_.data_dir;
    if (!changed.empty())
      throw ConfigError(fmt::format("{}: changed data: expected the text with fingerprint {}, got {}{}",
                                    source.path, source.fingerprint, changed, elsewhere));
    throw ConfigError(fmt::format("{}: missing data: expected {}, got no such file{}", source.path,
                                  source.fingerprint.empty()
                                      ? "the text of the run"
                                      : "the text with fingerprint " + source.fingerprint,
                                  elsewhere));
  }

  /// What under data_dir may be the source, the likeliest first: its name, then its files' sizes, then the
  /// rest.
  std::vector<std::string> candidates(const SourceRecord& source) {
    const std::string name = fs::path(source.path).filename().string();
    std::vector<std::pair<int, std::string>> ranked;
    for (const std::string& path : everything()) {
      const bool same_name = fs::path(path).filename() == name;
      const bool folder = fs::is_directory(path);
      const bool same_size = !folder && source.files.size() == 1 &&
                             static_cast<int64_t>(fs::file_size(path)) == source.files.front().n_bytes;
      if (source.fingerprint.empty() && !same_name) continue;
      if (folder && !source.is_folder && !same_name && !is_prepared(path)) continue;
      ranked.emplace_back(same_name ? 0 : same_size ? 1 : is_prepared(path) ? 2 : folder ? 4 : 3, path);
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> paths;
    for (auto& [rank, path] : ranked) paths.push_back(std::move(path));
    return paths;
  }

  /// Folders and files under data_dir, by path; of a prepared corpus the folder alone.
  const std::vector<std::string>& everything() {
    if (places_.data_dir.empty() || !everything_.empty()) return everything_;
    if (!fs::is_directory(places_.data_dir))
      throw ConfigError(fmt::format("--data-dir: {}: expected a folder", places_.data_dir));
    constexpr auto kPass = fs::directory_options::skip_permission_denied;
    everything_.push_back(places_.data_dir);
    for (auto entry = fs::recursive_directory_iterator(places_.data_dir, kPass);
         entry != fs::recursive_directory_iterator(); ++entry) {
      const bool hidden = entry->path().filename().string().front() == '.';
      if (entry->is_directory()) {
        if (hidden || is_prepared(entry->path().string())) entry.disable_recursion_pending();
      } else if (!entry->is_regular_file()) {
        continue;
      }
      if (!hidden) everything_.push_back(entry->path().string());
    }
    std::sort(everything_.begin(), everything_.end());
    return everything_;
  }

  /// nullopt for what cannot be read as text.
  std::optional<std::string> fingerprint_of(const std::string& path) {
    const auto known = fingerprints_.find(path);
    if (known != fingerprints_.end()) return known->second;
    std::optional<std::string> result;
    try {
      result = text_fingerprint(path, invalid_);
    } catch (const std::runtime_error&) {  // a picture, a broken line: not the text that is looked for
    }
    return fingerprints_[path] = result;
  }

  const DataPlaces& places_;
  std::string invalid_;
  std::vector<std::string> everything_;
  std::map<std::string, std::string> found_;
  std::map<std::string, std::optional<std::string>> fingerprints_;
};

bool is_described(const std::vector<SourceRecord>& sources) {
  return std::none_of(sources.begin(), sources.end(),
                      [](const SourceRecord& source) { return source.fingerprint.empty(); });
}

}  // namespace

std::string bundled_folder(const std::string& part, size_t source) {
  return fmt::format("data/{}-{}", part, source);
}

DataManifest name_data(const RunConfig& run) {
  return manifest_of(run, [](const std::string& path) {
    SourceRecord source;
    source.path = path;
    return source;
  });
}

DataManifest describe_data(const RunConfig& run) {
  for (const SourceConfig& source : run.data.train)
    if (!exists(source.path)) throw ConfigError(fmt::format("{}: missing data: no such file", source.path));
  for (const std::string& path : run.data.heldout)
    if (!exists(path)) throw ConfigError(fmt::format("{}: missing data: no such file", path));
  check_totals(run);
  std::map<std::string, SourceRecord> known;  // several [[eval]]s may read the same text
  return manifest_of(run, [&](const std::string& path) {
    const auto found = known.find(path);
    return found != known.end() ? found->second
                                : known.emplace(path, describe(path, run.data.invalid)).first->second;
  });
}

Json to_json(const DataManifest& manifest) {
  Json evals = Json::array();
  for (const auto& sources : manifest.evals) evals.push_back(to_json(sources));
  return {{"train", to_json(manifest.train)}, {"heldout", to_json(manifest.heldout)}, {"evals", evals}};
}

DataManifest data_manifest_of(const Json& json) {
  DataManifest manifest;
  manifest.train = sources_of(json.at("train"));
  manifest.heldout = sources_of(json.at("heldout"));
  for (const Json& sources : json.at("evals")) manifest.evals.push_back(sources_of(sources));
  return manifest;
}

void locate_data(const DataManifest& manifest, const DataPlaces& places, RunConfig& run) {
  bool fits = manifest.train.size() == run.data.train.size() &&
              manifest.heldout.size() == run.data.heldout.size() && manifest.evals.size() == run.evals.size();
  for (size_t e = 0; fits && e < run.evals.size(); ++e)
    fits = manifest.evals[e].size() == run.evals[e].paths.size();
  if (!fits) throw ConfigError("the data manifest and the run's configuration name different sources");
  Finder finder(places, run.data.invalid);
  bool described = is_described(manifest.train) && is_described(manifest.heldout);
  for (size_t s = 0; s < manifest.train.size(); ++s)
    run.data.train[s].path = finder.find(manifest.train[s], bundled_folder("train", s));
  for (size_t s = 0; s < manifest.heldout.size(); ++s)
    run.data.heldout[s] = finder.find(manifest.heldout[s], bundled_folder("heldout", s));
  for (size_t e = 0; e < manifest.evals.size(); ++e) {
    described = described && is_described(manifest.evals[e]);
    for (size_t s = 0; s < manifest.evals[e].size(); ++s)
      run.evals[e].paths[s] =
          finder.find(manifest.evals[e][s], bundled_folder("eval-" + std::to_string(e), s));
  }
  if (!described) check_totals(run);
}

}  // namespace aunet
