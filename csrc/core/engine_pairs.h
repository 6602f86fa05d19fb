// The engine of rows of bfloat16 whose products are taken in hardware, after simd_pairs.h.
#pragma once

#include "steps_pairs.h"
// The steps come first: the passes are built on them.
#include "backward.h"
#include "convert_rows.h"
#include "forward.h"
#include "kind.h"
#include "layer.h"

namespace qimlp {
namespace {

struct PairsEngine {
  static constexpr Lanes kLanes{Simd<BFloat16>::kLanes, Simd<BFloat16>::kPaired,
                                Simd<BFloat16>::kByTiles};

  static Index bytes_forward(const Plan& plan, Index batch, Index tasks, bool bias) {
    return (plan.takes_pairs(kLanes) ? forward_bytes<Paired> : forward_bytes<Widened>)(plan, batch, tasks,
                                                                                       bias);
  }

  static void run_forward(const Plan& plan, const Forward<BFloat16>& call, Index tasks, void* memory,
                          RunTasks run) {
    (plan.takes_pairs(kLanes) ? forward<Paired> : forward<Widened>)(plan, call, tasks, memory, run);
  }

  static Index bytes_backward(const Plan& plan, Index batch, Index tasks, Parts parts) {
    return (plan.takes_pairs(kLanes) ? backward_bytes<Paired> : backward_bytes<Widened>)(plan, batch, tasks,
                                                                                         parts);
  }

  static void run_backward(const Plan& plan, const Backward<BFloat16>& call, Index tasks, void* memory,
                           RunTasks run) {
    (plan.takes_pairs(kLanes) ? backward<Paired> : backward<Widened>)(plan, call, tasks, memory, run);
  }

  static constexpr Engine<BFloat16> engine() {
    return {kLanes,        convert_rows<BFloat16, float>, convert_rows<float, BFloat16>,
            bytes_forward, run_forward,                   bytes_backward,
            run_backward};
  }
};

}  // namespace
}  // namespace qimlp
