#include "core/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace aunet {
namespace {

std::string to_hex(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;  // big endian, so the text is the same on every machine
  XXH128_canonicalFromHash(&canonical, hash);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(32);
  for (unsigned char byte : canonical.digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace

struct Hasher::State {
  XXH3_state_t xxh;  // 64-byte aligned: C++17 operator new honours it
};

std::string hash_hex(std::string_view bytes) { return to_hex(XXH3_128bits(bytes.data(), bytes.size())); }

uint64_t hash_u64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }

Hasher::~Hasher() = default;

void Hasher::update(std::string_view bytes) { XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size()); }

std::string Hasher::hex() const { return to_hex(XXH3_128bits_digest(&state_->xxh)); }

std::string hash_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(path + ": open: " + std::strerror(errno));
  Hasher hasher;
  std::string block(1 << 20, '\0');
  ssize_t n = 0;
  do {
    n = ::read(fd, block.data(), block.size());
    if (n > 0) hasher.update(std::string_view(block).substr(0, static_cast<size_t>(n)));
  } while (n > 0 || (n < 0 && errno == EINTR));
  const int cause = errno;
  ::close(fd);
  if (n < 0) throw Error(path + ": read: " + std::strerror(cause));
  return hasher.hex();
}

}  // namespace aunet
