// The matrix product of bfloat16 numbers by tiles, in place of product.h's: sums stay in tiles of
// 16 x 16, of which up to four are added to at a time.
//
// A tile of the first argument is read as it lies, up to 16 rows of up to 16 pairs; one of the second
// is up to 16 rows of pairs along k, as pairs.h makes them. Rows are cut into blocks of one height, of which
// the last begins within the one before it where it has to; k into chunks of one size, or into whole ones
// and a shorter one, which then has tiles of its own.
#pragma once

#include <algorithm>
#include <type_traits>

#include "../simd/pairs.h"
#include "../simd/tiles.h"
#include "product.h"

namespace qimlp {
namespace {

// What is multiplied for one block: up to two blocks of rows, `height` each.
template <class Out>
class TileProduct {
 public:
  explicit TileProduct(const Product<BFloat16, Out>& p) : p_(p) {
    blocks_ = (p.rows + kTileRows - 1) / kTileRows;
    height_ = (p.rows + blocks_ - 1) / blocks_;
    const Index pairs = count_pairs(p.depth), chunks = (pairs + kTilePairs - 1) / kTilePairs;
    even_ = pairs % chunks == 0;
    chunk_ = even_ ? pairs / chunks : kTilePairs;
    rest_ = even_ ? 0 : pairs % kTilePairs;
    whole_ = p.depth % 2 == 0 ? pairs / chunk_ : even_ ? chunks - 1 : pairs / chunk_;
    // Of an odd depth the last number is another row's: the chunk it is in is copied.
    copied_ = p.depth % 2 == 0 ? 0 : even_ ? chunk_ : rest_;
  }

  void run() const {
    shape();
    for (Index n = 0; n < p_.items; ++n) {
      const Item item{p_.a + n * p_.a_item, p_.b + n * p_.b_item,
                      p_.init == nullptr ? nullptr : p_.init + n * p_.init_item,
                      p_.c + n * p_.c_item};
      const Index most = even_ ? 2 * kTileColumns : kTileColumns;
      for (Index j = 0; j < p_.columns; j += most) {
        const Index width = std::min(p_.columns - j, most);
        for (Index block = 0; block < blocks_; block += 2) {
          const bool two = block + 1 < blocks_, wide = width > kTileColumns;
          if (p_.ahead != nullptr) p_.ahead->fetch();
          if (!even_) {
            two ? multiply<2, 1, false>(item, block, j, width) : multiply<1, 1, false>(item, block, j, width);
          } else if (wide) {
            if (p_.ahead != nullptr) p_.ahead->fetch();
            two ? multiply<2, 2, true>(item, block, j, width) : multiply<1, 2, true>(item, block, j, width);
          } else {
            two ? multiply<2, 1, true>(item, block, j, width) : multiply<1, 1, true>(item, block, j, width);
          }
        }
      }
    }
  }

 private:
  struct Item {
    const BFloat16* a;
    const BFloat16* b;
    const float* init;
    Out* c;
  };

  // Tiles 0 to 3 are sums. Of chunks of one size 4 and 5 are rows and 6 and 7 columns; otherwise those
  // are 2, 3 and 6, and 4, 5 and 7 are the shorter chunk's.
  void shape() const {
    TileShapes shapes;
    for (const int tile : {0, 1}) shapes.set(tile, height_, kTileColumns, sizeof(float));
    if (even_) {
      for (const int tile : {2, 3}) shapes.set(tile, height_, kTileColumns, sizeof(float));
      for (const int tile : {4, 5}) shapes.set(tile, height_, chunk_, kPairBytes);
      for (const int tile : {6, 7}) shapes.set(tile, chunk_, kTileColumns, kPairBytes);
    } else {
      for (const int tile : {2, 3}) shapes.set(tile, height_, chunk_, kPairBytes);
      for (const int tile : {4, 5}) shapes.set(tile, height_, rest_, kPairBytes);
      shapes.set(6, chunk_, kTileColumns, kPairBytes);
      shapes.set(7, rest_, kTileColumns, kPairBytes);
    }
    shape_tiles(shapes);
  }

  Index block_start(Index block) const { return std::min(block * height_, p_.rows - height_); }

  template <int kBlocks, int kColumns, bool kEven>
  void multiply(const Item& item, Index block, Index column, Index width) const {
    alignas(64) float sums[kBlocks * kTileRows * kSumsStride];
    alignas(64) BFloat16 last[kBlocks * kTileRows * kLastStride];
    const Index starts[2] = {block_start(block), block_start(block + kBlocks - 1)};
    settle_memory();
    _tile_zero(0);
    if constexpr (kBlocks * kColumns > 1) _tile_zero(1);
    if constexpr (kBlocks * kColumns > 2) {
      _tile_zero(2);
      _tile_zero(3);
    }
    const Index a_bytes = p_.a_stride * kBytes, b_bytes = p_.b_stride * kBytes;
    for (Index o = 0; o < p_.outer; ++o) {
      const BFloat16* a = item.a + o * p_.a_outer;
      const BFloat16* b = item.b + o * p_.b_outer + 2 * column;
      const BFloat16* rows[2] = {a + starts[0] * p_.a_stride, a + starts[1] * p_.a_stride};
      for (Index k = 0; k < whole_; ++k) {
        add_chunk<kBlocks, kColumns, kEven>(rows[0], rows[1], a_bytes, b, b_bytes);
        rows[0] += 2 * chunk_;
        rows[1] += 2 * chunk_;
        b += chunk_ * p_.b_stride;
      }
      Index stride = a_bytes;
      if (copied_ > 0) {
        for (int i = 0; i < kBlocks; ++i) {
          BFloat16* const copy = last + i * kTileRows * kLastStride;
          copy_last(rows[i], copy);
          rows[i] = copy;
        }
        settle_memory();
        stride = kLastStride * kBytes;
      }
      if constexpr (kEven) {
        if (copied_ > 0) add_chunk<kBlocks, kColumns, true>(rows[0], rows[1], stride, b, b_bytes);
      } else {
        _tile_loadd(7, b, b_bytes);
        _tile_loadd(4, rows[0], stride);
        _tile_dpbf16ps(0, 4, 7);
        if constexpr (kBlocks > 1) {
          _tile_loadd(5, rows[1], stride);
          _tile_dpbf16ps(1, 5, 7);
        }
      }
    }
    constexpr Index sums_bytes = kSumsStride * static_cast<Index>(sizeof(float));
    float* const lower = sums + (kBlocks - 1) * kTileRows * kSumsStride;
    _tile_stored(0, sums, sums_bytes);
    if constexpr (kColumns > 1) {
      _tile_stored(1, sums + kTileColumns, sums_bytes);
      if constexpr (kBlocks > 1) {
        _tile_stored(2, lower, sums_bytes);
        _tile_stored(3, lower + kTileColumns, sums_bytes);
      }
    } else if constexpr (kBlocks > 1) {
      _tile_stored(1, lower, sums_bytes);
    }
    for (int i = 0; i < kBlocks; ++i) {
      const Index done = (block + i) * height_ - starts[i];
      write<kColumns>(item, sums + (i * kTileRows + done) * kSumsStride, starts[i] + done, height_ - done, column, width);
    }
  }

  template <int kBlocks, int kColumns, bool kEven>
  static void add_chunk(const BFloat16* upper, const BFloat16* lower, Index a_bytes,
                        const BFloat16* b, Index b_bytes) {
    _tile_loadd(6, b, b_bytes);
    if constexpr (!kEven) {
      _tile_loadd(2, upper, a_bytes);
      _tile_dpbf16ps(0, 2, 6);
      if constexpr (kBlocks > 1) {
        _tile_loadd(3, lower, a_bytes);
        _tile_dpbf16ps(1, 3, 6);
      }
      return;
    }
    _tile_loadd(4, upper, a_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kColumns > 1) {
      _tile_loadd(7, b + 2 * kTileColumns, b_bytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kBlocks > 1) {
      _tile_loadd(5, lower, a_bytes);
      if constexpr (kColumns > 1) {
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      } else {
        _tile_dpbf16ps(1, 5, 6);
      }
    }
  }

  // The last chunk of a block's rows, whose last pair ends with a zero.
  void copy_last(const BFloat16* rows, BFloat16* copy) const {
    const auto mask = static_cast<__mmask32>(0xffffffffu >> (2 * kTilePairs - (2 * copied_ - 1)));
    for (Index i = 0; i < height_; ++i) {
      _mm512_store_si512(copy + i * kLastStride, _mm512_maskz_loadu_epi16(mask, rows + i * p_.a_stride));
    }
  }

  // Rows of sums, added to what they start from, as they are to lie.
  template <int kColumns>
  void write(const Item& item, const float* sums, Index row, Index height, Index column,
             Index width) const {
    using S = Simd<float>;
    const float* init = item.init == nullptr ? nullptr : item.init + row * p_.init_stride + column;
    Out* c = item.c + row * p_.c_stride + column;
    const S::Mask last = S::first(width - (kColumns - 1) * S::kLanes);
    const Index init_stride = p_.init_stride, c_stride = p_.c_stride;
    for (Index i = 0; i < height; ++i) {
      S::Vector sum[kColumns];
      for (int v = 0; v < kColumns; ++v) sum[v] = S::load(sums + v * S::kLanes);
      if (init != nullptr) {
        if constexpr (kColumns > 1) sum[0] = S::add(sum[0], S::load(init));
        sum[kColumns - 1] = S::add(sum[kColumns - 1], S::load(init + (kColumns - 1) * S::kLanes, last));
        init += init_stride;
      }
      if constexpr (kColumns > 1 && !std::is_same_v<Out, float>) {
        const auto mask = static_cast<__mmask32>(last) << S::kLanes | 0xffff;
        _mm512_mask_storeu_epi16(c, mask, (__m512i)_mm512_cvtne2ps_pbh(sum[1], sum[0]));
      } else {
        if constexpr (kColumns > 1) S::store(c, sum[0]);
        S::store(c + (kColumns - 1) * S::kLanes, sum[kColumns - 1], last);
      }
      sums += kSumsStride;
      c += c_stride;
    }
  }

  static constexpr Index kBytes = sizeof(BFloat16), kPairBytes = 2 * kBytes;
  static constexpr Index kSumsStride = 2 * kTileColumns, kLastStride = 2 * kTilePairs;
  const Product<BFloat16, Out>& p_;
  Index blocks_, height_;
  bool even_;
  Index chunk_, rest_;   // pairs of a chunk, and of the shorter one
  Index whole_, copied_;  // chunks read as they lie, and pairs of one that is not
};

template <>
inline void product<BFloat16, false, BFloat16>(const Product<BFloat16>& p) {
  if (p.rows > 0 && p.columns > 0) TileProduct<BFloat16>(p).run();
}

template <>
inline void product<BFloat16, false, float>(const Product<BFloat16, float>& p) {
  if (p.rows > 0 && p.columns > 0) TileProduct<float>(p).run();
}

}  // namespace
}  // namespace qimlp
