// Runs the layers of a network for tables for a sanitizer to watch: every instruction set this machine
// has, both number types, several threads, buffers of exactly the size needed. Each instruction set
// must say what plain loops say.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "../core/tables/tables.h"

using qimlp::Index;
using qimlp::InstructionSet;

namespace {

void run_on_threads(Index tasks, void (*task)(void*, Index), void* context) {
  std::vector<std::thread> threads;
  for (Index t = 0; t < tasks; ++t) threads.emplace_back(task, context, t);
  for (std::thread& thread : threads) thread.join();
}

template <class T>
using Numbers = std::vector<T>;

template <class T>
Numbers<T> draw(Index count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Numbers<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(uniform(random));
  return values;
}

template <class T>
Numbers<T> unset(Index count) {
  return Numbers<T>(static_cast<std::size_t>(count), static_cast<T>(NAN));
}

template <class T>
bool near(const char* what, const Numbers<T>& got, const Numbers<double>& expected) {
  double error = 0, scale = 1e-30;
  for (std::size_t i = 0; i < got.size(); ++i) {
    error = std::max(error, std::abs(static_cast<double>(got[i]) - expected[i]));
    scale = std::max(scale, std::abs(expected[i]));
    if (std::isnan(got[i])) error = INFINITY;
  }
  if (error <= scale * (sizeof(T) == 8 ? 1e-12 : 2e-5)) return true;
  std::printf("%s: error %g of scale %g\n", what, error, scale);
  return false;
}

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

template <class T>
bool check_embedding(Index samples, Index numbers, Index turns, Index width,
                     const std::vector<Index>& categories, const qimlp::Setting& setting) {
  std::vector<Index> starts{0};
  for (const Index size : categories) starts.push_back(starts.back() + size + 1);
  const auto count = static_cast<Index>(categories.size());
  const Index columns = numbers + count, features = 2 * turns + 1;
  Numbers<T> x = draw<T>(samples * columns, 1);
  for (Index n = 0; n < samples; ++n) {
    for (Index q = 0; q < count; ++q) {
      x[at(n * columns + numbers + q)] = static_cast<T>(n % (categories[at(q)] + 2));  // the last is no code
    }
  }
  const Numbers<T> frequencies = draw<T>(numbers * turns, 2), bias = draw<T>(numbers * width, 4);
  const Numbers<T> weight = draw<T>(numbers * features * width, 3);
  const Numbers<T> table = draw<T>(starts.back() * width, 5);
  const Numbers<T> grad = draw<T>(samples * columns * width, 6);
  Numbers<T> out = unset<T>(samples * columns * width), kept = unset<T>(numbers * features * samples);
  Numbers<T> of_frequencies = unset<T>(numbers * turns), of_weight = unset<T>(numbers * features * width);
  Numbers<T> of_bias = unset<T>(numbers * width), of_table = unset<T>(starts.back() * width);
  const qimlp::Embedding<T> call{samples, numbers, count, turns, width, x.data(),
                                 frequencies.data(), weight.data(), bias.data(), table.data(), starts.data()};
  qimlp::compute_embedding<T>(call, out.data(), kept.data(), setting);
  qimlp::compute_embedding_backward<T>(
      call, grad.data(), kept.data(), {of_frequencies.data(), of_weight.data(), of_bias.data(), of_table.data()}, setting);

  Numbers<double> y(out.size()), g_frequencies(of_frequencies.size()), g_weight(of_weight.size());
  Numbers<double> g_bias(of_bias.size()), g_table(of_table.size());
  const double turn = 2 * std::acos(-1.0);
  for (Index n = 0; n < samples; ++n) {
    for (Index p = 0; p < numbers; ++p) {
      const double value = x[at(n * columns + p)];
      for (Index j = 0; j < width; ++j) {
        const Index o = (n * columns + p) * width + j;
        const double g = grad[at(o)];
        y[at(o)] = bias[at(p * width + j)];
        g_bias[at(p * width + j)] += g;
        for (Index f = 0; f < features; ++f) {
          const double frequency = f < 2 * turns ? static_cast<double>(frequencies[at(p * turns + f % turns)]) : 0;
          const double angle = turn * frequency * value;
          const double feature = f < turns ? std::sin(angle) : f < 2 * turns ? std::cos(angle) : value;
          const double slope = f < turns ? std::cos(angle) : -std::sin(angle);
          const Index w = (p * features + f) * width + j;
          y[at(o)] += feature * static_cast<double>(weight[at(w)]);
          g_weight[at(w)] += feature * g;
          if (f < 2 * turns) {
            g_frequencies[at(p * turns + f % turns)] += turn * value * slope * g * static_cast<double>(weight[at(w)]);
          }
        }
      }
    }
    for (Index q = 0; q < count; ++q) {
      const auto code = static_cast<Index>(x[at(n * columns + numbers + q)]);
      const Index row = starts[at(q)] + (code <= categories[at(q)] ? code : 0);
      for (Index j = 0; j < width; ++j) {
        const Index o = (n * columns + numbers + q) * width + j;
        y[at(o)] = table[at(row * width + j)];
        g_table[at(row * width + j)] += static_cast<double>(grad[at(o)]);
      }
    }
  }
  bool good = near("vectors", out, y);
  good = near("frequencies", of_frequencies, g_frequencies) && good;
  good = near("weight", of_weight, g_weight) && good;
  good = near("bias", of_bias, g_bias) && good;
  return near("table", of_table, g_table) && good;
}

struct Shape {
  Index groups, members, samples, in_a, in_b, out_a, out_b, rank;
  bool residual;
};

// Without GELU and dropout, whose values are other tests'; they run here, too, to be watched.
template <class T>
bool check_members(const Shape& s, bool gelu, const qimlp::Setting& setting) {
  const Index all = s.groups * s.members, in = s.in_a * s.in_b, out = s.out_a * s.out_b;
  const Numbers<T> x = draw<T>(s.groups * s.samples * in, 1), left = draw<T>(all * s.out_a * s.in_a * s.rank, 2);
  const Numbers<T> right = draw<T>(all * s.in_b * s.rank * s.out_b, 3), bias = draw<T>(all * out, 4);
  const Numbers<T> grad = draw<T>(all * s.samples * out, 5);
  Numbers<T> y = unset<T>(all * s.samples * out), slope = y;
  Numbers<T> state = unset<T>(s.groups * s.samples * s.members * s.rank * s.out_a * s.in_b);
  Numbers<T> of_x = unset<T>(s.groups * s.samples * in), of_left = unset<T>(static_cast<Index>(left.size()));
  Numbers<T> of_right = unset<T>(static_cast<Index>(right.size())), of_bias = unset<T>(all * out);
  const qimlp::MemberLayer<T> call{s.groups, s.members, s.samples, s.in_a, s.in_b, s.out_a, s.out_b,
                                   s.rank, gelu, s.residual, gelu ? 50000u : 65536u, 7, x.data(),
                                   left.data(), right.data(), bias.data()};
  T* const slopes = gelu ? slope.data() : nullptr;
  qimlp::compute_members<T>(call, y.data(), {slopes, state.data()}, setting);
  qimlp::compute_members_backward<T>(call, grad.data(), {slopes, state.data()},
                                     {of_x.data(), of_left.data(), of_right.data(), of_bias.data()}, setting);
  if (gelu) return true;

  Numbers<double> t_y(y.size()), t_x(of_x.size()), t_left(of_left.size()), t_right(of_right.size()), t_bias(of_bias.size());
  for (Index m = 0; m < all; ++m) {
    for (Index n = 0; n < s.samples; ++n) {
      const Index from = (m / s.members * s.samples + n) * in;
      for (Index i = 0; i < s.out_a; ++i) {
        for (Index j = 0; j < s.out_b; ++j) {
          const Index o = (m * s.samples + n) * out + i * s.out_b + j;
          const double g = grad[at(o)];
          t_y[at(o)] = bias[at(m * out + i * s.out_b + j)];
          t_bias[at(m * out + i * s.out_b + j)] += g;
          if (s.residual) {
            t_y[at(o)] += static_cast<double>(x[at(from + i * s.out_b + j)]);
            t_x[at(from + i * s.out_b + j)] += g;
          }
          for (Index a = 0; a < s.in_a; ++a) {
            for (Index b = 0; b < s.in_b; ++b) {
              for (Index r = 0; r < s.rank; ++r) {
                const Index l = ((m * s.out_a + i) * s.in_a + a) * s.rank + r;
                const Index k = ((m * s.in_b + b) * s.rank + r) * s.out_b + j;
                const double v = x[at(from + a * s.in_b + b)], wl = left[at(l)], wr = right[at(k)];
                t_y[at(o)] += wl * v * wr;
                t_x[at(from + a * s.in_b + b)] += g * wl * wr;
                t_left[at(l)] += g * v * wr;
                t_right[at(k)] += g * wl * v;
              }
            }
          }
        }
      }
    }
  }
  bool good = near("y", y, t_y);
  good = near("x", of_x, t_x) && good;
  good = near("left", of_left, t_left) && good;
  good = near("right", of_right, t_right) && good;
  return near("layer bias", of_bias, t_bias) && good;
}

template <class T>
bool check_head(Index members, Index samples, Index ins, Index outs, const qimlp::Setting& setting) {
  const Numbers<T> x = draw<T>(members * samples * ins, 1), weight = draw<T>(members * ins * outs, 2);
  const Numbers<T> bias = draw<T>(members * outs, 3), grad = draw<T>(members * samples * outs, 4);
  Numbers<T> y = unset<T>(members * samples * outs), of_x = unset<T>(members * samples * ins);
  Numbers<T> of_weight = unset<T>(members * ins * outs), of_bias = unset<T>(members * outs);
  const qimlp::MemberHead<T> call{members, samples, ins, outs, x.data(), weight.data(), bias.data()};
  qimlp::compute_head<T>(call, y.data(), setting);
  qimlp::compute_head_backward<T>(call, grad.data(), {of_x.data(), of_weight.data(), of_bias.data()}, setting);
  Numbers<double> t_y(y.size()), t_x(of_x.size()), t_weight(of_weight.size()), t_bias(of_bias.size());
  for (Index m = 0; m < members; ++m) {
    for (Index n = 0; n < samples; ++n) {
      for (Index j = 0; j < outs; ++j) {
        const Index o = (m * samples + n) * outs + j;
        const double g = grad[at(o)];
        t_y[at(o)] = bias[at(m * outs + j)];
        t_bias[at(m * outs + j)] += g;
        for (Index i = 0; i < ins; ++i) {
          const Index from = (m * samples + n) * ins + i, w = (m * ins + i) * outs + j;
          t_y[at(o)] += static_cast<double>(x[at(from)]) * static_cast<double>(weight[at(w)]);
          t_x[at(from)] += g * static_cast<double>(weight[at(w)]);
          t_weight[at(w)] += g * static_cast<double>(x[at(from)]);
        }
      }
    }
  }
  bool good = near("head", y, t_y);
  good = near("head x", of_x, t_x) && good;
  good = near("head weight", of_weight, t_weight) && good;
  return near("head bias", of_bias, t_bias) && good;
}

template <class T>
bool check_all(const qimlp::Setting& setting) {
  bool good = check_embedding<T>(70, 3, 5, 16, {3, 1}, setting);
  good = check_embedding<T>(300, 2, 1, 33, {}, setting) && good;
  good = check_embedding<T>(9, 0, 0, 3, {2, 9}, setting) && good;
  for (const bool gelu : {false, true}) {
    good = check_members<T>({1, 4, 30, 19, 16, 8, 16, 1, false}, gelu, setting) && good;
    good = check_members<T>({3, 1, 21, 5, 8, 5, 8, 2, true}, gelu, setting) && good;
    good = check_members<T>({2, 2, 7, 5, 7, 6, 19, 3, false}, gelu, setting) && good;
  }
  good = check_head<T>(4, 70, 33, 2, setting) && good;
  return check_head<T>(2, 9, 20, 19, setting) && good;
}

}  // namespace

int main() {
  int failures = 0;
  for (const InstructionSet set : qimlp::kInstructionSets) {
    if (!qimlp::has_instruction_set(set)) continue;
    for (const Index threads : {1, 3}) {
      const qimlp::Setting setting{set, threads, run_on_threads, true, 1};
      if (check_all<float>(setting) && check_all<double>(setting)) continue;
      ++failures;
      std::printf("failed on %s, %d threads\n", qimlp::instruction_set_name(set), static_cast<int>(threads));
    }
  }
  std::printf("tables: %d settings failed\n", failures);
  return failures == 0 ? 0 : 1;
}
