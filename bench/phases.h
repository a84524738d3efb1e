// Where the time of a workload goes: each phase's time against the bound that the machine sets it (roofline).
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "runtime/machine/machine.h"
#include "bench/workload.h"

namespace eligo::bench {

struct PhaseTime {
  std::string phase;
  double calls = 0;       // of one call of the workload
  double seconds = 0;     // of all of them
  double operations = 0;  // by the compiler's count
  double bytes = 0;
  double moving = 0;       // seconds that the bandwidth allows for them
  double bound = 0;        // the least seconds that the machine's peak and bandwidth allow
  bool by_memory = false;  // which of the two is the bound
  double of_peak = 0;      // shares: operations a second of the peak, bound of the time
  double of_bound = 0;
};

struct Profile {
  std::vector<PhaseTime> phases;  // in the order in which they are declared; those without calls are left out
  double seconds = 0;             // of one call of the workload, in phases and between them
  double operations = 0, bytes = 0, moving = 0;
};

// On one thread, whatever the workload says, for about `seconds`.
Profile profile(const Workload& workload, const Machine& machine, double seconds);
nlohmann::json to_json(const Profile& profile);

}  // namespace eligo::bench
