#include "db/item_rows.h"

#include "core/file.h"
#include "core/run_dir.h"
#include "core/text.h"
#include "db/journal_tail.h"
#include "db/sources.h"
#include "db/sqlite_detail.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <optional>

namespace aunet {
namespace {

struct ItemFile {
  std::string path, task;
  int64_t step = 0;
};

/// "heldout-00000100.jsonl" -> heldout, 100.
std::optional<ItemFile> item_file(const std::string& folder, const std::string& name) {
  const size_t dash = name.rfind('-'), dot = name.rfind(".jsonl");
  if (dash == std::string::npos || dot == std::string::npos || dot < dash || dot + 6 != name.size())
    return {};
  ItemFile file{folder + "/" + name, name.substr(0, dash), 0};
  const char* end = name.data() + dot;
  const auto [stop, error] = std::from_chars(name.data() + dash + 1, end, file.step);
  if (error != std::errc() || stop != end) return {};
  return file;
}

int64_t insert_items(SQLite::Database& database, const std::string& key, const ItemFile& file) {
  run_once(database, "DELETE FROM item WHERE key = ? AND task = ? AND step = ?", key, file.task, file.step);
  SQLite::Statement insert(database, "REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?)");
  int64_t line_number = 0, n_items = 0;
  for (const std::string& line : split_on(read_file(file.path), '\n')) {
    ++line_number;
    if (line.empty()) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    const char* index = json.contains("item") ? "item" : "document";
    for (const char* field : {index, "bytes", "units", "nats"}) {
      const auto it = json.find(field);
      if (it == json.end() || !(it->is_number() || it->is_null())) {
        throw Error(fmt::format("{}:{}: {}: expected a number, got none", file.path, line_number, field));
      }
    }
    const auto& nats = json["nats"];
    run_once(insert, key, file.task, file.step, json[index].get<int64_t>(), json["bytes"].get<int64_t>(),
             json["units"].get<int64_t>(), nats.is_null() ? std::nan("") : nats.get<double>());
    ++n_items;
  }
  return n_items;
}

}  // namespace

int64_t write_items(Db& db, const std::string& key, const std::string& directory) {
  const std::string folder = RunDir{directory}.eval();
  int64_t n_items = 0;
  for (const std::string& name : list_directory(folder)) {
    const auto file = item_file(folder, name);
    if (!file) continue;
    const FileMark mark = mark_of(file->path);
    const auto known = find_source(db, file->path);
    if (known && known->key == key && known->mark == mark) continue;
    n_items += insert_items(db.handle(), key, *file);
    save_source(db, {file->path, "items", key, mark, mark.size, true});
  }
  return n_items;
}

void forget_items(Db& db, const std::string& key) {
  run_once(db.handle(), "DELETE FROM item WHERE key = ?", key);
}

}  // namespace aunet
