#include "compute.h"

#include <memory>
#include <utility>

#include "convert.h"
#include "effective_factors.h"
#include "plan.h"
#include "workspace.h"

namespace qimlp {
namespace {

Index count_tasks(const Plan& plan, Index batch, Index item_work, const Setting& setting) {
  Index tasks = plan.items(batch) * item_work / setting.work_per_task;
  if (tasks > setting.threads) tasks = setting.threads;
  if (tasks > batch) tasks = batch;
  return tasks < 1 ? 1 : tasks;
}

// A layer in the type that it is computed in: converted once, or the one given. With `as_given`
// factors that go in as they are stay out of it.
template <class S>
class WideLayer {
  using T = Computed<S>;

 public:
  WideLayer(const Layer<S>& layer, const Engine<S>& engine, bool as_given) {
    if constexpr (kConverts<S>) {
      converted_.copies = layer.copies;
      converted_.groups = layer.groups;
      std::size_t next = 0;
      for (const int size : layer.groups) {
        const bool merged = is_merged(layer, size);
        for (int i = 0; i < size; ++i, ++next) {
          const Factor<S>& factor = layer.factors[next];
          const T* values = nullptr;
          if (merged || !as_given) {
            const Index count = layer.copies * factor.n_out * factor.n_in;
            values_.emplace_back(new T[static_cast<std::size_t>(count)]);
            engine.widen(count, factor.values, values_.back().get());
            values = values_.back().get();
          }
          converted_.factors.push_back({values, factor.n_out, factor.n_in});
        }
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
  std::vector<std::unique_ptr<T[]>> values_;
};

// The factors as an engine takes them.
template <class S>
Factors<S> factors_of(const Layer<S>& layer, const UsedFactors<Computed<S>>& used) {
  Factors<S> factors{};
  std::size_t next = 0;
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    factors.values[g] = used.values[g];
    if (used.merge(static_cast<int>(g)) == nullptr) factors.as_given[g] = layer.factors[next].values;
    next += static_cast<std::size_t>(layer.groups[g]);
  }
  return factors;
}

// Sums in the type computed in, for results that are to be stored in another one.
template <class S>
class WideSums {
  using T = Computed<S>;

 public:
  explicit WideSums(const Engine<S>& engine) : engine_(engine) {}

  // Where to compute `results`, which `store` writes; null stays null.
  T* add(Index size, S* results) {
    if constexpr (kConverts<S>) {
      if (results == nullptr) return nullptr;
      sums_.push_back({std::unique_ptr<T[]>(new T[static_cast<std::size_t>(size)]), size, results});
      return sums_.back().values.get();
    } else {
      return results;
    }
  }

  void store() const {
    if constexpr (kConverts<S>) {
      for (const Sum& sum : sums_) engine_.narrow(sum.size, sum.values.get(), sum.results);
    }
  }

 private:
  struct Sum {
    std::unique_ptr<T[]> values;
    Index size;
    S* results;
  };
  const Engine<S>& engine_;
  std::vector<Sum> sums_;
};

}  // namespace

template <class S>
KeptState kept_state(const Layer<S>& layer, Index batch, const Setting& setting) {
  const Engine<S>& engine = qimlp::engine<S>(setting.instructions);
  const Plan plan = plan_of(layer, batch, engine.lanes);
  const Index size = batch * plan.state_size();
  const bool as_rows = plan.takes_pairs(engine.lanes);
  const auto bytes = static_cast<Index>(as_rows ? sizeof(S) : sizeof(Computed<S>));
  return {size * bytes <= kMostStateBytes ? size : 0, as_rows};
}

template <class S>
void compute_forward(const Layer<S>& layer, Index batch, const S* x, const S* bias, bool gelu, S* y,
                     const Kept<S*, void*>& kept, const Setting& setting) {
  if (batch == 0) return;
  const Engine<S>& engine = qimlp::engine<S>(setting.instructions);
  const Plan plan = plan_of(layer, batch, engine.lanes);
  const WideLayer<S> wide(layer, engine, plan.takes_pairs(engine.lanes));
  const UsedFactors<Computed<S>> used(*wide);
  Forward<S> call{};
  call.x = x;
  std::vector<Computed<S>> wide_bias;
  if constexpr (kConverts<S>) {
    if (bias != nullptr) {
      wide_bias.resize(static_cast<std::size_t>(plan.out_features));
      engine.widen(plan.out_features, bias, wide_bias.data());
      call.bias = wide_bias.data();
    }
  } else {
    call.bias = bias;
  }
  call.y = y;
  call.gelu = gelu;
  call.slope = kept.slope;
  call.state = kept.state;
  call.batch = batch;
  call.factors = factors_of(layer, used);
  const Index tasks = count_tasks(plan, batch, lane_work(plan, engine.lanes), setting);
  const Workspace workspace(engine.forward_bytes(plan, batch, tasks, bias != nullptr),
                            setting.poison);
  engine.forward(plan, call, tasks, workspace.memory(), setting.run_tasks);
}

template <class S>
void compute_backward(const Layer<S>& layer, Index batch, const S* grad, const S* x,
                      const Kept<const S*, const void*>& kept, S* grad_x,
                      const std::vector<S*>& grad_factors, S* grad_bias, const Setting& setting) {
  using T = Computed<S>;
  const bool factors = !grad_factors.empty();
  if (!factors && grad_x == nullptr && grad_bias == nullptr) return;
  const Engine<S>& engine = qimlp::engine<S>(setting.instructions);
  const Plan plan = plan_of(layer, batch, engine.lanes);
  const WideLayer<S> wide(layer, engine, plan.takes_pairs(engine.lanes));
  const UsedFactors<T> used(*wide);
  Backward<S> call{};
  call.grad = grad;
  call.slope = kept.slope;
  call.x = x;
  call.state = kept.state;
  call.factors = factors_of(layer, used);
  call.grad_x = grad_x;
  call.batch = batch;
  WideSums<S> sums(engine);
  call.grad_bias = sums.add(plan.out_features, grad_bias);
  std::vector<T*> factor_sums;
  for (std::size_t f = 0; f < grad_factors.size(); ++f) {
    const Factor<S>& factor = layer.factors[f];
    factor_sums.push_back(sums.add(layer.copies * factor.n_out * factor.n_in, grad_factors[f]));
  }

  std::vector<T> merged_gradients[kMaxFactors];
  std::size_t next = 0;
  for (int i = 0; i < plan.steps; ++i) {
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
  const Parts parts{factors, grad_bias != nullptr, kept.slope != nullptr, kept.state != nullptr};
  const Workspace workspace(engine.backward_bytes(plan, batch, tasks, parts), setting.poison);
  engine.backward(plan, call, tasks, workspace.memory(), setting.run_tasks);

  next = 0;
  for (int i = 0; i < plan.steps && factors; ++i) {
    if (used.merge(i) != nullptr) {
      used.merge(i)->backward(merged_gradients[i].data(), factor_sums.data() + next);
    }
    next += static_cast<std::size_t>(layer.groups[static_cast<std::size_t>(i)]);
  }
  sums.store();
}

#define QIMLP_INSTANTIATE(S)                                                                       \
  template KeptState kept_state<S>(const Layer<S>&, Index, const Setting&);                        \
  template void compute_forward<S>(const Layer<S>&, Index, const S*, const S*, bool, S*,           \
                                   const Kept<S*, void*>&, const Setting&);                        \
  template void compute_backward<S>(const Layer<S>&, Index, const S*, const S*,                    \
                                    const Kept<const S*, const void*>&, S*,                        \
                                    const std::vector<S*>&, S*, const Setting&);
QIMLP_INSTANTIATE(float)
QIMLP_INSTANTIATE(double)
QIMLP_INSTANTIATE(BFloat16)
#undef QIMLP_INSTANTIATE

}  // namespace qimlp
