// The operator qimlp::column_embedding: a vector for each column of a table.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <torch/library.h>

#include "../../core/tables/tables.h"
#include "../large_pages.h"
#include "../setting.h"
#include "parts.h"
#include "shared.h"

namespace qimlp {
namespace {

using torch::autograd::variable_list;

EmbeddingTensors tensors_of(const at::Tensor& x, const std::optional<at::Tensor>& frequencies,
                            const std::optional<at::Tensor>& weight,
                            const std::optional<at::Tensor>& bias,
                            const std::optional<at::Tensor>& table, at::IntArrayRef cardinalities) {
  return {x,
          or_undefined(frequencies),
          or_undefined(weight),
          or_undefined(bias),
          or_undefined(table),
          cardinalities.vec()};
}

void check(const EmbeddingTensors& given) {
  const auto categories = static_cast<int64_t>(given.cardinalities.size());
  const int64_t numbers = given.numbers();
  TORCH_CHECK_VALUE(given.weight.defined() || given.table.defined(),
                    "qimlp::column_embedding: expected columns of numbers or categories, got none");
  TORCH_CHECK_VALUE(given.x.dim() == 2 && given.x.size(1) == numbers + categories,
                    "qimlp::column_embedding: expected x of shape (n, ", numbers + categories,
                    "), got ", given.x.sizes());
  if (given.frequencies.defined()) {
    const int64_t turns = given.frequencies.size(1);
    TORCH_CHECK_VALUE(given.frequencies.dim() == 2 && given.weight.defined() &&
                          given.weight.sizes() ==
                              at::IntArrayRef({numbers, 2 * turns + 1, given.width()}) &&
                          given.bias.defined() &&
                          given.bias.sizes() == at::IntArrayRef({numbers, given.width()}),
                      "qimlp::column_embedding: expected frequencies (p, k), weight (p, 2 k + 1, e) and "
                      "bias (p, e), got ", given.frequencies.sizes(), " and others");
  }
  int64_t rows = 0;
  for (const int64_t size : given.cardinalities) rows += size + 1;
  TORCH_CHECK_VALUE(categories == 0 || (given.table.defined() && given.table.dim() == 2 &&
                                        given.table.size(0) == rows &&
                                        given.table.size(1) == given.width()),
                    "qimlp::column_embedding: expected a table of shape (", rows, ", ",
                    given.width(), ")");
}

std::vector<int64_t> starts_of(const EmbeddingTensors& given) {
  std::vector<int64_t> starts{0};
  for (const int64_t size : given.cardinalities) starts.push_back(starts.back() + size + 1);
  return starts;
}

template <class T>
Embedding<T> call_of(const EmbeddingTensors& given, const std::vector<int64_t>& starts) {
  Embedding<T> call{};
  call.samples = given.x.size(0);
  call.numbers = given.numbers();
  call.categories = static_cast<Index>(given.cardinalities.size());
  call.turns = given.frequencies.defined() ? given.frequencies.size(1) : 0;
  call.width = given.width();
  call.x = read<T>(given.x);
  call.frequencies = read<T>(given.frequencies);
  call.weight = read<T>(given.weight);
  call.bias = read<T>(given.bias);
  call.table = read<T>(given.table);
  call.starts = starts.data();
  return call;
}

EmbeddingTensors all_contiguous(const EmbeddingTensors& given) {
  return {contiguous(given.x),    contiguous(given.frequencies), contiguous(given.weight),
          contiguous(given.bias), contiguous(given.table),       given.cardinalities};
}

template <class T>
void compute_backward(const EmbeddingTensors& plain, const at::Tensor& grad,
                      const at::Tensor& features, const variable_list& results) {
  const auto starts = starts_of(plain);
  compute_embedding_backward(
      call_of<T>(plain, starts), read<T>(grad), read<T>(features),
      {write<T>(results[0]), write<T>(results[1]), write<T>(results[2]), write<T>(results[3])},
      current_setting());
}

}  // namespace

std::pair<at::Tensor, at::Tensor> embed(const EmbeddingTensors& given, bool keep) {
  check(given);
  const EmbeddingTensors plain = all_contiguous(given);
  const auto starts = starts_of(given);
  const int64_t samples = given.x.size(0);
  const at::TensorOptions options = given.values().options();
  const at::Tensor out = empty_rows({samples, given.x.size(1), given.width()}, options);
  at::Tensor features;
  if (keep && given.weight.defined()) {
    features = empty_rows({given.numbers(), given.weight.size(1), samples}, options);
  }
  if (options.dtype() == at::kFloat) {
    compute_embedding(call_of<float>(plain, starts), write<float>(out), write<float>(features),
                      current_setting());
  } else {
    compute_embedding(call_of<double>(plain, starts), write<double>(out), write<double>(features),
                      current_setting());
  }
  return {out, features};
}

variable_list embed_backward(const EmbeddingTensors& given, const at::Tensor& grad,
                             const at::Tensor& features) {
  variable_list results(4);
  if (given.frequencies.defined() && given.frequencies.requires_grad()) {
    results[0] = empty_as(given.frequencies);
  }
  results[1] = empty_as(given.weight);
  results[2] = empty_as(given.bias);
  results[3] = empty_as(given.table);
  const EmbeddingTensors plain = all_contiguous(given);
  const at::Tensor rows = grad.contiguous();
  if (rows.scalar_type() == at::kFloat) {
    compute_backward<float>(plain, rows, features, results);
  } else {
    compute_backward<double>(plain, rows, features, results);
  }
  return results;
}

// Torch's own operations: derivatives of any order, other devices and types, graphs.
at::Tensor defined_embedding(const EmbeddingTensors& given) {
  const int64_t numbers = given.numbers();
  std::vector<at::Tensor> parts;
  if (numbers > 0) {
    const at::Tensor x = given.x.slice(1, 0, numbers);
    const at::Tensor angles = x.unsqueeze(2).mul(given.frequencies.mul(6.283185307179586477));
    const at::Tensor features = at::cat({angles.sin(), angles.cos(), x.unsqueeze(2)}, 2);
    parts.push_back(
        at::baddbmm(given.bias.unsqueeze(1), features.transpose(0, 1), given.weight).transpose(0, 1));
  }
  const auto starts = starts_of(given);
  std::vector<at::Tensor> rows;
  for (std::size_t q = 0; q < given.cardinalities.size(); ++q) {
    const at::Tensor code = given.x.select(1, numbers + static_cast<int64_t>(q));
    const at::Tensor known = code.gt(0).logical_and(code.lt(given.cardinalities[q] + 1));
    const at::Tensor row = at::where(known, code, 0).to(at::kLong).add(starts[q]);
    rows.push_back(at::embedding(given.table, row).unsqueeze(1));
  }
  parts.insert(parts.end(), rows.begin(), rows.end());
  return parts.size() == 1 ? parts[0] : at::cat(parts, 1);
}

namespace {

struct EmbeddingFunction : public torch::autograd::Function<EmbeddingFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const std::optional<at::Tensor>& frequencies,
                            const std::optional<at::Tensor>& weight,
                            const std::optional<at::Tensor>& bias,
                            const std::optional<at::Tensor>& table,
                            std::vector<int64_t> cardinalities) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const EmbeddingTensors given = tensors_of(x, frequencies, weight, bias, table, cardinalities);
    auto [out, features] = embed(given, true);
    context->save_for_backward(
        {x, given.frequencies, given.weight, given.bias, given.table, features});
    context->saved_data["cardinalities"] = std::move(cardinalities);
    return out;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    const EmbeddingTensors given{saved[0], saved[1], saved[2], saved[3], saved[4],
                                 context->saved_data["cardinalities"].toIntVector()};
    variable_list results(6);
    if (!grads[0].defined()) return results;
    if (at::GradMode::is_enabled()) {
      results = gradients_of(defined_embedding(given), grads[0],
                             {given.x, given.frequencies, given.weight, given.bias, given.table});
      results.emplace_back();
      return results;
    }
    variable_list computed = embed_backward(given, grads[0], saved[5]);
    std::move(computed.begin(), computed.end(), results.begin() + 1);
    return results;
  }
};

at::Tensor embedding_composite(const at::Tensor& x, const std::optional<at::Tensor>& frequencies,
                               const std::optional<at::Tensor>& weight,
                               const std::optional<at::Tensor>& bias,
                               const std::optional<at::Tensor>& table,
                               at::IntArrayRef cardinalities) {
  return defined_embedding(tensors_of(x, frequencies, weight, bias, table, cardinalities));
}

// Autograd and CPU in one: the operator does not go through the dispatcher twice.
at::Tensor embedding(const at::Tensor& x, const std::optional<at::Tensor>& frequencies,
                     const std::optional<at::Tensor>& weight, const std::optional<at::Tensor>& bias,
                     const std::optional<at::Tensor>& table, at::IntArrayRef cardinalities) {
  const EmbeddingTensors given = tensors_of(x, frequencies, weight, bias, table, cardinalities);
  const bool recorded = at::GradMode::is_enabled();
  if (!goes_to_core({x, given.frequencies, given.weight, given.bias, given.table}) ||
      (recorded && x.requires_grad())) {
    return defined_embedding(given);
  }
  const auto learns = [](const at::Tensor& tensor) {
    return tensor.defined() && tensor.requires_grad();
  };
  if (recorded && (learns(given.frequencies) || learns(given.weight) || learns(given.bias) ||
                   learns(given.table))) {
    return EmbeddingFunction::apply(x, frequencies, weight, bias, table, given.cardinalities);
  }
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return embed(given, false).first;
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_FRAGMENT(qimlp, m) {
  m.def(
      "column_embedding(Tensor x, Tensor? frequencies, Tensor? weight, Tensor? bias, Tensor? table, "
      "int[] cardinalities) -> Tensor");
}

TORCH_LIBRARY_IMPL(qimlp, CPU, m) { m.impl("column_embedding", qimlp::embedding); }

TORCH_LIBRARY_IMPL(qimlp, AutogradCPU, m) { m.impl("column_embedding", qimlp::embedding); }

TORCH_LIBRARY_IMPL(qimlp, CompositeImplicitAutograd, m) {
  m.impl("column_embedding", qimlp::embedding_composite);
}
