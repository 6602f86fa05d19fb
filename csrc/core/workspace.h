// Working memory of a call.
#pragma once

#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "layer.h"

namespace qimlp {

// A block that the thread keeps for its next call: asking for it anew each time costs more than a
// small layer takes. A call within a call gets its own.
class Workspace {
 public:
  Workspace(Index bytes, bool poison) : block_(std::exchange(kept(), Block{})) {
    if (block_.bytes < bytes) {
      block_.memory.reset();  // first, so that both are never held at once
      void* memory = ::operator new(static_cast<std::size_t>(bytes), kAlignment);
      block_ = {std::unique_ptr<char, Release>(static_cast<char*>(memory)), bytes};
    }
    if (poison) {  // every float and double is then a NaN
      std::memset(block_.memory.get(), 0xff, static_cast<std::size_t>(bytes));
    }
  }
  ~Workspace() {
    if (block_.bytes <= kMostKept) kept() = std::move(block_);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  void* memory() const { return block_.memory.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  static constexpr Index kMostKept = 4 * 1024 * 1024;

  struct Release {
    void operator()(char* memory) const { ::operator delete(memory, kAlignment); }
  };
  struct Block {
    std::unique_ptr<char, Release> memory;
    Index bytes = 0;
  };

  static Block& kept() {
    thread_local Block block;
    return block;
  }

  Block block_;
};

}  // namespace qimlp
