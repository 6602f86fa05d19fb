// What the tasks of a backward pass share, and how its working memory is laid out.
#pragma once

#include "../layer.h"
#include "groups.h"
#include "interleave.h"
#include "steps.h"
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

}  // namespace
}  // namespace qimlp
