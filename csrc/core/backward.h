// The whole backward pass: the states once more, then back through the steps. Each task adds up its
// own factor and bias gradients (sums.h); they are added together at the end in the order of the
// tasks.
#pragma once

#include "ahead.h"
#include "gelu.h"
#include "groups.h"
#include "interleave.h"
#include "layer.h"
#include "steps.h"
#include "subnormals.h"
#include "sums.h"

namespace qimlp {
namespace {

template <class S>
struct BackwardJob {
  using T = Computed<S>;
  const Plan* plan;
  const Backward<S>* call;
  Index tasks, group;
  bool fetches_ahead;
  T* packed_forward[kMaxFactors];
  T* packed_backward[kMaxFactors];
  // For each task after the first, which adds straight to the outputs: factor gradients one after
  // the other, then the bias gradient.
  T* sums;
  Index sums_size, factor_sums[kMaxFactors], bias_sum;
  double* totals;  // of every task, laid out as its sums; null where no task has to carry
  // For each task: the states, two buffers for their gradients, a transposed state; a group's
  // input, gradient and result where the rows themselves do not do; the gradient before GELU.
  T* scratch;
  Index scratch_size, states[kMaxFactors], gradients[2], transposed, x, grad, grad_x, before_gelu;
};

template <class S>
Index lay_out_backward(const Plan& plan, Index batch, Index tasks, Parts parts, void* memory,
                       BackwardJob<S>* job) {
  using T = Computed<S>;
  Arena arena(memory);
  const int last = plan.steps - 1;
  const Index largest = largest_state(plan);
  Index all_states = 0;
  const bool factors = parts.factors, again = factors && !parts.state;
  for (int i = 0; i < last; ++i) all_states += plan.step[i].copies * plan.step[i].out_size();
  Index transposed = 0;
  for (int i = 0; i <= last && factors; ++i) {
    if (!transposes_input<T>(plan.step[i])) continue;
    const Index needed = transposed_size<T>(plan.step[i]);
    if (needed > transposed) transposed = needed;
  }
  const Index per_item = plan.side * (2 * plan.in_features + plan.out_features) +
                         (factors ? all_states : 0) + 2 * largest + transposed +
                         (parts.slope ? plan.side * plan.out_features : 0);
  job->tasks = tasks;
  job->group =
      group_size(plan, per_item * static_cast<Index>(sizeof(T)), kBackwardGroupBytes, batch, tasks);

  for (int i = 0; i <= last; ++i) {
    const Step& s = plan.step[i];
    const bool forward = s.row && again && i < last;
    job->packed_forward[i] = forward ? arena.take<T>(packed_size<T>(s, true)) : nullptr;
    job->packed_backward[i] = s.row ? arena.take<T>(packed_size<T>(s, false)) : nullptr;
  }

  Index size = 0;
  for (int i = 0; i <= last && factors; ++i) {
    const Step& s = plan.step[i];
    job->factor_sums[s.factor] = size;
    size += round_to_vectors<T>(s.weight_size());
  }
  job->bias_sum = size;
  if (parts.bias) size += round_to_vectors<T>(plan.out_features);
  job->sums_size = size;
  job->sums = arena.take<T>((tasks - 1) * size);
  const bool carries = (batch + tasks - 1) / tasks > kMostAdded;
  job->totals = carries ? arena.take<double>(tasks * size) : nullptr;

  size = 0;
  for (int i = 0; i < last && again; ++i) {
    job->states[i] = size;
    size += buffer_size<T>(job->group * plan.step[i].copies * plan.step[i].out_size());
  }
  for (Index& gradient : job->gradients) {
    gradient = size;
    size += buffer_size<T>(job->group * largest);
  }
  job->transposed = size;
  size += buffer_size<T>(job->group * transposed);
  const Index inputs = buffer_size<T>(room_size<S>(plan, job->group, plan.in_features));
  const Index outputs = buffer_size<T>(room_size<S>(plan, job->group, plan.out_features));
  job->x = size;
  job->grad_x = job->x + inputs;
  job->grad = job->grad_x + inputs;
  job->before_gelu = job->grad + outputs;
  size = job->before_gelu +
         (parts.slope ? buffer_size<T>(job->group * plan.side * plan.out_features) : 0);
  job->scratch_size = size;
  job->scratch = arena.take<T>(tasks * size);
  return arena.used();
}

// Where task t adds up the gradient of a factor.
template <class S>
Computed<S>* factor_sum(const BackwardJob<S>& job, Index t, int factor) {
  return t == 0 ? job.call->grad_factors[factor]
                : job.sums + (t - 1) * job.sums_size + job.factor_sums[factor];
}

template <class S>
Computed<S>* bias_sum(const BackwardJob<S>& job, Index t) {
  return t == 0 ? job.call->grad_bias : job.sums + (t - 1) * job.sums_size + job.bias_sum;
}

// Everything that a task adds up over the batch: `visit(count, sum, offset)`, where `offset` is its
// place among the task's sums, and its totals.
template <class S, class Visit>
void each_sum(const BackwardJob<S>& job, Index t, const Visit& visit) {
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

// The gradient of the layer's own rows in the type computed in: what GELU passes on, or as given.
template <class S>
const Computed<S>* grad_rows(const BackwardJob<S>& job, Index t, Index first, Index samples) {
  const Backward<S>& call = *job.call;
  const Index offset = first * job.plan->out_features, count = samples * job.plan->out_features;
  Computed<S>* scratch = job.scratch + t * job.scratch_size;
  if (call.slope == nullptr) return widened(count, call.grad + offset, scratch + job.grad);
  multiply(count, call.grad + offset, call.slope + offset, scratch + job.before_gelu);
  return scratch + job.before_gelu;
}

template <class S>
void backward_group(const BackwardJob<S>& job, Index t, Index first, Index samples, Ahead* ahead) {
  using T = Computed<S>;
  const Plan& plan = *job.plan;
  const Backward<S>& call = *job.call;
  const int last = plan.steps - 1;
  const Index items = plan.items(samples);
  const bool factors = call.grad_factors[0] != nullptr;
  T* scratch = job.scratch + t * job.scratch_size;
  const T* x = nullptr;
  if (factors) {
    x = taken_in(plan, samples, plan.in_features, call.x + first * plan.in_features,
                 scratch + job.x);
  }
  const T* rows = grad_rows(job, t, first, samples);
  const T* grad = taken_in(plan, samples, plan.out_features, rows, scratch + job.grad);
  S* grad_x = call.grad_x == nullptr ? nullptr : call.grad_x + first * plan.in_features;

  // The states, as kept or once more, from the input up to the last step's input.
  const T* in[kMaxFactors];
  Index in_copy[kMaxFactors];
  in[0] = x;
  in_copy[0] = 0;
  if (call.state != nullptr) {
    in[1] = call.state + first * plan.state_size();
    in_copy[1] = plan.step[0].copy_stride;  // copies side by side, or one
  }
  for (int i = 0; i < last && factors && call.state == nullptr; ++i) {
    const Step& s = plan.step[i];
    T* out = scratch + job.states[i];
    const Index out_copy = s.out_copy(items);
    step_forward<T>(s, false, items, call.factors[s.factor], job.packed_forward[i], in[i],
                    in_copy[i], out, out_copy, nullptr, 0, ahead);
    in[i + 1] = out;
    in_copy[i + 1] = out_copy;
  }

  if (call.grad_bias != nullptr) add_rows(samples, plan.out_features, rows, bias_sum(job, t));
  Index grad_copy = 0;
  for (int i = last; i >= 0; --i) {
    const Step& s = plan.step[i];
    if (factors) {
      step_factor_gradient<T>(s, items, in[i], in_copy[i], grad, grad_copy,
                              scratch + job.transposed, factor_sum(job, t, s.factor), ahead);
    }
    if (i == 0 && call.grad_x == nullptr) break;
    T* grad_in = i == 0 ? left_in(plan, grad_x, scratch + job.grad_x) : scratch + job.gradients[i % 2];
    const Index grad_in_copy = i == 0 ? 0 : plan.step[i - 1].out_copy(items);
    step_backward<T>(s, i == 0, items, call.factors[s.factor], job.packed_backward[i], grad,
                     grad_copy, grad_in, grad_in_copy, ahead);
    grad = grad_in;
    grad_copy = grad_in_copy;
  }
  if (grad_x != nullptr) {
    give_back(plan, samples, plan.in_features, scratch + job.grad_x, grad_x);
  }
}

template <class S>
void backward_task(void* context, Index t) {
  const FlushSubnormals flush;
  const BackwardJob<S>& job = *static_cast<const BackwardJob<S>*>(context);
  const Plan& plan = *job.plan;
  const Backward<S>& call = *job.call;
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
        ahead.restart(ways * count_blocks<Computed<S>>(plan, plan.items(samples)));
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
      add_rows(samples, plan.out_features, grad_rows(job, t, first, samples), bias_sum(job, t));
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

template <class S>
Index backward_bytes(const Plan& plan, Index batch, Index tasks, Parts parts) {
  BackwardJob<S> job;
  return lay_out_backward<S>(plan, batch, tasks, parts, nullptr, &job);
}

template <class S>
void backward(const Plan& plan, const Backward<S>& call, Index tasks, void* memory, RunTasks run) {
  using T = Computed<S>;
  BackwardJob<S> job;
  const bool factors = call.grad_factors[0] != nullptr;
  const Parts parts{factors, call.grad_bias != nullptr, call.slope != nullptr,
                    call.state != nullptr};
  lay_out_backward<S>(plan, call.batch, tasks, parts, memory, &job);
  job.plan = &plan;
  job.call = &call;
  job.fetches_ahead = qimlp::fetches_ahead<S>(plan, call.batch);
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    const T* weight = call.factors[s.factor];
    if (job.packed_forward[i] != nullptr) {
      pack_transposed<T>(s, weight, job.packed_forward[i]);
    }
    if (job.packed_backward[i] != nullptr) {
      pack_padded<T>(s, weight, job.packed_backward[i]);
    }
  }
  run(tasks, backward_task<S>, &job);
  // In the order of the tasks: the same bits every time.
  if (job.totals != nullptr) {
    each_sum(job, 0, [&](Index count, T* result, Index offset) {
      add_totals(count, tasks, job.totals + offset, job.sums_size, result);
    });
    return;
  }
  for (Index t = 1; t < tasks; ++t) {
    each_sum(job, 0, [&](Index count, T* result, Index offset) {
      add_rows<T>(1, count, job.sums + (t - 1) * job.sums_size + offset, result);
    });
  }
}

}  // namespace
}  // namespace qimlp
