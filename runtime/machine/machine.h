// The machine of this run: its name, its multiply-add rate and its bandwidths, all measured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace eligo {

struct Level {
  std::string name;        // L1, L2, L3, memory
  std::int64_t bytes = 0;  // what it holds; 0: everything
  double rate = 0;         // bytes a second that one core reads and writes in it
};

struct Machine {
  std::string processor;  // as it names itself, and as LLVM does
  int cores = 0;
  double peak_f32 = 0, peak_f64 = 0;  // operations a second of one core; a multiply-add is two
  std::vector<Level> levels;          // from the nearest

  double peak(bool float64) const { return float64 ? peak_f64 : peak_f32; }
  // The rate for work that touches so many bytes over and over.
  double bandwidth(double bytes) const;
  // The name of the level that holds so many bytes.
  std::string level(double bytes) const;
};

Machine measure_machine(bool quick = false);
nlohmann::json to_json(const Machine& machine);
std::string text(const Machine& machine);

}  // namespace eligo
