// Short arrays that a compiler turns into whatever vectors the target has (NEON, SSE2, none).
#pragma once

#include <cstring>
#include <type_traits>

#include "../convert.h"
#include "../layer.h"

namespace qimlp {
namespace {

template <class T>
struct Simd {
  static constexpr Index kLanes = 16 / static_cast<Index>(sizeof(T)), kPaired = 1;
  struct Vector {
    T lane[kLanes];
  };
  using Mask = Index;  // how many of the first lanes count
  static Mask first(Index n) { return n; }
  static Vector zero() { return all(T(0)); }
  static Vector spread(const T* p) { return all(*p); }
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
  static Vector load(const BFloat16* p) { return load(p, kLanes); }
  static Vector load(const BFloat16* p, Mask m) {
    Vector v = zero();
    for (Index i = 0; i < m; ++i) v.lane[i] = widen(p[i]);
    return v;
  }
  static void store(BFloat16* p, Vector v) { store(p, v, kLanes); }
  static void store(BFloat16* p, Vector v, Mask m) {
    for (Index i = 0; i < m; ++i) p[i] = narrow(v.lane[i]);
  }
  static Vector fma(Vector a, Vector b, Vector c) {
    for (Index i = 0; i < kLanes; ++i) c.lane[i] += a.lane[i] * b.lane[i];
    return c;
  }
  static Vector add(Vector a, Vector b) {
    for (Index i = 0; i < kLanes; ++i) a.lane[i] += b.lane[i];
    return a;
  }
  static Vector sub(Vector a, Vector b) {
    for (Index i = 0; i < kLanes; ++i) a.lane[i] -= b.lane[i];
    return a;
  }
  static Vector mul(Vector a, Vector b) {
    for (Index i = 0; i < kLanes; ++i) a.lane[i] *= b.lane[i];
    return a;
  }
  static Vector div(Vector a, Vector b) {
    for (Index i = 0; i < kLanes; ++i) a.lane[i] /= b.lane[i];
    return a;
  }
  // The second where one of them is a NaN.
  static Vector smaller(Vector a, Vector b) {
    for (Index i = 0; i < kLanes; ++i) a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
  }
  static Vector larger(Vector a, Vector b) {
    for (Index i = 0; i < kLanes; ++i) a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
  }
  static Vector where_negative(Vector x, Vector then, Vector otherwise) {
    for (Index i = 0; i < kLanes; ++i) {
      x.lane[i] = x.lane[i] < T(0) ? then.lane[i] : otherwise.lane[i];
    }
    return x;
  }
  // 2 to the power whose biased exponent the lowest bits hold.
  static Vector power_of_two(Vector bits) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    for (Index i = 0; i < kLanes; ++i) {
      Bits shifted;
      std::memcpy(&shifted, &bits.lane[i], sizeof shifted);
      shifted <<= sizeof(T) == 4 ? 23 : 52;
      std::memcpy(&bits.lane[i], &shifted, sizeof shifted);
    }
    return bits;
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
