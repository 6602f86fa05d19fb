#include "engines.h"

#if defined(QIMLP_X86) && defined(_MSC_VER)
#include <intrin.h>
#endif
#ifdef QIMLP_TILES
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace qimlp {
namespace {

#if defined(QIMLP_X86) && defined(_MSC_VER)

InstructionSet detect() {
  int r[4];
  __cpuid(r, 0);
  if (r[0] < 7) return InstructionSet::kPortable;
  __cpuidex(r, 1, 0);
  const bool os_saves = (r[2] & (1 << 27)) != 0, fma = (r[2] & (1 << 12)) != 0;
  if (!os_saves || !fma) return InstructionSet::kPortable;
  const unsigned long long saved = _xgetbv(0);
  __cpuidex(r, 7, 0);
  const bool avx2 = (r[1] & (1 << 5)) != 0 && (saved & 0x6) == 0x6;
  const unsigned parts = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // F, DQ, BW, VL
  const bool avx512 = (static_cast<unsigned>(r[1]) & parts) == parts && (saved & 0xe6) == 0xe6;
  return avx512 ? InstructionSet::kAvx512
         : avx2 ? InstructionSet::kAvx2
                : InstructionSet::kPortable;
}

#elif defined(QIMLP_X86)

#ifdef QIMLP_TILES
// Linux lends a process the tiles' registers when it asks.
bool may_use_tiles() {
  unsigned a, b, c, d;
  constexpr unsigned bf16 = 1u << 22, tile = 1u << 24;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (bf16 | tile)) != (bf16 | tile)) return false;
  constexpr long request_permission = 0x1023, tile_data = 18;  // asm/prctl.h, older than some systems' copy
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
#endif

InstructionSet detect() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
#ifdef QIMLP_PAIRS
    if (__builtin_cpu_supports("avx512bf16")) {
#ifdef QIMLP_TILES
      if (may_use_tiles()) return InstructionSet::kAmx;
#endif
      // Intel's chips take such a vector in twice the time: widened is faster there (measured).
      if (!__builtin_cpu_is("intel")) return InstructionSet::kAvx512Bf16;
    }
#endif
    return InstructionSet::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::kAvx2;
  return InstructionSet::kPortable;
}

#elif defined(QIMLP_NEON)

InstructionSet detect() { return InstructionSet::kNeon; }

#else

InstructionSet detect() { return InstructionSet::kPortable; }

#endif

}  // namespace

InstructionSet best_instruction_set() {
  static const InstructionSet best = detect();
  return best;
}

bool has_instruction_set(InstructionSet set) {
  const InstructionSet best = best_instruction_set();
  return set <= best && (set != InstructionSet::kNeon || best == InstructionSet::kNeon);
}

const char* instruction_set_name(InstructionSet set) {
  switch (set) {
    case InstructionSet::kAmx:
      return "amx";
    case InstructionSet::kAvx512Bf16:
      return "avx512_bf16";
    case InstructionSet::kAvx512:
      return "avx512";
    case InstructionSet::kAvx2:
      return "avx2";
    case InstructionSet::kNeon:
      return "neon";
    default:
      return "portable";
  }
}

#ifdef QIMLP_X86
template <>
const Engine<float>& engine(InstructionSet set) {
  return set >= InstructionSet::kAvx512 ? avx512_float
         : set == InstructionSet::kAvx2 ? avx2_float
                                        : portable_float;
}

template <>
const Engine<double>& engine(InstructionSet set) {
  return set >= InstructionSet::kAvx512 ? avx512_double
         : set == InstructionSet::kAvx2 ? avx2_double
                                        : portable_double;
}

template <>
const Engine<BFloat16>& engine(InstructionSet set) {
#ifdef QIMLP_TILES
  if (set == InstructionSet::kAmx) return amx_bfloat16;
#endif
#ifdef QIMLP_PAIRS
  if (set >= InstructionSet::kAvx512Bf16) return avx512_bf16_bfloat16;
#endif
  return set >= InstructionSet::kAvx512 ? avx512_bfloat16
         : set == InstructionSet::kAvx2 ? avx2_bfloat16
                                        : portable_bfloat16;
}
#elif defined(QIMLP_NEON)
template <>
const Engine<float>& engine(InstructionSet set) {
  return set == InstructionSet::kNeon ? neon_float : portable_float;
}

template <>
const Engine<double>& engine(InstructionSet set) {
  return set == InstructionSet::kNeon ? neon_double : portable_double;
}

template <>
const Engine<BFloat16>& engine(InstructionSet set) {
  return set == InstructionSet::kNeon ? neon_bfloat16 : portable_bfloat16;
}
#else
template <>
const Engine<float>& engine(InstructionSet) {
  return portable_float;
}

template <>
const Engine<double>& engine(InstructionSet) {
  return portable_double;
}

template <>
const Engine<BFloat16>& engine(InstructionSet) {
  return portable_bfloat16;
}
#endif

}  // namespace qimlp
