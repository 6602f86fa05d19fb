// A node's part in torch's compiled autograd, whose interface is torch's own and not a stable one: from
// the release on that it was tried with.
#pragma once

#include <torch/version.h>

#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 13
#define QIMLP_COMPILED_AUTOGRAD

#include <torch/csrc/autograd/edge.h>
#include <torch/csrc/dynamo/compiled_autograd.h>

#include "gradients.h"

namespace qimlp {

// Puts `gradients` of what a node saved, all of it proxies now, into the graph that is being recorded.
torch::autograd::variable_list trace_gradients(const torch::autograd::variable_list& grads,
                                               const Call& call, const Unpacked& saved,
                                               const Needs& needs,
                                               const torch::autograd::edge_list& edges,
                                               PyObject* compiler);

}  // namespace qimlp

#endif
