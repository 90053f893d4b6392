#include "db/journal_tail.h"

#include "core/error.h"
#include "db/step_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <sys/stat.h>

namespace aunet {
namespace {

constexpr size_t kBlockBytes = 1 << 16;

int64_t line_number_at(const std::string& path, int64_t offset) {
  std::ifstream file(path, std::ios::binary);
  std::string block(kBlockBytes, '\0');
  int64_t line = 1;
  while (offset > 0 && file.read(block.data(), std::min<int64_t>(offset, kBlockBytes)).gcount() > 0) {
    line += std::count(block.begin(), block.begin() + file.gcount(), '\n');
    offset -= file.gcount();
  }
  return line;
}

std::optional<JournalRecord> parse(const std::string& line) {
  if (const auto step = parse_step_line(line)) return *step;
  return parse_journal_line(line);
}

}  // namespace

TailResult read_tail(const std::string& path, int64_t offset,
                     const std::function<void(const JournalRecord&)>& record) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
  file.seekg(offset);
  TailResult result{offset, 0, ""};
  std::string pending, block(kBlockBytes, '\0');
  bool broken = false;  // the line at bytes_read; a problem as soon as anything follows it
  std::string line;
  while (!broken && (file.read(block.data(), kBlockBytes), file.gcount() > 0)) {
    pending.append(block, 0, static_cast<size_t>(file.gcount()));
    size_t begin = 0;
    for (size_t end; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
      line.assign(pending, begin, end - begin);
      const auto parsed = parse(line);
      if (!parsed) {
        broken = true;
        if (end + 1 == pending.size() && file.peek() == std::ifstream::traits_type::eof()) break;
        result.problem =
            fmt::format("{}:{}: journal: expected a JSON record of a known type, got a broken line", path,
                        line_number_at(path, result.bytes_read));
        break;
      }
      record(*parsed);
      ++result.records;
      result.bytes_read += static_cast<int64_t>(end + 1 - begin);
    }
    pending.erase(0, begin);
  }
  if (file.bad()) throw Error(fmt::format("{}: cannot read: {}", path, std::strerror(errno)));
  return result;
}

FileMark mark_of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return {static_cast<int64_t>(info.st_ino), static_cast<int64_t>(info.st_size),
          static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec};
}

}  // namespace aunet
