#include "plan.h"

namespace qimlp {
namespace {

Index round_up(Index n, Index unit) { return (n + unit - 1) / unit * unit; }

// What starting and ending the sum of a vector costs, in multiply-adds of it.
constexpr Index kStart = 4;
// What it costs to put an element of input or output side by side with the other samples'.
constexpr Index kInterleave = 6;
// What it costs to pair an element of a column step's input with the row below it.
constexpr Index kPair = 2;
// What a tile of sums costs, its writing out included, and what 16 pairs more of each of them do.
constexpr Index kTile = 1600, kTileChunk = 640;
constexpr Index kTileSide = 16;
// Elements of the largest state of an item that a near cache is still taken to hold.
constexpr Index kLargestItem = 32 * 1024;
// Elements of a sample that a second-level cache holds with what is made of it, and of a part of one
// that a first-level cache all but does.
constexpr Index kLargestWhole = 64 * 1024, kLargestPart = 4 * 1024;

Plan plan_in_order(int count, Index copies, const Index* in_dims, const Index* out_dims,
                   const int* order, Index side, Index lanes) {
  Plan plan{};
  plan.steps = count;
  plan.side = side;
  plan.part_steps = 0;
  plan.parts = 1;
  Index dims[kMaxFactors];
  plan.in_features = plan.out_features = 1;
  for (int i = 0; i < count; ++i) {
    dims[i] = in_dims[i];
    plan.in_features *= in_dims[i];
    plan.out_features *= out_dims[i];
  }
  for (int i = 0; i < count; ++i) {
    const int factor = order[i];
    Step& step = plan.step[i];
    step.factor = factor;
    step.n_in = in_dims[factor];
    step.n_out = out_dims[factor];
    step.before = 1;
    step.after = side;
    step.side_by_side = side > 1;
    for (int j = 0; j < factor; ++j) step.before *= dims[j];
    for (int j = factor + 1; j < count; ++j) step.after *= dims[j];
    step.row = factor == count - 1 && side == 1;
    step.in_stride = step.row ? step.n_in : step.after;
    step.out_stride = step.row ? step.n_out : step.after;
    step.copies = copies;
    step.copy_stride = 0;
    dims[factor] = step.n_out;
  }
  if (count == 2 && side == 1) {  // one state between, its rows padded to whole vectors
    Step &first = plan.step[0], &second = plan.step[1];
    if (first.row && copies > 1) {  // all copies side by side: one product, few empty lanes
      first.copy_stride = first.n_out;
      first.n_out *= copies;
      first.copies = 1;
      first.out_stride = first.n_out;
    }
    first.out_stride = second.in_stride = round_up(first.out_stride, lanes);
  }
  return plan;
}

// Elements of the largest of input, states and output of one item.
Index largest_item(const Plan& plan) {
  Index largest = plan.in_features * plan.side;
  for (int i = 0; i < plan.steps; ++i) {
    const Index size = plan.step[i].copies * plan.step[i].out_size();
    if (size > largest) largest = size;
  }
  return largest;
}

// What an item's products by tiles are worth.
Index tile_work(const Plan& plan) {
  Index total = 0;
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    const Index chunks = round_up(s.n_in, 2 * kTileSide) / (2 * kTileSide);
    const Index columns = round_up(s.row ? s.n_out : s.after, kTileSide) / kTileSide;
    // Rows of all samples follow each other in a row step.
    const Index rows = s.row ? s.before : s.before * round_up(s.n_out, kTileSide);
    const bool last = i + 1 == plan.steps;  // adds up the copies
    const Index sums = last ? 1 : s.copies, added = last ? s.copies : 1;
    total += sums * rows * columns * (kTile + added * chunks * kTileChunk) / kTileSide;
  }
  return total;
}

// Sets which steps go part by part: as many as keep a part near, of samples that do not stay there.
void divide(Plan* plan, const Index* in_dims) {
  if (plan->side > 1 || largest_item(*plan) <= kLargestWhole) return;
  Index largest = plan->in_features;
  int leading = kMaxFactors;
  for (int i = 0; i + 1 < plan->steps; ++i) {
    const Step& s = plan->step[i];
    const Index size = s.copies * s.out_size();
    if (size > largest) largest = size;
    if (s.factor < leading) leading = s.factor;
    Index parts = 1;
    for (int f = 0; f < leading; ++f) parts *= in_dims[f];
    if (parts < 4 || largest / parts > kLargestPart) return;
    if (i == 0) continue;  // a step alone gains nothing
    plan->part_steps = i + 1;
    plan->parts = parts;
  }
}

// Multiply-adds that a batch is worth, with what comes beside the arithmetic.
Index cost(const Plan& plan, Index batch, Lanes lanes) {
  const bool tiles = lanes.tiles && plan.takes_pairs(lanes);
  Index item = lane_work(plan, lanes);
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    if (!tiles) {
      item += kStart * s.copies * s.before * (s.row ? 1 : s.n_out) *
              round_up(s.row ? s.n_out : s.after, lanes.count);
    }
    if (plan.takes_pairs(lanes) && !s.row) {
      item += kPair * s.copies * s.before * s.n_in * round_up(s.after, lanes.count);
    }
  }
  if (plan.side > 1) item += kInterleave * plan.side * (plan.in_features + plan.out_features);
  return plan.items(batch) * item;
}

}  // namespace

Index lane_work(const Plan& plan, Lanes lanes) {
  if (lanes.tiles && plan.takes_pairs(lanes)) return tile_work(plan);
  const Index paired = plan.takes_pairs(lanes) ? lanes.paired : 1;
  Index total = 0;
  for (int i = 0; i < plan.steps; ++i) {
    const Step& s = plan.step[i];
    const Index columns = s.row ? s.n_out : s.after;
    const Index rows = s.row ? s.before : s.before * s.n_out;
    total += s.copies * rows * round_up(columns, lanes.count) * round_up(s.n_in, paired) / paired;
  }
  return total;
}

Plan make_plan(int count, Index copies, const Index* in_dims, const Index* out_dims, Index batch,
               Lanes lanes) {
  int order[kMaxFactors] = {};
  for (int i = 0; i < count; ++i) order[i] = count - 1 - i;
  // Ascending 1/in - 1/out is the cheapest order: exchanging neighbours that stand the other way
  // round always saves work. Ties go from the last factor to the first.
  for (int i = 1; i < count; ++i) {
    for (int j = i; j > 0; --j) {
      const Index a_in = in_dims[order[j - 1]], a_out = out_dims[order[j - 1]];
      const Index b_in = in_dims[order[j]], b_out = out_dims[order[j]];
      const double a = 1.0 / static_cast<double>(a_in) - 1.0 / static_cast<double>(a_out);
      const double b = 1.0 / static_cast<double>(b_in) - 1.0 / static_cast<double>(b_out);
      if (a <= b) break;
      const int swapped = order[j];
      order[j] = order[j - 1];
      order[j - 1] = swapped;
    }
  }
  Plan plan = plan_in_order(count, copies, in_dims, out_dims, order, 1, lanes.count);
  if (count == 2) {
    const int other_order[2] = {order[1], order[0]};  // vectors may tip the scale
    const Plan other = plan_in_order(count, copies, in_dims, out_dims, other_order, 1, lanes.count);
    if (lane_work(other, lanes) < lane_work(plan, lanes)) plan = other;
  }
  const Plan side_by_side =
      plan_in_order(count, copies, in_dims, out_dims, order, lanes.count, lanes.count);
  const bool better = largest_item(side_by_side) <= kLargestItem &&
                      cost(side_by_side, batch, lanes) < cost(plan, batch, lanes);
  if (better) return side_by_side;
  divide(&plan, in_dims);
  return plan;
}

}  // namespace qimlp
