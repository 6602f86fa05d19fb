// Short arrays that a compiler turns into whatever vectors the target has (NEON, SSE2, none).
#pragma once

#include "layer.h"

namespace qimlp {
namespace {

template <class T>
struct Simd {
  static constexpr Index kLanes = 16 / static_cast<Index>(sizeof(T));
  struct Vector {
    T lane[kLanes];
  };
  using Mask = Index;  // how many of the first lanes count
  static Mask first(Index n) { return n; }
  static Vector zero() { return all(T(0)); }
  static Vector all(T x) {
    Vector v;
    for (Index i = 0; i < kLanes; ++i) v.lane[i] = x;
    return v;
  }
  static Vector load(const T* p) {
    Vector v;
    for (Index i = 0; i < kLanes; ++i) v.lane[i] = p[i];
    return v;
  }
  static Vector load(const T* p, Mask m) {
    if (m == kLanes) return load(p);
    Vector v = zero();
    for (Index i = 0; i < m; ++i) v.lane[i] = p[i];
    return v;
  }
  static void store(T* p, Vector v) {
    for (Index i = 0; i < kLanes; ++i) p[i] = v.lane[i];
  }
  static void store(T* p, Vector v, Mask m) {
    for (Index i = 0; i < m; ++i) p[i] = v.lane[i];
  }
  static Vector fma(Vector a, Vector b, Vector c) {
    for (Index i = 0; i < kLanes; ++i) c.lane[i] += a.lane[i] * b.lane[i];
    return c;
  }
  static Vector add(Vector a, Vector b) {
    for (Index i = 0; i < kLanes; ++i) a.lane[i] += b.lane[i];
    return a;
  }
  static T sum(Vector v) {
    T total = T(0);
    for (Index i = 0; i < kLanes; ++i) total += v.lane[i];
    return total;
  }
  // Transpose kLanes vectors in place.
  static void transpose(Vector* v) {
    for (Index i = 0; i < kLanes; ++i) {
      for (Index j = 0; j < i; ++j) {
        const T swapped = v[i].lane[j];
        v[i].lane[j] = v[j].lane[i];
        v[j].lane[i] = swapped;
      }
    }
  }
};

constexpr int kMostVectors = 3;
constexpr int kMostRows[kMostVectors + 1] = {0, 8, 4, 4};
constexpr int kDotBlock = 3;

}  // namespace
}  // namespace qimlp
