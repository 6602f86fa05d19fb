// Numbers below the smallest normal one count as zero while a task runs.
//
// GELU's slope far out, times the gradient of a sample that is long learned, is such a number. On
// x86 each one stops the pipeline for some hundred cycles: a MNIST step late in training took 43 ms
// instead of 1 ms. In float32 that is what lies below 1.2e-38, of inputs and factors too: an input of
// 1e-39 counts as zero even where a large factor would have made it normal.
#pragma once

#if defined(QIMLP_X86)
#include <immintrin.h>
#endif

namespace qimlp {
namespace {

#if defined(QIMLP_X86)
class FlushSubnormals {
 public:
  FlushSubnormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | kResults | kOperands); }
  ~FlushSubnormals() { _mm_setcsr(before_); }
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  static constexpr unsigned kResults = 0x8000, kOperands = 0x0040;
  unsigned before_;
};
#else
struct FlushSubnormals {
  FlushSubnormals() {}  // other processors take them at full speed
};
#endif

}  // namespace
}  // namespace qimlp
