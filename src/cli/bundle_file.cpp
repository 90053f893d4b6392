#include "cli/bundle_file.h"

#include "config/rule_file.h"
#include "core/archive.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/journal.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <variant>
#include <vector>

namespace aunet {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr const char* kHead = "bundle.json";
constexpr const char* kSeal = "bundle.hash";
constexpr int64_t kLongestHead = int64_t{1} << 30;  // bytes: ten million steps

/// What goes into the archive: bytes at hand, or a file.
struct Item {
  std::string name, bytes, path;  // path "": the bytes
};

/// Takes the files that the run's model reads, and turns their paths into names beside run.toml.
void take_companions(RunConfig& run, std::vector<Item>& items) {
  if (auto* transformer = std::get_if<TransformerConfig>(&run.model);
      transformer && transformer->tokenizer.kind == "bpe") {
    items.push_back({"tokenizer.tiktoken", "", transformer->tokenizer.path});
    transformer->tokenizer.path = "tokenizer.tiktoken";
  }
  auto* aunet = std::get_if<AunetConfig>(&run.model);
  for (size_t i = 0; aunet && i < aunet->split.size(); ++i) {
    SplitRule& rule = aunet->split[i];
    if (!reads_file(rule)) continue;
    const std::string name = fs::path(RunDir{""}.split(i)).filename().string();
    items.push_back({name, "", rule_file(rule).path});
    rule = with_path(rule, name);
  }
}

void take_data(const DataManifest& manifest, std::vector<Item>& items) {
  std::set<std::string> names;
  for_each_source(manifest, [&](const std::string& folder, const SourceRecord& source) {
    for (const SourceRecord::File& file : source.files)
      items.push_back(
          {folder + "/" + file.name, "", source.is_folder ? source.path + "/" + file.name : source.path});
  });
}

/// The uncommitted changes that the newest attempt ran with: the build keeps them beside its build_info.h
/// (cli/build_info.cmake). "" when the code was clean or the build is another one.
std::string dirty_diff(const Json& attempts) {
  const std::string hash = attempts.empty() ? "" : attempts.back().value("dirty_diff_hash", "");
  if (hash.empty()) return "";
  const fs::path binary = fs::read_symlink("/proc/self/exe");
  const std::string path =
      (binary.parent_path().parent_path() / "generated" / ("dirty-" + hash + ".diff")).string();
  return exists(path) ? read_file(path) : "";
}

Json head_of(const Bundle& bundle, const std::vector<Item>& items) {
  Json files = Json::array();
  for (const Item& item : items) {
    const bool at_hand = item.path.empty();
    files.push_back({{"name", item.name},
                     {"bytes", at_hand ? item.bytes.size() : fs::file_size(item.path)},
                     {"hash", at_hand ? hash_hex(item.bytes) : hash_file(item.path)}});
  }
  return {{"format", "aunet-bundle"},
          {"version", kVersion},
          {"key", bundle.key},
          {"attempts", bundle.attempts},
          {"data", to_json(bundle.data)},
          {"has_data", bundle.has_data},
          {"expected", to_json(bundle.expected)},
          {"tolerance", to_json(bundle.tolerance)},
          {"files", std::move(files)}};
}

[[noreturn]] void damaged(const std::string& path, const std::string& what) {
  throw ConfigError(fmt::format("{}: damaged bundle: {}", path, what));
}

/// The head is the archive's first entry.
std::string read_head(ArchiveReader& archive, const std::string& path) {
  if (!archive.next() || archive.name() != kHead)
    throw ConfigError(
        fmt::format("{}: expected a bundle (`aunet bundle KEY -o F`), got another archive", path));
  return archive.read_all(kLongestHead);
}

Bundle bundle_of(const Json& head, const std::string& path) {
  if (head.value("format", "") != "aunet-bundle") damaged(path, "its head is none");
  if (const int version = head.value("version", 0); version != kVersion)
    throw ConfigError(
        fmt::format("{}: version: this binary reads {}, the file has {}", path, kVersion, version));
  Bundle bundle;
  head.at("key").get_to(bundle.key);
  bundle.attempts = head.at("attempts");
  bundle.data = data_manifest_of(head.at("data"));
  bundle.has_data = head.at("has_data");
  bundle.expected = run_result_of(head.at("expected"));
  bundle.tolerance = tolerance_of(head.at("tolerance"));
  bundle.n_files = static_cast<int64_t>(head.at("files").size());
  return bundle;
}

void unpack_files(ArchiveReader& archive, const Json& head, const std::string& path,
                  const std::string& folder) {
  for (const Json& file : head.at("files")) {
    const std::string name = file.at("name");
    if (!archive.next() || archive.name() != name) damaged(path, fmt::format("{} is missing", name));
    const std::string hash = archive.unpack(folder);
    if (hash != file.at("hash"))
      damaged(path, fmt::format("{}: content hash: expected {}, got {}", name,
                                file.at("hash").get<std::string>(), hash));
  }
}

Bundle unpack(const std::string& path, const std::string& folder) {
  ArchiveReader archive(path);
  const std::string text = read_head(archive, path);
  const Json head = Json::parse(text);
  Bundle bundle = bundle_of(head, path);
  make_directories(folder);
  unpack_files(archive, head, path, folder);
  if (!archive.next() || archive.name() != kSeal) damaged(path, "its end is missing");
  if (const std::string seal = archive.read_all(1024); seal != hash_hex(text))
    damaged(path, fmt::format("{}: content hash: expected {}, got {}", kHead, seal, hash_hex(text)));
  return bundle;
}

}  // namespace

Json attempts_of(const RunDir& run) {
  Json attempts = Json::array();
  if (!exists(run.journal())) return attempts;
  for (const JournalRecord& record : read_journal(run.journal()))
    if (std::holds_alternative<AttemptRecord>(record)) attempts.push_back(Json::parse(to_json_line(record)));
  return attempts;
}

RunConfig detached_config(const RunDir& run) {
  RunConfig config = read_run_config(run.run_toml());
  config.runtime.parent_key.clear();
  config.runtime.parent_step = 0;
  config.runtime.checkpoint_pin = 0;
  return config;
}

Bundle write_bundle(const RunDir& run, const std::string& path, bool with_data) {
  Bundle bundle;
  RunConfig config = detached_config(run);
  bundle.expected = read_run_result(run);
  bundle.key = train_key(config);
  bundle.attempts = attempts_of(run);
  bundle.data = describe_data(config);
  bundle.has_data = with_data;
  std::vector<Item> items;
  take_companions(config, items);
  items.insert(items.begin(), {"run.toml", to_toml(config), ""});
  if (std::string diff = dirty_diff(bundle.attempts); !diff.empty())
    items.push_back({"dirty.diff", std::move(diff), ""});
  if (with_data) take_data(bundle.data, items);
  bundle.n_files = static_cast<int64_t>(items.size());
  const std::string head = head_of(bundle, items).dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  ArchiveWriter archive(path);
  archive.add(kHead, head);
  for (const Item& item : items) {
    if (item.path.empty())
      archive.add(item.name, item.bytes);
    else
      archive.add_file(item.name, item.path);
  }
  archive.add(kSeal, hash_hex(head));
  archive.finish();
  return bundle;
}

Bundle unpack_bundle(const std::string& path, const std::string& folder) {
  try {
    const Bundle bundle = unpack(path, folder);
    const std::string key = train_key(read_run_config(folder + "/run.toml"));
    if (key != bundle.key) damaged(path, fmt::format("key: expected {}, run.toml has {}", bundle.key, key));
    return bundle;
  } catch (const Json::exception& error) {
    damaged(path, error.what());
  } catch (const Error& error) {
    throw ConfigError(fmt::format("damaged bundle: {}", error.what()));
  }
}

std::string bundle_key(const std::string& path) {
  try {
    ArchiveReader archive(path);
    return bundle_of(Json::parse(read_head(archive, path)), path).key;
  } catch (const Json::exception& error) {
    damaged(path, error.what());
  } catch (const Error& error) {
    throw ConfigError(fmt::format("damaged bundle: {}", error.what()));
  }
}

}  // namespace aunet
