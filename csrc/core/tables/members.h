// Members' Kronecker layers, forward: the left factors of a whole group as one product, then each
// member's right ones while its states are in cache.
#pragma once

#include "../simd/subnormals.h"
#include "../steps/gelu.h"
#include "../steps/groups.h"
#include "../steps/product.h"
#include "dropout.h"
#include "tables.h"

namespace qimlp {
namespace {

// What some samples' rows and states may take: a part of a second-level cache, so that sums over
// them are not too short on the way back.
constexpr Index kMembersBytes = 256 * 1024;

template <class T>
struct MembersJob {
  const MemberLayer<T>* call;
  T* y;
  MemberKept<T> kept;
  const T* left;  // (groups * members, rank, out_a, in_a)
  Index tasks, together, scratch_size;
  T* scratch;  // states, where they are not kept
};

// Samples that go through together.
template <class T>
Index members_together(const MemberLayer<T>& call) {
  const Index numbers = call.in_size() + 2 * call.state_size() + 3 * call.out_size();
  const Index most = kMembersBytes / (numbers * static_cast<Index>(sizeof(T)));
  return most < 1 ? 1 : most < call.samples ? most : call.samples;
}

template <class T>
Index members_scratch(const MemberLayer<T>& call) {
  return buffer_bytes<T>(members_together(call) * call.state_size()) /
         static_cast<Index>(sizeof(T));
}

template <class T>
Index left_room(const MemberLayer<T>& call) {
  return call.rank == 1 ? 0 : call.groups * call.members * call.left_size();
}

template <class T>
Index members_bytes(const MemberLayer<T>& call, Index tasks) {
  Arena arena(nullptr);
  arena.take<T>(left_room(call));
  arena.take<T>(tasks * members_scratch(call));
  return arena.used();
}

// The left factors with the rank in front, where they do not lie so already.
template <class T>
const T* pack_left(const MemberLayer<T>& call, T* room) {
  if (call.rank == 1) return call.left;
  const Index size = call.out_a * call.in_a;
  for (Index m = 0; m < call.groups * call.members; ++m) {
    const T* const from = call.left + m * call.left_size();
    T* const to = room + m * call.left_size();
    for (Index i = 0; i < size; ++i) {
      for (Index r = 0; r < call.rank; ++r) to[r * size + i] = from[i * call.rank + r];
    }
  }
  return room;
}

// What follows the product of one member's samples: GELU, dropout, the sum with x.
template <class T>
void finish_member(const MemberLayer<T>& call, Index first, Index count, Index member, const T* x,
                   T* y, T* slope) {
  using S = Simd<T>;
  const Index size = call.out_size();
  if (call.gelu) gelu(count * size, y, slope);
  if (call.kept_of_65536 < 65536) {
    const T scale = T(65536) / static_cast<T>(call.kept_of_65536);
    for (Index i = 0; i < count; ++i) {
      drop_row(call.seed, member * call.samples + first + i, size, call.kept_of_65536, scale,
               y + i * size, slope == nullptr ? nullptr : slope + i * size);
    }
  }
  if (!call.residual) return;
  const Index entries = count * size;
  for (Index i = 0; i < entries; i += S::kLanes) {
    const typename S::Mask mask = S::first(entries - i < S::kLanes ? entries - i : S::kLanes);
    S::store(y + i, S::add(S::load(y + i, mask), S::load(x + i, mask)), mask);
  }
}

template <class T>
void members_task(void* context, Index t) {
  const FlushSubnormals flush;
  const MembersJob<T>& job = *static_cast<const MembersJob<T>*>(context);
  const MemberLayer<T>& call = *job.call;
  const Index in = call.in_size(), out = call.out_size(), state = call.state_size();
  const Index one_state = call.rank * call.out_a * call.in_b;  // of one member
  const Index until = task_begin(call.samples, job.tasks, t + 1);
  for (Index g = 0; g < call.groups; ++g) {
    const T* const left = job.left + g * call.members * call.left_size();
    for (Index first = task_begin(call.samples, job.tasks, t); first < until;
         first += job.together) {
      const Index count = until - first < job.together ? until - first : job.together;
      const T* const x = call.x + (g * call.samples + first) * in;
      T* const states = job.kept.state != nullptr
                            ? job.kept.state + (g * call.samples + first) * state
                            : job.scratch + t * job.scratch_size;
      product<T, false>({call.state_rows(), call.in_b, call.in_a, 1, left, call.in_a, 0, x,
                         call.in_b, 0, nullptr, 0, states, call.in_b, nullptr, count, 0, in, 0,
                         state});
      for (Index m = 0; m < call.members; ++m) {
        const Index member = g * call.members + m;
        const Index at = (member * call.samples + first) * out;
        product<T, false>({call.out_a, call.out_b, call.in_b, call.rank, states + m * one_state,
                           call.in_b, call.out_a * call.in_b,
                           call.right + member * call.right_size(), call.rank * call.out_b,
                           call.out_b, call.bias == nullptr ? nullptr : call.bias + member * out,
                           call.out_b, job.y + at, call.out_b, nullptr, count, state, 0, 0, out});
        finish_member(call, first, count, member, x, job.y + at,
                      job.kept.slope == nullptr ? nullptr : job.kept.slope + at);
      }
    }
  }
}

template <class T>
void members(const MemberLayer<T>& call, T* y, const MemberKept<T>& kept, Index tasks, void* memory,
             RunTasks run) {
  Arena arena(memory);
  MembersJob<T> job{&call, y, kept, nullptr, tasks, members_together(call), members_scratch(call),
                    nullptr};
  job.left = pack_left(call, arena.take<T>(left_room(call)));
  job.scratch = arena.take<T>(tasks * job.scratch_size);
  run(tasks, members_task<T>, &job);
}

}  // namespace
}  // namespace qimlp
