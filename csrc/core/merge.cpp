#include "merge.h"

namespace qimlp {
namespace {

// out (p * r, q * s) += kron(a, b) with a (p, q), b (r, s).
template <class T>
void add_kron(const T* a, Index p, Index q, const T* b, Index r, Index s, T* out) {
  for (Index i = 0; i < p; ++i) {
    for (Index k = 0; k < r; ++k) {
      T* row = out + (i * r + k) * q * s;
      for (Index j = 0; j < q; ++j) {
        const T x = a[i * q + j];
        for (Index l = 0; l < s; ++l) row[j * s + l] += x * b[k * s + l];
      }
    }
  }
}

// The gradients of both arguments of kron(a, b); they are overwritten.
template <class T>
void kron_backward(const T* a, Index p, Index q, const T* b, Index r, Index s, const T* grad,
                   T* grad_a, T* grad_b) {
  for (Index i = 0; i < r * s; ++i) grad_b[i] = T(0);
  for (Index i = 0; i < p * q; ++i) grad_a[i] = T(0);
  for (Index i = 0; i < p; ++i) {
    for (Index k = 0; k < r; ++k) {
      const T* row = grad + (i * r + k) * q * s;
      for (Index j = 0; j < q; ++j) {
        const T x = a[i * q + j];
        T sum = T(0);
        for (Index l = 0; l < s; ++l) {
          sum += row[j * s + l] * b[k * s + l];
          grad_b[k * s + l] += row[j * s + l] * x;
        }
        grad_a[i * q + j] += sum;
      }
    }
  }
}

}  // namespace

template <class T>
Merge<T>::Merge(const Factor<T>* factors, int count, Index copies, bool add_copies)
    : factors_(factors, factors + count), copies_(copies), add_copies_(add_copies) {
  Index n_out = 1, n_in = 1;
  for (int f = 0; f < count; ++f) {
    const Factor<T>& factor = factors_[static_cast<std::size_t>(f)];
    const Index p = n_out, q = n_in, r = factor.n_out, s = factor.n_in;
    n_out *= r;
    n_in *= s;
    const bool sum = add_copies && f == count - 1;
    products_.emplace_back();
    n_out_.push_back(n_out);
    n_in_.push_back(n_in);
    if (f == 0 && !sum) continue;
    std::vector<T>& product = products_.back();
    product.assign(static_cast<std::size_t>((sum ? 1 : copies) * n_out * n_in), T(0));
    const T one = T(1);
    for (Index c = 0; c < copies; ++c) {
      const T* before = f == 0 ? &one : this->product(static_cast<std::size_t>(f - 1)) + c * p * q;
      add_kron(before, p, q, factor.values + c * r * s, r, s,
               product.data() + (sum ? 0 : c * n_out * n_in));
    }
  }
}

template <class T>
void Merge<T>::backward(const T* grad, T* const* grad_factors) const {
  const Index grad_copy = add_copies_ ? 0 : n_out() * n_in();
  std::vector<T> upper, lower;
  for (Index c = 0; c < copies_; ++c) {
    const T* grad_product = grad + c * grad_copy;
    for (std::size_t f = factors_.size() - 1; f > 0; --f) {
      const Index p = n_out_[f - 1], q = n_in_[f - 1];
      const Index r = factors_[f].n_out, s = factors_[f].n_in;
      lower.resize(static_cast<std::size_t>(p * q));
      kron_backward(product(f - 1) + c * p * q, p, q, factors_[f].values + c * r * s, r, s,
                    grad_product, lower.data(), grad_factors[f] + c * r * s);
      upper.swap(lower);
      grad_product = upper.data();
    }
    const Index size = n_out_[0] * n_in_[0];
    for (Index i = 0; i < size; ++i) grad_factors[0][c * size + i] = grad_product[i];
  }
}

template class Merge<float>;
template class Merge<double>;

}  // namespace qimlp
