#include "simd_avx512.h"
#include "simd_pairs.h"
// The vectors come first; everything below is built on them.
#include "steps_pairs.h"
#include "convert_rows.h"
#include "engine.h"
#include "engines.h"

namespace qimlp {
namespace {

constexpr Lanes kLanes{Simd<BFloat16>::kLanes, Simd<BFloat16>::kPaired};

Index bytes_forward(const Plan& plan, Index batch, Index tasks, bool bias) {
  return (plan.takes_pairs(kLanes) ? forward_bytes<Paired> : forward_bytes<Widened>)(plan, batch, tasks,
                                                                              bias);
}

void run_forward(const Plan& plan, const Forward<BFloat16>& call, Index tasks, void* memory,
                 RunTasks run) {
  (plan.takes_pairs(kLanes) ? forward<Paired> : forward<Widened>)(plan, call, tasks, memory, run);
}

Index bytes_backward(const Plan& plan, Index batch, Index tasks, Parts parts) {
  return (plan.takes_pairs(kLanes) ? backward_bytes<Paired> : backward_bytes<Widened>)(plan, batch, tasks,
                                                                                parts);
}

void run_backward(const Plan& plan, const Backward<BFloat16>& call, Index tasks, void* memory,
                  RunTasks run) {
  (plan.takes_pairs(kLanes) ? backward<Paired> : backward<Widened>)(plan, call, tasks, memory, run);
}

}  // namespace

extern const Engine<BFloat16> avx512_bf16_bfloat16 = {
    kLanes,
    convert_rows<BFloat16, float>,
    convert_rows<float, BFloat16>,
    bytes_forward,
    run_forward,
    bytes_backward,
    run_backward};

}  // namespace qimlp
