// Members' dense layers. There are few outputs, which fill no vector: so a vector runs along the
// inputs, forward in dot products with the weights transposed, and on the way back in products whose
// rows are the outputs.
#pragma once

#include "../simd/subnormals.h"
#include "../steps/dot.h"
#include "../steps/groups.h"
#include "../steps/product.h"
#include "../steps/sums.h"
#include "tables.h"

namespace qimlp {
namespace {

template <class T>
struct HeadJob {
  const MemberHead<T>* call;
  T* y;
  const T* grad;
  const HeadGradients<T>* gradients;
  Index tasks, scratch_size;
  T* scratch;  // of each task: weights of one member transposed, and room for their gradient
};

template <class T>
Index head_scratch(const MemberHead<T>& call) {
  return buffer_bytes<T>(2 * call.inputs * call.outputs) / static_cast<Index>(sizeof(T));
}

template <class T>
Index head_bytes(const MemberHead<T>& call, Index tasks) {
  return tasks * head_scratch(call) * static_cast<Index>(sizeof(T));
}

// out (columns, rows) = in (rows, columns): plain loops, for few columns.
template <class T>
void turn(Index rows, Index columns, const T* in, T* out) {
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) out[j * rows + i] = in[i * columns + j];
  }
}

template <class T>
void head_task(void* context, Index t) {
  const FlushSubnormals flush;
  const HeadJob<T>& job = *static_cast<const HeadJob<T>*>(context);
  const MemberHead<T>& call = *job.call;
  const Index samples = call.samples, ins = call.inputs, outs = call.outputs;
  T* const turned = job.scratch + t * job.scratch_size;
  const Index until = task_begin(call.members, job.tasks, t + 1);
  for (Index m = task_begin(call.members, job.tasks, t); m < until; ++m) {
    const T* const x = call.x + m * samples * ins;
    const T* const weight = call.weight + m * ins * outs;
    T* const y = job.y + m * samples * outs;
    if (2 * outs > Simd<T>::kLanes) {
      product<T, false>({samples, outs, ins, 1, x, ins, 0, weight, outs, 0, call.bias + m * outs, 0,
                         y, outs, nullptr});
      continue;
    }
    turn(ins, outs, weight, turned);
    for (Index i = 0; i < samples; ++i) {
      for (Index j = 0; j < outs; ++j) y[i * outs + j] = call.bias[m * outs + j];
    }
    dot<T>({samples, outs, ins, 1, x, ins, 0, turned, ins, 0, y, outs});
  }
}

template <class T>
void head_backward_task(void* context, Index t) {
  const FlushSubnormals flush;
  const HeadJob<T>& job = *static_cast<const HeadJob<T>*>(context);
  const MemberHead<T>& call = *job.call;
  const HeadGradients<T>& out = *job.gradients;
  const Index samples = call.samples, ins = call.inputs, outs = call.outputs;
  T* const turned = job.scratch + t * job.scratch_size;
  T* const sums = turned + ins * outs;
  const Index until = task_begin(call.members, job.tasks, t + 1);
  for (Index m = task_begin(call.members, job.tasks, t); m < until; ++m) {
    const T* const grad = job.grad + m * samples * outs;
    const T* const x = call.x + m * samples * ins;
    fill_zero(out.bias + m * outs, outs);
    fill_zero(sums, ins * outs);
    for (Index first = 0; first < samples; first += kMostAdded) {
      const Index count = samples - first < kMostAdded ? samples - first : kMostAdded;
      add_rows(count, outs, grad + first * outs, out.bias + m * outs);
      product<T, true>({outs, ins, count, 1, grad + first * outs, outs, 0, x + first * ins, ins, 0,
                        sums, ins, sums, ins, nullptr});
    }
    turn(outs, ins, sums, out.weight + m * ins * outs);
    if (out.x == nullptr) continue;
    turn(ins, outs, call.weight + m * ins * outs, turned);
    product<T, false>({samples, ins, outs, 1, grad, outs, 0, turned, ins, 0, nullptr, 0,
                       out.x + m * samples * ins, ins, nullptr});
  }
}

template <class T>
void head(const MemberHead<T>& call, T* y, Index tasks, void* memory, RunTasks run) {
  HeadJob<T> job{&call, y, nullptr, nullptr, tasks, head_scratch(call), static_cast<T*>(memory)};
  run(tasks, head_task<T>, &job);
}

template <class T>
void head_backward(const MemberHead<T>& call, const T* grad, const HeadGradients<T>& gradients,
                   Index tasks, void* memory, RunTasks run) {
  HeadJob<T> job{&call, nullptr, grad, &gradients,
                 tasks, head_scratch(call), static_cast<T*>(memory)};
  run(tasks, head_backward_task<T>, &job);
}

}  // namespace
}  // namespace qimlp
