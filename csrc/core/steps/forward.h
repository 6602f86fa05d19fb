// The whole forward pass.
#pragma once

#include "../layer.h"
#include "../simd/kind.h"
#include "../simd/subnormals.h"
#include "gelu.h"
#include "groups.h"
#include "interleave.h"
#include "prefetch.h"
#include "steps.h"

namespace qimlp {
namespace {

template <class K>
struct ForwardJob {
  using Row = typename K::Row;
  using State = typename K::State;
  using Sum = typename K::Sum;
  const Plan* plan;
  const Forward<Row>* call;
  Index tasks, group;
  bool fetches_ahead;
  State* packed[kMaxFactors];         // room for them where a step wants them packed
  const State* factors[kMaxFactors];  // as the steps want them
  Sum* bias_rows;  // the bias repeated for every sample of a group, or for every side
  Index bias_copies;
  // For each task, in bytes: two buffers for states; what a step works in; a group's input, output and
  // GELU's slopes where the rows themselves do not do.
  char* scratch;
  Index scratch_size, states[2], room, x, y, slope;
};

template <class K>
Index lay_out_forward(const Plan& plan, Index batch, Index tasks, bool bias, void* memory,
                      ForwardJob<K>* job) {
  using Row = typename K::Row;
  using State = typename K::State;
  using Sum = typename K::Sum;
  Arena arena(memory);
  const Index state = largest_state(plan);
  Index room = 0;
  for (int i = 0; i < plan.steps; ++i) {
    const Index needed = forward_room<State>(plan.step[i]);
    if (needed > room) room = needed;
  }
  const Index per_item = plan.side * (plan.in_features + plan.out_features) + state + room;
  job->tasks = tasks;
  const Index group_bytes = is_wide<State>(plan) ? kBackwardGroupBytes : kForwardGroupBytes;
  job->group = group_size(plan, per_item * static_cast<Index>(sizeof(State)), group_bytes, batch,
                          tasks);
  for (int i = 0; i < plan.steps; ++i) {
    const Index size = forward_size<State>(plan.step[i]);
    job->packed[i] = size > 0 ? arena.take<State>(size) : nullptr;
  }
  const Step& last = plan.step[plan.steps - 1];
  const bool repeat = last.row && last.before > 1 && job->group > 1;
  job->bias_copies = bias && plan.side > 1 ? plan.side : bias && repeat ? job->group : 0;
  job->bias_rows =
      job->bias_copies > 0 ? arena.take<Sum>(job->bias_copies * plan.out_features) : nullptr;
  Index size = 0;
  for (Index& start : job->states) {
    start = size;
    size += buffer_bytes<State>(job->group * state);
  }
  job->room = size;
  job->x = job->room + buffer_bytes<State>(job->group * room);
  job->y = job->x + buffer_bytes<State>(room_size<State, Row>(plan, job->group, plan.in_features));
  const Index results = buffer_bytes<Sum>(room_size<Sum, Row>(plan, job->group, plan.out_features));
  job->slope = job->y + results;
  size = job->slope + (!std::is_same_v<Sum, Row> && plan.side > 1 ? results : 0);
  job->scratch_size = size;
  job->scratch = arena.take<char>(tasks * size);
  return arena.used();
}

// The steps that go part by part: their result, whole, in buffers[(part_steps - 1) % 2].
template <class K>
void forward_parts(const ForwardJob<K>& job, Index items, const typename K::State* x,
                   typename K::State* const buffers[2], typename K::State* room, Ahead* ahead) {
  using State = typename K::State;
  const Plan& plan = *job.plan;
  const int last = plan.part_steps - 1;
  const typename K::Sum* const no_bias = nullptr;
  Step steps[kMaxFactors];
  Index largest = 0;
  for (int i = 0; i <= last; ++i) {
    steps[i] = plan.step[i];
    steps[i].before /= plan.parts;
    const Index size = steps[i].copies * steps[i].out_size();
    if (size > largest) largest = size;
  }
  State* const whole = buffers[last % 2];
  State* const between[2] = {buffers[(last + 1) % 2], buffers[(last + 1) % 2] + largest};
  const Index part = plan.in_features / plan.parts;
  for (Index n = 0; n < items * plan.parts; ++n) {
    const State* in = x + n * part;
    Index in_copy = 0;
    for (int i = 0; i <= last; ++i) {
      const Index size = steps[i].out_size();
      State* const out = i < last ? between[i % 2] : whole + n * size;
      const Index out_copy = i < last ? size : plan.step[i].out_copy(items);
      step_forward(steps[i], false, Index{1}, job.factors[i], in, in_copy, out, out_copy, no_bias,
                   Index{0}, room, ahead);
      in = out;
      in_copy = out_copy;
    }
  }
}

template <class K>
void forward_task(void* context, Index t) {
  const FlushSubnormals flush;
  const TaskScope<typename K::State> scope;
  using Row = typename K::Row;
  using State = typename K::State;
  using Sum = typename K::Sum;
  const ForwardJob<K>& job = *static_cast<const ForwardJob<K>*>(context);
  const Plan& plan = *job.plan;
  const Forward<Row>& call = *job.call;
  char* const scratch = job.scratch + t * job.scratch_size;
  State* const buffers[2] = {reinterpret_cast<State*>(scratch + job.states[0]),
                             reinterpret_cast<State*>(scratch + job.states[1])};
  State* const room = reinterpret_cast<State*>(scratch + job.room);
  State* const room_x = reinterpret_cast<State*>(scratch + job.x);
  Sum* const room_y = reinterpret_cast<Sum*>(scratch + job.y);
  Sum* const room_slope = reinterpret_cast<Sum*>(scratch + job.slope);
  State* const kept = static_cast<State*>(call.state);
  const int last = plan.steps - 1;
  const Step& end = plan.step[last];
  const Sum* const no_bias = nullptr;
  const Sum* const bias = job.bias_rows != nullptr ? job.bias_rows : call.bias;
  const Index bias_stride = !end.row ? end.out_stride : end.before > 1 ? end.n_out : 0;
  Ahead ahead;
  const Index most = job.group * plan.side;
  const Index until = task_begin(call.batch, job.tasks, t + 1);
  for (Index first = task_begin(call.batch, job.tasks, t); first < until; first += most) {
    const Index samples = until - first < most ? until - first : most;
    const Index items = plan.items(samples);
    const Row* x = call.x + first * plan.in_features;
    Row* y = call.y + first * plan.out_features;
    Ahead* fetched = nullptr;
    if (job.fetches_ahead) {
      fetched = &ahead;
      const Index next = until - first - samples < samples ? until - first - samples : samples;
      ahead.restart(count_blocks<Sum>(plan, items));
      ahead.add(y, samples * plan.out_features, true);
      ahead.add(x + samples * plan.in_features, next * plan.in_features, false);
    }
    const State* in = taken_in(plan, samples, plan.in_features, x, room_x);
    Index in_copy = 0;
    if (plan.part_steps > 0) {
      forward_parts<K>(job, items, in, buffers, room, fetched);
      in = buffers[(plan.part_steps - 1) % 2];
      in_copy = plan.step[plan.part_steps - 1].out_copy(items);
    }
    for (int i = plan.part_steps; i < last; ++i) {
      const Step& s = plan.step[i];
      State* out = kept != nullptr ? kept + first * plan.state_size() : buffers[i % 2];
      const Index out_copy = s.out_copy(items);
      step_forward(s, false, items, job.factors[i], in, in_copy, out, out_copy, no_bias,
                   bias_stride, room, fetched);
      in = out;
      in_copy = out_copy;
    }
    const Index count = samples * plan.out_features;
    Row* slope = call.slope == nullptr ? nullptr : call.slope + first * plan.out_features;
    const auto finish = [&](auto* out) {
      step_forward(end, true, items, job.factors[last], in, in_copy, out, 0, bias, bias_stride,
                   room, fetched);
    };
    if constexpr (!std::is_same_v<State, Sum>) {
      if (!call.gelu) {  // rounded as it leaves the registers
        finish(y);
        continue;
      }
    }
    Sum* const out = left_in<Sum>(plan, y, room_y);
    finish(out);
    if (std::is_same_v<Sum, Row> || !call.gelu) {
      give_back(plan, samples, plan.out_features, out, y);
      if (call.gelu) gelu(count, y, slope);
    } else if (plan.side == 1) {  // before the results are rounded
      gelu(count, out, slope);
      give_back(plan, samples, plan.out_features, out, y);
    } else {
      Sum* const slopes = slope == nullptr ? nullptr : room_slope;
      gelu(items * plan.side * plan.out_features, out, slopes);
      give_back(plan, samples, plan.out_features, out, y);
      if (slope != nullptr) give_back(plan, samples, plan.out_features, slopes, slope);
    }
  }
}

template <class K>
Index forward_bytes(const Plan& plan, Index batch, Index tasks, bool bias) {
  ForwardJob<K> job;
  return lay_out_forward<K>(plan, batch, tasks, bias, nullptr, &job);
}

template <class K>
void forward(const Plan& plan, const Forward<typename K::Row>& call, Index tasks, void* memory,
             RunTasks run) {
  using Sum = typename K::Sum;
  ForwardJob<K> job;
  lay_out_forward<K>(plan, call.batch, tasks, call.bias != nullptr, memory, &job);
  job.plan = &plan;
  job.call = &call;
  job.fetches_ahead = qimlp::fetches_ahead<typename K::Row>(plan, call.batch);
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    job.factors[i] = forward_factor(s, call.factors, job.packed[i]);
  }
  if (job.bias_rows != nullptr) {
    Sum* next = job.bias_rows;
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
  run(tasks, forward_task<K>, &job);
}

}  // namespace
}  // namespace qimlp
