// The columns' vectors, and the gradients of what makes them.
#pragma once

#include "../simd/subnormals.h"
#include "../steps/groups.h"
#include "../steps/product.h"
#include "../steps/sums.h"
#include "tables.h"
#include "turns.h"

namespace qimlp {
namespace {

constexpr Index kEmbeddedTogether = 64;   // samples whose features stay in the nearest cache
constexpr Index kSummedTogether = 256;    // samples whose gradients are added up in registers

template <class T>
struct EmbedJob {
  const Embedding<T>* call;
  T* out;
  T* features;
  Index tasks, scratch_size;
  T* scratch;
};

// Sines, cosines and x itself: out (2 turns + 1, count), `stride` from row to row.
template <class T>
void make_features(Index count, const T* x, Index turns, const T* frequencies, T* out,
                   Index stride) {
  using S = Simd<T>;
  for (Index i = 0; i < count; i += S::kLanes) {
    const typename S::Mask mask = S::first(count - i < S::kLanes ? count - i : S::kLanes);
    const typename S::Vector value = S::load(x + i, mask);
    for (Index k = 0; k < turns; ++k) {
      typename S::Vector sine, cosine;
      sine_cosine<T>(S::spread(frequencies + k), value, &sine, &cosine);
      S::store(out + k * stride + i, sine, mask);
      S::store(out + (turns + k) * stride + i, cosine, mask);
    }
    S::store(out + 2 * turns * stride + i, value, mask);
  }
}

// The row of a code in the table of a category; what is no code of it is row 0, as 0 is.
template <class T>
Index row_of(T code, Index rows) {
  return code > T(0) && code < static_cast<T>(rows) ? static_cast<Index>(code) : 0;
}

template <class T>
Index embed_scratch(const Embedding<T>& call) {
  const Index bytes = buffer_bytes<T>(kEmbeddedTogether * (call.features() + 1));
  return bytes / static_cast<Index>(sizeof(T));
}

template <class T>
Index embed_bytes(const Embedding<T>& call, Index tasks) {
  return tasks * embed_scratch(call) * static_cast<Index>(sizeof(T));
}

// The vectors of `count` samples from `first` on.
template <class T>
void embed_numbers(const EmbedJob<T>& job, Index first, Index count, T* scratch) {
  const Embedding<T>& call = *job.call;
  const Index columns = call.columns(), features = call.features(), width = call.width;
  T* const x = scratch;
  for (Index p = 0; p < call.numbers; ++p) {
    for (Index i = 0; i < count; ++i) x[i] = call.x[(first + i) * columns + p];
    T* rows = scratch + kEmbeddedTogether;
    Index stride = kEmbeddedTogether;
    if (job.features != nullptr) {
      rows = job.features + p * features * call.samples + first;
      stride = call.samples;
    }
    make_features(count, x, call.turns, call.frequencies + p * call.turns, rows, stride);
    Product<T> product_of_column{count, width, features, 1, rows, stride, 0,
                                 call.weight + p * features * width, width, 0,
                                 call.bias + p * width, 0,
                                 job.out + (first * columns + p) * width, columns * width, nullptr};
    product<T, true>(product_of_column);
  }
}

template <class T>
void embed_task(void* context, Index t) {
  const FlushSubnormals flush;
  const EmbedJob<T>& job = *static_cast<const EmbedJob<T>*>(context);
  const Embedding<T>& call = *job.call;
  const Index columns = call.columns(), width = call.width;
  T* const scratch = job.scratch + t * job.scratch_size;
  const Index until = task_begin(call.samples, job.tasks, t + 1);
  for (Index first = task_begin(call.samples, job.tasks, t); first < until;
       first += kEmbeddedTogether) {
    const Index count = until - first < kEmbeddedTogether ? until - first : kEmbeddedTogether;
    embed_numbers(job, first, count, scratch);
    for (Index q = 0; q < call.categories; ++q) {
      const Index column = call.numbers + q, rows = call.starts[q + 1] - call.starts[q];
      for (Index i = first; i < first + count; ++i) {
        const Index row = call.starts[q] + row_of(call.x[i * columns + column], rows);
        const T* const from = call.table + row * width;
        T* const to = job.out + (i * columns + column) * width;
        for (Index j = 0; j < width; ++j) to[j] = from[j];
      }
    }
  }
}

template <class T>
void embed(const Embedding<T>& call, T* out, T* features, Index tasks, void* memory, RunTasks run) {
  EmbedJob<T> job{&call, out, features, tasks, embed_scratch(call), static_cast<T*>(memory)};
  run(tasks, embed_task<T>, &job);
}

template <class T>
struct EmbedBackwardJob {
  const Embedding<T>* call;
  const T* grad;
  const T* features;
  const EmbeddingGradients<T>* gradients;
  Index tasks, scratch_size;
  T* scratch;
};

// Of each task: x times the sines and cosines, and their products with the gradient.
template <class T>
Index embed_backward_scratch(const Embedding<T>& call) {
  const Index together = call.samples < kSummedTogether ? call.samples : kSummedTogether;
  const Index bytes = buffer_bytes<T>(2 * call.turns * (together + call.width));
  return bytes / static_cast<Index>(sizeof(T));
}

template <class T>
Index embed_backward_bytes(const Embedding<T>& call, Index tasks) {
  return tasks * embed_backward_scratch(call) * static_cast<Index>(sizeof(T));
}

// out (rows, count) = the rows times `factor` (count).
template <class T>
void scale_columns(Index rows, Index count, const T* values, Index stride, const T* factor, T* out) {
  using S = Simd<T>;
  for (Index i = 0; i < count; i += S::kLanes) {
    const typename S::Mask mask = S::first(count - i < S::kLanes ? count - i : S::kLanes);
    const typename S::Vector scale = S::load(factor + i, mask);
    for (Index k = 0; k < rows; ++k) {
      S::store(out + k * count + i, S::mul(S::load(values + k * stride + i, mask), scale), mask);
    }
  }
}

// sums (width) += rows of `values`, `stride` apart.
template <class T>
void add_strided(Index rows, Index width, const T* values, Index stride, T* sums) {
  using S = Simd<T>;
  for (Index j = 0; j < width; j += S::kLanes) {
    const typename S::Mask mask = S::first(width - j < S::kLanes ? width - j : S::kLanes);
    typename S::Vector sum = S::load(sums + j, mask);
    for (Index i = 0; i < rows; ++i) sum = S::add(sum, S::load(values + i * stride + j, mask));
    S::store(sums + j, sum, mask);
  }
}

// d sin(2 pi c x) / dc = 2 pi x cos(2 pi c x): so of each frequency the gradient is made of the
// products of x sin and x cos with the gradient, (2 turns, width), and the weights that they meet.
template <class T>
void finish_frequencies(const Embedding<T>& call, const T* weight, const T* products, T* result) {
  constexpr T kTurn = static_cast<T>(6.283185307179586477);
  const Index width = call.width, half = call.turns * width;
  for (Index k = 0; k < call.turns; ++k) {
    T sum = T(0);
    for (Index j = 0; j < width; ++j) {
      const Index at = k * width + j;
      sum += weight[at] * products[half + at] - weight[half + at] * products[at];
    }
    result[k] = kTurn * sum;
  }
}

template <class T>
void number_backward(const EmbedBackwardJob<T>& job, Index p, T* scratch) {
  const Embedding<T>& call = *job.call;
  const EmbeddingGradients<T>& out = *job.gradients;
  const Index samples = call.samples, width = call.width, features = call.features();
  const Index row = call.columns() * width, trigonometric = 2 * call.turns;
  T* const weight = out.weight + p * features * width;
  T* const bias = out.bias + p * width;
  T* const products = scratch;
  T* const scaled = scratch + trigonometric * width;
  fill_zero(weight, features * width);
  fill_zero(bias, width);
  fill_zero(products, trigonometric * width);
  for (Index first = 0; first < samples; first += kSummedTogether) {
    const Index count = samples - first < kSummedTogether ? samples - first : kSummedTogether;
    const T* const grad = job.grad + first * row + p * width;
    const T* const own = job.features + p * features * samples + first;
    product<T, false>({features, width, count, 1, own, samples, 0, grad, row, 0, weight, width,
                       weight, width, nullptr});
    add_strided(count, width, grad, row, bias);
    if (out.frequencies == nullptr) continue;
    scale_columns(trigonometric, count, own, samples, own + trigonometric * samples, scaled);
    product<T, false>({trigonometric, width, count, 1, scaled, count, 0, grad, row, 0, products,
                       width, products, width, nullptr});
  }
  if (out.frequencies != nullptr) {
    finish_frequencies(call, call.weight + p * features * width, products,
                       out.frequencies + p * call.turns);
  }
}

template <class T>
void category_backward(const EmbedBackwardJob<T>& job, Index q) {
  const Embedding<T>& call = *job.call;
  const Index columns = call.columns(), column = call.numbers + q, width = call.width;
  const Index rows = call.starts[q + 1] - call.starts[q];
  T* const table = job.gradients->table + call.starts[q] * width;
  fill_zero(table, rows * width);
  for (Index i = 0; i < call.samples; ++i) {
    T* const to = table + row_of(call.x[i * columns + column], rows) * width;
    const T* const from = job.grad + (i * columns + column) * width;
    for (Index j = 0; j < width; ++j) to[j] += from[j];
  }
}

// A task takes some of the columns, so that no two add to one sum.
template <class T>
void embed_backward_task(void* context, Index t) {
  const FlushSubnormals flush;
  const EmbedBackwardJob<T>& job = *static_cast<const EmbedBackwardJob<T>*>(context);
  const Embedding<T>& call = *job.call;
  const Index until = task_begin(call.columns(), job.tasks, t + 1);
  for (Index c = task_begin(call.columns(), job.tasks, t); c < until; ++c) {
    if (c < call.numbers) {
      number_backward(job, c, job.scratch + t * job.scratch_size);
    } else {
      category_backward(job, c - call.numbers);
    }
  }
}

template <class T>
void embed_backward(const Embedding<T>& call, const T* grad, const T* features,
                    const EmbeddingGradients<T>& gradients, Index tasks, void* memory,
                    RunTasks run) {
  EmbedBackwardJob<T> job{&call, grad, features, &gradients,
                          tasks, embed_backward_scratch(call), static_cast<T*>(memory)};
  run(tasks, embed_backward_task<T>, &job);
}

}  // namespace
}  // namespace qimlp
