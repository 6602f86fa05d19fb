#include "compiled_autograd.h"

#ifdef QIMLP_COMPILED_AUTOGRAD

#include <string>
#include <utility>
#include <vector>

namespace qimlp {
namespace {

using torch::autograd::variable_list;
using torch::dynamo::autograd::PackedArgs;

std::vector<c10::IValue> pack(const Call& call, const Unpacked& saved, const Needs& needs) {
  PackedArgs packed;
  packed.pack(call.has_gelu);
  packed.pack(call.keeps);
  packed.pack(std::vector<int64_t>(call.groups.begin(), call.groups.end()));
  packed.pack(std::vector<bool>(needs.begin(), needs.end()));
  variable_list single{saved.x};
  if (call.keeps) {
    single.push_back(saved.slope);
    single.push_back(saved.state);
  }
  packed.pack(single);
  packed.pack(variable_list(saved.factors.begin(), saved.factors.end()));
  packed.pack(variable_list(saved.bias.begin(), saved.bias.end()));
  return packed.vec();
}

variable_list gradients_of_packed(const variable_list& grads,
                                  const std::vector<c10::IValue>& arguments) {
  PackedArgs packed(arguments);
  Call call;
  call.has_gelu = packed.unpack<bool>();
  call.keeps = packed.unpack<bool>();
  const auto groups = packed.unpack<std::vector<int64_t>>();
  call.groups.assign(groups.begin(), groups.end());
  const auto needed = packed.unpack<std::vector<bool>>();
  const Needs needs(needed.begin(), needed.end());
  const auto single = packed.unpack<variable_list>();
  Unpacked saved;
  saved.x = single[0];
  if (call.keeps) {
    saved.slope = single[1];
    saved.state = single[2];
  }
  const auto factors = packed.unpack<variable_list>(), bias = packed.unpack<variable_list>();
  saved.factors.assign(factors.begin(), factors.end());
  saved.bias.assign(bias.begin(), bias.end());
  call.factors = factors.size();
  call.biases = needs.size() - 1 - call.factors;
  if (!grads[0].defined()) return variable_list(needs.size());
  return gradients(grads[0], call, saved, needs);
}

}  // namespace

variable_list trace_gradients(const variable_list& grads, const Call& call, const Unpacked& saved,
                              const Needs& needs, const torch::autograd::edge_list& edges,
                              PyObject* compiler) {
  const std::vector<c10::IValue> arguments = pack(call, saved, needs);
  std::vector<at::TypePtr> schema;
  for (const c10::IValue& argument : arguments) schema.push_back(argument.type());
  const auto metadata =
      torch::dynamo::autograd::IValuePacker<std::vector<std::optional<torch::autograd::InputMetadata>>>::
          pack(torch::dynamo::autograd::get_input_metadata(edges));
  const auto& interface = torch::dynamo::autograd::getPyCompilerInterface();
  const std::string name = interface->bind_function(compiler, "KronLinearBackward",
                                                    gradients_of_packed, schema,
                                                    /*is_custom_function=*/true,
                                                    /*is_traceable=*/true);
  return interface->call_function(compiler, "apply_functional", name, grads, arguments, metadata);
}

}  // namespace qimlp

#endif
