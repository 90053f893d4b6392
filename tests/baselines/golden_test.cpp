#include "baselines/golden.h"
#include "core/error.h"
#include "nn/safetensors.h"
#include "tests/support/shared_data.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

using namespace aunet;

TEST_CASE("loss, logits and every gradient are the official code's within 1e-5", "[golden]") {
  for (const char* name : {"aunet_2stage_indexed", "aunet_3stage_indexed",
                           "aunet_3stage_truncated_level_head", "aunet_2stage_repeat", "aunet_2stage_scatter",
                           "aunet_2stage_non_param", "llama_gqa", "llama_tied_window"}) {
    const GoldenErrors e = compare_with_golden(golden_path(std::string(name) + ".safetensors"), "cpu");
    INFO(name << ", worst gradient " << e.worst_grad);
    CHECK(e.loss <= 1e-5);
    CHECK(e.logits <= 1e-5);
    CHECK(e.grads <= 1e-5);
  }
}

TEST_CASE("a golden file with a changed weight, or without one, is noticed", "[golden]") {
  const ScratchFolder folder;
  SafeTensors file = read_safetensors(golden_path("llama_gqa.safetensors"));
  file.tensors["param.layers.1.attention.wk.weight"][3][4] += 0.01;
  write_safetensors(folder.file("changed"), file);
  CHECK(compare_with_golden(folder.file("changed"), "cpu").grads > 1e-5);
  file.tensors.erase("param.layers.1.attention.wk.weight");
  write_safetensors(folder.file("missing"), file);
  CHECK_THROWS_WITH(compare_with_golden(folder.file("missing"), "cpu"),
                    Catch::Contains("missing: tensor \"param.layers.1.attention.wk.weight\" is missing"));
  file.tensors["param.layers.1.attention.wk.weight"] = at::zeros({2, 2});
  write_safetensors(folder.file("shape"), file);
  CHECK_THROWS_AS(compare_with_golden(folder.file("shape"), "cpu"), Error);
}
