#include "data/source_reader.h"

#include "core/error.h"
#include "core/log.h"
#include "data/byte_reader.h"
#include "data/jsonl.h"
#include "data/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace aunet {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLogged = 10;  // `aunet data inspect` shows more

/// A link to a folder that it lies in would be followed for ever.
void check_no_circle(const fs::directory_entry& entry) {
  if (!entry.is_symlink() || !entry.is_directory()) return;
  const fs::path target = fs::canonical(entry.path()), folder = fs::canonical(entry.path().parent_path());
  if (std::mismatch(target.begin(), target.end(), folder.begin(), folder.end()).first == target.end())
    throw Error(fmt::format("{}: links lead in a circle", entry.path().string()));
}

void note_invalid(ReadReport& report, const char* what) {
  ++report.invalid;
  if (report.examples.size() < ReadReport::kExamples) report.examples.emplace_back(what);
}

void read_jsonl(const std::string& file, int64_t after, InvalidText invalid, ReadReport& report,
                const std::function<void(std::string_view, int64_t)>& each) {
  std::string text;
  for_each_line(file, [&](std::string_view line, int64_t number) {
    if (number <= after) return;
    text.clear();
    try {
      report.surrogates += append_text_field(line, fmt::format("{}:{}", file, number), text);
    } catch (const ConfigError& e) {
      if (invalid == InvalidText::Refuse) throw;
      return note_invalid(report, e.what());
    }
    text.empty() ? void(++report.empty) : each(text, number);
  });
}

void read_txt(const std::string& file, InvalidText invalid, ReadReport& report,
              const std::function<void(std::string_view, int64_t)>& each) {
  const std::string text = read_whole(file);
  const size_t bad = find_invalid_utf8(text);
  if (bad != std::string_view::npos) {
    const std::string what = fmt::format("{}: expected UTF-8, got byte 0x{:02x} at offset {}", file,
                                         static_cast<uint8_t>(text[bad]), bad);
    if (invalid == InvalidText::Refuse) throw ConfigError(what);
    return note_invalid(report, what.c_str());
  }
  text.empty() ? void(++report.empty) : each(text, 1);
}

}  // namespace

std::vector<std::string> files_below(const std::string& path, const std::vector<std::string>& suffixes) {
  std::error_code unknown;  // whoever opens the file says why it cannot
  if (!fs::is_directory(path, unknown)) return {path};
  std::vector<std::string> files;
  try {
    for (fs::recursive_directory_iterator entry(path, fs::directory_options::follow_directory_symlink), end;
         entry != end; ++entry) {
      check_no_circle(*entry);
      const bool hidden = entry->path().filename().string().starts_with(".");
      if (hidden && entry->is_directory()) entry.disable_recursion_pending();
      const std::string suffix = content_suffix(entry->path().string());
      const bool wanted = std::find(suffixes.begin(), suffixes.end(), suffix) != suffixes.end();
      if (!hidden && wanted && entry->is_regular_file()) files.push_back(entry->path().string());
    }
  } catch (const fs::filesystem_error& e) {
    throw Error(fmt::format("{}: cannot read: {}", path, e.code().message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> source_files(const std::string& path) {
  const std::vector<std::string> files = files_below(path, {"jsonl", "txt"});
  if (files.empty())
    throw ConfigError(fmt::format(
        "{}: expected .jsonl or .txt files (also .zst, .gz) in the folder, or a prepared corpus; got none",
        path));
  return files;
}

void for_each_document(const std::string& file, int64_t after, InvalidText invalid, ReadReport& report,
                       const std::function<void(std::string_view, int64_t)>& each) {
  const bool is_txt = content_suffix(file) == "txt";
  if (is_txt && after >= 1) return;
  try {
    is_txt ? read_txt(file, invalid, report, each) : read_jsonl(file, after, invalid, report, each);
  } catch (const BrokenFile& e) {
    const std::string what = is_txt ? fmt::format("{}: {}", file, e.what()) : e.what();
    if (invalid == InvalidText::Refuse) throw Error(what);
    note_invalid(report, fmt::format("{}; the rest of the file is left out", what).c_str());
  }
}

ReadReport& ReadReport::operator+=(const ReadReport& other) {
  invalid += other.invalid;
  empty += other.empty;
  surrogates += other.surrogates;
  examples.insert(examples.end(), other.examples.begin(), other.examples.end());
  examples.resize(std::min(examples.size(), kExamples));
  return *this;
}

void log_report(const ReadReport& report) {
  if (report.surrogates > 0)
    log_warn(fmt::format("data: {} lone surrogate escapes read as U+FFFD", report.surrogates));
  if (report.empty > 0) log_warn(fmt::format("data: {} empty documents left out", report.empty));
  if (report.invalid == 0) return;
  log_warn(fmt::format("data: {} lines or files skipped, as data.invalid says:", report.invalid));
  const size_t n_shown = std::min(report.examples.size(), kLogged);
  for (size_t i = 0; i < n_shown; ++i) log_warn("  " + report.examples[i]);
  const int64_t more = report.invalid - static_cast<int64_t>(n_shown);
  if (more > 0) log_warn(fmt::format("  and {} more", more));
}

}  // namespace aunet
