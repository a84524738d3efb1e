// The lines of a plan on this machine, each in a process of its own, several at once.
#pragma once

#include <functional>
#include <string>

#include "runtime/sweep/plan.h"

namespace eligo {

struct PoolOptions {
  std::string command;      // eligo itself
  std::string runs;         // the folder of the run folders
  std::size_t workers = 1;  // at once
  int threads = 1;          // of each, where the plan does not say
  bool quiet = false;       // no overview
  std::function<bool()> interrupted = [] { return false; };
};

struct PoolResult {
  std::size_t done = 0, was_done = 0, failed = 0;
  bool interrupted = false;
};

// Does what is not done. A worker that is killed is followed by another, which goes on with its line; a line whose
// workers are killed time and again counts as failed. When interrupted, the workers save and end. Throws eligo::Error
// if no process can be made.
PoolResult run_pool(const Plan& plan, const PoolOptions& options);

}  // namespace eligo
