#include "tests/nn/kernel_cases.h"

using namespace aunet;

TEST_CASE("composed and SIMD kernels are the same functions, in double", "[nn]") {
  const at::TensorOptions o = at::kDouble;
  check_equal(run_feed_forward(true, o), run_feed_forward(false, o), 1e-12);
  check_equal(run_attention(true, o), run_attention(false, o), 1e-12);
  check_equal(run_attention(true, o, 1000), run_attention(false, o, 1000), 1e-12);
  check_equal(run_transition(true, o), run_transition(false, o), 1e-12);
  check_equal(run_head(true, o), run_head(false, o), 1e-12);
}

TEST_CASE("composed and SIMD kernels agree in fp32", "[nn]") {
  const at::TensorOptions o = at::kFloat;
  check_equal(run_feed_forward(true, o), run_feed_forward(false, o), 1e-5);
  check_equal(run_attention(true, o), run_attention(false, o), 1e-5);
  check_equal(run_transition(true, o), run_transition(false, o), 1e-5);
  check_equal(run_head(true, o), run_head(false, o), 1e-5);
}
