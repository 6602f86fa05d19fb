// The order in which the factors are applied, and how the states between them lie in memory.
#pragma once

#include "layer.h"

namespace qimlp {

// `count` factors, factor i of shape (copies, out_dims[i], in_dims[i]); `lanes` of the engine used.
// `side`, 1 or `lanes`: how many samples may stand side by side.
Plan make_plan(int count, Index copies, const Index* in_dims, const Index* out_dims, Index batch,
               Index side, Index lanes);

// Multiply-adds of one item (`side` samples), lanes that stay empty included.
Index lane_work(const Plan& plan, Index lanes);

}  // namespace qimlp
