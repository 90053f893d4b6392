#include "data/shard_file.h"

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace aunet {
namespace {

static_assert(std::endian::native == std::endian::little, "shard files are little-endian");

constexpr std::string_view kMagic = "AUNETSH1";
constexpr size_t kPrelude = kMagic.size() + 2 * sizeof(uint64_t), kAlign = 64, kBlock = size_t{1} << 16;
constexpr uint64_t kMostHeader = uint64_t{1} << 24;
constexpr char kZeros[kAlign] = {};

size_t aligned(size_t size) { return (size + kAlign - 1) / kAlign * kAlign; }
size_t blocks_of(size_t payload) { return (payload + kBlock - 1) / kBlock; }

uint64_t u64_at(const char* data) {
  uint64_t value = 0;
  std::memcpy(&value, data, sizeof value);
  return value;
}

std::string_view bytes_of_u64(const uint64_t& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Hashes of the blocks of what the pieces are together.
std::vector<uint64_t> hash_blocks(const std::vector<std::string_view>& pieces) {
  std::vector<uint64_t> hashes;
  std::string block;
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      const auto part = piece.substr(0, kBlock - block.size());
      block += part;
      piece.remove_prefix(part.size());
      if (block.size() < kBlock) break;
      hashes.push_back(hash_u64(block));
      block.clear();
    }
  }
  if (!block.empty()) hashes.push_back(hash_u64(block));
  return hashes;
}

}  // namespace

void write_shard_file(const std::string& path, const ShardFacts& facts,
                      const std::vector<ShardSection>& sections) {
  std::vector<std::string_view> payload;
  size_t size = 0;
  nlohmann::json places = nlohmann::json::object();
  for (const ShardSection& section : sections) {
    places[section.name] = {size, section.bytes.size()};
    payload.push_back(section.bytes);
    payload.emplace_back(kZeros, aligned(section.bytes.size()) - section.bytes.size());
    size += aligned(section.bytes.size());
  }
  const std::vector<uint64_t> checks = hash_blocks(payload);
  std::string header = nlohmann::json{{"words", facts.words},
                                      {"numbers", facts.numbers},
                                      {"sections", places},
                                      {"payload", size},
                                      {"checks", fmt::format("{:016x}", hash_u64(bytes_of(checks)))}}
                           .dump();
  header.resize(aligned(kPrelude + header.size()) - kPrelude, ' ');
  const uint64_t header_size = header.size(), header_hash = hash_u64(header);
  std::vector<std::string_view> pieces{kMagic, bytes_of_u64(header_size), bytes_of_u64(header_hash), header};
  pieces.insert(pieces.end(), payload.begin(), payload.end());
  pieces.push_back(bytes_of(checks));
  write_file_atomic(path, pieces);
}

ShardFile::ShardFile(const std::string& path) : path_(path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(fmt::format("cannot open: {}", std::strerror(errno)));
  struct stat status {};
  const bool known = ::fstat(fd, &status) == 0;
  map_size_ = known ? static_cast<size_t>(status.st_size) : 0;
  if (map_size_ >= kPrelude) map_ = ::mmap(nullptr, map_size_, PROT_READ, MAP_SHARED, fd, 0);
  const int cause = errno;
  ::close(fd);
  if (map_ == nullptr) fail(known ? "expected a shard file, got too few bytes" : "cannot read");
  if (map_ == MAP_FAILED) {
    map_ = nullptr;
    fail(fmt::format("cannot map: {}", std::strerror(cause)));
  }
  try {
    read_header({static_cast<const char*>(map_), map_size_});
  } catch (...) {
    ::munmap(map_, map_size_);
    throw;
  }
}

ShardFile::~ShardFile() { ::munmap(map_, map_size_); }

void ShardFile::fail(const std::string& what) const { throw Error(path_ + ": " + what); }

/// Every number of the header is compared with the file's real size before anything is read through it.
void ShardFile::read_header(std::string_view file) {
  if (!file.starts_with(kMagic)) fail("expected a shard file, got something else");
  const uint64_t header_size = u64_at(file.data() + kMagic.size());
  if (header_size > kMostHeader || header_size > file.size() - kPrelude)
    fail("the header is longer than the file");
  const std::string_view header = file.substr(kPrelude, header_size);
  if (hash_u64(header) != u64_at(file.data() + kMagic.size() + sizeof(uint64_t)))
    fail("the header is damaged");
  std::string checks_hash;
  try {
    const auto json = nlohmann::json::parse(header);
    facts_.words = json.at("words").get<std::map<std::string, std::string>>();
    facts_.numbers = json.at("numbers").get<std::map<std::string, int64_t>>();
    payload_size_ = json.at("payload").get<uint64_t>();
    checks_hash = json.at("checks").get<std::string>();
    for (const auto& [name, place] : json.at("sections").items())
      sections_[name] = {place.at(0).get<uint64_t>(), place.at(1).get<uint64_t>()};
  } catch (const nlohmann::json::exception& e) {
    fail(fmt::format("the header is no header: {}", e.what()));
  }
  const size_t rest = file.size() - kPrelude - header_size;
  if (payload_size_ > rest || rest - payload_size_ != blocks_of(payload_size_) * sizeof(uint64_t))
    fail(fmt::format("expected {} bytes and their checks behind the header, got {}", payload_size_, rest));
  if ((kPrelude + header_size) % kAlign != 0 || payload_size_ % kAlign != 0)
    fail("the header is not aligned");
  for (const auto& [name, place] : sections_) {
    if (place.begin % kAlign != 0 || place.begin > payload_size_ || place.size > payload_size_ - place.begin)
      fail(fmt::format("section '{}' lies outside the file", name));
  }
  payload_ = file.data() + kPrelude + header_size;
  checks_ = {reinterpret_cast<const uint64_t*>(payload_ + payload_size_), blocks_of(payload_size_)};
  const std::string_view checks{reinterpret_cast<const char*>(checks_.data()), checks_.size_bytes()};
  if (fmt::format("{:016x}", hash_u64(checks)) != checks_hash) fail("the table of checks is damaged");
  checked_ = std::make_unique<std::atomic<bool>[]>(checks_.size());
}

std::pair<const char*, size_t> ShardFile::find(const std::string& name, size_t value_size) const {
  const auto found = sections_.find(name);
  if (found == sections_.end()) fail(fmt::format("expected a section '{}', got none", name));
  if (found->second.size % value_size != 0)
    fail(fmt::format("section '{}': expected values of {} bytes, got {} bytes", name, value_size,
                     found->second.size));
  return {payload_ + found->second.begin, found->second.size};
}

void ShardFile::check(const char* data, size_t size) const {
  if (size == 0) return;
  const auto begin = static_cast<size_t>(data - payload_);
  for (size_t block = begin / kBlock; block <= (begin + size - 1) / kBlock; ++block) {
    if (checked_[block].load(std::memory_order_relaxed)) continue;
    const size_t first = block * kBlock;
    if (hash_u64({payload_ + first, std::min(kBlock, payload_size_ - first)}) != checks_[block])
      fail(fmt::format("damaged: bytes {} to {} are not what was written; prepare it again in a new folder",
                       payload_ - static_cast<const char*>(map_) + static_cast<int64_t>(first),
                       payload_ - static_cast<const char*>(map_) +
                           static_cast<int64_t>(std::min(first + kBlock, payload_size_))));
    checked_[block].store(true, std::memory_order_relaxed);
  }
}

}  // namespace aunet
