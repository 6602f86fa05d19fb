// The operator qimlp::table_network: a whole network for tables as one call and one node. Of a small
// batch, calls of operators and nodes around them take longer than what they compute.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <torch/library.h>

#include "../setting.h"
#include "parts.h"
#include "shared.h"

namespace qimlp {
namespace {

using torch::autograd::variable_list;

constexpr int64_t kAnsweredTogether = 512;  // rows whose states stay in a second-level cache

// The parameters stand in one list: frequencies, weight and bias of the numbers if there are any, the
// categories' table if there are any; left, right and bias of each layer; the head's weight and bias;
// and the weight of a linear model of the numbers and the categories' vectors, if there is one.
struct Network {
  EmbeddingTensors embedding;
  std::vector<at::Tensor> left, right, bias;
  at::Tensor head, head_bias, skip;
  double dropout;
  std::vector<int64_t> seeds;

  Network(const at::Tensor& x, at::TensorList parameters, at::IntArrayRef cardinalities,
          double share, at::IntArrayRef layer_seeds)
      : dropout(share), seeds(layer_seeds.vec()) {
    embedding.x = x;
    embedding.cardinalities = cardinalities.vec();
    const bool numbers = x.dim() == 2 && x.size(1) > static_cast<int64_t>(cardinalities.size());
    const std::size_t needed = (numbers ? 3 : 0) + (cardinalities.empty() ? 0 : 1) + 3 * seeds.size() + 2;
    TORCH_CHECK_VALUE(!seeds.empty() && (parameters.size() == needed || parameters.size() == needed + 1),
                      "qimlp::table_network: expected ", needed, " parameters, or one more for a "
                      "linear model, and a layer at least, got ", parameters.size());
    auto next = parameters.begin();
    if (numbers) {
      embedding.frequencies = *next++;
      embedding.weight = *next++;
      embedding.bias = *next++;
    }
    if (!cardinalities.empty()) embedding.table = *next++;
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      left.push_back(*next++);
      right.push_back(*next++);
      bias.push_back(*next++);
    }
    head = *next++;
    head_bias = *next++;
    if (next != parameters.end()) skip = *next;
  }

  MemberTensors layer(std::size_t i, const at::Tensor& grids) const {
    TORCH_CHECK_VALUE(left[i].dim() == 4 && right[i].dim() == 4,
                      "qimlp::table_network: expected layers of left and right factors of four axes, "
                      "got ", left[i].sizes(), " and ", right[i].sizes());
    const bool residual = grids.size(0) == left[i].size(0) && grids.size(2) == left[i].size(1) &&
                          grids.size(3) == right[i].size(3);
    return {grids, left[i], right[i], bias[i], true, residual, dropout, seeds[i]};
  }

  // What the linear model takes: the numbers and the categories' vectors.
  at::Tensor straight(const at::Tensor& rows) const {
    const int64_t numbers = embedding.numbers();
    const at::Tensor x = embedding.x.narrow(1, 0, numbers);
    return at::cat({x, rows.narrow(1, numbers, rows.size(1) - numbers).flatten(1)}, 1);
  }
};

// What the way back uses: features of the embedding, its vectors, and of each layer its result, slope
// and state.
using Kept = std::vector<at::Tensor>;

at::Tensor compute(const Network& network, Kept* kept) {
  auto [rows, features] = embed(network.embedding, kept != nullptr);
  if (kept != nullptr) *kept = {features, rows};
  at::Tensor grids = rows.unsqueeze(0);
  for (std::size_t i = 0; i < network.seeds.size(); ++i) {
    MemberResults results = apply_members(network.layer(i, grids), kept != nullptr);
    grids = results.y;
    if (kept != nullptr) kept->insert(kept->end(), {results.y, results.slope, results.state});
  }
  const at::Tensor outputs = apply_head(grids.flatten(2), network.head, network.head_bias);
  if (network.skip.defined()) outputs.add_(at::matmul(network.straight(rows), network.skip));
  return outputs;
}

// Rows in parts, so that what lies between the layers stays in cache.
at::Tensor answer(const Network& network) {
  const at::Tensor x = network.embedding.x;
  const int64_t together = kAnsweredTogether * current_setting().threads, rows = x.size(0);
  if (rows <= together) return compute(network, nullptr);
  at::Tensor outputs = at::empty({network.head.size(0), rows, network.head.size(2)}, network.head.options());
  Network part = network;
  for (int64_t first = 0; first < rows; first += together) {
    const int64_t count = rows - first < together ? rows - first : together;
    part.embedding.x = x.narrow(0, first, count);
    outputs.narrow(1, first, count).copy_(compute(part, nullptr));
  }
  return outputs;
}

// Gradients of the parameters, in their order.
variable_list compute_backward(const Network& network, const Kept& kept, const at::Tensor& grad) {
  const std::size_t layers = network.seeds.size();
  const at::Tensor& rows = kept[1];
  const auto result_of = [&](std::size_t i) { return i == 0 ? rows.unsqueeze(0) : kept[3 * i - 1]; };
  variable_list of_head = head_backward(result_of(layers).flatten(2), network.head,
                                        network.head_bias, grad, true);
  std::vector<variable_list> of_layers(layers);
  at::Tensor back = of_head[0].view(result_of(layers).sizes());
  for (std::size_t i = layers; i-- > 0;) {
    of_layers[i] = members_backward(network.layer(i, result_of(i)), back, kept[3 * i + 3],
                                    kept[3 * i + 4], true);
    back = of_layers[i][0];
  }
  back = back.squeeze(0);
  at::Tensor of_skip;
  if (network.skip.defined()) {
    const int64_t numbers = network.embedding.numbers(), categories = rows.size(1) - numbers;
    const at::Tensor sum = grad.sum(0);
    of_skip = at::matmul(network.straight(rows).t(), sum);
    if (categories > 0) {
      const at::Tensor weight = network.skip.narrow(0, numbers, categories * rows.size(2));
      back.narrow(1, numbers, categories)
          .add_(at::matmul(sum, weight.t()).view({rows.size(0), categories, rows.size(2)}));
    }
  }
  const variable_list of_embedding = embed_backward(network.embedding, back, kept[0]);
  variable_list all;
  if (network.embedding.weight.defined()) {
    all.insert(all.end(), of_embedding.begin(), of_embedding.begin() + 3);
  }
  if (network.embedding.table.defined()) all.push_back(of_embedding[3]);
  for (const variable_list& layer : of_layers) all.insert(all.end(), layer.begin() + 1, layer.end());
  all.push_back(of_head[1]);
  all.push_back(of_head[2]);
  if (network.skip.defined()) all.push_back(of_skip);
  return all;
}

// Torch's own operations: derivatives of any order, other devices and types, graphs.
at::Tensor defined_network(const Network& network) {
  const at::Tensor rows = defined_embedding(network.embedding);
  at::Tensor grids = rows.unsqueeze(0);
  for (std::size_t i = 0; i < network.seeds.size(); ++i) grids = defined_layer(network.layer(i, grids));
  const at::Tensor outputs = defined_head(grids.flatten(2), network.head, network.head_bias);
  if (!network.skip.defined()) return outputs;
  return outputs.add(at::matmul(network.straight(rows), network.skip));
}

struct NetworkFunction : public torch::autograd::Function<NetworkFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            at::TensorList parameters, std::vector<int64_t> cardinalities,
                            double dropout, std::vector<int64_t> seeds) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Network network(x, parameters, cardinalities, dropout, seeds);
    Kept kept;
    at::Tensor outputs = compute(network, &kept);
    variable_list saved{x};
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    saved.insert(saved.end(), kept.begin(), kept.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["parameters"] = static_cast<int64_t>(parameters.size());
    context->saved_data["cardinalities"] = std::move(cardinalities);
    context->saved_data["dropout"] = dropout;
    context->saved_data["seeds"] = std::move(seeds);
    return outputs;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    const auto count = static_cast<std::size_t>(context->saved_data["parameters"].toInt());
    const at::TensorList parameters(saved.data() + 1, count);
    const Network network(saved[0], parameters, context->saved_data["cardinalities"].toIntVector(),
                          context->saved_data["dropout"].toDouble(),
                          context->saved_data["seeds"].toIntVector());
    variable_list results(count + 4);
    if (!grads[0].defined()) return results;
    const variable_list found =
        at::GradMode::is_enabled()
            ? gradients_of(defined_network(network), grads[0], parameters.vec())
            : compute_backward(network, Kept(saved.begin() + 1 + static_cast<std::ptrdiff_t>(count), saved.end()),
                               grads[0].contiguous());
    std::copy(found.begin(), found.end(), results.begin() + 1);
    return results;
  }
};

at::Tensor network_composite(const at::Tensor& x, at::TensorList parameters,
                             at::IntArrayRef cardinalities, double dropout, at::IntArrayRef seeds) {
  return defined_network(Network(x, parameters, cardinalities, dropout, seeds));
}

// Autograd and CPU in one: the operator does not go through the dispatcher twice.
at::Tensor network(const at::Tensor& x, at::TensorList parameters, at::IntArrayRef cardinalities,
                   double dropout, at::IntArrayRef seeds) {
  const bool recorded = at::GradMode::is_enabled();
  bool core = goes_to_core({x}) && !(recorded && x.requires_grad());
  for (const at::Tensor& parameter : parameters) core = core && goes_to_core({x, parameter});
  if (!core) return network_composite(x, parameters, cardinalities, dropout, seeds);
  if (recorded && any_requires_grad(parameters)) {
    return NetworkFunction::apply(x, parameters, cardinalities.vec(), dropout, seeds.vec());
  }
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return answer(Network(x, parameters, cardinalities, dropout, seeds));
}

}  // namespace
}  // namespace qimlp

TORCH_LIBRARY_FRAGMENT(qimlp, m) {
  m.def(
      "table_network(Tensor x, Tensor[] parameters, int[] cardinalities, float dropout, int[] seeds) "
      "-> Tensor");
}

TORCH_LIBRARY_IMPL(qimlp, CPU, m) { m.impl("table_network", qimlp::network); }

TORCH_LIBRARY_IMPL(qimlp, AutogradCPU, m) { m.impl("table_network", qimlp::network); }

TORCH_LIBRARY_IMPL(qimlp, CompositeImplicitAutograd, m) {
  m.impl("table_network", qimlp::network_composite);
}
