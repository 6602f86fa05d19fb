// One call of the operator on plain pointers: multiplies neighbours out, plans, runs.
#pragma once

#include "engines/engines.h"
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

// More of a batch's state than this is not kept for the way back, but computed once more.
constexpr Index kMostStateBytes = 1 << 20;

// What a forward pass keeps for the way back, or none where null: GELU's slope, shaped as y, and the
// state between the steps, as `kept_state` says.
template <class Slope, class State>
struct Kept {
  Slope slope;
  State state;
};

// The state that a forward pass can keep: how many numbers (none where there are several states, or
// one too large), and whether they are in the type of the rows, rather than in the one computed in.
struct KeptState {
  Index size;
  bool as_rows;
};

template <class S>
KeptState kept_state(const Layer<S>& layer, Index batch, const Setting& setting);

// y (batch, out) = x (batch, in) W^T + bias (out), or no bias where it is null; `gelu`: the GELU of
// that. BFloat16 is what everything is read and written in; it is added up in float.
template <class S>
void compute_forward(const Layer<S>& layer, Index batch, const S* x, const S* bias, bool gelu, S* y,
                     const Kept<S*, void*>& kept, const Setting& setting);

// Gradients; those that are null are not computed. `grad_factors` is empty or has all factors'.
// With a slope the forward pass was one with `gelu`.
template <class S>
void compute_backward(const Layer<S>& layer, Index batch, const S* grad, const S* x,
                      const Kept<const S*, const void*>& kept, S* grad_x,
                      const std::vector<S*>& grad_factors, S* grad_bias, const Setting& setting);

}  // namespace qimlp
