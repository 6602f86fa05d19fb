// The steps on rows of bfloat16 numbers whose products are taken in pairs (simd_pairs.h): the same as
// in steps.h, where what lies between the steps is bfloat16 too and sums are float.
//
// A product wants the pairs of its second argument along the axis that is contracted: factors are
// packed so once per call, states and gradients in `room`.
#pragma once

#include "../simd/convert_rows.h"
#include "../simd/pairs.h"
#include "product.h"
#include "steps.h"

namespace qimlp {
namespace {

// Numbers of a row of pairs, padded to whole vectors.
inline Index pairs_stride(Index columns) { return 2 * round_to_vectors<float>(columns); }

template <>
inline Index forward_size<BFloat16>(const Step& s) {
  return s.weight_size() + (s.row ? s.copies * count_pairs(s.n_in) * pairs_stride(s.n_out) : 0);
}

template <>
inline Index backward_size<BFloat16>(const Step& s) {
  return s.weight_size() + s.copies * count_pairs(s.n_out) * pairs_stride(s.n_in);
}

// The factor (copies, n_out, n_in) as it was given, or rounded into `room`.
inline const BFloat16* rounded_factor(const Step& s, const Factors<BFloat16>& factors,
                                      BFloat16* room) {
  const BFloat16* as_given = factors.as_given[s.factor];
  if (as_given != nullptr) return as_given;
  convert_rows(s.weight_size(), factors.values[s.factor], room);
  return room;
}

// Of a row step (copies, n_in / 2, n_out rounded up) pairs along n_in, of a column step as it is.
inline const BFloat16* forward_factor(const Step& s, const Factors<BFloat16>& factors,
                                      BFloat16* packed) {
  const BFloat16* weight = rounded_factor(s, factors, packed);
  if (!s.row) return weight;
  BFloat16* const pairs = packed + s.weight_size();
  const Index stride = pairs_stride(s.n_out);
  for (Index c = 0; c < s.copies; ++c) {
    pair_columns(s.n_out, s.n_in, weight + c * s.n_out * s.n_in, s.n_in,
                 pairs + c * count_pairs(s.n_in) * stride, stride);
  }
  return pairs;
}

// Numbers of a row of `transpose_to_pairs`.
inline Index transposed_stride(Index rows) { return 2 * count_pairs(rows); }

// Whether a column step goes back with its factor transposed, in whole rows, rather than in pairs.
inline bool goes_back_transposed(const Step& s) { return Simd<BFloat16>::kByTiles && !s.row; }

// (copies, n_out / 2, n_in rounded up) pairs along n_out, or (copies, n_in, n_out) transposed.
inline const BFloat16* backward_factor(const Step& s, const Factors<BFloat16>& factors,
                                       BFloat16* packed) {
  const BFloat16* weight = rounded_factor(s, factors, packed);
  BFloat16* const pairs = packed + s.weight_size();
  if (goes_back_transposed(s)) {
    const Index stride = transposed_stride(s.n_out);
    for (Index c = 0; c < s.copies; ++c) {
      transpose_to_pairs(s.n_out, s.n_in, weight + c * s.n_out * s.n_in, s.n_in,
                         pairs + c * s.n_in * stride, stride);
    }
    return pairs;
  }
  const Index stride = pairs_stride(s.n_in);
  for (Index c = 0; c < s.copies; ++c) {
    pair_rows(s.n_out, s.n_in, weight + c * s.n_out * s.n_in, s.n_in,
              pairs + c * count_pairs(s.n_out) * stride, stride);
  }
  return pairs;
}

template <>
inline Index forward_room<BFloat16>(const Step& s) {
  return s.row ? 0 : s.copies * s.before * count_pairs(s.n_in) * pairs_stride(s.after);
}

template <>
inline Index backward_room<BFloat16>(const Step& s) {
  return s.row ? 0 : s.copies * s.before * count_pairs(s.n_out) * pairs_stride(s.after);
}

template <>
inline Index gradient_room<BFloat16>(const Step& s) {
  // Rows of all samples are paired with each other: one more where there is an odd number of them.
  if (s.row) return (s.before + 1) * (pairs_stride(s.n_out) + pairs_stride(s.n_in)) / 2;
  return s.before * count_pairs(s.after) * pairs_stride(s.n_in);
}

template <class Out>
void step_forward(const Step& s, bool add_copies, Index samples, const BFloat16* factor,
                  const BFloat16* in, Index in_copy, Out* out, Index out_copy, const float* bias,
                  Index bias_stride, BFloat16* room, Ahead* ahead) {
  const Index passes = add_copies ? 1 : s.copies, outer = add_copies ? s.copies : 1;
  if (s.row) {
    const Index stride = pairs_stride(s.n_out), factor_copy = count_pairs(s.n_in) * stride;
    for (Index c = 0; c < passes; ++c) {
      product<BFloat16, false, Out>({.rows = samples * s.before,
                                     .columns = s.n_out,
                                     .depth = s.n_in,
                                     .outer = outer,
                                     .a = in + c * in_copy,
                                     .a_stride = s.in_stride,
                                     .a_outer = in_copy,
                                     .b = factor + c * factor_copy,
                                     .b_stride = stride,
                                     .b_outer = factor_copy,
                                     .init = bias,
                                     .init_stride = bias_stride,
                                     .c = out + c * out_copy,
                                     .c_stride = s.out_stride,
                                     .ahead = ahead});
    }
    return;
  }
  const Index items = samples * s.before, stride = pairs_stride(s.after);
  const Index paired_item = count_pairs(s.n_in) * stride;
  const Index paired_copy = in_copy == 0 ? 0 : items * paired_item;
  for (Index c = 0; c < (in_copy == 0 ? 1 : s.copies); ++c) {
    for (Index i = 0; i < items; ++i) {
      pair_rows(s.n_in, s.after, in + c * in_copy + i * s.n_in * s.in_stride, s.in_stride,
                room + c * paired_copy + i * paired_item, stride);
    }
  }
  // Blocks of one sample have a bias each, of which all samples have the same.
  const bool by_sample = bias != nullptr && s.before > 1;
  const Index rounds = by_sample ? samples : 1, count = items / rounds;
  const Index out_item = s.n_out * s.out_stride, factor_copy = s.n_out * s.n_in;
  for (Index c = 0; c < passes; ++c) {
    for (Index round = 0; round < rounds; ++round) {
      product<BFloat16, false, Out>({.rows = s.n_out,
                                     .columns = s.after,
                                     .depth = s.n_in,
                                     .outer = outer,
                                     .a = factor + c * factor_copy,
                                     .a_stride = s.n_in,
                                     .a_outer = factor_copy,
                                     .b = room + c * paired_copy + round * count * paired_item,
                                     .b_stride = stride,
                                     .b_outer = paired_copy,
                                     .init = bias,
                                     .init_stride = bias_stride,
                                     .c = out + c * out_copy + round * count * out_item,
                                     .c_stride = s.out_stride,
                                     .ahead = ahead,
                                     .items = count,
                                     .b_item = paired_item,
                                     .init_item = by_sample ? s.n_out * bias_stride : 0,
                                     .c_item = out_item});
    }
  }
}

inline void step_backward(const Step& s, bool add_copies, Index samples, const BFloat16* factor,
                          const BFloat16* grad_out, Index out_copy, BFloat16* grad_in,
                          Index in_copy, BFloat16* room, Ahead* ahead) {
  const Index passes = add_copies ? 1 : s.copies, outer = add_copies ? s.copies : 1;
  constexpr bool by_row = !Simd<BFloat16>::kByTiles;
  const bool transposed = goes_back_transposed(s);
  const Index factor_stride = transposed ? transposed_stride(s.n_out) : pairs_stride(s.n_in);
  const Index factor_copy = (transposed ? s.n_in : count_pairs(s.n_out)) * factor_stride;
  if (s.row) {
    for (Index c = 0; c < passes; ++c) {
      product<BFloat16, false>({.rows = samples * s.before,
                                .columns = s.n_in,
                                .depth = s.n_out,
                                .outer = outer,
                                .a = grad_out + c * out_copy,
                                .a_stride = s.out_stride,
                                .a_outer = out_copy,
                                .b = factor + c * factor_copy,
                                .b_stride = factor_stride,
                                .b_outer = factor_copy,
                                .init = nullptr,
                                .init_stride = 0,
                                .c = grad_in + c * in_copy,
                                .c_stride = s.in_stride,
                                .ahead = ahead});
    }
    return;
  }
  const Index items = samples * s.before, stride = pairs_stride(s.after);
  const Index paired_item = count_pairs(s.n_out) * stride;
  const Index paired_copy = out_copy == 0 ? 0 : items * paired_item;
  for (Index c = 0; c < (out_copy == 0 ? 1 : s.copies); ++c) {
    for (Index i = 0; i < items; ++i) {
      pair_rows(s.n_out, s.after, grad_out + c * out_copy + i * s.n_out * s.out_stride,
                s.out_stride, room + c * paired_copy + i * paired_item, stride);
    }
  }
  for (Index c = 0; c < passes; ++c) {
    product<BFloat16, by_row>({.rows = s.n_in,
                               .columns = s.after,
                               .depth = s.n_out,
                               .outer = outer,
                               .a = factor + c * factor_copy,
                               .a_stride = factor_stride,
                               .a_outer = factor_copy,
                               .b = room + c * paired_copy,
                               .b_stride = stride,
                               .b_outer = paired_copy,
                               .init = nullptr,
                               .init_stride = 0,
                               .c = grad_in + c * in_copy,
                               .c_stride = s.in_stride,
                               .ahead = ahead,
                               .items = items,
                               .b_item = paired_item,
                               .c_item = s.n_in * s.in_stride});
  }
}

inline void step_factor_gradient(const Step& s, Index samples, const BFloat16* in, Index in_copy,
                                 const BFloat16* grad_out, Index out_copy, float* grad_weight,
                                 BFloat16* room, Ahead* ahead) {
  const Index items = samples * s.before, stride = pairs_stride(s.n_in);
  for (Index c = 0; c < s.copies; ++c) {
    const bool anew = c == 0 || in_copy != 0;
    const BFloat16* in_c = in + c * in_copy;
    const BFloat16* out_c = grad_out + c * out_copy;
    float* grad = grad_weight + c * s.n_out * s.n_in;
    if (s.row) {
      constexpr bool by_row = !Simd<BFloat16>::kByTiles;
      const Index out_stride = by_row ? pairs_stride(s.n_out) : transposed_stride(items);
      BFloat16* const turned = room + count_pairs(items) * stride;
      if (anew) pair_rows(items, s.n_in, in_c, s.in_stride, room, stride);
      (by_row ? pair_rows : transpose_to_pairs)(items, s.n_out, out_c, s.out_stride, turned, out_stride);
      product<BFloat16, by_row, float>({.rows = s.n_out,
                                        .columns = s.n_in,
                                        .depth = items,
                                        .outer = 1,
                                        .a = turned,
                                        .a_stride = out_stride,
                                        .a_outer = 0,
                                        .b = room,
                                        .b_stride = stride,
                                        .b_outer = 0,
                                        .init = grad,
                                        .init_stride = s.n_in,
                                        .c = grad,
                                        .c_stride = s.n_in,
                                        .ahead = ahead});
      continue;
    }
    const Index paired_item = count_pairs(s.after) * stride;
    for (Index i = 0; i < items && anew; ++i) {
      pair_columns(s.n_in, s.after, in_c + i * s.n_in * s.in_stride, s.in_stride,
                   room + i * paired_item, stride);
    }
    product<BFloat16, false, float>({.rows = s.n_out,
                                     .columns = s.n_in,
                                     .depth = s.after,
                                     .outer = items,
                                     .a = out_c,
                                     .a_stride = s.out_stride,
                                     .a_outer = s.n_out * s.out_stride,
                                     .b = room,
                                     .b_stride = stride,
                                     .b_outer = paired_item,
                                     .init = grad,
                                     .init_stride = s.n_in,
                                     .c = grad,
                                     .c_stride = s.n_in,
                                     .ahead = ahead});
  }
}

}  // namespace
}  // namespace qimlp
