#include "tables.h"

#include "../compute.h"
#include "../workspace.h"

namespace qimlp {
namespace {

template <class T>
struct TableEngines;

#if defined(QIMLP_X86)
#define QIMLP_TABLE_ENGINE(T)                                            \
  template <>                                                            \
  struct TableEngines<T> {                                               \
    static const TableEngine<T>& of(InstructionSet set) {                \
      return set >= InstructionSet::kAvx512 ? avx512_table_##T           \
             : set == InstructionSet::kAvx2 ? avx2_table_##T             \
                                            : portable_table_##T;        \
    }                                                                    \
  };
#elif defined(QIMLP_NEON)
#define QIMLP_TABLE_ENGINE(T)                                                              \
  template <>                                                                              \
  struct TableEngines<T> {                                                                 \
    static const TableEngine<T>& of(InstructionSet set) {                                  \
      return set == InstructionSet::kNeon ? neon_table_##T : portable_table_##T;           \
    }                                                                                      \
  };
#else
#define QIMLP_TABLE_ENGINE(T)                                                              \
  template <>                                                                              \
  struct TableEngines<T> {                                                                 \
    static const TableEngine<T>& of(InstructionSet) { return portable_table_##T; }         \
  };
#endif
QIMLP_TABLE_ENGINE(float)
QIMLP_TABLE_ENGINE(double)
#undef QIMLP_TABLE_ENGINE

Index count_tasks(Index parts, Index work, const Setting& setting) {
  Index tasks = work / setting.work_per_task;
  if (tasks > setting.threads) tasks = setting.threads;
  if (tasks > parts) tasks = parts;
  return tasks < 1 ? 1 : tasks;
}

template <class T>
Index work_of(const Embedding<T>& call) {
  return call.samples * (call.numbers * call.features() + call.categories) * call.width;
}

template <class T>
Index work_of(const MemberLayer<T>& call) {
  const Index each = call.in_a * call.in_b + call.in_b * call.out_b;
  return call.samples * call.groups * call.members * call.rank * call.out_a * each;
}

template <class T>
Index work_of(const MemberHead<T>& call) {
  return call.members * call.samples * call.inputs * call.outputs;
}

}  // namespace

template <class T>
void compute_embedding(const Embedding<T>& call, T* out, T* features, const Setting& setting) {
  if (call.samples == 0) return;
  const TableEngine<T>& engine = TableEngines<T>::of(setting.instructions);
  const Index tasks = count_tasks(call.samples, work_of(call), setting);
  const Workspace workspace(engine.embed_bytes(call, tasks), setting.poison);
  engine.embed(call, out, features, tasks, workspace.memory(), setting.run_tasks);
}

template <class T>
void compute_embedding_backward(const Embedding<T>& call, const T* grad, const T* features,
                                const EmbeddingGradients<T>& gradients, const Setting& setting) {
  const TableEngine<T>& engine = TableEngines<T>::of(setting.instructions);
  const Index tasks = count_tasks(call.columns(), 2 * work_of(call), setting);
  const Workspace workspace(engine.embed_backward_bytes(call, tasks), setting.poison);
  engine.embed_backward(call, grad, features, gradients, tasks, workspace.memory(),
                        setting.run_tasks);
}

template <class T>
void compute_members(const MemberLayer<T>& call, T* y, const MemberKept<T>& kept,
                     const Setting& setting) {
  if (call.samples == 0) return;
  const TableEngine<T>& engine = TableEngines<T>::of(setting.instructions);
  const Index tasks = count_tasks(call.samples, work_of(call), setting);
  const Workspace workspace(engine.members_bytes(call, tasks), setting.poison);
  engine.members(call, y, kept, tasks, workspace.memory(), setting.run_tasks);
}

template <class T>
void compute_members_backward(const MemberLayer<T>& call, const T* grad,
                              const MemberKept<const T>& kept, const MemberGradients<T>& gradients,
                              const Setting& setting) {
  const TableEngine<T>& engine = TableEngines<T>::of(setting.instructions);
  const Index most = call.samples < 1 ? 1 : call.samples;
  const Index tasks = count_tasks(most, 3 * work_of(call), setting);
  const Workspace workspace(engine.members_backward_bytes(call, tasks), setting.poison);
  engine.members_backward(call, grad, kept, gradients, tasks, workspace.memory(),
                          setting.run_tasks);
}

template <class T>
void compute_head(const MemberHead<T>& call, T* y, const Setting& setting) {
  if (call.samples == 0) return;
  const TableEngine<T>& engine = TableEngines<T>::of(setting.instructions);
  const Index tasks = count_tasks(call.members, work_of(call), setting);
  const Workspace workspace(engine.head_bytes(call, tasks), setting.poison);
  engine.head(call, y, tasks, workspace.memory(), setting.run_tasks);
}

template <class T>
void compute_head_backward(const MemberHead<T>& call, const T* grad,
                           const HeadGradients<T>& gradients, const Setting& setting) {
  const TableEngine<T>& engine = TableEngines<T>::of(setting.instructions);
  const Index tasks = count_tasks(call.members, 2 * work_of(call), setting);
  const Workspace workspace(engine.head_bytes(call, tasks), setting.poison);
  engine.head_backward(call, grad, gradients, tasks, workspace.memory(), setting.run_tasks);
}

#define QIMLP_INSTANTIATE(T)                                                                       \
  template void compute_embedding<T>(const Embedding<T>&, T*, T*, const Setting&);                 \
  template void compute_embedding_backward<T>(const Embedding<T>&, const T*, const T*,             \
                                              const EmbeddingGradients<T>&, const Setting&);       \
  template void compute_members<T>(const MemberLayer<T>&, T*, const MemberKept<T>&,                \
                                   const Setting&);                                                \
  template void compute_members_backward<T>(const MemberLayer<T>&, const T*,                       \
                                            const MemberKept<const T>&, const MemberGradients<T>&, \
                                            const Setting&);                                       \
  template void compute_head<T>(const MemberHead<T>&, T*, const Setting&);                         \
  template void compute_head_backward<T>(const MemberHead<T>&, const T*, const HeadGradients<T>&,  \
                                         const Setting&);
QIMLP_INSTANTIATE(float)
QIMLP_INSTANTIATE(double)
#undef QIMLP_INSTANTIATE

}  // namespace qimlp
