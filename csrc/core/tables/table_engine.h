// The layers of a network for tables on one instruction set, after that set's engine.
#pragma once

#include "embedding.h"
#include "head.h"
#include "members_backward.h"
#include "tables.h"

namespace qimlp {
namespace {

template <class T>
constexpr TableEngine<T> make_table_engine() {
  return {embed_bytes<T>,   embed<T>,   embed_backward_bytes<T>,   embed_backward<T>,
          members_bytes<T>, members<T>, members_backward_bytes<T>, members_backward<T>,
          head_bytes<T>,    head<T>,    head_backward<T>};
}

}  // namespace
}  // namespace qimlp
