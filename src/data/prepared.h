// A prepared corpus: a folder of shards and the manifest that says what they are.
//
//   FOLDER/prepared.json   sources with size and time, totals, shards, what was derived; complete or not
//   FOLDER/00000.text ...  data/shard.h
//   FOLDER/lock            held by the one writer
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/corpus.h"
#include "data/shard.h"
#include "data/source_reader.h"

namespace aunet {

/// A file that was read.
struct PreparedFile {
  std::string path{};
  int64_t bytes = 0, changed_ns = 0;  // size, time of the last change since 1970
  bool operator==(const PreparedFile&) const = default;
};

struct Manifest {
  bool complete = false;  // false: `aunet data prepare` has not finished
  std::vector<std::string> sources{};
  std::vector<PreparedFile> files{};
  InvalidText invalid = InvalidText::Refuse;
  int64_t shard_bytes = 0;  // of text, after which a shard ends
  int64_t shards = 0, documents = 0, bytes = 0;
  std::string fingerprint{};  // of the corpus
  ReadReport report{};
  std::vector<DerivedName> derived{};
};

bool is_prepared(const std::string& path);
/// Throws Error `FOLDER/prepared.json: ...` when it cannot be read or is none.
Manifest read_manifest(const std::string& folder);
Manifest parse_manifest(const std::string& json, const std::string& where);
void write_manifest(const std::string& folder, const Manifest& manifest);

/// The shards of a prepared corpus, mapped; texts and derived values are checked when they are touched.
/// Throws Error when it is not complete or a shard is missing or damaged.
std::vector<std::shared_ptr<const TextBlock>> open_prepared(const std::string& folder);

}  // namespace aunet
