// Loop fusion: statements that share a loop run together, trip by trip, so that what one of them leaves for another is
// still in a core's cache. A shared loop of many short trips is taken some values at a time. Scratch memory that a trip
// alone uses shrinks to what one trip needs.
//
// Before:  for b, w<200>, i<10>: v[b*2000 + w*10 + i] = ...           After:  for x<50>, local v:
//          for b, w<200>: s[b*200 + w] = Σ i<10>: v[b*2000 + w*10 + i]          for b, w<4>, i<10>: v[b*40 + w*10 + i] = ...
//                                                                               for b, w<4>: s[b*200 + x*4 + w] = Σ ...
//
// Only where the statements hand each other more than a core's own cache holds; elsewhere one after another is as fast.
#pragma once

#include <string>

#include "compiler/lower/lower.h"

namespace eligo::compiler {

// `bytes` of a real; `examples` of a typical batch.
void fuse_loops(Lowered& lowered, std::int64_t bytes, std::int64_t examples);

}  // namespace eligo::compiler
