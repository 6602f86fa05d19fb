// The layers of a network for tables: what is asked for, and what one instruction set offers.
//
// As in layer.h: plain pointers, plain data, all of it contiguous.
#pragma once

#include <cstdint>

#include "../compute.h"
#include "../layer.h"

namespace qimlp {

// Every column of a table becomes a vector of `width` numbers: a number x by sines and cosines of
// `turns` many frequencies and itself, a category by a row of a table.
//
// x (samples, numbers + categories), the numbers first; out (samples, numbers + categories, width).
template <class T>
struct Embedding {
  Index samples, numbers, categories, turns, width;
  const T* x;
  const T* frequencies;  // (numbers, turns), in turns for each unit of x
  const T* weight;       // (numbers, 2 turns + 1, width): rows for sines, cosines, the number
  const T* bias;         // (numbers, width)
  const T* table;        // the rows of every category one behind the other, (.., width)
  const Index* starts;   // where the rows of each begin, and where the last one's end

  Index columns() const { return numbers + categories; }
  Index features() const { return 2 * turns + 1; }
};

// Gradients, shaped as what they are of; `frequencies` may be null.
template <class T>
struct EmbeddingGradients {
  T* frequencies;
  T* weight;
  T* bias;
  T* table;
};

// The Kronecker layers of several members at once: for each member and sample
//
//   y = keep * gelu(sum_r left_r x right_r + bias) [+ x]
//
// x (groups, samples, in_a, in_b): the members of a group share it. y (groups * members, samples,
// out_a, out_b). `keep` is 1, or of dropout: 0 or 1 / (1 - its share).
template <class T>
struct MemberLayer {
  Index groups, members, samples, in_a, in_b, out_a, out_b, rank;
  bool gelu, residual;
  std::uint32_t kept_of_65536;  // the share that dropout keeps; 65536 for all
  std::uint64_t seed;
  const T* x;
  const T* left;   // (groups * members, out_a, in_a, rank)
  const T* right;  // (groups * members, in_b, rank, out_b)
  const T* bias;   // (groups * members, out_a, out_b) or null

  Index in_size() const { return in_a * in_b; }
  Index out_size() const { return out_a * out_b; }
  Index left_size() const { return out_a * in_a * rank; }
  Index right_size() const { return in_b * rank * out_b; }
  // Rows of a group's state, which is every left factor times x.
  Index state_rows() const { return members * rank * out_a; }
  Index state_size() const { return state_rows() * in_b; }
};

// What a forward pass keeps for the way back: the slope of `keep * gelu`, shaped as y, and the
// states, (groups, samples, members * rank * out_a, in_b). Null where it is not kept.
template <class T>
struct MemberKept {
  T* slope;
  T* state;
};

// Shaped as what they are of; `x` and `bias` may be null.
template <class T>
struct MemberGradients {
  T* x;
  T* left;
  T* right;
  T* bias;
};

// The dense layers of several members at once: y = x weight + bias.
//
// x (members, samples, inputs), y (members, samples, outputs).
template <class T>
struct MemberHead {
  Index members, samples, inputs, outputs;
  const T* x;
  const T* weight;  // (members, inputs, outputs)
  const T* bias;    // (members, outputs)
};

// Shaped as what they are of; `x` may be null.
template <class T>
struct HeadGradients {
  T* x;
  T* weight;
  T* bias;
};

// What one instruction set offers; `bytes` say how much memory a call wants for `tasks` tasks.
template <class T>
struct TableEngine {
  Index (*embed_bytes)(const Embedding<T>&, Index tasks);
  // `features`: kept for the way back, (numbers, 2 turns + 1, samples), or null.
  void (*embed)(const Embedding<T>&, T* out, T* features, Index tasks, void* memory, RunTasks);
  Index (*embed_backward_bytes)(const Embedding<T>&, Index tasks);
  void (*embed_backward)(const Embedding<T>&, const T* grad, const T* features,
                         const EmbeddingGradients<T>&, Index tasks, void* memory, RunTasks);
  Index (*members_bytes)(const MemberLayer<T>&, Index tasks);
  void (*members)(const MemberLayer<T>&, T* y, const MemberKept<T>&, Index tasks, void* memory,
                  RunTasks);
  Index (*members_backward_bytes)(const MemberLayer<T>&, Index tasks);
  void (*members_backward)(const MemberLayer<T>&, const T* grad, const MemberKept<const T>&,
                           const MemberGradients<T>&, Index tasks, void* memory, RunTasks);
  Index (*head_bytes)(const MemberHead<T>&, Index tasks);
  void (*head)(const MemberHead<T>&, T* y, Index tasks, void* memory, RunTasks);
  void (*head_backward)(const MemberHead<T>&, const T* grad, const HeadGradients<T>&, Index tasks,
                        void* memory, RunTasks);
};

extern const TableEngine<float> avx512_table_float, avx2_table_float, neon_table_float,
    portable_table_float;
extern const TableEngine<double> avx512_table_double, avx2_table_double, neon_table_double,
    portable_table_double;

// Each runs one call on the instructions, threads and memory that are set.
template <class T>
void compute_embedding(const Embedding<T>& call, T* out, T* features, const Setting& setting);

template <class T>
void compute_embedding_backward(const Embedding<T>& call, const T* grad, const T* features,
                                const EmbeddingGradients<T>& gradients, const Setting& setting);

template <class T>
void compute_members(const MemberLayer<T>& call, T* y, const MemberKept<T>& kept,
                     const Setting& setting);

template <class T>
void compute_members_backward(const MemberLayer<T>& call, const T* grad,
                              const MemberKept<const T>& kept, const MemberGradients<T>& gradients,
                              const Setting& setting);

template <class T>
void compute_head(const MemberHead<T>& call, T* y, const Setting& setting);

template <class T>
void compute_head_backward(const MemberHead<T>& call, const T* grad,
                           const HeadGradients<T>& gradients, const Setting& setting);

}  // namespace qimlp
