#include "data/byte_reader.h"

#include "core/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

namespace aunet {
namespace {

constexpr size_t kBlock = size_t{1} << 17;

/// What turns blocks of a file into blocks of text.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  /// Fills `out` from `in`, advancing it. Returns how many bytes it made; 0: it wants more input.
  virtual size_t decompress(std::string_view& in, std::vector<char>& out) = 0;
  /// Throws BrokenFile inside a frame: the file must not end here.
  virtual void check_end() const = 0;
};

class Zstd final : public Decompressor {
 public:
  Zstd() : stream_(ZSTD_createDStream(), ZSTD_freeDStream) {}
  size_t decompress(std::string_view& in, std::vector<char>& out) override {
    if (in.empty() && !full_)
      return 0;  // a full output buffer may hide more output after the last input byte
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const size_t open = ZSTD_decompressStream(stream_.get(), &to, &from);
    if (ZSTD_isError(open)) throw BrokenFile("zstd: " + std::string(ZSTD_getErrorName(open)));
    if (from.pos > 0 || to.pos > 0) open_ = open;  // else it asks for a further frame, which need not come
    in.remove_prefix(from.pos);
    full_ = to.pos == to.size;
    return to.pos;
  }
  void check_end() const override {
    if (open_ != 0) throw BrokenFile("zstd: the file is truncated");
  }

 private:
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream_;
  size_t open_ = 0;  // bytes the current frame still wants, 0 between frames
  bool full_ = false;
};

class Gzip final : public Decompressor {
 public:
  Gzip() {
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw Error("zlib: cannot start");
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  size_t decompress(std::string_view& in, std::vector<char>& out) override {
    if (in.empty() && !full_) return 0;
    if (ended_ && in.empty()) return 0;
    if (ended_) inflateReset(&stream_);  // a further member
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      throw BrokenFile(fmt::format("gzip: {}", stream_.msg ? stream_.msg : "damaged data"));
    in.remove_prefix(in.size() - stream_.avail_in);
    ended_ = result == Z_STREAM_END;
    full_ = stream_.avail_out == 0;
    return out.size() - stream_.avail_out;
  }
  void check_end() const override {
    if (!ended_) throw BrokenFile("gzip: the file is truncated");
  }

 private:
  static constexpr int kGzipWindow = 15 + 16;  // the largest window; a gzip header is demanded
  z_stream stream_{};
  bool ended_ = false, full_ = false;
};

std::unique_ptr<Decompressor> decompressor_for(const std::string& path) {
  if (path.ends_with(".zst")) return std::make_unique<Zstd>();
  if (path.ends_with(".gz")) return std::make_unique<Gzip>();
  return nullptr;
}

}  // namespace

struct ByteReader::Impl {
  explicit Impl(const std::string& p)
      : path(p),
        fd(::open(p.c_str(), O_RDONLY | O_CLOEXEC)),
        decompressor(decompressor_for(p)),
        block(kBlock) {
    if (fd < 0) throw Error(fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
    if (decompressor) text.resize(kBlock);
    at_open = status();
    if (S_ISDIR(at_open.st_mode)) {
      ::close(fd);
      throw Error(fmt::format("{}: cannot open: {}", path, std::strerror(EISDIR)));
    }
  }
  ~Impl() { ::close(fd); }

  struct stat status() const {
    struct stat now {};
    if (::fstat(fd, &now) != 0) throw Error(fmt::format("{}: cannot read: {}", path, std::strerror(errno)));
    return now;
  }

  std::string_view read_block() {
    ssize_t n = 0;
    do {
      n = ::read(fd, block.data(), block.size());
    } while (n < 0 && errno == EINTR);
    if (n < 0) throw Error(fmt::format("{}: cannot read: {}", path, std::strerror(errno)));
    n_read += n;
    return {block.data(), static_cast<size_t>(n)};
  }

  /// A pipe has no size; a file that grew, shrank or was written to is not the one that was asked for.
  void check_unchanged(int64_t expected_size) const {
    if (!S_ISREG(at_open.st_mode)) return;
    const struct stat now = status();
    if (now.st_size == at_open.st_size && now.st_mtim.tv_sec == at_open.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == at_open.st_mtim.tv_nsec && expected_size == at_open.st_size) {
      return;
    }
    throw Error(fmt::format("{}: changed while it was read: {} bytes at first, {} now, {} read", path,
                            at_open.st_size, now.st_size, n_read));
  }

  /// What looks like damage may be a file that somebody writes to.
  size_t decompress() {
    try {
      return decompressor->decompress(rest, text);
    } catch (const BrokenFile&) {
      check_unchanged(at_open.st_size);
      throw;
    }
  }

  std::string path;
  int fd;
  struct stat at_open {};
  int64_t n_read = 0;
  std::unique_ptr<Decompressor> decompressor;
  std::vector<char> block, text;
  std::string_view rest;  // of block: not decompressed yet
  bool at_end = false;
};

ByteReader::ByteReader(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
ByteReader::~ByteReader() = default;

std::string_view ByteReader::next() {
  Impl& in = *impl_;
  while (!in.at_end) {
    if (in.decompressor) {
      const size_t made = in.decompress();
      if (made > 0) return {in.text.data(), made};
      if (!in.rest.empty()) continue;
    }
    in.rest = in.read_block();
    if (in.rest.empty()) {
      in.at_end = true;
    } else if (!in.decompressor) {
      return in.rest;
    }
  }
  in.check_unchanged(in.n_read);
  if (in.decompressor && in.n_read > 0) in.decompressor->check_end();
  return {};
}

std::string read_whole(const std::string& path) {
  std::string all;
  ByteReader reader(path);
  for (std::string_view block; !(block = reader.next()).empty();) all += block;
  return all;
}

std::string content_suffix(const std::string& path) {
  std::filesystem::path name(path);
  if (name.extension() == ".zst" || name.extension() == ".gz") name = name.stem();
  const std::string suffix = name.extension().string();
  return suffix.empty() ? "" : suffix.substr(1);
}

}  // namespace aunet
