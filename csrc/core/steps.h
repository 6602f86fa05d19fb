// One step of a plan for a group of samples: forward, back to its input, back to its factor.
//
// `in` and `out` hold, for each copy, the samples one after the other; `in_copy` and `out_copy` are
// the distances between copies (0 where all copies share one: the layer's input, its gradient).
#pragma once

#include "dot.h"
#include "layer.h"
#include "product.h"
#include "transpose.h"

namespace qimlp {
namespace {

// Elements of a row step's factor once packed: `columns` rounded up to whole vectors.
template <class T>
Index packed_size(const Step& s, Index copies, bool transposed) {
  return copies * (transposed ? s.n_in * round_to_vectors<T>(s.n_out)
                              : s.n_out * round_to_vectors<T>(s.n_in));
}

// Pack a factor (copies, n_out, n_in) as (copies, n_in, n_out rounded up) for the way forward.
template <class T>
void pack_transposed(const Step& s, Index copies, const T* weight, T* packed) {
  for (Index c = 0; c < copies; ++c) {
    transpose<T>(s.n_out, s.n_in, weight, s.n_in, packed, round_to_vectors<T>(s.n_out));
    packed += s.n_in * round_to_vectors<T>(s.n_out);
    weight += s.n_out * s.n_in;
  }
}

// Pack a factor (copies, n_out, n_in) as (copies, n_out, n_in rounded up) for the way back.
template <class T>
void pack_padded(const Step& s, Index copies, const T* weight, T* packed) {
  const Index stride = round_to_vectors<T>(s.n_in);
  for (Index o = 0; o < copies * s.n_out; ++o) {
    for (Index i = 0; i < s.n_in; ++i) packed[i] = weight[i];
    packed += stride;
    weight += s.n_in;
  }
}

// Blocks of arithmetic that all steps take on the way forward, roughly.
template <class T>
Index count_blocks(const Plan& plan, Index samples) {
  Index blocks = 0;
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    const Index copies = i + 1 < plan.steps ? plan.copies : 1;
    blocks += copies * (s.row ? count_blocks<T>(samples * s.before, s.n_out)
                              : samples * s.before * count_blocks<T>(s.n_out, s.after));
  }
  return blocks;
}

// out = in x factor, per copy, or added up over the copies. `bias` starts the sums where it is
// not null: (before, n_out, after) in a column step, (samples, before, n_out) in a row step, where
// `bias_stride` goes from row to row.
template <class T>
void step_forward(const Step& s, Index copies, bool add_copies, Index samples, const T* weight,
                  const T* packed, const T* in, Index in_copy, T* out, Index out_copy,
                  const T* bias, Index bias_stride, Ahead* ahead) {
  const Index passes = add_copies ? 1 : copies, outer = add_copies ? copies : 1;
  const Index weight_copy = s.n_out * s.n_in;
  const Index packed_stride = round_to_vectors<T>(s.n_out);
  for (Index c = 0; c < passes; ++c) {
    const T* in_c = in + c * in_copy;
    T* out_c = out + c * out_copy;
    if (s.row) {
      product<T, false>({samples * s.before, s.n_out, s.n_in, outer, in_c, s.in_stride, in_copy,
                         packed + c * s.n_in * packed_stride, packed_stride, s.n_in * packed_stride,
                         bias, bias_stride, out_c, s.out_stride, ahead});
      continue;
    }
    for (Index n = 0; n < samples; ++n) {
      for (Index b = 0; b < s.before; ++b) {
        const Index item = n * s.before + b;
        product<T, false>({s.n_out, s.after, s.n_in, outer, weight + c * weight_copy, s.n_in,
                           weight_copy, in_c + item * s.n_in * s.in_stride, s.in_stride, in_copy,
                           bias == nullptr ? nullptr : bias + b * s.n_out * bias_stride,
                           bias_stride, out_c + item * s.n_out * s.out_stride, s.out_stride,
                           ahead});
      }
    }
  }
}

// grad_in = grad_out x factor^T, per copy, or added up over the copies.
template <class T>
void step_backward(const Step& s, Index copies, bool add_copies, Index samples, const T* weight,
                   const T* packed, const T* grad_out, Index out_copy, T* grad_in, Index in_copy,
                   Ahead* ahead) {
  const Index passes = add_copies ? 1 : copies, outer = add_copies ? copies : 1;
  const Index weight_copy = s.n_out * s.n_in;
  const Index packed_stride = round_to_vectors<T>(s.n_in);
  for (Index c = 0; c < passes; ++c) {
    const T* out_c = grad_out + c * out_copy;
    T* in_c = grad_in + c * in_copy;
    if (s.row) {
      product<T, false>({samples * s.before, s.n_in, s.n_out, outer, out_c, s.out_stride, out_copy,
                         packed + c * s.n_out * packed_stride, packed_stride,
                         s.n_out * packed_stride, nullptr, 0, in_c, s.in_stride, ahead});
      continue;
    }
    for (Index item = 0; item < samples * s.before; ++item) {
      product<T, true>({s.n_in, s.after, s.n_out, outer, weight + c * weight_copy, s.n_in,
                        weight_copy, out_c + item * s.n_out * s.out_stride, s.out_stride, out_copy,
                        nullptr, 0, in_c + item * s.n_in * s.in_stride, s.in_stride, ahead});
    }
  }
}

// Whether a column step's factor gradient goes through a transposed input. Dot products along the
// contiguous axis need none, but they are slower; they win where n_in leaves most lanes empty.
template <class T>
bool transposes_input(const Step& s) {
  return !s.row && 2 * s.n_in > Simd<T>::kLanes;
}

// Elements of one copy of one sample of the transposed input.
template <class T>
Index transposed_size(const Step& s) {
  return s.before * s.after * round_to_vectors<T>(s.n_in);
}

// grad_weight (copies, n_out, n_in) += what these samples contribute. `transposed` is working
// memory for `samples * transposed_size` elements, where the input is transposed.
template <class T>
void step_factor_gradient(const Step& s, Index copies, Index samples, const T* in, Index in_copy,
                          const T* grad_out, Index out_copy, T* transposed, T* grad_weight,
                          Ahead* ahead) {
  const Index items = samples * s.before;
  const Index in_item = s.n_in * s.in_stride, out_item = s.n_out * s.out_stride;
  const Index stride = round_to_vectors<T>(s.n_in);
  for (Index c = 0; c < copies; ++c) {
    const T* in_c = in + c * in_copy;
    const T* out_c = grad_out + c * out_copy;
    T* grad = grad_weight + c * s.n_out * s.n_in;
    if (s.row) {
      product<T, true>({s.n_out, s.n_in, items, 1, out_c, s.out_stride, 0, in_c, s.in_stride, 0,
                        grad, s.n_in, grad, s.n_in, ahead});
    } else if (transposes_input<T>(s)) {
      for (Index i = 0; i < items && (c == 0 || in_copy != 0); ++i) {
        transpose<T>(s.n_in, s.after, in_c + i * in_item, s.in_stride,
                     transposed + i * s.after * stride, stride);
      }
      product<T, false>({s.n_out, s.n_in, s.after, items, out_c, s.out_stride, out_item, transposed,
                         stride, s.after * stride, grad, s.n_in, grad, s.n_in, ahead});
    } else {
      dot<T>({s.n_out, s.n_in, s.after, items, out_c, s.out_stride, out_item, in_c, s.in_stride,
              in_item, grad, s.n_in});
    }
  }
}

// sums (width) += the rows of `values` (rows, width).
template <class T>
void add_rows(Index rows, Index width, const T* values, T* sums) {
  using S = Simd<T>;
  const Index whole = width / S::kLanes * S::kLanes;
  for (Index j = 0; j < whole; j += S::kLanes) {
    typename S::Vector sum = S::load(sums + j);
    for (Index i = 0; i < rows; ++i) sum = S::add(sum, S::load(values + i * width + j));
    S::store(sums + j, sum);
  }
  for (Index j = whole; j < width; ++j) {
    for (Index i = 0; i < rows; ++i) sums[j] += values[i * width + j];
  }
}

}  // namespace
}  // namespace qimlp
