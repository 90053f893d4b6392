// The documents of a source: a JSONL or text file, plain or compressed, or a folder of such files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// What to do with a line that holds no document, and with a file that is damaged.
enum class InvalidText {
  Refuse,  // an error that names file and line
  Skip,    // left out, counted and reported; of a damaged file what lies before the damage is read
};

/// What a reader met besides good documents.
struct ReadReport {
  int64_t invalid = 0;                  // lines, files (.txt) and damaged rests of files that were skipped
  std::vector<std::string> examples{};  // `file:line: what`, the first of them, kExamples at most
  int64_t empty = 0;                    // documents without text: left out, whatever is asked for
  int64_t surrogates = 0;               // lone surrogate escapes, read as U+FFFD
  static constexpr size_t kExamples = 100;
  ReadReport& operator+=(const ReadReport& other);
};

/// `path` itself, or what a folder and its folders (links too) hold of files with these content suffixes
/// (data/byte_reader.h), by path; hidden ones are not looked at. Throws Error when a folder cannot be read,
/// or links lead in a circle.
std::vector<std::string> files_below(const std::string& path, const std::vector<std::string>& suffixes);

/// The files of a source in the order they are read: .jsonl and .txt. Throws as files_below; ConfigError for
/// a folder without such a file.
std::vector<std::string> source_files(const std::string& path);

/// Calls `each(text, line)` for the documents of one file behind line `after` (0: all; a .txt is line 1).
/// Under InvalidText::Refuse throws ConfigError `file:line: ...` for a broken line, a missing "text" or bytes
/// that are no UTF-8, and Error for a damaged file; under Skip these are reported. A file that cannot be
/// opened, or that changes while it is read, is an Error either way.
void for_each_document(const std::string& file, int64_t after, InvalidText invalid, ReadReport& report,
                       const std::function<void(std::string_view text, int64_t line)>& each);

/// "data: 3 lines or files without a valid document were skipped: ..." and its like, as warnings.
void log_report(const ReadReport& report);

}  // namespace aunet
