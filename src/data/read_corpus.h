// From the [data] of a run to its documents.
#pragma once

#include "config/run_config.h"
#include "data/corpus.h"
#include "data/source_reader.h"

namespace aunet {

/// Reads every source in order: files and folders into memory, prepared corpora (data/prepared.h) mapped.
/// What is skipped or mended is logged. Throws ConfigError: no source, a source without a document, what
/// `data.invalid` refuses, more text than this machine has memory for; Error as for_each_document and
/// open_prepared.
Corpus read_train_sources(const DataConfig& data);
Corpus read_texts(const std::vector<std::string>& paths, const std::string& invalid = "refuse");
/// The same for somebody who wants to see what was skipped and mended: nothing is logged.
Corpus read_texts(const std::vector<std::string>& paths, const std::string& invalid, ReadReport* report);

/// Bits per byte of a text that the model was trained on say nothing: a document of `heldout` that is also
/// one of `train`, byte for byte, is a ConfigError that names both; with data.overlap = "allow" a warning.
/// `paths` are the sources of `heldout`, `key` is what named them.
void check_disjoint(const Corpus& train, const Corpus& heldout, const DataConfig& data,
                    const std::vector<std::string>& paths, const std::string& key);

}  // namespace aunet
