#include "setting.h"

#include <ATen/Parallel.h>
#include <torch/library.h>
#include <torch/version.h>

#include <atomic>
#include <string>

#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 10
#include <torch/csrc/stable/c/shim.h>
#define QIMLP_LIBTORCH_RUNS_TASKS  // then this library needs no OpenMP of its own
#endif

namespace qimlp {
namespace {

std::atomic<InstructionSet> instructions{best_instruction_set()};
std::atomic<bool> poison{false};

struct Tasks {
  void (*task)(void* context, Index t);
  void* context;
};

// Runs tasks on torch's own threads.
void run_on_torch_threads(Index count, void (*task)(void*, Index), void* context) {
  if (count == 1) {
    task(context, 0);
    return;
  }
  Tasks tasks{task, context};
  const auto run_range = [](int64_t begin, int64_t end, void* argument) {
    const Tasks& t = *static_cast<const Tasks*>(argument);
    for (int64_t i = begin; i < end; ++i) t.task(t.context, i);
  };
#ifdef QIMLP_LIBTORCH_RUNS_TASKS
  TORCH_CHECK(torch_parallel_for(0, count, 1, run_range, &tasks) == 0,
              "qimlp::kron_linear: torch could not run the tasks of a call in parallel");
#else
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) { run_range(begin, end, &tasks); });
#endif
}

std::string kernel_instructions() { return instruction_set_name(instructions.load()); }

// For tests: run on fewer instructions than the machine has, poison working memory.
void kernel_debug(std::string wanted, bool fill_with_nan) {
  InstructionSet chosen = best_instruction_set();
  for (const InstructionSet set : kInstructionSets) {
    if (wanted == instruction_set_name(set)) {
      TORCH_CHECK_VALUE(has_instruction_set(set),
                        "kernel_debug: expected instructions that this machine has, got ", wanted);
      chosen = set;
    }
  }
  TORCH_CHECK_VALUE(wanted == "best" || wanted == instruction_set_name(chosen),
                    "kernel_debug: expected best, amx, avx512_bf16, avx512, avx2, neon or portable, got ",
                    wanted);
  instructions.store(chosen);
  poison.store(fill_with_nan);
}

}  // namespace

Setting current_setting() {
  const Index threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  return {instructions.load(std::memory_order_relaxed), threads, run_on_torch_threads,
          poison.load(std::memory_order_relaxed)};
}

}  // namespace qimlp

TORCH_LIBRARY_IMPL(qimlp, CompositeExplicitAutograd, m) {
  m.impl("kernel_instructions", qimlp::kernel_instructions);
  m.impl("kernel_debug", qimlp::kernel_debug);
}
