// The safetensors file format: weights, optimizer moments, golden vectors. No pickles anywhere.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace aunet {

struct SafeTensors {
  std::map<std::string, at::Tensor> tensors;  // CPU, contiguous; F32, F64, BF16, F16, I32, I64, U8, BOOL
  std::map<std::string, std::string> metadata;
};

/// Throws Error naming the file for a truncated file, offsets out of range, an unknown dtype or a broken
/// header.
SafeTensors read_safetensors(const std::string& path);
/// Writes and fsyncs `path` (not atomic: callers write into a temporary folder and rename it). Throws Error
/// (disk full).
void write_safetensors(const std::string& path, const SafeTensors& content);

}  // namespace aunet
