// What a table [sweep] of an experiment file says: ranges of settings, and how values of them are drawn.
//
//   [sweep]
//   samples = 24
//   sampling = "sobol"                                          # or "random"
//   seed = 0
//   optimiser.alpha = { from = 1e-4, to = 1e-2, log = true }    # evenly over the logarithm
//   model.n = { from = 10, to = 50, whole = true }
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/experiment/settings.h"

namespace eligo {

struct Range {
  std::string path;  // of the setting
  std::string place;
  double from = 0, to = 0;  // both included
  bool log = false, whole = false;

  // Where the share u of the range lies, u in [0, 1): rounded to six digits, so that what is named is what it is.
  Setting at(double u) const;
};

struct Sampling {
  enum class Kind { sobol, random };
  Kind kind = Kind::sobol;
  std::uint64_t samples = 0, seed = 0;
  std::vector<Range> ranges;  // by their paths; without any there is nothing to draw

  // The values of one sample, in the order of the ranges: a function of the seed and of its index.
  std::vector<Setting> values(std::uint64_t index) const;
};

// `sweep` is SettingsFile::sweep, `file` names the experiment. Throws eligo::Error with every fault that was found.
Sampling read_sampling(const Settings& sweep, const std::string& file);

}  // namespace eligo
