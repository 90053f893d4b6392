#include "core/error.h"
#include "core/file.h"
#include "nn/safetensors.h"
#include "tests/support/shared_data.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>

using namespace aunet;

namespace {

std::string with_header(const std::string& header, const std::string& data) {
  const uint64_t n = header.size();
  std::string text(8, '\0');
  std::memcpy(text.data(), &n, 8);
  return text + header + data;
}

std::string message_of(const std::string& path) {
  try {
    read_safetensors(path);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("every dtype, empty and scalar tensors and metadata come back as written", "[safetensors]") {
  const ScratchFolder folder;
  SafeTensors out;
  for (const auto type :
       {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf, at::kInt, at::kLong, at::kByte, at::kBool})
    out.tensors[toString(type)] = at::arange(0, 6).view({2, 3}).to(type);
  out.tensors["scalar"] = at::scalar_tensor(2.5);
  out.tensors["empty"] = at::empty({0, 4});
  out.tensors["transposed"] = at::arange(0, 6).view({2, 3}).t();
  out.metadata = {{"config", "{\"dim\": 3}"}, {"note", "ä"}};
  write_safetensors(folder.file("a"), out);
  const SafeTensors in = read_safetensors(folder.file("a"));
  CHECK(in.metadata == out.metadata);
  REQUIRE(in.tensors.size() == out.tensors.size());
  for (const auto& [name, tensor] : out.tensors) {
    INFO(name);
    CHECK(in.tensors.at(name).scalar_type() == tensor.scalar_type());
    CHECK(at::equal(in.tensors.at(name), tensor));
  }
}

TEST_CASE("a file written by the Python library is read", "[safetensors]") {
  const SafeTensors in = read_safetensors(golden_path("llama_gqa.safetensors"));
  CHECK(in.tensors.at("param.tok_embeddings.weight").sizes() == at::IntArrayRef({300, 32}));
  CHECK(in.metadata.at("config").find("\"n_kv_heads\": 2") != std::string::npos);
}

TEST_CASE("broken files are refused by name and cause", "[safetensors]") {
  const ScratchFolder folder;
  const std::string path = folder.file("broken");
  const auto check = [&](const std::string& bytes, const std::string& expected) {
    write_file_atomic(path, bytes);
    CHECK(message_of(path) == path + expected);
  };
  check("abc", ": truncated: expected a safetensors header, got 3 bytes");
  check(std::string(8, '\x7f'),
        ": truncated or no safetensors file: header of 9187201950435737471 bytes in a file of 8");
  check(with_header("[1]", ""), ": header is no JSON object");
  check(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "1234"),
        ": a: data_offsets: expected 8 bytes inside the 4 of the file");
  check(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-4,4]}})", "12345678"),
        ": a: data_offsets: expected whole numbers from 0 on");
  check(with_header(R"({"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}})", "12345678"),
        ": a: shape: expected whole numbers from 0 on");
  check(with_header(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "12345678"),
        ": a: data_offsets: expected 12 bytes inside the 8 of the file");
  check(with_header(R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", "1234"),
        ": a: dtype: expected F32, F64, BF16, F16, I32, I64, U8 or BOOL, got 'F31'");
  check(with_header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234"),
        ": a: shape: expected whole numbers from 0 on");
  CHECK_THAT(message_of(folder.file("absent")), Catch::Contains("absent: open: No such file"));
}

TEST_CASE("a full disk is an error that names the file", "[safetensors]") {
  SafeTensors out;
  out.tensors["a"] = at::zeros({1 << 16});
  CHECK_THROWS_WITH(write_safetensors("/dev/full", out),
                    Catch::Contains("/dev/full: write: No space left on device"));
}
