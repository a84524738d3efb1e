// A workload measured: eligo and its peers in turn, in one run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/peer.h"
#include "bench/phases.h"
#include "runtime/machine/timing.h"

namespace eligo::bench {

struct Effort {
  double round = 0.25;  // seconds of each in a round
  int rounds = 5;
  double profile = 0.3;
};
inline constexpr Effort kQuick{0.08, 2, 0.05};

struct PeerTiming {
  std::string peer;
  Timing timing;
  std::string skipped;  // why there is no timing
};

struct Row {
  Workload workload;
  Timing timing;
  Profile profile;  // of one thread
  double of_peak = 0, of_bandwidth = 0;
  std::vector<PeerTiming> peers;
  std::string fault;  // why there is nothing

  const PeerTiming* peer(const std::string& name) const;
  // How many times faster than it; 0 where it was not measured.
  double times_faster(const std::string& name) const;
};

inline constexpr const char* kOneThread = "1 thread";  // of eligo itself, beside more

Row measure(const Workload& workload, const std::vector<Peer*>& peers, const Machine& machine, const Effort& effort);
nlohmann::json to_json(const Row& row);
// "lstm 30, B = 50, T = 28".
std::string shape_text(const Workload& workload);

}  // namespace eligo::bench
