#include "baselines/golden.h"
#include "core/error.h"
#include "core/file.h"
#include "nn/safetensors.h"
#include "tests/support/shared_data.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include <algorithm>

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

// Made by the official code like the others (tests/golden/README.md): 5 stages, caps that cut rows at three
// of all of them, mixed residuals, the level head; non_param with width ratios 3 and 1.
TEST_CASE("so are those of deeper models, other caps, lambdas and width ratios", "[golden]") {
  for (const char* name : {"aunet_5stage_caps_level_head", "aunet_3stage_non_param_ratios"}) {
    const GoldenErrors e = compare_with_golden(golden_path(std::string(name) + ".safetensors"), "cpu");
    INFO(name << ", worst gradient " << e.worst_grad);
    CHECK(std::max({e.loss, e.logits, e.grads}) <= 1e-5);
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
}

TEST_CASE("a malformed golden file is refused with its name and what is wrong", "[golden]") {
  const ScratchFolder folder;
  const std::string path = folder.file("f");
  const auto message = [&](const SafeTensors& content) -> std::string {
    write_safetensors(path, content);
    try {
      compare_with_golden(path, "cpu");
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  const SafeTensors good = read_safetensors(golden_path("aunet_2stage_repeat.safetensors"));
  CHECK(message(good) == "no error");
  const auto with_tensor = [&](const char* name, const at::Tensor& value) {
    SafeTensors bad = good;
    bad.tensors[name] = value;
    return message(bad);
  };
  const auto without = [&](const char* name) {
    SafeTensors bad = good;
    REQUIRE(bad.tensors.erase(name) == 1);
    return message(bad);
  };
  for (const char* name : {"input.tokens", "input.targets", "input.levels", "input.target_levels",
                           "output.logits", "output.loss", "param.vocab.weight", "grad.vocab.weight"})
    CHECK(without(name) == path + ": tensor \"" + name + "\" is missing");
  CHECK(with_tensor("param.vocab.weight", at::zeros({2, 2})) ==
        path + ": param.vocab.weight: expected shape [258, 16], got [2, 2]");
  CHECK(with_tensor("param.more.weight", at::zeros({2})) == path + ": expected 35 parameters, got 36");
  CHECK(with_tensor("grad.vocab.weight", at::zeros({258})) ==
        path + ": grad.vocab.weight: expected shape [258, 16], got [258]");
  CHECK(with_tensor("output.loss", at::zeros({2})) == path + ": output.loss: expected one value, got 2");
  CHECK(with_tensor("output.logits", at::zeros({2, 64})) ==
        path + ": output.logits: expected shape [2, 64, 258], got [2, 64]");
  CHECK(with_tensor("input.tokens", at::zeros({64}, at::kInt)) ==
        path + ": input.tokens: expected shape [B, S], got [64]");
  CHECK(with_tensor("input.levels", at::zeros({2, 63}, at::kInt)) ==
        path + ": input.levels: expected shape [2, 64], got [2, 63]");
  CHECK(with_tensor("input.levels", at::full({2, 64}, 2, at::kInt)) ==
        path + ": input.levels: expected values in 0 .. 1, got 2 .. 2");
  CHECK(with_tensor("input.tokens", at::full({2, 64}, 258, at::kInt)) ==
        path + ": input.tokens: expected values in 0 .. 257, got 258 .. 258");
  CHECK(with_tensor("input.targets", at::zeros({2, 64})) ==
        path + ": input.targets: expected integers, got Float");

  const auto with_config = [&](const std::string& from, const std::string& to) {
    SafeTensors bad = good;
    std::string& config = bad.metadata["config"];
    REQUIRE(config.find(from) != std::string::npos);
    config.replace(config.find(from), from.size(), to);
    return message(bad);
  };
  const std::string at_config = path + ": config: ";
  CHECK(with_config("simple_repeat", "simple_max") ==
        at_config +
            "pooling_type: expected simple_indexed_matmul, simple_repeat, simple or simple_non_param, "
            "got 'simple_max'");
  CHECK(with_config("\"layers\": [1, 1]", "\"layers\": [1]") ==
        at_config + "layers: expected 2 values (one per stage), got 1");
  CHECK(with_config("\"head_dims\": [8, ", "\"head_dims\": [5, ") ==
        at_config + "heads: expected an even divisor of the width 16, got 5");
  CHECK(with_config("\"multiple_of\": 8", "\"multiple_of\": 0") ==
        at_config + "multiple_of: expected 1 .. 16777216, got 0");
  CHECK_THAT(with_config("\"rope_theta\"", "\"rope\""),
             Catch::StartsWith(at_config) && Catch::Contains("key 'rope_theta' not found"));
  CHECK_THAT(with_config("{", ""), Catch::StartsWith(at_config));
  SafeTensors bare = good;
  bare.metadata.clear();
  CHECK(message(bare) == path + ": metadata key \"config\" is missing");

  std::string bytes = read_file(golden_path("aunet_2stage_repeat.safetensors"));
  write_file_atomic(path, bytes.substr(0, bytes.size() / 2));
  CHECK_THROWS_WITH(compare_with_golden(path, "cpu"),
                    Catch::StartsWith(path + ": ") && Catch::Contains("data_offsets"));
  write_file_atomic(path, bytes.substr(0, 100));
  CHECK_THROWS_WITH(compare_with_golden(path, "cpu"), Catch::StartsWith(path + ": truncated"));
}
