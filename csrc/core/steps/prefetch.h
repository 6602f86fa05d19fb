// Asks for memory before it is needed, a few cache lines at a time between blocks of arithmetic.
#pragma once

#include "../layer.h"

#if defined(_MSC_VER) && !defined(__clang__)
#include <xmmintrin.h>
#endif

namespace qimlp {
namespace {

constexpr Index kLine = 64;

// What a group of samples asks for: memory it will write, and what the next group will read.
class Ahead {
 public:
  // Start anew; what is added is spread over about `blocks` calls of `fetch`.
  void restart(Index blocks) {
    count_ = current_ = 0;
    lines_ = 0;
    blocks_ = blocks < 1 ? 1 : blocks;
  }

  template <class T>
  void add(const T* start, Index elements, bool to_write) {
    const char* begin = reinterpret_cast<const char*>(start);
    const char* end = begin + elements * static_cast<Index>(sizeof(T));
    ranges_[count_++] = {begin, end, to_write};
    lines_ += (end - begin) / kLine + 1;
    lines_per_call_ = (lines_ + blocks_ - 1) / blocks_;
  }

  void fetch() {
    for (Index left = lines_per_call_; current_ < count_ && left > 0; --left) {
      Range& range = ranges_[current_];
      touch(range.next, range.to_write);
      range.next += kLine;
      if (range.next >= range.end) ++current_;
    }
  }

 private:
  struct Range {
    const char* next;
    const char* end;
    bool to_write;
  };

  static void touch(const char* p, bool to_write) {
#if defined(_MSC_VER) && !defined(__clang__)
#if defined(QIMLP_X86)
    (void)to_write;
    _mm_prefetch(p, _MM_HINT_T1);
#else
    (void)p, (void)to_write;
#endif
#else
    if (to_write) {
      __builtin_prefetch(p, 1, 2);
    } else {
      __builtin_prefetch(p, 0, 2);
    }
#endif
  }

  Range ranges_[3];
  int count_ = 0, current_ = 0;
  Index lines_ = 0, blocks_ = 1, lines_per_call_ = 0;
};

}  // namespace
}  // namespace qimlp
