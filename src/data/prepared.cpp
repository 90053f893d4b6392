#include "data/prepared.h"

#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace aunet {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

std::string manifest_path(const std::string& folder) { return folder + "/prepared.json"; }

json json_of(const DerivedName& name) {
  return {{"kind", name.kind == DerivedName::Kind::Levels ? "levels" : "ids"},
          {"identity", name.identity},
          {"label", name.label}};
}

DerivedName derived_of(const json& j) {
  DerivedName name{.identity = j.at("identity"), .label = j.at("label")};
  if (j.at("kind") == "ids") name.kind = DerivedName::Kind::Ids;
  return name;
}

Manifest manifest_of(const json& j) {
  Manifest m;
  m.complete = j.at("complete");
  j.at("sources").get_to(m.sources);
  for (const json& file : j.at("files"))
    m.files.push_back({file.at("path"), file.at("bytes"), file.at("changed_ns")});
  m.invalid = j.at("invalid") == "skip" ? InvalidText::Skip : InvalidText::Refuse;
  m.shard_bytes = j.at("shard_bytes");
  m.shards = j.at("shards");
  m.documents = j.at("documents");
  m.bytes = j.at("bytes");
  m.fingerprint = j.at("fingerprint");
  const json& report = j.at("report");
  m.report.invalid = report.at("invalid");
  report.at("examples").get_to(m.report.examples);
  m.report.empty = report.at("empty");
  m.report.surrogates = report.at("surrogates");
  for (const json& name : j.at("derived")) m.derived.push_back(derived_of(name));
  if (m.complete && (m.shards < 1 || m.documents < 1))
    throw json::other_error::create(500, "no documents", &j);
  return m;
}

}  // namespace

bool is_prepared(const std::string& path) { return exists(manifest_path(path)); }

Manifest parse_manifest(const std::string& text, const std::string& where) {
  try {
    const json j = json::parse(text);
    const int version = j.at("version");
    if (version != kVersion)
      throw Error(
          fmt::format("{}: version: expected {}, got {}; prepare it again", where, kVersion, version));
    return manifest_of(j);
  } catch (const json::exception& e) {
    throw Error(fmt::format("{}: expected the manifest of a prepared corpus: {}", where, e.what()));
  }
}

Manifest read_manifest(const std::string& folder) {
  return parse_manifest(read_file(manifest_path(folder)), manifest_path(folder));
}

void write_manifest(const std::string& folder, const Manifest& m) {
  json files = json::array(), derived = json::array();
  for (const PreparedFile& file : m.files)
    files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"changed_ns", file.changed_ns}});
  for (const DerivedName& name : m.derived) derived.push_back(json_of(name));
  const json j{{"version", kVersion},
               {"complete", m.complete},
               {"sources", m.sources},
               {"files", files},
               {"invalid", m.invalid == InvalidText::Skip ? "skip" : "refuse"},
               {"shard_bytes", m.shard_bytes},
               {"shards", m.shards},
               {"documents", m.documents},
               {"bytes", m.bytes},
               {"fingerprint", m.fingerprint},
               {"report",
                {{"invalid", m.report.invalid},
                 {"examples", m.report.examples},
                 {"empty", m.report.empty},
                 {"surrogates", m.report.surrogates}}},
               {"derived", derived}};
  // A path need not be UTF-8, JSON must be.
  write_file_atomic(manifest_path(folder), j.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

std::vector<std::shared_ptr<const TextBlock>> open_prepared(const std::string& folder) {
  const Manifest manifest = read_manifest(folder);
  if (!manifest.complete)
    throw Error(fmt::format("{}: is not complete: run the same `aunet data prepare` again", folder));
  std::vector<std::shared_ptr<const TextBlock>> shards;
  for (int64_t s = 0; s < manifest.shards; ++s)
    shards.push_back(std::make_shared<Shard>(folder, s, manifest.derived));
  return shards;
}

}  // namespace aunet
