#include "tests/nn/gradient_check.h"
#include "nn/kernels/cpu/row_kernels.h"

#include <ATen/ATen.h>

#include <cmath>

using namespace aunet;

namespace {

template <class T>
void check_products(double tolerance) {
  const RowKernels<T>& kernels = row_kernels<T>();
  const auto type = c10::CppTypeToScalarType<T>::value;
  struct Size {
    int64_t m, n, k;
  };
  for (const Size& s : {Size{1, 1, 1}, Size{6, 64, 16}, Size{7, 65, 33}, Size{96, 130, 70}, Size{13, 31, 600},
                        Size{5, 258, 48}}) {
    INFO(kernels.isa << " " << s.m << "x" << s.n << "x" << s.k);
    const at::Tensor a = random_like({s.m, s.k}, 1).to(type), w = random_like({s.n, s.k}, 2).to(type);
    const at::Tensor plus = random_like({s.n, s.k}, 3).to(type);
    const int64_t panels = (s.n + kernels.panel - 1) / kernels.panel;
    at::Tensor packed = at::full({panels * kernels.panel * s.k}, NAN, type), c = at::ones({s.m, s.n}, type);
    kernels.pack_transposed(w.const_data_ptr<T>(), plus.const_data_ptr<T>(), s.n, s.k, 0, panels,
                            packed.mutable_data_ptr<T>());
    kernels.gemm(s.m, s.n, s.k, a.const_data_ptr<T>(), s.k, packed.const_data_ptr<T>(),
                 c.mutable_data_ptr<T>(), s.n, true);
    const at::Tensor expected = at::matmul(a.to(at::kDouble), (w + plus).to(at::kDouble).t());
    CHECK((c - 1 - expected).abs().max().item<double>() < tolerance);

    const at::Tensor wt = w.t().contiguous(), plus_t = plus.t().contiguous();
    packed.fill_(NAN);
    kernels.pack(wt.const_data_ptr<T>(), plus_t.const_data_ptr<T>(), s.k, s.n, 0, panels,
                 packed.mutable_data_ptr<T>());
    kernels.gemm(s.m, s.n, s.k, a.const_data_ptr<T>(), s.k, packed.const_data_ptr<T>(),
                 c.mutable_data_ptr<T>(), s.n, false);
    CHECK((c - expected).abs().max().item<double>() < tolerance);

    for (const bool add : {false, true}) {
      kernels.few_rows(s.m, s.n, s.k, a.const_data_ptr<T>(), s.k, w.const_data_ptr<T>(),
                       c.fill_(1).template mutable_data_ptr<T>(), s.n, add);
      const at::Tensor product = at::matmul(a.to(at::kDouble), w.to(at::kDouble).t());
      CHECK((c - (add ? 1 : 0) - product).abs().max().item<double>() < tolerance);
    }
    c.copy_(expected);

    const at::Tensor at_ = a.t().contiguous();
    kernels.gemm_tn(s.m, s.n, s.k, at_.const_data_ptr<T>(), s.m, wt.const_data_ptr<T>(), s.n,
                    c.mutable_data_ptr<T>(), s.n, true);
    CHECK((c - expected - at::matmul(a.to(at::kDouble), w.to(at::kDouble).t())).abs().max().item<double>() <
          tolerance);
  }
}

}  // namespace

TEST_CASE("products equal double matmul, all edges of tiles and panels", "[nn]") {
  check_products<float>(1e-4);
  check_products<double>(1e-12);
}

TEST_CASE("fp32 row kernels equal fp64 ones", "[nn]") {
  const auto& single = row_kernels<float>();
  const auto& twice = row_kernels<double>();
  for (const int64_t f : {1, 16, 37, 100}) {
    const int64_t rows = 5;
    const at::Tensor gates = random_like({rows, 2 * f}, 1, 8), dh = random_like({rows, f}, 2);
    const at::Tensor gates_f = gates.to(at::kFloat), dh_f = dh.to(at::kFloat);
    at::Tensor h = at::empty_like(dh), dg = at::empty_like(gates), h_f = at::empty_like(dh_f),
               dg_f = at::empty_like(gates_f);
    twice.swiglu_backward(rows, f, gates.const_data_ptr<double>(), dh.const_data_ptr<double>(),
                          h.mutable_data_ptr<double>(), dg.mutable_data_ptr<double>());
    single.swiglu_backward(rows, f, gates_f.const_data_ptr<float>(), dh_f.const_data_ptr<float>(),
                           h_f.mutable_data_ptr<float>(), dg_f.mutable_data_ptr<float>());
    CHECK((h - h_f).abs().max().item<double>() < 1e-6 * h.abs().max().item<double>());
    CHECK((dg - dg_f).abs().max().item<double>() < 1e-6 * dg.abs().max().item<double>());

    const at::Tensor logits = gates.narrow(1, 0, f).contiguous();
    at::Tensor a = logits.clone(), b = logits.to(at::kFloat), nats = at::empty({rows}, at::kDouble),
               nats_f = at::empty({rows});
    const at::Tensor targets = at::arange(rows).remainder(f);
    twice.cross_entropy(rows, f, a.mutable_data_ptr<double>(), targets.const_data_ptr<int64_t>(),
                        nats.mutable_data_ptr<double>(), true);
    single.cross_entropy(rows, f, b.mutable_data_ptr<float>(), targets.const_data_ptr<int64_t>(),
                         nats_f.mutable_data_ptr<float>(), true);
    CHECK((nats - nats_f).abs().max().item<double>() < 1e-5);
    CHECK((a - b).abs().max().item<double>() < 1e-6);
    const at::Tensor expected = at::softmax(logits, 1) - at::one_hot(targets, f).to(at::kDouble);
    CHECK((a - expected).abs().max().item<double>() < 1e-12);
  }
}
