// A file of named sections that is mapped into memory and checked as it is touched.
//
//   magic "AUNETSH1" | u64 size of the header | u64 XXH3-64 of the header | header: JSON, padded with blanks
//   payload: sections, each from a multiple of 64 on
//   checks: u64 XXH3-64 of each 64 KiB block of the payload (the last one shorter)
//
// All numbers little-endian. The header names the sections' places, the payload's size and the hash of the
// checks, so that nothing in the file goes unchecked.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// What a shard file says of itself besides its sections: words and numbers by name.
struct ShardFacts {
  std::map<std::string, std::string> words{};
  std::map<std::string, int64_t> numbers{};
  bool operator==(const ShardFacts&) const = default;
};

struct ShardSection {
  std::string name;
  std::string_view bytes;
};

/// The bytes of `values` as they lie in memory.
template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// Writes the file under a temporary name, fsyncs, renames. Throws Error (disk full): no file is left.
void write_shard_file(const std::string& path, const ShardFacts& facts,
                      const std::vector<ShardSection>& sections);

/// A shard file, mapped. Safe for several threads.
class ShardFile {
 public:
  /// Throws Error `path: ...` when it cannot be opened or mapped, or its header is not one.
  explicit ShardFile(const std::string& path);
  ~ShardFile();
  ShardFile(const ShardFile&) = delete;
  ShardFile& operator=(const ShardFile&) = delete;

  const ShardFacts& facts() const { return facts_; }
  const std::string& path() const { return path_; }
  /// A section as values of T. Nothing of it has been checked yet. Throws Error when it is not there or no
  /// whole number of values long.
  template <typename T>
  std::span<const T> section(const std::string& name) const {
    const auto [data, size] = find(name, sizeof(T));
    return {reinterpret_cast<const T*>(data), size / sizeof(T)};
  }
  bool has(const std::string& name) const { return sections_.count(name) > 0; }

  /// Checks the blocks that these values lie in, each one once. Throws Error naming the block that is not
  /// what was written.
  template <typename T>
  std::span<const T> checked(std::span<const T> values) const {
    check(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    return values;
  }
  void check_all() const { check(payload_, payload_size_); }

 private:
  struct Place {
    uint64_t begin = 0, size = 0;  // in the payload
  };
  std::pair<const char*, size_t> find(const std::string& name, size_t value_size) const;
  void check(const char* data, size_t size) const;
  void read_header(std::string_view file);
  [[noreturn]] void fail(const std::string& what) const;

  std::string path_;
  void* map_ = nullptr;
  size_t map_size_ = 0;
  const char* payload_ = nullptr;
  size_t payload_size_ = 0;
  std::span<const uint64_t> checks_;
  std::map<std::string, Place> sections_;
  ShardFacts facts_;
  mutable std::unique_ptr<std::atomic<bool>[]> checked_;  // by block
};

}  // namespace aunet
