// Everything that is compiled once for each instruction set, after that set's simd_*.h.
#pragma once

#include "backward.h"
#include "forward.h"
#include "layer.h"

namespace qimlp {
namespace {

template <class S>
constexpr Engine<S> make_engine() {
  return {Simd<Computed<S>>::kLanes, forward_bytes<S>, forward<S>, backward_bytes<S>, backward<S>};
}

}  // namespace
}  // namespace qimlp
