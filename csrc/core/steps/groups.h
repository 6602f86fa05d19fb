// How a batch is cut: into tasks for threads, and each task into groups of a few samples that go
// through all steps together, so that what lies between the steps stays in the nearest caches.
#pragma once

#include "../layer.h"

namespace qimlp {
namespace {

constexpr Index kAlign = 64;
constexpr Index kForwardGroupBytes = 24 * 1024;    // most of a first-level cache
constexpr Index kBackwardGroupBytes = 256 * 1024;  // most of a small second-level cache
constexpr Index kMostSamplesInGroup = 64;
constexpr Index kNearBytes = 512 * 1024;
constexpr Index kWideBytes = 16 * 1024;

// Hands out aligned pieces of one block of memory; without a block it only counts.
class Arena {
 public:
  explicit Arena(void* memory) : memory_(static_cast<char*>(memory)) {}

  template <class T>
  T* take(Index elements) {
    T* piece = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + used_);
    used_ += (elements * static_cast<Index>(sizeof(T)) + kAlign - 1) / kAlign * kAlign;
    return piece;
  }
  Index used() const { return used_; }

 private:
  char* memory_;
  Index used_ = 0;
};

// Bytes that a buffer of `elements` is given. Buffers of this size that lie one behind the other
// begin at different places of a page each: on x86 a load waits for a store before it that went to
// the same place of another page ((4, 4, 7, 7) on two threads took 1.3 times as long).
template <class T>
Index buffer_bytes(Index elements) {
  constexpr Index page = 4096, apart = 17 * kAlign;
  const Index bytes = elements * static_cast<Index>(sizeof(T));
  const Index pages = bytes <= apart ? 0 : (bytes - apart + page - 1) / page;
  return elements == 0 ? 0 : pages * page + apart;
}

// Elements of the largest state, all copies, one item.
inline Index largest_state(const Plan& plan) {
  Index largest = 0;
  for (int i = 0; i + 1 < plan.steps; ++i) {
    const Index size = plan.step[i].copies * plan.step[i].out_size();
    if (size > largest) largest = size;
  }
  return largest;
}

// Whether a row step's factor is so large that a group must have many rows for it to be worth reading.
template <class T>
bool is_wide(const Plan& plan) {
  Index largest = 0;
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    if (s.row && s.weight_size() > largest) largest = s.weight_size();
  }
  return largest * static_cast<Index>(sizeof(T)) > kForwardGroupBytes;
}

// Items of a group; `bytes` of one of them.
inline Index group_size(const Plan& plan, Index bytes, Index group_bytes, Index batch,
                        Index tasks) {
  Index items = group_bytes / bytes;
  const Index most = plan.items((batch + tasks - 1) / tasks);
  if (items * plan.side > kMostSamplesInGroup) items = kMostSamplesInGroup / plan.side;
  if (items > most) items = most;
  return items < 1 ? 1 : items;
}

// Whether memory is asked for ahead: input and output are too large to be expected in a near cache,
// and so wide that the machine's own prefetching comes late (measured: it does well on short rows).
template <class S>
bool fetches_ahead(const Plan& plan, Index batch) {
  const Index bytes = (plan.in_features + plan.out_features) * static_cast<Index>(sizeof(S));
  return bytes >= kWideBytes && batch * bytes > kNearBytes;
}

inline Index task_begin(Index batch, Index tasks, Index t) { return batch * t / tasks; }

}  // namespace
}  // namespace qimlp
