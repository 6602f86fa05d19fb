// The whole forward pass.
#pragma once

#include "ahead.h"
#include "gelu.h"
#include "groups.h"
#include "interleave.h"
#include "layer.h"
#include "steps.h"
#include "subnormals.h"

namespace qimlp {
namespace {

template <class S>
struct ForwardJob {
  using T = Computed<S>;
  const Plan* plan;
  const Forward<S>* call;
  Index tasks, group;
  bool fetches_ahead;
  T* packed[kMaxFactors];
  T* bias_rows;  // the bias repeated for every sample of a group, or for every side
  Index bias_copies;
  // For each task: two buffers for states; a group's input and output where the rows themselves do
  // not do.
  T* scratch;
  Index scratch_size, states[2], x, y;
};

template <class S>
Index lay_out_forward(const Plan& plan, Index batch, Index tasks, bool bias, void* memory,
                      ForwardJob<S>* job) {
  using T = Computed<S>;
  Arena arena(memory);
  const Index state = largest_state(plan);
  const Index per_item = plan.side * (plan.in_features + plan.out_features) + state;
  job->tasks = tasks;
  job->group =
      group_size(plan, per_item * static_cast<Index>(sizeof(T)), kForwardGroupBytes, batch, tasks);
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    job->packed[i] = s.row ? arena.take<T>(packed_size<T>(s, true)) : nullptr;
  }
  const Step& last = plan.step[plan.steps - 1];
  const bool repeat = last.row && last.before > 1 && job->group > 1;
  job->bias_copies = bias && plan.side > 1 ? plan.side : bias && repeat ? job->group : 0;
  job->bias_rows =
      job->bias_copies > 0 ? arena.take<T>(job->bias_copies * plan.out_features) : nullptr;
  Index size = 0;
  for (Index& start : job->states) {
    start = size;
    size += buffer_size<T>(job->group * state);
  }
  job->x = size;
  job->y = job->x + buffer_size<T>(room_size<S>(plan, job->group, plan.in_features));
  size = job->y + buffer_size<T>(room_size<S>(plan, job->group, plan.out_features));
  job->scratch_size = size;
  job->scratch = arena.take<T>(tasks * size);
  return arena.used();
}

template <class S>
void forward_task(void* context, Index t) {
  const FlushSubnormals flush;
  using T = Computed<S>;
  const ForwardJob<S>& job = *static_cast<const ForwardJob<S>*>(context);
  const Plan& plan = *job.plan;
  const Forward<S>& call = *job.call;
  T* scratch = job.scratch + t * job.scratch_size;
  T* buffers[2] = {scratch + job.states[0], scratch + job.states[1]};
  T *room_x = scratch + job.x, *room_y = scratch + job.y;
  const int last = plan.steps - 1;
  const Step& end = plan.step[last];
  const T* bias = job.bias_rows != nullptr ? job.bias_rows : call.bias;
  const Index bias_stride = !end.row ? end.out_stride : end.before > 1 ? end.n_out : 0;
  Ahead ahead;
  const Index most = job.group * plan.side;
  const Index until = task_begin(call.batch, job.tasks, t + 1);
  for (Index first = task_begin(call.batch, job.tasks, t); first < until; first += most) {
    const Index samples = until - first < most ? until - first : most;
    const Index items = plan.items(samples);
    const S* x = call.x + first * plan.in_features;
    S* y = call.y + first * plan.out_features;
    Ahead* fetched = nullptr;
    if (job.fetches_ahead) {
      fetched = &ahead;
      const Index next = until - first - samples < samples ? until - first - samples : samples;
      ahead.restart(count_blocks<T>(plan, items));
      ahead.add(y, samples * plan.out_features, true);
      ahead.add(x + samples * plan.in_features, next * plan.in_features, false);
    }
    const T* in = taken_in(plan, samples, plan.in_features, x, room_x);
    Index in_copy = 0;
    for (int i = 0; i <= last; ++i) {
      const Step& s = plan.step[i];
      T* out = i == last              ? left_in(plan, y, room_y)
               : call.state != nullptr ? call.state + first * plan.state_size()
                                       : buffers[i % 2];
      const Index out_copy = i == last ? 0 : s.out_copy(items);
      step_forward<T>(s, i == last, items, call.factors[s.factor], job.packed[i], in, in_copy,
                      out, out_copy, i == last ? bias : nullptr, bias_stride, fetched);
      in = out;
      in_copy = out_copy;
    }
    const Index count = samples * plan.out_features;
    S* slope = call.slope == nullptr ? nullptr : call.slope + first * plan.out_features;
    if constexpr (kConverts<S>) {  // while they are in the wider type
      if (call.gelu) gelu(count, room_y, slope);
    }
    give_back(plan, samples, plan.out_features, room_y, y);
    if constexpr (!kConverts<S>) {
      if (call.gelu) gelu(count, y, slope);
    }
  }
}

template <class S>
Index forward_bytes(const Plan& plan, Index batch, Index tasks, bool bias) {
  ForwardJob<S> job;
  return lay_out_forward<S>(plan, batch, tasks, bias, nullptr, &job);
}

template <class S>
void forward(const Plan& plan, const Forward<S>& call, Index tasks, void* memory, RunTasks run) {
  using T = Computed<S>;
  ForwardJob<S> job;
  lay_out_forward<S>(plan, call.batch, tasks, call.bias != nullptr, memory, &job);
  job.plan = &plan;
  job.call = &call;
  job.fetches_ahead = qimlp::fetches_ahead<S>(plan, call.batch);
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    if (s.row) pack_transposed<T>(s, call.factors[s.factor], job.packed[i]);
  }
  if (job.bias_rows != nullptr) {
    T* next = job.bias_rows;
    if (plan.side > 1) {  // (features, sides)
      for (Index j = 0; j < plan.out_features; ++j) {
        for (Index n = 0; n < plan.side; ++n) *next++ = call.bias[j];
      }
    } else {  // (samples, features)
      for (Index n = 0; n < job.bias_copies; ++n) {
        for (Index j = 0; j < plan.out_features; ++j) *next++ = call.bias[j];
      }
    }
  }
  run(tasks, forward_task<S>, &job);
}

}  // namespace
}  // namespace qimlp
