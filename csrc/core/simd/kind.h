// How a pass computes: what rows are held in, what lies between the steps, what sums are in.
#pragma once

#include "../layer.h"

namespace qimlp {
namespace {

// All in one type.
template <class T>
struct Plain {
  using Row = T;
  using State = T;
  using Sum = T;
};

// Rows of bfloat16, widened before the first step and rounded after the last.
struct Widened {
  using Row = BFloat16;
  using State = float;
  using Sum = float;
};

// Rows and states of bfloat16, whose products are taken in pairs (steps_pairs.h).
struct Paired {
  using Row = BFloat16;
  using State = BFloat16;
  using Sum = float;
};

// What a task holds while it computes with states of that type, and gives back at its end.
template <class State>
class TaskScope {
 public:
  TaskScope() {}
};

}  // namespace
}  // namespace qimlp
