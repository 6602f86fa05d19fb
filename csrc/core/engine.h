// Everything that is compiled once for each instruction set, after that set's simd_*.h.
#pragma once

#include "backward.h"
#include "forward.h"
#include "layer.h"

namespace qimlp {
namespace {

template <class K>
constexpr Engine<typename K::Row> make_engine() {
  return {{Simd<typename K::Sum>::kLanes, 1}, forward_bytes<K>, forward<K>, backward_bytes<K>,
          backward<K>};
}

}  // namespace
}  // namespace qimlp
