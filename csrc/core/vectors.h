// Kronecker products of vectors, which a Kronecker bias is. Plain loops: they are short.
#pragma once

#include "layer.h"

namespace qimlp {

template <class T>
struct VectorList {
  const T* const* values;
  const Index* sizes;
  int count;

  VectorList after_first() const { return {values + 1, sizes + 1, count - 1}; }
};

// out = v[0] (x) v[1] (x) ...; 1 where there is no vector.
template <class T>
void kron_vectors(const VectorList<T>& v, T* out) {
  Index done = 1;
  out[0] = T(1);
  for (int f = v.count - 1; f >= 0; --f) {
    for (Index i = v.sizes[f] - 1; i >= 0; --i) {  // the first copy last: the others are made of it
      const T scale = v.values[f][i];
      for (Index j = 0; j < done; ++j) out[i * done + j] = scale * out[j];
    }
    done *= v.sizes[f];
  }
}

// Gradients of the vectors from that of their product. `work` holds twice the product of all sizes
// but the first.
template <class T>
void kron_vectors_backward(const VectorList<T>& v, const T* grad, T* const* grad_vectors, T* work) {
  Index size = 1;
  for (int f = 1; f < v.count; ++f) size *= v.sizes[f];
  T* const others = work;
  T* const rest = work + size;
  VectorList<T> later = v;
  for (int f = 0; f < v.count; ++f) {
    later = later.after_first();
    kron_vectors(later, others);
    for (Index i = 0; i < v.sizes[f]; ++i) {
      T sum = T(0);
      for (Index j = 0; j < size; ++j) sum += grad[i * size + j] * others[j];
      grad_vectors[f][i] = sum;
    }
    // The gradient of what comes after; from the second vector on it replaces its own source.
    const T* const values = v.values[f];
    for (Index j = 0; j < size; ++j) rest[j] = values[0] * grad[j];
    for (Index i = 1; i < v.sizes[f]; ++i) {
      for (Index j = 0; j < size; ++j) rest[j] += values[i] * grad[i * size + j];
    }
    grad = rest;
    if (f + 1 < v.count) size /= v.sizes[f + 1];
  }
}

}  // namespace qimlp
