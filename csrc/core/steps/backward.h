// The whole backward pass: the states once more, then back through the steps. Each task adds up its
// own factor and bias gradients (sums.h); they are added together at the end in the order of the
// tasks.
#pragma once

#include "ahead.h"
#include "gelu.h"
#include "groups.h"
#include "interleave.h"
#include "kind.h"
#include "layer.h"
#include "steps.h"
#include "subnormals.h"
#include "sums.h"

namespace qimlp {
namespace {

template <class K>
struct BackwardJob {
  using Row = typename K::Row;
  using State = typename K::State;
  using Sum = typename K::Sum;
  const Plan* plan;
  const Backward<Row>* call;
  Index tasks, group;
  bool fetches_ahead;
  State* packed_forward[kMaxFactors];  // room for them where a step wants them packed
  State* packed_backward[kMaxFactors];
  const State* factors_forward[kMaxFactors];  // as the steps want them
  const State* factors_backward[kMaxFactors];
  // For each task after the first, which adds straight to the outputs: factor gradients one after
  // the other, then the bias gradient.
  Sum* sums;
  Index sums_size, factor_sums[kMaxFactors], bias_sum;
  double* totals;  // of every task, laid out as its sums; null where no task has to carry
  // For each task, in bytes: the states, two buffers for their gradients, what a step works in; a
  // group's input, gradient and result where the rows themselves do not do; the gradient before GELU.
  char* scratch;
  Index scratch_size, states[kMaxFactors], gradients[2], room, x, grad, grad_x, before_gelu;

  template <class T = State>
  T* at(Index t, Index offset) const {
    return reinterpret_cast<T*>(scratch + t * scratch_size + offset);
  }
};

template <class K>
Index lay_out_backward(const Plan& plan, Index batch, Index tasks, Parts parts, void* memory,
                       BackwardJob<K>* job) {
  using Row = typename K::Row;
  using State = typename K::State;
  using Sum = typename K::Sum;
  Arena arena(memory);
  const int last = plan.steps - 1;
  const Index largest = largest_state(plan);
  Index all_states = 0, room = 0;
  const bool factors = parts.factors, again = factors && !parts.state;
  for (int i = 0; i < last; ++i) all_states += plan.step[i].copies * plan.step[i].out_size();
  for (int i = 0; i <= last; ++i) {
    const Step& s = plan.step[i];
    for (const Index needed : {again && i < last ? forward_room<State>(s) : 0,
                               backward_room<State>(s), factors ? gradient_room<State>(s) : 0}) {
      if (needed > room) room = needed;
    }
  }
  const Index per_item = plan.side * (2 * plan.in_features + plan.out_features) +
                         (factors ? all_states : 0) + 2 * largest + room +
                         (parts.slope ? plan.side * plan.out_features : 0);
  job->tasks = tasks;
  job->group = group_size(plan, per_item * static_cast<Index>(sizeof(State)), kBackwardGroupBytes,
                          batch, tasks);

  for (int i = 0; i <= last; ++i) {
    const Step& s = plan.step[i];
    const Index forward = again && i < last ? forward_size<State>(s) : 0;
    const Index backward = backward_size<State>(s);
    job->packed_forward[i] = forward > 0 ? arena.take<State>(forward) : nullptr;
    job->packed_backward[i] = backward > 0 ? arena.take<State>(backward) : nullptr;
  }

  Index size = 0;
  for (int i = 0; i <= last && factors; ++i) {
    const Step& s = plan.step[i];
    job->factor_sums[s.factor] = size;
    size += round_to_vectors<Sum>(s.weight_size());
  }
  job->bias_sum = size;
  if (parts.bias) size += round_to_vectors<Sum>(plan.out_features);
  job->sums_size = size;
  job->sums = arena.take<Sum>((tasks - 1) * size);
  const bool carries = (batch + tasks - 1) / tasks > kMostAdded;
  job->totals = carries ? arena.take<double>(tasks * size) : nullptr;

  size = 0;
  for (int i = 0; i < last && again; ++i) {
    job->states[i] = size;
    size += buffer_bytes<State>(job->group * plan.step[i].copies * plan.step[i].out_size());
  }
  for (Index& gradient : job->gradients) {
    gradient = size;
    size += buffer_bytes<State>(job->group * largest);
  }
  job->room = size;
  size += buffer_bytes<State>(job->group * room);
  const auto rows = [&](Index features) {
    return buffer_bytes<State>(room_size<State, Row>(plan, job->group, features));
  };
  job->x = size;
  job->grad_x = job->x + rows(plan.in_features);
  job->grad = job->grad_x + rows(plan.in_features);
  job->before_gelu = job->grad + rows(plan.out_features);
  size = job->before_gelu +
         (parts.slope ? buffer_bytes<State>(job->group * plan.side * plan.out_features) : 0);
  job->scratch_size = size;
  job->scratch = arena.take<char>(tasks * size);
  return arena.used();
}

// Where task t adds up the gradient of a factor.
template <class K>
typename K::Sum* factor_sum(const BackwardJob<K>& job, Index t, int factor) {
  return t == 0 ? job.call->grad_factors[factor]
                : job.sums + (t - 1) * job.sums_size + job.factor_sums[factor];
}

template <class K>
typename K::Sum* bias_sum(const BackwardJob<K>& job, Index t) {
  return t == 0 ? job.call->grad_bias : job.sums + (t - 1) * job.sums_size + job.bias_sum;
}

// Everything that a task adds up over the batch: `visit(count, sum, offset)`, where `offset` is its
// place among the task's sums, and its totals.
template <class K, class Visit>
void each_sum(const BackwardJob<K>& job, Index t, const Visit& visit) {
  if (job.call->grad_factors[0] != nullptr) {
    for (int i = 0; i < job.plan->steps; ++i) {
      const Step& s = job.plan->step[i];
      visit(s.weight_size(), factor_sum(job, t, s.factor), job.factor_sums[s.factor]);
    }
  }
  if (job.call->grad_bias != nullptr) {
    visit(job.plan->out_features, bias_sum(job, t), job.bias_sum);
  }
}

// `use(rows)` with the gradient of the layer's own rows: what GELU passes on, or as given.
template <class K, class Use>
auto with_grad_rows(const BackwardJob<K>& job, Index t, Index first, Index samples,
                    const Use& use) {
  const Backward<typename K::Row>& call = *job.call;
  const Index offset = first * job.plan->out_features, count = samples * job.plan->out_features;
  if (call.slope == nullptr) return use(call.grad + offset);
  auto* const before_gelu = job.at(t, job.before_gelu);
  multiply(count, call.grad + offset, call.slope + offset, before_gelu);
  return use(static_cast<const typename K::State*>(before_gelu));
}

template <class K>
void backward_group(const BackwardJob<K>& job, Index t, Index first, Index samples, Ahead* ahead) {
  using Row = typename K::Row;
  using State = typename K::State;
  const Plan& plan = *job.plan;
  const Backward<Row>& call = *job.call;
  const int last = plan.steps - 1;
  const Index items = plan.items(samples);
  const bool factors = call.grad_factors[0] != nullptr;
  State* const room = job.at(t, job.room);
  const State* x = nullptr;
  if (factors) {
    x = taken_in(plan, samples, plan.in_features, call.x + first * plan.in_features,
                 job.at(t, job.x));
  }
  const State* grad = with_grad_rows(job, t, first, samples, [&](const auto* rows) {
    if (call.grad_bias != nullptr) add_rows(samples, plan.out_features, rows, bias_sum(job, t));
    return taken_in(plan, samples, plan.out_features, rows, job.at(t, job.grad));
  });
  Row* grad_x = call.grad_x == nullptr ? nullptr : call.grad_x + first * plan.in_features;

  // The states, as kept or once more, from the input up to the last step's input.
  const State* in[kMaxFactors];
  Index in_copy[kMaxFactors];
  in[0] = x;
  in_copy[0] = 0;
  if (call.state != nullptr) {
    in[1] = static_cast<const State*>(call.state) + first * plan.state_size();
    in_copy[1] = plan.step[0].copy_stride;  // copies side by side, or one
  }
  const typename K::Sum* const no_bias = nullptr;
  for (int i = 0; i < last && factors && call.state == nullptr; ++i) {
    const Step& s = plan.step[i];
    State* out = job.at(t, job.states[i]);
    const Index out_copy = s.out_copy(items);
    step_forward(s, false, items, job.factors_forward[i], in[i], in_copy[i], out, out_copy, no_bias,
                 0, room, ahead);
    in[i + 1] = out;
    in_copy[i + 1] = out_copy;
  }

  Index grad_copy = 0;
  for (int i = last; i >= 0; --i) {
    const Step& s = plan.step[i];
    if (factors) {
      step_factor_gradient(s, items, in[i], in_copy[i], grad, grad_copy,
                           factor_sum(job, t, s.factor), room, ahead);
    }
    if (i == 0 && call.grad_x == nullptr) break;
    State* grad_in = i == 0 ? left_in(plan, grad_x, job.at(t, job.grad_x))
                            : job.at(t, job.gradients[i % 2]);
    const Index grad_in_copy = i == 0 ? 0 : plan.step[i - 1].out_copy(items);
    step_backward(s, i == 0, items, job.factors_backward[i], grad, grad_copy, grad_in, grad_in_copy,
                  room, ahead);
    grad = grad_in;
    grad_copy = grad_in_copy;
  }
  if (grad_x != nullptr) give_back(plan, samples, plan.in_features, grad, grad_x);
}

template <class K>
void backward_task(void* context, Index t) {
  const FlushSubnormals flush;
  const TaskScope<typename K::State> scope;
  const BackwardJob<K>& job = *static_cast<const BackwardJob<K>*>(context);
  const Plan& plan = *job.plan;
  const Backward<typename K::Row>& call = *job.call;
  double* const totals = job.totals == nullptr ? nullptr : job.totals + t * job.sums_size;
  each_sum(job, t, [&](Index count, auto* sum, Index offset) {
    fill_zero(sum, count);
    if (totals != nullptr) fill_zero(totals + offset, count);
  });
  Index added = 0;
  const bool factors = call.grad_factors[0] != nullptr;
  Ahead ahead;
  const Index most = job.group * plan.side;
  const Index until = task_begin(call.batch, job.tasks, t + 1);
  for (Index first = task_begin(call.batch, job.tasks, t); first < until; first += most) {
    const Index samples = until - first < most ? until - first : most;
    if (factors || call.grad_x != nullptr) {
      Ahead* fetched = nullptr;
      if (job.fetches_ahead) {
        fetched = &ahead;
        const Index next = until - first - samples < samples ? until - first - samples : samples;
        const Index ways = (factors ? 2 : 0) + (call.grad_x != nullptr ? 1 : 0);
        ahead.restart(ways * count_blocks<typename K::Sum>(plan, plan.items(samples)));
        if (call.grad_x != nullptr) {
          ahead.add(call.grad_x + first * plan.in_features, samples * plan.in_features, true);
        }
        ahead.add(call.grad + (first + samples) * plan.out_features, next * plan.out_features,
                  false);
        if (factors) {
          ahead.add(call.x + (first + samples) * plan.in_features, next * plan.in_features, false);
        }
      }
      backward_group(job, t, first, samples, fetched);
    } else {
      with_grad_rows(job, t, first, samples, [&](const auto* rows) {
        add_rows(samples, plan.out_features, rows, bias_sum(job, t));
      });
    }
    added += samples;
    if (totals != nullptr && (added + most > kMostAdded || first + samples == until)) {
      each_sum(job, t, [&](Index count, auto* sum, Index offset) {
        carry(count, sum, totals + offset);
      });
      added = 0;
    }
  }
}

template <class K>
Index backward_bytes(const Plan& plan, Index batch, Index tasks, Parts parts) {
  BackwardJob<K> job;
  return lay_out_backward<K>(plan, batch, tasks, parts, nullptr, &job);
}

template <class K>
void backward(const Plan& plan, const Backward<typename K::Row>& call, Index tasks, void* memory,
              RunTasks run) {
  using Sum = typename K::Sum;
  BackwardJob<K> job;
  const bool factors = call.grad_factors[0] != nullptr;
  const Parts parts{factors, call.grad_bias != nullptr, call.slope != nullptr,
                    call.state != nullptr};
  lay_out_backward<K>(plan, call.batch, tasks, parts, memory, &job);
  job.plan = &plan;
  job.call = &call;
  job.fetches_ahead = qimlp::fetches_ahead<typename K::Row>(plan, call.batch);
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    if (factors && !parts.state && i + 1 < plan.steps) {
      job.factors_forward[i] = forward_factor(s, call.factors, job.packed_forward[i]);
    }
    if (call.grad_x != nullptr || (factors && i > 0)) {
      job.factors_backward[i] = backward_factor(s, call.factors, job.packed_backward[i]);
    }
  }
  run(tasks, backward_task<K>, &job);
  // In the order of the tasks: the same bits every time.
  if (job.totals != nullptr) {
    each_sum(job, 0, [&](Index count, Sum* result, Index offset) {
      add_totals(count, tasks, job.totals + offset, job.sums_size, result);
    });
    return;
  }
  for (Index t = 1; t < tasks; ++t) {
    each_sum(job, 0, [&](Index count, Sum* result, Index offset) {
      add_rows(1, count, job.sums + (t - 1) * job.sums_size + offset, result);
    });
  }
}

}  // namespace
}  // namespace qimlp
