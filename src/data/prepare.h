// Makes a prepared corpus, once: texts into shards, then levels and ids of each shard.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/split_rule.h"
#include "data/prepared.h"

namespace aunet {

/// Levels to compute.
struct PrepareSplit {
  std::vector<SplitRule> rules;  // resolved: files have their fingerprints
  SplitMode mode = SplitMode::Causal;
};
/// Ids to compute; the tokenizer outlives the call.
struct PrepareTokenizer {
  const Tokenizer* tokenizer = nullptr;
  std::string fingerprint, label;
};

struct PrepareOptions {
  std::string folder;
  std::vector<std::string>
      sources;  // files or folders; [] of a folder that is begun: those it was begun with
  InvalidText invalid = InvalidText::Refuse;
  int64_t shard_bytes = int64_t{128} << 20;
  std::vector<PrepareSplit> splits{};
  std::vector<PrepareTokenizer> tokenizers{};
};

/// What is being done: "texts", or a derived label; bytes done and, when known, in all (0: unknown).
using PrepareProgress = std::function<void(const std::string& what, int64_t done, int64_t all)>;

/// Prepares, or goes on where an earlier call was killed: whole shards stay, whatever is missing is made. A
/// folder that is complete gets what further splits and tokenizers ask for, and keeps what it has. The shards
/// do not depend on how often it was interrupted.
///
/// Throws  ConfigError  no sources; other sources, limits or `invalid` than the folder was begun with; a
///                      source file that changed since; what for_each_document refuses; a rule that reads its
///                      boundaries from a file (`file=`: it is as fast as this would be)
///         Error        another process prepares this folder; disk full
Manifest prepare(const PrepareOptions& options, const PrepareProgress& progress);

/// Reads every byte of a prepared corpus and compares it with what was written, the totals and the
/// fingerprint included. Throws Error naming the first difference.
void check_prepared(const std::string& folder, const PrepareProgress& progress);

}  // namespace aunet
