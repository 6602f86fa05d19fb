// What the core is asked to compute: y = x W^T + bias with W = sum_c kron(F_0[c], ..., F_k[c]).
//
// The core knows no torch: plain pointers in, plain pointers out. This header is included by the
// translation units of every instruction set, so it holds plain data only.
#pragma once

#include <cstdint>

namespace qimlp {

using Index = std::int64_t;

// The upper half of a float. Rows are held in it; sums are in float.
struct BFloat16 {
  std::uint16_t bits;
};

// The type that numbers held in S are computed in.
template <class S>
struct ComputedIn {
  using Type = S;
};
template <>
struct ComputedIn<BFloat16> {
  using Type = float;
};
template <class S>
using Computed = typename ComputedIn<S>::Type;

// More factors than this (after neighbours were multiplied out) are refused.
constexpr int kMaxFactors = 16;

// One factor after the other is applied; what comes between two of them is called a state.
//
// A step contracts one axis: in (before, n_in, after) -> out (before, n_out, after) for each sample
// and copy: a "row" step on the last axis (every row times a matrix, `after` is 1), a "column" step
// on any other (a matrix times every block).
struct Step {
  int factor;
  bool row;
  bool side_by_side;  // `after` ends with the samples that stand side by side
  Index n_in, n_out;
  Index before, after;
  // Elements from one row of a block to the next: `after` unless the state is padded. In a row
  // step: from one row (n_in or n_out long) to the next.
  Index in_stride, out_stride;
  // How many products the step takes: one for each copy, or one in all if the copies stand side by
  // side in `n_out`.
  Index copies;
  // Elements from one copy to the next in the state it makes; 0 if the samples of a copy lie
  // together.
  Index copy_stride;

  Index weight_size() const { return copies * n_out * n_in; }
  Index out_copy(Index samples) const {
    return copy_stride != 0 ? copy_stride : samples * out_size();
  }
  Index out_size() const { return before * out_stride * (row ? 1 : n_out); }
};

// How an instruction set's vectors compute with rows of one number type.
struct Lanes {
  Index count;   // sums in a vector
  Index paired;  // products that a lane adds to its sum at once, unless samples stand side by side
  bool tiles = false;  // whether those are taken a tile of vectors at a time
};

// The order of the steps and the sizes of everything, for one layer on one instruction set.
//
// Small factors leave vectors empty. Then the samples of a whole vector stand side by side: they
// are the last axis of everything, no step contracts it, and the steps see them as one sample.
struct Plan {
  int steps;
  Index in_features, out_features;
  Index side;  // samples side by side: 1, or as many as a vector has lanes
  Step step[kMaxFactors];
  // Of a large sample the first steps, which leave its leading axes alone, go part by part: how many
  // steps and parts; 0 and 1 where samples go whole.
  int part_steps;
  Index parts;

  Index items(Index samples) const { return (samples + side - 1) / side; }
  // Whether the steps take rows and factors as they are given, in pairs. Samples side by side are
  // small work, which pairs would make little smaller.
  bool takes_pairs(Lanes lanes) const { return lanes.paired > 1 && side == 1; }
  // Elements of the only state of a sample; 0 where there are several, or where those of a whole
  // batch do not lie as those of its groups do.
  Index state_size() const {
    return steps == 2 && side == 1 && step[0].copies == 1 ? step[0].out_size() : 0;
  }
};

// The factors of a layer, (copies, n_out, n_in) each, in the type computed in; null where an engine
// takes one `as_given`, by whoever called, which is null of a product of several.
template <class S>
struct Factors {
  const Computed<S>* values[kMaxFactors];
  const S* as_given[kMaxFactors];
};

// Arguments of a forward pass. Layouts: x (batch, in_features), y (batch, out_features),
// bias (out_features) or null; all contiguous.
template <class S>
struct Forward {
  const S* x;
  Factors<S> factors;
  const Computed<S>* bias;
  S* y;
  Index batch;
  bool gelu;           // y is then the GELU of the layer's result
  S* slope;            // GELU's, shaped as y; null where none is kept
  void* state;         // of the whole batch, `state_size` numbers for each sample, in the type that lies
                       // between the engine's steps; null where none is kept
};

// Arguments of a backward pass. `slope` and `state` are what the forward pass kept, or null: then y
// went through no GELU, and the states are computed once more. Outputs that are null are not
// computed; `grad_factors[0]` decides for all factors. Factor gradients have the factors' layouts.
template <class S>
struct Backward {
  const S* grad;
  const S* slope;
  const S* x;
  const void* state;
  Factors<S> factors;
  S* grad_x;
  Computed<S>* grad_factors[kMaxFactors];
  Computed<S>* grad_bias;
  Index batch;
};

// Runs `task(context, t)` for t = 0 .. tasks - 1, in any order, on any threads.
using RunTasks = void (*)(Index tasks, void (*task)(void* context, Index t), void* context);

// What a backward pass is asked for and given, as far as its working memory depends on it.
struct Parts {
  bool factors, bias, slope, state;
};

// What one instruction set offers for rows of one number type.
template <class S>
struct Engine {
  Lanes lanes;
  // Numbers from the type of the rows to the one computed in, and back.
  void (*widen)(Index count, const S* from, Computed<S>* to);
  void (*narrow)(Index count, const Computed<S>* from, S* to);
  // Bytes of working memory for `tasks` tasks.
  Index (*forward_bytes)(const Plan&, Index batch, Index tasks, bool bias);
  void (*forward)(const Plan&, const Forward<S>&, Index tasks, void* memory, RunTasks);
  Index (*backward_bytes)(const Plan&, Index batch, Index tasks, Parts parts);
  void (*backward)(const Plan&, const Backward<S>&, Index tasks, void* memory, RunTasks);
};

}  // namespace qimlp
