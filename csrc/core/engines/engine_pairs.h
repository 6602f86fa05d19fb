// The engine of rows of bfloat16 whose products are taken in hardware, after simd_pairs.h: what lies
// between the steps is bfloat16 too, unless the plan has the samples side by side.
#pragma once

#include "../steps/steps_pairs.h"
// The steps come first: the passes are built on them.
#include "engine.h"
#include "../simd/kind.h"
#include "../layer.h"

namespace qimlp {
namespace {

constexpr Lanes kPairLanes{Simd<BFloat16>::kLanes, Simd<BFloat16>::kPaired,
                           Simd<BFloat16>::kByTiles};

inline const Engine<BFloat16>& taken(const Plan& plan) {
  static constexpr Engine<BFloat16> paired = make_engine<Paired>(), widened = make_engine<Widened>();
  return plan.takes_pairs(kPairLanes) ? paired : widened;
}

constexpr Engine<BFloat16> make_pairs_engine() {
  Engine<BFloat16> engine = make_engine<Widened>();
  engine.lanes = kPairLanes;
  engine.forward_bytes = [](const Plan& plan, Index batch, Index tasks, bool bias) {
    return taken(plan).forward_bytes(plan, batch, tasks, bias);
  };
  engine.forward = [](const Plan& plan, const Forward<BFloat16>& call, Index tasks, void* memory,
                      RunTasks run) { taken(plan).forward(plan, call, tasks, memory, run); };
  engine.backward_bytes = [](const Plan& plan, Index batch, Index tasks, Parts parts) {
    return taken(plan).backward_bytes(plan, batch, tasks, parts);
  };
  engine.backward = [](const Plan& plan, const Backward<BFloat16>& call, Index tasks, void* memory,
                       RunTasks run) { taken(plan).backward(plan, call, tasks, memory, run); };
  return engine;
}

}  // namespace
}  // namespace qimlp
