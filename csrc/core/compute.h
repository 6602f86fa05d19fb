// One call of the operator on plain pointers: multiplies neighbours out, plans, runs.
#pragma once

#include "engines.h"
#include "layer.h"
#include "merge.h"

namespace qimlp {

// A layer as its owner holds it, and how its factors are to be grouped.
template <class T>
struct Layer {
  std::vector<Factor<T>> factors;
  Index copies;
  std::vector<int> groups;  // neighbours multiplied out into each factor used; they sum to all
};

// Multiply-adds (lanes that stay empty included) worth a thread: some ten microseconds.
constexpr Index kWorkPerTask = 1 << 20;

// How a call may run.
struct Setting {
  InstructionSet instructions;
  Index threads;
  RunTasks run_tasks;
  bool poison;  // fill working memory with NaN first: for tests
  Index work_per_task = kWorkPerTask;
};

// y (batch, out) = x (batch, in) W^T + bias (out), or no bias where it is null. BFloat16 is what
// everything is read and written in; it is computed and added up in float.
template <class S>
void compute_forward(const Layer<S>& layer, Index batch, const S* x, const S* bias, S* y,
                     const Setting& setting);

// Gradients; those that are null are not computed. `grad_factors` is empty or has all factors'.
template <class S>
void compute_backward(const Layer<S>& layer, Index batch, const S* grad, const S* x, S* grad_x,
                      const std::vector<S*>& grad_factors, S* grad_bias, const Setting& setting);

}  // namespace qimlp
