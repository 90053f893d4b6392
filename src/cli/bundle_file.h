// One cell as one file: a tar (core/archive.h) that a run can be repeated from, anywhere.
//
//   bundle.json         key, numerics, every attempt's provenance, data manifest, expected values, tolerance,
//                       and size and hash of each file that follows
//   run.toml            resolved configuration; tokenizer.tiktoken and split-N as in a run directory
//   dirty.diff          uncommitted changes of the code that ran, where the build has kept them
//   data/PART-N/...     the text itself, when it was asked for
//   bundle.hash         hash of bundle.json: a file that ends here is whole
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "core/run_dir.h"
#include "data/data_manifest.h"
#include "sweep/run_result.h"

namespace aunet {

struct Bundle {
  std::string key{};
  nlohmann::json attempts = nlohmann::json::array();  // core/journal.h: AttemptRecord
  DataManifest data{};
  bool has_data = false;
  RunResult expected{};
  Tolerance tolerance{};
  int64_t n_files = 0;
};

/// Writes `run` to `path`. Throws ConfigError when the run is not done, or its data are not there or have
/// changed; Error for files that cannot be read or written.
Bundle write_bundle(const RunDir& run, const std::string& path, bool with_data);

/// Unpacks into `folder`, which then looks like a run directory without a journal. Throws ConfigError
/// `PATH: damaged bundle: ...` unless every byte is what was written; the folder's content is then worthless.
Bundle unpack_bundle(const std::string& path, const std::string& folder);
/// Key of a bundle, from its head alone. ConfigError when it is none.
std::string bundle_key(const std::string& path);

/// The attempts of a run as JSON.
nlohmann::json attempts_of(const RunDir& run);
/// The run of RUN/run.toml with its companions' paths resolved, and without what ties it to other runs: it
/// starts at step 0 whatever its parent was.
RunConfig detached_config(const RunDir& run);

}  // namespace aunet
