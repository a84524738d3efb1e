// The workloads that `eligo bench` measures when it is not told which, and the figures that they are to reach.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/workload.h"

namespace eligo::bench {

// A figure to reach: how many times faster than a peer or one thread, or the share of the machine's peak in the phases
// that hold most operations.
struct Goal {
  enum class Kind { times_faster, share_of_peak, times_one_thread };
  Kind kind = Kind::times_faster;
  std::string peer;           // times_faster: "torch"
  std::string peer_workload;  // times_faster: another workload of the suite that the peer runs; empty: this one
  double at_least = 0;
};

struct Entry {
  Workload workload;
  std::vector<Goal> goals;
  std::vector<std::string> peers;  // that are asked to run it
  bool slow_peers = false;         // take tens of seconds a call: only in the full benchmark
};

std::vector<Entry> suite();

}  // namespace eligo::bench
