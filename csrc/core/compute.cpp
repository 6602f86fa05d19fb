#include "compute.h"

#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "convert.h"
#include "plan.h"

namespace qimlp {
namespace {

constexpr std::align_val_t kAlignment{64};

struct Release {
  void operator()(char* memory) const { ::operator delete(memory, kAlignment); }
};
using Memory = std::unique_ptr<char, Release>;

Memory allocate(Index bytes, bool poison) {
  const std::size_t size = static_cast<std::size_t>(bytes);
  Memory memory(static_cast<char*>(::operator new(size, kAlignment)));
  if (poison) std::memset(memory.get(), 0xff, size);  // every float and double is then a NaN
  return memory;
}

Index count_tasks(const Plan& plan, Index batch, Index item_work, const Setting& setting) {
  Index tasks = plan.items(batch) * item_work / setting.work_per_task;
  if (tasks > setting.threads) tasks = setting.threads;
  if (tasks > batch) tasks = batch;
  return tasks < 1 ? 1 : tasks;
}

// The factors that the engine sees: those given, or products of neighbours.
template <class T>
class UsedFactors {
 public:
  UsedFactors(const Layer<T>& layer, Index batch, Index side, Index lanes) {
    const int count = static_cast<int>(layer.groups.size());
    const bool add_copies = count == 1;  // a single factor left is the whole weight
    Index in_dims[kMaxFactors], out_dims[kMaxFactors];
    merges_.resize(static_cast<std::size_t>(count));
    const Factor<T>* next = layer.factors.data();
    for (int g = 0; g < count; ++g) {
      const int size = layer.groups[static_cast<std::size_t>(g)];
      if (size == 1 && !(add_copies && layer.copies > 1)) {
        values[g] = next->values;
        out_dims[g] = next->n_out;
        in_dims[g] = next->n_in;
      } else {
        auto& merge = merges_[static_cast<std::size_t>(g)];
        merge = std::make_unique<Merge<T>>(next, size, layer.copies, add_copies);
        values[g] = merge->values();
        out_dims[g] = merge->n_out();
        in_dims[g] = merge->n_in();
      }
      next += size;
    }
    copies = add_copies ? 1 : layer.copies;
    plan = make_plan(count, copies, in_dims, out_dims, batch, side, lanes);
  }

  const T* values[kMaxFactors];
  Plan plan;
  Index copies;

  const Merge<T>* merge(int group) const { return merges_[static_cast<std::size_t>(group)].get(); }

 private:
  std::vector<std::unique_ptr<Merge<T>>> merges_;
};

// A layer in the type that it is computed in: converted once, or the one given.
template <class S>
class WideLayer {
  using T = Computed<S>;

 public:
  explicit WideLayer(const Layer<S>& layer) {
    if constexpr (kConverts<S>) {
      converted_.copies = layer.copies;
      converted_.groups = layer.groups;
      for (const Factor<S>& factor : layer.factors) {
        const Index size = layer.copies * factor.n_out * factor.n_in;
        values_.emplace_back(static_cast<std::size_t>(size));
        convert(size, factor.values, values_.back().data());
        converted_.factors.push_back({values_.back().data(), factor.n_out, factor.n_in});
      }
    } else {
      layer_ = &layer;
    }
  }

  const Layer<T>& operator*() const {
    if constexpr (kConverts<S>) {
      return converted_;
    } else {
      return *layer_;
    }
  }

 private:
  const Layer<S>* layer_ = nullptr;
  Layer<T> converted_;
  std::vector<std::vector<T>> values_;
};

// Sums in the type computed in, for results that are to be stored in another one.
template <class S>
class WideSums {
  using T = Computed<S>;

 public:
  // Where to compute `results`, which `store` writes; null stays null.
  T* add(Index size, S* results) {
    if constexpr (kConverts<S>) {
      if (results == nullptr) return nullptr;
      sums_.emplace_back(std::vector<T>(static_cast<std::size_t>(size)), results);
      return sums_.back().first.data();
    } else {
      return results;
    }
  }

  void store() const {
    if constexpr (kConverts<S>) {
      for (const auto& [sums, results] : sums_) {
        convert(static_cast<Index>(sums.size()), sums.data(), results);
      }
    }
  }

 private:
  std::vector<std::pair<std::vector<T>, S*>> sums_;
};

}  // namespace

template <class S>
void compute_forward(const Layer<S>& layer, Index batch, const S* x, const S* bias, S* y,
                     const Setting& setting) {
  if (batch == 0) return;
  const Engine<S>& engine = qimlp::engine<S>(setting.instructions);
  const WideLayer<S> wide(layer);
  const UsedFactors<Computed<S>> used(*wide, batch, kConverts<S> ? 1 : engine.lanes, engine.lanes);
  std::vector<Computed<S>> wide_bias;
  if (kConverts<S> && bias != nullptr) {
    wide_bias.resize(static_cast<std::size_t>(used.plan.out_features));
  }
  Forward<S> call{};
  call.x = x;
  call.bias = bias == nullptr ? nullptr : widened(used.plan.out_features, bias, wide_bias.data());
  call.y = y;
  call.batch = batch;
  for (int i = 0; i < used.plan.steps; ++i) call.factors[i] = used.values[i];
  const Index tasks = count_tasks(used.plan, batch, lane_work(used.plan, engine.lanes), setting);
  const Memory memory =
      allocate(engine.forward_bytes(used.plan, batch, tasks, bias != nullptr), setting.poison);
  engine.forward(used.plan, call, tasks, memory.get(), setting.run_tasks);
}

template <class S>
void compute_backward(const Layer<S>& layer, Index batch, const S* grad, const S* x, S* grad_x,
                      const std::vector<S*>& grad_factors, S* grad_bias, const Setting& setting) {
  using T = Computed<S>;
  const bool factors = !grad_factors.empty();
  if (!factors && grad_x == nullptr && grad_bias == nullptr) return;
  const Engine<S>& engine = qimlp::engine<S>(setting.instructions);
  const WideLayer<S> wide(layer);
  const UsedFactors<T> used(*wide, batch, kConverts<S> ? 1 : engine.lanes, engine.lanes);
  const Plan& plan = used.plan;
  Backward<S> call{};
  call.grad = grad;
  call.x = x;
  call.grad_x = grad_x;
  call.batch = batch;
  WideSums<S> sums;
  call.grad_bias = sums.add(plan.out_features, grad_bias);
  std::vector<T*> factor_sums;
  for (std::size_t f = 0; f < grad_factors.size(); ++f) {
    const Factor<S>& factor = layer.factors[f];
    factor_sums.push_back(sums.add(layer.copies * factor.n_out * factor.n_in, grad_factors[f]));
  }

  std::vector<T> merged_gradients[kMaxFactors];
  std::size_t next = 0;
  for (int i = 0; i < plan.steps; ++i) {
    call.factors[i] = used.values[i];
    if (factors && used.merge(i) != nullptr) {
      const Merge<T>& merge = *used.merge(i);
      merged_gradients[i].resize(
          static_cast<std::size_t>(used.copies * merge.n_out() * merge.n_in()));
      call.grad_factors[i] = merged_gradients[i].data();
    } else if (factors) {
      call.grad_factors[i] = factor_sums[next];
    }
    next += static_cast<std::size_t>(layer.groups[static_cast<std::size_t>(i)]);
  }

  const Index tasks = count_tasks(plan, batch, 3 * lane_work(plan, engine.lanes), setting);
  const Memory memory = allocate(
      engine.backward_bytes(plan, batch, tasks, factors, grad_bias != nullptr), setting.poison);
  engine.backward(plan, call, tasks, memory.get(), setting.run_tasks);

  next = 0;
  for (int i = 0; i < plan.steps && factors; ++i) {
    if (used.merge(i) != nullptr) {
      used.merge(i)->backward(merged_gradients[i].data(), factor_sums.data() + next);
    }
    next += static_cast<std::size_t>(layer.groups[static_cast<std::size_t>(i)]);
  }
  sums.store();
}

template void compute_forward<float>(const Layer<float>&, Index, const float*, const float*, float*,
                                     const Setting&);
template void compute_forward<double>(const Layer<double>&, Index, const double*, const double*,
                                      double*, const Setting&);
template void compute_forward<BFloat16>(const Layer<BFloat16>&, Index, const BFloat16*,
                                         const BFloat16*, BFloat16*, const Setting&);
template void compute_backward<float>(const Layer<float>&, Index, const float*, const float*,
                                      float*, const std::vector<float*>&, float*, const Setting&);
template void compute_backward<double>(const Layer<double>&, Index, const double*, const double*,
                                       double*, const std::vector<double*>&, double*,
                                       const Setting&);
template void compute_backward<BFloat16>(const Layer<BFloat16>&, Index, const BFloat16*,
                                         const BFloat16*, BFloat16*, const std::vector<BFloat16*>&,
                                         BFloat16*, const Setting&);

}  // namespace qimlp
