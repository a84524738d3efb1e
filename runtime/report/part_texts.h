// The equations that a run was made with: the text of its rule, cell, readout, synthesisers and optimiser.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/library/library.h"
#include "runtime/report/run_reader.h"

namespace eligo {

class PartTexts {
 public:
  // The folder `rules` of a run. What cannot be read there has no text; nothing throws.
  explicit PartTexts(std::string folder);

  // The parts that a variant's settings name, the rule first.
  std::vector<ReportPart> of(const std::map<std::string, std::string>& settings) const;

 private:
  ReportPart part(const std::string& kind, const std::string& name) const;

  std::string folder_;
  std::vector<Item> items_;
};

}  // namespace eligo
