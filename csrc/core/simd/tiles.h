// Tiles of AMX: registers of 16 rows of 64 bytes, which one instruction multiplies as matrices.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "../layer.h"
#include "kind.h"

namespace qimlp {
namespace {

constexpr Index kTileRows = 16;     // rows of a tile
constexpr Index kTileColumns = 16;  // sums in a row of a tile
constexpr Index kTilePairs = 16;    // pairs in a row of a tile
constexpr int kTiles = 8;

// The shapes of all tiles, as the processor reads them.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};

  void set(int tile, Index tile_rows, Index numbers, Index number_bytes) {
    rows[tile] = static_cast<std::uint8_t>(tile_rows);
    row_bytes[tile] = static_cast<std::uint16_t>(numbers * number_bytes);
  }
};

// Whatever was written before is in memory after: GCC's intrinsics do not say what they read, and it
// leaves stores out that only they would see.
inline void settle_memory() { asm volatile("" ::: "memory"); }

// What this thread's tiles are shaped as; all zero outside of tasks.
inline TileShapes& tile_shapes_now() {
  static thread_local TileShapes shapes{.palette = 0};
  return shapes;
}

// Shaping them takes as long as hundreds of multiply-adds, so it is left out where it would change nothing.
inline void shape_tiles(const TileShapes& wanted) {
  TileShapes& now = tile_shapes_now();
  if (std::memcmp(&now, &wanted, sizeof now) == 0) return;
  settle_memory();
  _tile_loadconfig(&wanted);
  now = wanted;
}

// Tiles are given back at the end of a task: the system then need not save them.
template <>
class TaskScope<BFloat16> {
 public:
  TaskScope() = default;
  ~TaskScope() {
    TileShapes& now = tile_shapes_now();
    if (now.palette == 0) return;
    _tile_release();
    now = TileShapes{.palette = 0};
  }
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
};

}  // namespace
}  // namespace qimlp
