// Everything that is compiled once for each instruction set, after that set's simd_*.h.
#pragma once

#include "../layer.h"
#include "../simd/convert_rows.h"
#include "../steps/backward.h"
#include "../steps/forward.h"

namespace qimlp {
namespace {

template <class K>
constexpr Engine<typename K::Row> make_engine() {
  using Row = typename K::Row;
  using Sum = typename K::Sum;
  return {{Simd<Sum>::kLanes, 1}, convert_rows<Row, Sum>, convert_rows<Sum, Row>, forward_bytes<K>,
          forward<K>, backward_bytes<K>, backward<K>};
}

}  // namespace
}  // namespace qimlp
