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

#include "compiler/lower/fusion_size.h"
#include "compiler/lower/lower.h"

namespace eligo::compiler {

// What was fused in a function, for people; or, with no statements, that nothing was.
struct FusedLoops {
  int function = -1;
  std::vector<std::string> labels;  // of the statements, each once
  int statements = 0;
  std::int64_t extent = 0, values = 0, examples = 0;  // as in loops::Fusion
  int local = 0;                                      // buffers that hold a trip's values only
  double handed_on = 0;                               // bytes that statements leave for statements, in a call
};

// `bytes` of a real; `examples` of a typical batch. Says what it did with each function that has two statements or more.
std::vector<FusedLoops> fuse_loops(Lowered& lowered, std::int64_t bytes, std::int64_t examples,
                                   const FusionLimits& limits = {});

}  // namespace eligo::compiler
