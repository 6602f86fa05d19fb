// Rows in the form that the steps work on, and back: of another type, or samples side by side.
#pragma once

#include "convert.h"
#include "layer.h"
#include "transpose.h"

namespace qimlp {
namespace {

// Elements of room that `items` items of `features` features take where the steps cannot work on
// the rows as they lie.
template <class S>
Index room_size(const Plan& plan, Index items, Index features) {
  const bool needed = kConverts<S> || plan.side > 1;
  return needed ? items * plan.side * features : 0;
}

// `rows` (samples, features) as the steps take them: in `room`, or where they lie. Side by side
// they are (items, features, side); sides without a sample are zero.
template <class S>
const Computed<S>* taken_in(const Plan& plan, Index samples, Index features, const S* rows,
                            Computed<S>* room) {
  if constexpr (kConverts<S>) {
    return widened(samples * features, rows, room);
  } else {
    if (plan.side == 1) return rows;
    for (Index n = 0; n < samples; n += plan.side) {
      const Index height = samples - n < plan.side ? samples - n : plan.side;
      transpose(height, features, rows + n * features, features, room + n * features, plan.side);
    }
    return room;
  }
}

// Where the steps are to leave `results`, from where `give_back` takes them.
template <class S>
Computed<S>* left_in(const Plan& plan, S* results, Computed<S>* room) {
  if constexpr (kConverts<S>) {
    return room;
  } else {
    return plan.side == 1 ? results : room;
  }
}

template <class S>
void give_back(const Plan& plan, Index samples, Index features, const Computed<S>* room,
               S* results) {
  if constexpr (kConverts<S>) {
    convert(samples * features, room, results);
  } else if (plan.side > 1) {
    for (Index n = 0; n < samples; n += plan.side) {
      const Index height = samples - n < plan.side ? samples - n : plan.side;
      transpose_tight(features, height, room + n * features, plan.side, results + n * features,
                      features);
    }
  }
}

}  // namespace
}  // namespace qimlp
