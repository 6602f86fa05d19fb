// The order in which the factors are applied, and how the states between them lie in memory.
#pragma once

#include "layer.h"

namespace qimlp {

// `count` factors, factor i of shape (copies, out_dims[i], in_dims[i]); `lanes` of the engine used.
// As many samples as a vector has lanes may stand side by side.
Plan make_plan(int count, Index copies, const Index* in_dims, const Index* out_dims, Index batch,
               Lanes lanes);

// Multiply-adds of one item (of the plan's `side` samples), lanes that stay empty included; what a lane
// does at once counts once. Of tiles what takes as long.
Index lane_work(const Plan& plan, Lanes lanes);

}  // namespace qimlp
