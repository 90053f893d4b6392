// What a run read, so that somebody else can tell whether a text is the same, and find it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "config/run_config.h"

namespace aunet {

/// One source: a file, a folder of files or a prepared corpus.
struct SourceRecord {
  struct File {
    std::string name{};  // relative to the source's folder; of a single file its own name
    int64_t n_bytes = 0;
    std::string hash{};  // hash_file
  };
  std::string path{};  // as the run had it
  bool is_folder = false;
  int64_t documents = 0, text_bytes = 0;
  std::string fingerprint{};  // of its text alone (data/corpus.h), whatever the files; "": not known
  std::vector<File> files{};
};

/// The sources of a run in the order of its configuration.
struct DataManifest {
  std::vector<SourceRecord> train{}, heldout{};
  std::vector<std::vector<SourceRecord>> evals{};  // of each [[eval]]; empty: data.heldout
};

/// Reads every source of the run. Throws ConfigError `data.train: changed: ...` when their text is not the
/// one that the run's fingerprints are of; errors as read_corpus.
DataManifest describe_data(const RunConfig& run);
/// Paths alone, for a run whose data nobody has described.
DataManifest name_data(const RunConfig& run);

nlohmann::json to_json(const DataManifest& manifest);
DataManifest data_manifest_of(const nlohmann::json& json);  ///< throws nlohmann::json::exception

/// Where to look for a source beside the path it was recorded under.
struct DataPlaces {
  std::string unpacked{};  // folder that a bundle's own data were unpacked into; "": it had none
  std::string data_dir{};  // folder of the user's; "": none
};

/// Points the run's paths to texts that are the recorded ones: unpacked, else as recorded, else anything
/// under `data_dir` that has the fingerprint, whatever its name (those with the recorded name or sizes are
/// read first).
///
/// Throws   ConfigError in one line: a source is missing; it is there and has changed
void locate_data(const DataManifest& manifest, const DataPlaces& places, RunConfig& run);

/// Folder of a source's files inside a bundle: "data/train-0", "data/heldout-1", "data/eval-0-1".
std::string bundled_folder(const std::string& part, size_t source);
/// Calls each(folder in the bundle, source) for all sources of the manifest.
template <class Each>
void for_each_source(const DataManifest& manifest, Each each) {
  for (size_t s = 0; s < manifest.train.size(); ++s) each(bundled_folder("train", s), manifest.train[s]);
  for (size_t s = 0; s < manifest.heldout.size(); ++s)
    each(bundled_folder("heldout", s), manifest.heldout[s]);
  for (size_t e = 0; e < manifest.evals.size(); ++e)
    for (size_t s = 0; s < manifest.evals[e].size(); ++s)
      each(bundled_folder("eval-" + std::to_string(e), s), manifest.evals[e][s]);
}

}  // namespace aunet
