// The operators on the CPU: checks, then plain pointers into the core.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>
#include <torch/version.h>

#include <atomic>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "../core/compute.h"
#include "operators.h"
#include "vectors.h"

#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 10
#include <torch/csrc/stable/c/shim.h>
#define QIMLP_LIBTORCH_RUNS_TASKS  // then this library needs no OpenMP of its own
#endif

namespace qimlp {
namespace {

std::atomic<InstructionSet> instructions{best_instruction_set()};
std::atomic<bool> poison{false};

struct Tasks {
  void (*task)(void* context, Index t);
  void* context;
};

// Runs tasks on torch's own threads.
void run_on_torch_threads(Index count, void (*task)(void*, Index), void* context) {
  if (count == 1) {
    task(context, 0);
    return;
  }
  Tasks tasks{task, context};
  const auto run_range = [](int64_t begin, int64_t end, void* argument) {
    const Tasks& t = *static_cast<const Tasks*>(argument);
    for (int64_t i = begin; i < end; ++i) t.task(t.context, i);
  };
#ifdef QIMLP_LIBTORCH_RUNS_TASKS
  TORCH_CHECK(torch_parallel_for(0, count, 1, run_range, &tasks) == 0,
              "qimlp::kron_linear: torch could not run the tasks of a call in parallel");
#else
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) { run_range(begin, end, &tasks); });
#endif
}

Setting current_setting() {
  const Index threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  return {instructions.load(std::memory_order_relaxed), threads, run_on_torch_threads,
          poison.load(std::memory_order_relaxed)};
}

void check_like(const char* name, const at::Tensor& tensor, const at::Tensor& x) {
  TORCH_CHECK_TYPE(tensor.scalar_type() == x.scalar_type(), "qimlp::kron_linear: expected ", name,
                   " of dtype ", x.scalar_type(), " as x has, got ", tensor.scalar_type());
  TORCH_CHECK_TYPE(tensor.device() == x.device(), "qimlp::kron_linear: expected ", name,
                   " on device ", x.device(), " as x has, got ", tensor.device());
}

// The layer that the factors make, checked against x. `kept` holds contiguous copies where needed.
template <class T>
Layer<T> make_layer(const at::Tensor& x, at::TensorList factors, at::IntArrayRef groups,
                    c10::SmallVectorImpl<at::Tensor>* kept) {
  TORCH_CHECK_VALUE(!factors.empty(), "qimlp::kron_linear: expected at least one factor, got none");
  Layer<T> layer;
  layer.factors.reserve(factors.size());
  Index in_features = 1;
  for (const at::Tensor& factor : factors) {
    check_like("factors", factor, x);
    TORCH_CHECK_VALUE(factor.dim() == 3 && factor.size(0) == factors[0].size(0),
                      "qimlp::kron_linear: expected factors (rank, out_i, in_i) of one rank, got ",
                      factor.sizes());
    TORCH_CHECK_VALUE(factor.numel() > 0,
                      "qimlp::kron_linear: expected factors without empty axes, got ",
                      factor.sizes());
    kept->push_back(factor.contiguous());
    layer.factors.push_back(
        {static_cast<const T*>(kept->back().const_data_ptr()), factor.size(1), factor.size(2)});
    in_features *= factor.size(2);
  }
  layer.copies = factors[0].size(0);
  TORCH_CHECK_VALUE(x.dim() == 2 && x.size(1) == in_features,
                    "qimlp::kron_linear: expected x of shape (batch, ", in_features, "), got ",
                    x.sizes());
  std::size_t grouped = 0;
  layer.groups.reserve(groups.size());
  for (const int64_t size : groups) {
    TORCH_CHECK_VALUE(size >= 1, "qimlp::kron_linear: expected groups of at least 1 factor, got ",
                      groups);
    layer.groups.push_back(static_cast<int>(size));
    grouped += static_cast<std::size_t>(size);
  }
  TORCH_CHECK_VALUE(grouped == factors.size() && groups.size() <= kMaxFactors,
                    "qimlp::kron_linear: expected at most ", kMaxFactors, " groups that sum to ",
                    factors.size(), " factors, got ", groups);
  return layer;
}

Index out_features(at::TensorList factors) {
  Index width = 1;
  for (const at::Tensor& factor : factors) width *= factor.size(1);
  return width;
}

// The vector that a bias adds, in the precision of the call: none, one as long as a row, or the
// Kronecker product of one short vector for each factor.
template <class T>
class BiasVector {
 public:
  BiasVector(const at::Tensor& x, at::TensorList factors, at::TensorList bias, Index width) {
    if (bias.empty()) return;
    for (const at::Tensor& vector : bias) check_like("bias", vector, x);
    if (bias.size() == 1) {
      TORCH_CHECK_VALUE(bias[0].dim() == 1 && bias[0].size(0) == width,
                        "qimlp::kron_linear: expected bias of shape (", width, "), got ",
                        bias[0].sizes());
      whole_ = bias[0].contiguous();
      values_ = static_cast<const T*>(whole_.const_data_ptr());
      return;
    }
    TORCH_CHECK_VALUE(bias.size() == factors.size(), "qimlp::kron_layer: expected ", factors.size(),
                      " bias vectors, one for each factor, got ", bias.size());
    for (std::size_t i = 0; i < bias.size(); ++i) {
      TORCH_CHECK_VALUE(bias[i].dim() == 1 && bias[i].size(0) == factors[i].size(1),
                        "qimlp::kron_layer: expected a bias vector of shape (", factors[i].size(1),
                        "), got ", bias[i].sizes());
    }
    if constexpr (std::is_same_v<T, BFloat16>) {  // multiplied in float32, rounded once
      std::vector<at::Tensor> wide;
      for (const at::Tensor& vector : bias) wide.push_back(vector.to(at::kFloat));
      whole_ = at::empty({width}, wide.front().options());
      kron_vectors(Vectors<float>(wide).given(), whole_.mutable_data_ptr<float>());
      whole_ = whole_.to(at::kBFloat16);
      values_ = static_cast<const T*>(whole_.const_data_ptr());
    } else {
      product_.reset(new T[static_cast<std::size_t>(width)]);
      kron_vectors(Vectors<T>(bias).given(), product_.get());
      values_ = product_.get();
    }
  }

  const T* values() const { return values_; }

 private:
  at::Tensor whole_;
  std::unique_ptr<T[]> product_;
  const T* values_ = nullptr;
};

template <class T>
at::Tensor forward_of(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                      at::IntArrayRef groups) {
  c10::SmallVector<at::Tensor, 4> kept;
  const Layer<T> layer = make_layer<T>(x, factors, groups, &kept);
  const Index width = out_features(factors);
  const BiasVector<T> vector(x, factors, bias, width);
  const at::Tensor rows = x.contiguous();
  at::Tensor y = at::empty({x.size(0), width}, x.options());
  compute_forward<T>(layer, x.size(0), static_cast<const T*>(rows.const_data_ptr()),
                     vector.values(), static_cast<T*>(y.mutable_data_ptr()), current_setting());
  return y;
}

template <class T>
std::vector<at::Tensor> backward_of(const at::Tensor& grad, const at::Tensor& x,
                                    at::TensorList factors, at::IntArrayRef groups, bool needs_x,
                                    bool needs_factors, bool needs_bias) {
  c10::SmallVector<at::Tensor, 4> kept;
  const Layer<T> layer = make_layer<T>(x, factors, groups, &kept);
  check_like("grad", grad, x);
  const Index batch = x.size(0), width = out_features(factors);
  TORCH_CHECK_VALUE(grad.dim() == 2 && grad.size(0) == batch && grad.size(1) == width,
                    "qimlp::kron_linear_backward: expected grad of shape (", batch, ", ", width,
                    "), got ", grad.sizes());
  const at::Tensor grad_rows = grad.contiguous(), rows = x.contiguous();
  std::vector<at::Tensor> results;
  results.reserve(factors.size() + 2);
  T *grad_x = nullptr, *grad_bias = nullptr;
  std::vector<T*> grad_factors;
  if (needs_x) {
    results.push_back(at::empty(x.sizes(), x.options()));
    grad_x = static_cast<T*>(results.back().mutable_data_ptr());
  }
  if (needs_factors) {
    for (const at::Tensor& factor : factors) {
      results.push_back(at::empty(factor.sizes(), factor.options()));
      grad_factors.push_back(static_cast<T*>(results.back().mutable_data_ptr()));
    }
  }
  if (needs_bias) {
    results.push_back(at::empty({width}, x.options()));
    grad_bias = static_cast<T*>(results.back().mutable_data_ptr());
  }
  compute_backward<T>(layer, batch, static_cast<const T*>(grad_rows.const_data_ptr()), static_cast<const T*>(rows.const_data_ptr()), grad_x,
                      grad_factors, grad_bias, current_setting());
  return results;
}

void refuse(const at::Tensor& x) {
  TORCH_CHECK_TYPE(false, "qimlp::kron_linear: expected float32, float64 or bfloat16 on the CPU, got ",
                   x.scalar_type());
}

at::Tensor layer_cpu(const at::Tensor& x, at::TensorList factors, at::TensorList bias,
                     at::IntArrayRef groups) {
  if (x.scalar_type() == at::kFloat) return forward_of<float>(x, factors, bias, groups);
  if (x.scalar_type() == at::kBFloat16) return forward_of<BFloat16>(x, factors, bias, groups);
  if (x.scalar_type() != at::kDouble) refuse(x);
  return forward_of<double>(x, factors, bias, groups);
}

at::Tensor forward_cpu(const at::Tensor& x, at::TensorList factors,
                       const std::optional<at::Tensor>& bias, at::IntArrayRef groups) {
  return layer_cpu(x, factors, as_list(bias), groups);
}

std::vector<at::Tensor> backward_cpu(const at::Tensor& grad, const at::Tensor& x,
                                     at::TensorList factors, at::IntArrayRef groups, bool needs_x,
                                     bool needs_factors, bool needs_bias) {
  if (x.scalar_type() == at::kFloat) {
    return backward_of<float>(grad, x, factors, groups, needs_x, needs_factors, needs_bias);
  }
  if (x.scalar_type() == at::kBFloat16) {
    return backward_of<BFloat16>(grad, x, factors, groups, needs_x, needs_factors, needs_bias);
  }
  if (x.scalar_type() != at::kDouble) refuse(x);
  return backward_of<double>(grad, x, factors, groups, needs_x, needs_factors, needs_bias);
}

std::string kernel_instructions() { return instruction_set_name(instructions.load()); }

// For tests: run on fewer instructions than the machine has, poison working memory.
void kernel_debug(std::string wanted, bool fill_with_nan) {
  const InstructionSet best = best_instruction_set();
  InstructionSet chosen = best;
  for (const InstructionSet set :
       {InstructionSet::kPortable, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (wanted == instruction_set_name(set)) {
      TORCH_CHECK_VALUE(set <= best,
                        "kernel_debug: expected instructions that this machine has, got ", wanted);
      chosen = set;
    }
  }
  TORCH_CHECK_VALUE(wanted == "best" || wanted == instruction_set_name(chosen),
                    "kernel_debug: expected best, avx512, avx2 or portable, got ", wanted);
  instructions.store(chosen);
  poison.store(fill_with_nan);
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_IMPL(qimlp, CPU, m) {
  m.impl("kron_linear", qimlp::forward_cpu);
  m.impl("kron_layer", qimlp::layer_cpu);
  m.impl("kron_linear_backward", qimlp::backward_cpu);
}

TORCH_LIBRARY_IMPL(qimlp, CompositeExplicitAutograd, m) {
  m.impl("kernel_instructions", qimlp::kernel_instructions);
  m.impl("kernel_debug", qimlp::kernel_debug);
}
