// Runs the core against plain loops, for a sanitizer to watch: every instruction set this machine
// has, all number types, several threads, buffers of exactly the size needed.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <type_traits>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "../core/compute.h"

using qimlp::Index;
using qimlp::InstructionSet;

namespace {

void run_on_threads(Index tasks, void (*task)(void*, Index), void* context) {
  std::vector<std::thread> threads;
  for (Index t = 0; t < tasks; ++t) threads.emplace_back(task, context, t);
  for (std::thread& thread : threads) thread.join();
}

// Numbers whose last one ends a page, behind which none may be read or written: the sanitizers do not
// see what is loaded into tiles.
template <class T>
class Fenced {
 public:
  explicit Fenced(std::size_t size, T value = {}) : size_(size) {
#if defined(__linux__)
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    bytes_ = (size * sizeof(T) + page - 1) / page * page + page;
    block_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block_ == MAP_FAILED) std::abort();
    char* const fence = static_cast<char*>(block_) + bytes_ - page;
    if (mprotect(fence, page, PROT_NONE) != 0) std::abort();
    values_ = reinterpret_cast<T*>(fence) - size;
#else
    values_ = new T[size];
#endif
    std::fill(values_, values_ + size, value);
  }
  Fenced(Fenced&& other) noexcept
      : size_(other.size_), bytes_(other.bytes_), block_(other.block_), values_(other.values_) {
    other.values_ = nullptr;
  }
  ~Fenced() {
    if (values_ == nullptr) return;
#if defined(__linux__)
    munmap(block_, bytes_);
#else
    delete[] values_;
#endif
  }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  T* data() const { return values_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) const { return values_[i]; }
  T* begin() const { return values_; }
  T* end() const { return values_ + size_; }

 private:
  std::size_t size_, bytes_ = 0;
  void* block_ = nullptr;
  T* values_;
};

struct Case {
  std::vector<Index> in, out;
  Index copies, batch;
  std::vector<int> groups;
};

template <class T>
double value_of(T number) {
  return static_cast<double>(number);
}

double value_of(qimlp::BFloat16 number) {
  const std::uint32_t bits = static_cast<std::uint32_t>(number.bits) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return static_cast<double>(value);
}

// For bfloat16: the value without its lower bits, or a NaN.
template <class T>
T number_of(double value) {
  if constexpr (std::is_same_v<T, qimlp::BFloat16>) {
    const float single = static_cast<float>(value);
    std::uint32_t bits;
    std::memcpy(&bits, &single, sizeof bits);
    return {static_cast<std::uint16_t>(bits >> 16)};
  } else {
    return static_cast<T>(value);
  }
}

// Largest error, as a fraction of the largest entry. In bfloat16 inputs to later steps, what GELU is
// given on the way back and results may each be rounded.
template <class T>
constexpr double kTolerance = std::is_same_v<T, double>  ? 1e-12
                              : std::is_same_v<T, float> ? 1e-5
                                                         : 8e-3;

template <class T>
Fenced<T> draw(Index count, std::mt19937& random, double limit = 1) {
  std::uniform_real_distribution<double> uniform(-limit, limit);
  Fenced<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = number_of<T>(uniform(random));
  return values;
}

Index product(const std::vector<Index>& sizes) {
  Index all = 1;
  for (const Index size : sizes) all *= size;
  return all;
}

// Entry (row, column) of one copy's Kronecker product, less factor `left_out`.
template <class T>
double entry(const Case& c, const std::vector<Fenced<T>>& factors, Index copy, Index row,
             Index column, std::size_t left_out) {
  double value = 1;
  for (std::size_t i = factors.size(); i-- > 0;) {
    const Index o = row % c.out[i], j = column % c.in[i];
    row /= c.out[i];
    column /= c.in[i];
    if (i != left_out) {
      value *=
          value_of(factors[i][static_cast<std::size_t>((copy * c.out[i] + o) * c.in[i] + j)]);
    }
  }
  return value;
}

template <class T>
bool near(const char* what, const Fenced<T>& got, const std::vector<double>& expected) {
  double error = 0, scale = 1e-30;
  for (std::size_t i = 0; i < got.size(); ++i) {
    error = std::max(error, std::abs(value_of(got[i]) - expected[i]));
    scale = std::max(scale, std::abs(expected[i]));
    if (std::isnan(value_of(got[i]))) error = INFINITY;
  }
  if (error <= scale * kTolerance<T>) return true;
  std::printf("%s: error %g of scale %g\n", what, error, scale);
  return false;
}

template <class T>
bool check(const Case& c, InstructionSet set, Index threads, bool gelu, bool keep) {
  std::mt19937 random(1);
  const Index n_in = product(c.in), n_out = product(c.out);
  std::vector<Fenced<T>> factors, grad_factors;
  qimlp::Layer<T> layer{{}, c.copies, c.groups};
  for (std::size_t i = 0; i < c.in.size(); ++i) {
    // Results about as large as inputs, so that GELU is not all but a step.
    const double limit = std::sqrt(3.0 / static_cast<double>(c.in[i]));
    factors.push_back(draw<T>(c.copies * c.out[i] * c.in[i], random, limit));
    grad_factors.emplace_back(factors.back().size(), number_of<T>(NAN));
  }
  for (std::size_t i = 0; i < c.in.size(); ++i) {
    layer.factors.push_back({factors[i].data(), c.out[i], c.in[i]});
  }
  const Fenced<T> x = draw<T>(c.batch * n_in, random), bias = draw<T>(n_out, random);
  const Fenced<T> grad = draw<T>(c.batch * n_out, random);
  Fenced<T> y(grad.size(), number_of<T>(NAN)), grad_x(x.size(), number_of<T>(NAN)), grad_bias(bias.size(), number_of<T>(NAN));
  std::vector<T*> grads;
  for (Fenced<T>& values : grad_factors) grads.push_back(values.data());

  const qimlp::Setting setting{set, threads, run_on_threads, true, 1};
  Fenced<T> slope(gelu ? y.size() : 0, number_of<T>(NAN));
  const qimlp::KeptState kept = qimlp::kept_state<T>(layer, c.batch, setting);
  Fenced<T> rows(static_cast<std::size_t>(keep && kept.as_rows ? kept.size : 0),
                      number_of<T>(NAN));
  Fenced<qimlp::Computed<T>> wide(
      static_cast<std::size_t>(keep && !kept.as_rows ? kept.size : 0),
      static_cast<qimlp::Computed<T>>(NAN));
  T* const slopes = slope.empty() ? nullptr : slope.data();
  void* const states = !rows.empty()   ? static_cast<void*>(rows.data())
                       : !wide.empty() ? static_cast<void*>(wide.data())
                                       : nullptr;
  qimlp::compute_forward<T>(layer, c.batch, x.data(), bias.data(), gelu, y.data(), {slopes, states},
                            setting);
  qimlp::compute_backward<T>(layer, c.batch, grad.data(), x.data(), {slopes, states}, grad_x.data(),
                             grads, grad_bias.data(), setting);

  std::vector<double> true_y(y.size()), true_grad(y.size()), true_grad_x(x.size()), true_grad_bias(bias.size());
  std::vector<std::vector<double>> true_grads;
  for (const Fenced<T>& values : grad_factors) true_grads.emplace_back(values.size());
  for (Index o = 0; o < n_out; ++o) {
    for (Index n = 0; n < c.batch; ++n) {
      double z = value_of(bias[static_cast<std::size_t>(o)]);
      for (Index j = 0; j < n_in; ++j) {
        for (Index k = 0; k < c.copies; ++k) {
          z += entry(c, factors, k, o, j, factors.size()) *
               value_of(x[static_cast<std::size_t>(n * n_in + j)]);
        }
      }
      const std::size_t at = static_cast<std::size_t>(n * n_out + o);
      const double below = std::erfc(-z / std::sqrt(2.0)) / 2;
      const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0));
      true_y[at] = gelu ? z * below : z;
      true_grad[at] = value_of(grad[at]) * (gelu ? below + z * density : 1);
    }
    for (Index j = 0; j < n_in; ++j) {
      double weight = 0, pair = 0;
      for (Index k = 0; k < c.copies; ++k) weight += entry(c, factors, k, o, j, factors.size());
      for (Index n = 0; n < c.batch; ++n) {
        const double x_nj = value_of(x[static_cast<std::size_t>(n * n_in + j)]);
        const double g_no = true_grad[static_cast<std::size_t>(n * n_out + o)];
        true_grad_x[static_cast<std::size_t>(n * n_in + j)] += weight * g_no;
        pair += g_no * x_nj;
      }
      for (std::size_t i = 0; i < factors.size(); ++i) {
        Index row = o, column = j;
        for (std::size_t f = factors.size() - 1; f > i; --f) {
          row /= c.out[f];
          column /= c.in[f];
        }
        for (Index k = 0; k < c.copies; ++k) {
          const Index at = (k * c.out[i] + row % c.out[i]) * c.in[i] + column % c.in[i];
          true_grads[i][static_cast<std::size_t>(at)] += pair * entry(c, factors, k, o, j, i);
        }
      }
    }
    for (Index n = 0; n < c.batch; ++n) {
      const std::size_t at = static_cast<std::size_t>(n * n_out + o);
      true_grad_bias[static_cast<std::size_t>(o)] += true_grad[at];
    }
  }
  bool good = near("y", y, true_y);
  good = near("grad_x", grad_x, true_grad_x) && good;
  good = near("grad_bias", grad_bias, true_grad_bias) && good;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    good = near("grad_factor", grad_factors[i], true_grads[i]) && good;
  }
  return good;
}

}  // namespace

int main() {
  const std::vector<Case> cases = {
      {{3, 4}, {5, 2}, 2, 7, {1, 1}},
      {{3, 4}, {5, 2}, 2, 7, {2}},
      {{17, 3}, {1, 33}, 1, 3, {1, 1}},
      {{28, 28}, {28, 28}, 1, 40, {1, 1}},
      {{1, 65}, {2, 63}, 3, 5, {1, 1}},
      {{1, 6}, {3, 1}, 1, 7, {1, 1}},
      {{7, 7, 16}, {16, 7, 7}, 1, 20, {1, 1, 1}},
      {{7, 7, 16}, {16, 7, 7}, 2, 4, {2, 1}},
      {{2, 3, 4, 5}, {3, 4, 5, 2}, 2, 6, {1, 2, 1}},
      {{2, 3, 4, 5}, {3, 4, 5, 2}, 1, 0, {1, 1, 1, 1}},
      // Tiles: heights and depths that divide, that do not, that are odd, in several chunks.
      {{32, 16}, {16, 32}, 1, 9, {1, 1}},
      {{18, 50}, {34, 33}, 2, 3, {1, 1}},
      {{49, 4}, {35, 71}, 1, 3, {1, 1}},
      {{4, 3, 66}, {3, 5, 7}, 1, 5, {1, 1, 1}},
      // Small factors, enough rows: samples side by side, in whole vectors and not.
      {{4, 4, 7}, {4, 4, 7}, 1, 67, {1, 1, 1}},
      {{3, 5, 2}, {2, 7, 3}, 2, 65, {1, 1, 1}},
      {{4, 4, 7}, {3, 5, 7}, 1, 127, {2, 1}},
      // More rows than are added up at once, on one thread and on three.
      {{3, 4}, {5, 2}, 2, 300, {1, 1}},
      {{4, 4, 4}, {4, 4, 4}, 1, 450, {1, 1, 1}},
  };
  int failures = 0, tried = 0;
  for (const InstructionSet set : qimlp::kInstructionSets) {
    if (!qimlp::has_instruction_set(set)) continue;
    for (const Index threads : {1, 3}) {
      for (std::size_t i = 0; i < cases.size(); ++i) {
        // With GELU and without, with what is kept for the way back and without.
        const bool gelu = (i + static_cast<std::size_t>(threads)) % 2 == 0, keep = threads == 1 || i % 2 == 0;
        const bool good_float = check<float>(cases[i], set, threads, gelu, keep);
        const bool good_double = check<double>(cases[i], set, threads, !gelu, keep);
        const bool good_bfloat16 = check<qimlp::BFloat16>(cases[i], set, threads, gelu, keep);
        tried += 3;
        if (good_float && good_double && good_bfloat16) continue;
        ++failures;
        std::printf("case %zu failed on %s, %d threads\n", i, qimlp::instruction_set_name(set),
                    static_cast<int>(threads));
      }
    }
  }
  std::printf("%d checks, %d cases failed\n", tried, failures);
  return failures == 0 && tried > 0 ? 0 : 1;
}
