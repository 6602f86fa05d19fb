// Everything that is compiled once for each instruction set, after that set's simd_*.h.
#pragma once

#include "backward.h"
#include "forward.h"
#include "layer.h"

namespace qimlp {
namespace {

template <class T>
constexpr Engine<T> make_engine() {
  return {Simd<T>::kLanes, forward_bytes<T>, forward<T>, backward_bytes<T>, backward<T>};
}

}  // namespace
}  // namespace qimlp
