// The whole backward pass: the states once more, then back through the steps. Each task adds up its
// own factor and bias gradients (sums.h); they are added together at the end in the order of the
// tasks.
#pragma once

#include "../layer.h"
#include "../simd/kind.h"
#include "../simd/subnormals.h"
#include "backward_job.h"
#include "gelu.h"
#include "groups.h"
#include "interleave.h"
#include "prefetch.h"
#include "steps.h"
#include "sums.h"

namespace qimlp {
namespace {

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
