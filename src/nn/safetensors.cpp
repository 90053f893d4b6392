#include "nn/safetensors.h"

#include "core/error.h"

#include <ATen/ATen.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace aunet {

namespace {

constexpr int64_t kMaxHeader = 100'000'000;  // the format's own limit (safetensors README)

const std::vector<std::pair<const char*, at::ScalarType>>& dtypes() {
  static const std::vector<std::pair<const char*, at::ScalarType>> list = {
      {"F32", at::kFloat}, {"F64", at::kDouble}, {"BF16", at::kBFloat16}, {"F16", at::kHalf},
      {"I32", at::kInt},   {"I64", at::kLong},   {"U8", at::kByte},       {"BOOL", at::kBool}};
  return list;
}
at::ScalarType dtype_of(const std::string& name, const std::string& where) {
  for (const auto& [text, type] : dtypes())
    if (name == text) return type;
  throw Error(
      fmt::format("{}: dtype: expected F32, F64, BF16, F16, I32, I64, U8 or BOOL, got '{}'", where, name));
}
const char* name_of(at::ScalarType type, const std::string& where) {
  for (const auto& [text, known] : dtypes())
    if (known == type) return text;
  throw Error(fmt::format("{}: dtype {} cannot be stored", where, toString(type)));
}

/// A file descriptor that closes itself and speaks in errors.
class File {
 public:
  File(const std::string& path, int flags) : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail("open");
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int64_t size() const {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) fail("stat");
    return info.st_size;
  }
  void read(void* data, int64_t n, int64_t offset) const {
    char* to = static_cast<char*>(data);
    while (n > 0) {
      const ssize_t got = ::pread(fd_, to, static_cast<size_t>(n), offset);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("read");
      if (got == 0) throw Error(fmt::format("{}: truncated: {} bytes missing", path_, n));
      to += got, n -= got, offset += got;
    }
  }
  void write(const void* data, int64_t n) {
    const char* from = static_cast<const char*>(data);
    while (n > 0) {
      const ssize_t put = ::write(fd_, from, static_cast<size_t>(n));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("write");
      from += put, n -= put;
    }
  }
  void sync() {
    if (::fsync(fd_) != 0) fail("fsync");
    if (::close(std::exchange(fd_, -1)) != 0) fail("close");
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw Error(fmt::format("{}: {}: {}", path_, what, std::strerror(errno)));
  }
  std::string path_;
  int fd_;
};

/// Sizes and offsets: whole numbers from 0 on, and no fractions that would be rounded to one.
std::vector<int64_t> whole_numbers(const nlohmann::json& entry, const char* key, const std::string& where) {
  std::vector<int64_t> out;
  for (const nlohmann::json& value : entry.at(key)) {
    const bool whole = value.is_number_unsigned() && value.get<uint64_t>() <= uint64_t{1} << 62;
    if (!whole) throw Error(fmt::format("{}: {}: expected whole numbers from 0 on", where, key));
    out.push_back(value.get<int64_t>());
  }
  return out;
}

at::Tensor read_tensor(const File& file, const std::string& where, const nlohmann::json& entry,
                       int64_t data_start, int64_t data_size) {
  const at::ScalarType type = dtype_of(entry.at("dtype").get<std::string>(), where);
  const auto shape = whole_numbers(entry, "shape", where);
  const auto offsets = whole_numbers(entry, "data_offsets", where);
  int64_t count = 1;
  for (const int64_t s : shape) {
    if (s < 0 || (s > 0 && count > (int64_t{1} << 56) / s))
      throw Error(fmt::format("{}: shape: out of range", where));
    count *= s;
  }
  const int64_t bytes = count * static_cast<int64_t>(c10::elementSize(type));
  if (offsets.size() != 2 || offsets[1] > data_size || offsets[0] > offsets[1] ||
      offsets[1] - offsets[0] != bytes)
    throw Error(fmt::format("{}: data_offsets: expected {} bytes inside the {} of the file", where, bytes,
                            data_size));
  at::Tensor tensor = at::empty(shape, type);
  file.read(tensor.mutable_data_ptr(), bytes, data_start + offsets[0]);
  return tensor;
}

}  // namespace

SafeTensors read_safetensors(const std::string& path) {
  const File file(path, O_RDONLY);
  const int64_t size = file.size();
  uint64_t header_size = 0;
  if (size < 8)
    throw Error(fmt::format("{}: truncated: expected a safetensors header, got {} bytes", path, size));
  file.read(&header_size, 8, 0);
  if (header_size > static_cast<uint64_t>(std::min(size - 8, kMaxHeader)))
    throw Error(fmt::format("{}: truncated or no safetensors file: header of {} bytes in a file of {}", path,
                            header_size, size));
  std::string text(header_size, '\0');
  file.read(text.data(), static_cast<int64_t>(header_size), 8);
  const nlohmann::json header = nlohmann::json::parse(text, nullptr, false);
  if (!header.is_object()) throw Error(fmt::format("{}: header is no JSON object", path));
  const int64_t start = 8 + static_cast<int64_t>(header_size);
  SafeTensors content;
  try {
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__")
        content.metadata = entry.get<std::map<std::string, std::string>>();
      else
        content.tensors[name] =
            read_tensor(file, fmt::format("{}: {}", path, name), entry, start, size - start);
    }
  } catch (const nlohmann::json::exception& e) {
    throw Error(fmt::format("{}: broken header: {}", path, e.what()));
  }
  return content;
}

void write_safetensors(const std::string& path, const SafeTensors& content) {
  nlohmann::json header = nlohmann::json::object();
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  std::vector<at::Tensor> ordered;
  int64_t offset = 0;
  for (const auto& [name, tensor] : content.tensors) {
    ordered.push_back(tensor.detach().cpu().contiguous());
    const int64_t bytes = static_cast<int64_t>(ordered.back().nbytes());
    header[name] = {{"dtype", name_of(tensor.scalar_type(), path + ": " + name)},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data starts at a multiple of 8 bytes
  const uint64_t header_size = text.size();
  File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  file.write(&header_size, 8);
  file.write(text.data(), static_cast<int64_t>(header_size));
  for (const at::Tensor& tensor : ordered)
    file.write(tensor.const_data_ptr(), static_cast<int64_t>(tensor.nbytes()));
  file.sync();
}

}  // namespace aunet
