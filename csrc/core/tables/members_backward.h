// The way back through members' Kronecker layers.
#pragma once

#include "../steps/dot.h"
#include "../steps/sums.h"
#include "members.h"

namespace qimlp {
namespace {

template <class T>
struct MembersBackwardJob {
  const MemberLayer<T>* call;
  const T* grad;
  MemberKept<const T> kept;
  const MemberGradients<T>* gradients;
  const T* left;   // (groups * members, rank, out_a, in_a)
  const T* right;  // (groups * members, rank, out_b, in_b)
  Index tasks, together;
  // For each task: its sums of the gradients of left, right and bias; what comes out of GELU's slope,
  // and the gradient of the states.
  T* sums;
  Index sums_size;
  T* scratch;
  Index grads_size, scratch_size;
};

template <class T>
Index gradients_size(const MemberLayer<T>& call) {
  return call.groups * call.members * (call.left_size() + call.right_size() + call.out_size());
}

template <class T>
Index lay_out_members_backward(const MemberLayer<T>& call, Index tasks, void* memory,
                               MembersBackwardJob<T>* job, T** left, T** right) {
  Arena arena(memory);
  *left = arena.take<T>(left_room(call));
  *right = arena.take<T>(call.groups * call.members * call.right_size());
  job->tasks = tasks;
  job->together = members_together(call);
  job->sums_size = (gradients_size(call) + 15) / 16 * 16;
  job->sums = arena.take<T>(tasks * job->sums_size);
  constexpr auto size = static_cast<Index>(sizeof(T));
  job->grads_size = buffer_bytes<T>(job->together * call.out_size()) / size;
  job->scratch_size =
      job->grads_size + buffer_bytes<T>(job->together * call.state_size()) / size;
  job->scratch = arena.take<T>(tasks * job->scratch_size);
  return arena.used();
}

template <class T>
Index members_backward_bytes(const MemberLayer<T>& call, Index tasks) {
  MembersBackwardJob<T> job{};
  T *left, *right;
  return lay_out_members_backward(call, tasks, nullptr, &job, &left, &right);
}

// The right factors transposed, with the rank in front.
template <class T>
void pack_right(const MemberLayer<T>& call, T* room) {
  const Index ranks = call.rank * call.out_b;
  for (Index m = 0; m < call.groups * call.members; ++m) {
    const T* const from = call.right + m * call.right_size();
    T* const to = room + m * call.right_size();
    for (Index j = 0; j < call.in_b; ++j) {
      for (Index i = 0; i < ranks; ++i) to[i * call.in_b + j] = from[j * ranks + i];
    }
  }
}

// Of one member: its right factors and bias, and the gradient of its states.
template <class T>
void member_backward(const MembersBackwardJob<T>& job, Index member, Index first, Index count,
                     const T* states, T* sums, T* grads, T* grad_states) {
  const MemberLayer<T>& call = *job.call;
  const Index out = call.out_size(), state = call.state_size(), all = call.groups * call.members;
  const Index a = call.out_a, b = call.in_b, c = call.out_b;
  const Index at = (member * call.samples + first) * out;
  const T* grad = job.grad + at;
  if (job.kept.slope != nullptr) {
    multiply(count * out, grad, job.kept.slope + at, grads);
    grad = grads;
  }
  T* const right = sums + all * call.left_size() + member * call.right_size();
  T* const bias = sums + all * (call.left_size() + call.right_size()) + member * out;
  if (job.gradients->bias != nullptr) add_rows(count, out, grad, bias);
  for (Index r = 0; r < call.rank; ++r) {
    product<T, true>({b, c, a, count, states + r * a * b, b, state, grad, c, out, right + r * c,
                      call.rank * c, right + r * c, call.rank * c, nullptr});
    product<T, false>({a, b, c, 1, grad, c, 0, job.right + (member * call.rank + r) * c * b, b, 0,
                       nullptr, 0, grad_states + r * a * b, b, nullptr, count, out, 0, 0, state});
  }
}

template <class T>
void members_backward_task(void* context, Index t) {
  const FlushSubnormals flush;
  const MembersBackwardJob<T>& job = *static_cast<const MembersBackwardJob<T>*>(context);
  const MemberLayer<T>& call = *job.call;
  const Index in = call.in_size(), state = call.state_size(), rows = call.state_rows();
  T* const sums = job.sums + t * job.sums_size;
  T* const grads = job.scratch + t * job.scratch_size;
  T* const grad_states = grads + job.grads_size;
  fill_zero(sums, gradients_size(call));
  const Index until = task_begin(call.samples, job.tasks, t + 1);
  for (Index g = 0; g < call.groups; ++g) {
    const Index left = g * call.members * call.left_size();
    for (Index first = task_begin(call.samples, job.tasks, t); first < until;
         first += job.together) {
      const Index count = until - first < job.together ? until - first : job.together;
      const Index sample = g * call.samples + first;
      const T* const states = job.kept.state + sample * state;
      for (Index m = 0; m < call.members; ++m) {
        const Index from = m * call.rank * call.out_a * call.in_b;
        member_backward(job, g * call.members + m, first, count, states + from, sums, grads,
                        grad_states + from);
      }
      dot<T>({rows, call.in_a, call.in_b, count, grad_states, call.in_b, state,
              call.x + sample * in, call.in_b, in, sums + left, call.in_a});
      if (job.gradients->x == nullptr) continue;
      // Where x was added to the result, there is one member to a group.
      const T* const added = call.residual ? job.grad + sample * in : nullptr;
      product<T, true>({call.in_a, call.in_b, rows, 1, job.left + left, call.in_a, 0, grad_states,
                        call.in_b, 0, added, call.in_b, job.gradients->x + sample * in, call.in_b,
                        nullptr, count, 0, state, in, in});
    }
  }
}

// The sums of all tasks, left factors with the rank behind.
template <class T>
void finish_members_backward(const MembersBackwardJob<T>& job) {
  const MemberLayer<T>& call = *job.call;
  const MemberGradients<T>& out = *job.gradients;
  const Index size = gradients_size(call), all = call.groups * call.members;
  for (Index t = 1; t < job.tasks; ++t) {
    for (Index i = 0; i < size; ++i) job.sums[i] += job.sums[t * job.sums_size + i];
  }
  const Index entries = call.out_a * call.in_a;
  for (Index m = 0; m < all; ++m) {
    for (Index r = 0; r < call.rank; ++r) {
      const T* const from = job.sums + m * call.left_size() + r * entries;
      T* const to = out.left + m * call.left_size() + r;
      for (Index i = 0; i < entries; ++i) to[i * call.rank] = from[i];
    }
  }
  const T* const right = job.sums + all * call.left_size();
  const T* const bias = right + all * call.right_size();
  for (Index i = 0; i < all * call.right_size(); ++i) out.right[i] = right[i];
  for (Index i = 0; i < all * call.out_size() && out.bias != nullptr; ++i) out.bias[i] = bias[i];
}

template <class T>
void members_backward(const MemberLayer<T>& call, const T* grad, const MemberKept<const T>& kept,
                      const MemberGradients<T>& gradients, Index tasks, void* memory,
                      RunTasks run) {
  MembersBackwardJob<T> job{};
  T *left, *right;
  lay_out_members_backward(call, tasks, memory, &job, &left, &right);
  job.call = &call;
  job.grad = grad;
  job.kept = kept;
  job.gradients = &gradients;
  job.left = pack_left(call, left);
  pack_right(call, right);
  job.right = right;
  run(tasks, members_backward_task<T>, &job);
  finish_members_backward(job);
}

}  // namespace
}  // namespace qimlp
