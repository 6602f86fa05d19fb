// How a batch is cut: into tasks for threads, and each task into groups of a few samples that go
// through all steps together, so that what lies between the steps stays in the nearest caches.
#pragma once

#include "layer.h"

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

// Elements of the largest state, all copies, one sample.
inline Index largest_state(const Plan& plan) {
  Index largest = 0;
  for (int i = 0; i + 1 < plan.steps; ++i) {
    const Index size = plan.step[i].copies * plan.step[i].out_size();
    if (size > largest) largest = size;
  }
  return largest;
}

inline Index group_size(Index bytes_per_sample, Index group_bytes, Index batch, Index tasks) {
  Index samples = group_bytes / bytes_per_sample;
  const Index most = (batch + tasks - 1) / tasks;
  if (samples > kMostSamplesInGroup) samples = kMostSamplesInGroup;
  if (samples > most) samples = most;
  return samples < 1 ? 1 : samples;
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
