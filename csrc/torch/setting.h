// How the operators run now: on which instructions and how many threads.
#pragma once

#include "../core/compute.h"

namespace qimlp {

Setting current_setting();

}  // namespace qimlp
