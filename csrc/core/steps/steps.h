// One step of a plan for a group of samples: forward, back to its input, back to its factor.
//
// `in` and `out` hold, for each copy, the samples one after the other; `in_copy` and `out_copy` are
// the distances between copies (0 where all copies share one: the layer's input, its gradient).
// `room` is working memory, as many elements for each sample as the `.._room` function says.
#pragma once

#include "../layer.h"
#include "../simd/transpose.h"
#include "dot.h"
#include "product.h"

namespace qimlp {
namespace {

// Elements that a factor takes as `step_forward` wants it, and as `step_backward` does; 0 where that
// is as it is given.
template <class T>
Index forward_size(const Step& s) {
  return s.row ? s.copies * s.n_in * round_to_vectors<T>(s.n_out) : 0;
}

template <class T>
Index backward_size(const Step& s) {
  return s.row ? s.copies * s.n_out * round_to_vectors<T>(s.n_in) : 0;
}

// The factor (copies, n_out, n_in) as `step_forward` wants it: of a row step (copies, n_in, n_out
// rounded up), in `packed`; of a column step as it is.
template <class S, class T>
const T* forward_factor(const Step& s, const Factors<S>& factors, T* packed) {
  const T* weight = factors.values[s.factor];
  if (!s.row) return weight;
  const Index stride = round_to_vectors<T>(s.n_out);
  for (Index c = 0; c < s.copies; ++c) {
    transpose<T>(s.n_out, s.n_in, weight + c * s.n_out * s.n_in, s.n_in,
                 packed + c * s.n_in * stride, stride);
  }
  return packed;
}

// The same as `step_backward` wants it: of a row step (copies, n_out, n_in rounded up).
template <class S, class T>
const T* backward_factor(const Step& s, const Factors<S>& factors, T* packed) {
  const T* weight = factors.values[s.factor];
  if (!s.row) return weight;
  const Index stride = round_to_vectors<T>(s.n_in);
  for (Index o = 0; o < s.copies * s.n_out; ++o) {
    for (Index i = 0; i < s.n_in; ++i) packed[o * stride + i] = weight[o * s.n_in + i];
  }
  return packed;
}

template <class T>
Index forward_room(const Step&) {
  return 0;
}

template <class T>
Index backward_room(const Step&) {
  return 0;
}

// Whether a column step's factor gradient goes through a transposed input. Dot products along the
// contiguous axis need none, but they are slower; they win where n_in leaves most lanes empty,
// and where samples stand side by side, so that the contiguous axis fills whole vectors.
template <class T>
bool transposes_input(const Step& s) {
  return !s.row && !s.side_by_side && 2 * s.n_in > Simd<T>::kLanes;
}

template <class T>
Index gradient_room(const Step& s) {
  return transposes_input<T>(s) ? s.before * s.after * round_to_vectors<T>(s.n_in) : 0;
}

// Blocks of arithmetic that all steps take on the way forward, roughly.
template <class T>
Index count_blocks(const Plan& plan, Index samples) {
  Index blocks = 0;
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    const Index copies = i + 1 < plan.steps ? s.copies : 1;
    blocks += copies * (s.row ? count_blocks<T>(samples * s.before, s.n_out)
                              : samples * s.before * count_blocks<T>(s.n_out, s.after));
  }
  return blocks;
}

// out = in x factor, per copy, or added up over the copies. `bias` starts the sums where it is
// not null: (before, n_out, after) in a column step, (samples, before, n_out) in a row step, where
// `bias_stride` goes from row to row.
template <class T>
void step_forward(const Step& s, bool add_copies, Index samples, const T* factor, const T* in,
                  Index in_copy, T* out, Index out_copy, const T* bias, Index bias_stride,
                  T* /*room*/, Ahead* ahead) {
  const Index passes = add_copies ? 1 : s.copies, outer = add_copies ? s.copies : 1;
  const Index weight_copy = s.n_out * s.n_in;
  const Index packed_stride = round_to_vectors<T>(s.n_out), packed_copy = s.n_in * packed_stride;
  const Index in_item = s.n_in * s.in_stride, out_item = s.n_out * s.out_stride;
  // Blocks of one sample have a bias each, of which all samples have the same.
  const bool by_sample = !s.row && bias != nullptr && s.before > 1;
  const Index rounds = by_sample ? samples : 1, items = samples * s.before / rounds;
  for (Index c = 0; c < passes; ++c) {
    const T* in_c = in + c * in_copy;
    T* out_c = out + c * out_copy;
    if (s.row) {
      product<T, false>({.rows = samples * s.before,
                         .columns = s.n_out,
                         .depth = s.n_in,
                         .outer = outer,
                         .a = in_c,
                         .a_stride = s.in_stride,
                         .a_outer = in_copy,
                         .b = factor + c * packed_copy,
                         .b_stride = packed_stride,
                         .b_outer = packed_copy,
                         .init = bias,
                         .init_stride = bias_stride,
                         .c = out_c,
                         .c_stride = s.out_stride,
                         .ahead = ahead});
      continue;
    }
    for (Index round = 0; round < rounds; ++round) {
      product<T, false>({.rows = s.n_out,
                         .columns = s.after,
                         .depth = s.n_in,
                         .outer = outer,
                         .a = factor + c * weight_copy,
                         .a_stride = s.n_in,
                         .a_outer = weight_copy,
                         .b = in_c + round * items * in_item,
                         .b_stride = s.in_stride,
                         .b_outer = in_copy,
                         .init = bias,
                         .init_stride = bias_stride,
                         .c = out_c + round * items * out_item,
                         .c_stride = s.out_stride,
                         .ahead = ahead,
                         .items = items,
                         .b_item = in_item,
                         .init_item = by_sample ? s.n_out * bias_stride : 0,
                         .c_item = out_item});
    }
  }
}

// grad_in = grad_out x factor^T, per copy, or added up over the copies.
template <class T>
void step_backward(const Step& s, bool add_copies, Index samples, const T* factor,
                   const T* grad_out, Index out_copy, T* grad_in, Index in_copy, T* /*room*/,
                   Ahead* ahead) {
  const Index passes = add_copies ? 1 : s.copies, outer = add_copies ? s.copies : 1;
  const Index weight_copy = s.n_out * s.n_in;
  const Index packed_stride = round_to_vectors<T>(s.n_in), packed_copy = s.n_out * packed_stride;
  for (Index c = 0; c < passes; ++c) {
    const T* out_c = grad_out + c * out_copy;
    T* in_c = grad_in + c * in_copy;
    if (s.row) {
      product<T, false>({.rows = samples * s.before,
                         .columns = s.n_in,
                         .depth = s.n_out,
                         .outer = outer,
                         .a = out_c,
                         .a_stride = s.out_stride,
                         .a_outer = out_copy,
                         .b = factor + c * packed_copy,
                         .b_stride = packed_stride,
                         .b_outer = packed_copy,
                         .init = nullptr,
                         .init_stride = 0,
                         .c = in_c,
                         .c_stride = s.in_stride,
                         .ahead = ahead});
    } else {
      product<T, true>({.rows = s.n_in,
                        .columns = s.after,
                        .depth = s.n_out,
                        .outer = outer,
                        .a = factor + c * weight_copy,
                        .a_stride = s.n_in,
                        .a_outer = weight_copy,
                        .b = out_c,
                        .b_stride = s.out_stride,
                        .b_outer = out_copy,
                        .init = nullptr,
                        .init_stride = 0,
                        .c = in_c,
                        .c_stride = s.in_stride,
                        .ahead = ahead,
                        .items = samples * s.before,
                        .b_item = s.n_out * s.out_stride,
                        .c_item = s.n_in * s.in_stride});
    }
  }
}

// grad_weight (copies, n_out, n_in) += what these samples contribute.
template <class T>
void step_factor_gradient(const Step& s, Index samples, const T* in, Index in_copy,
                          const T* grad_out, Index out_copy, T* grad_weight, T* room,
                          Ahead* ahead) {
  const Index items = samples * s.before;
  const Index in_item = s.n_in * s.in_stride, out_item = s.n_out * s.out_stride;
  const Index stride = round_to_vectors<T>(s.n_in);
  for (Index c = 0; c < s.copies; ++c) {
    const T* in_c = in + c * in_copy;
    const T* out_c = grad_out + c * out_copy;
    T* grad = grad_weight + c * s.n_out * s.n_in;
    if (s.row) {
      product<T, true>({.rows = s.n_out,
                        .columns = s.n_in,
                        .depth = items,
                        .outer = 1,
                        .a = out_c,
                        .a_stride = s.out_stride,
                        .a_outer = 0,
                        .b = in_c,
                        .b_stride = s.in_stride,
                        .b_outer = 0,
                        .init = grad,
                        .init_stride = s.n_in,
                        .c = grad,
                        .c_stride = s.n_in,
                        .ahead = ahead});
    } else if (transposes_input<T>(s)) {
      for (Index i = 0; i < items && (c == 0 || in_copy != 0); ++i) {
        transpose<T>(s.n_in, s.after, in_c + i * in_item, s.in_stride,
                     room + i * s.after * stride, stride);
      }
      product<T, false>({.rows = s.n_out,
                         .columns = s.n_in,
                         .depth = s.after,
                         .outer = items,
                         .a = out_c,
                         .a_stride = s.out_stride,
                         .a_outer = out_item,
                         .b = room,
                         .b_stride = stride,
                         .b_outer = s.after * stride,
                         .init = grad,
                         .init_stride = s.n_in,
                         .c = grad,
                         .c_stride = s.n_in,
                         .ahead = ahead});
    } else {
      dot<T>({s.n_out, s.n_in, s.after, items, out_c, s.out_stride, out_item, in_c, s.in_stride,
              in_item, grad, s.n_in});
    }
  }
}

}  // namespace
}  // namespace qimlp
