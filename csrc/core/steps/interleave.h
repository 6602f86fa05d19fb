// Rows in the form that the steps work on, and back: of another type, or samples side by side.
#pragma once

#include <type_traits>

#include "../layer.h"
#include "../simd/convert_rows.h"
#include "../simd/transpose.h"

namespace qimlp {
namespace {

// Whether the steps can work on rows as they lie.
template <class State, class Row>
bool works_in_place(const Plan& plan) {
  return std::is_same_v<State, Row> && plan.side == 1;
}

// Elements of room that `items` items of `features` features take where they cannot.
template <class State, class Row>
Index room_size(const Plan& plan, Index items, Index features) {
  return works_in_place<State, Row>(plan) ? 0 : items * plan.side * features;
}

// `rows` (samples, features) as the steps take them: in `room`, or where they lie. Side by side
// they are (items, features, side); sides without a sample are zero.
template <class State, class Row>
const State* taken_in(const Plan& plan, Index samples, Index features, const Row* rows,
                      State* room) {
  if constexpr (std::is_same_v<State, Row>) {
    if (plan.side == 1) return rows;
  }
  if constexpr (Simd<State>::kPaired == 1) {
    if (plan.side == 1) {
      convert_rows(samples * features, rows, room);
      return room;
    }
    for (Index n = 0; n < samples; n += plan.side) {
      const Index height = samples - n < plan.side ? samples - n : plan.side;
      transpose(height, features, rows + n * features, features, room + n * features, plan.side);
    }
  }
  return room;
}

// Where the steps are to leave `results`, from where `give_back` takes them.
template <class State, class Row>
State* left_in(const Plan& plan, Row* results, State* room) {
  if constexpr (std::is_same_v<State, Row>) {
    if (plan.side == 1) return results;
  }
  return room;
}

template <class State, class Row>
void give_back(const Plan& plan, Index samples, Index features, const State* room, Row* results) {
  if (works_in_place<State, Row>(plan)) return;
  if constexpr (Simd<State>::kPaired == 1) {
    if (plan.side == 1) {
      convert_rows(samples * features, room, results);
      return;
    }
    for (Index n = 0; n < samples; n += plan.side) {
      const Index height = samples - n < plan.side ? samples - n : plan.side;
      transpose_tight(features, height, room + n * features, plan.side, results + n * features,
                      features);
    }
  }
}

}  // namespace
}  // namespace qimlp
