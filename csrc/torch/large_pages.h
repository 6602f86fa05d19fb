// Memory for results as large as a batch.
#pragma once

#include <ATen/core/Tensor.h>

namespace qimlp {

// An uninitialised tensor of a batch's rows, on large pages where it is new memory.
at::Tensor empty_rows(at::IntArrayRef sizes, const at::TensorOptions& options);

}  // namespace qimlp
