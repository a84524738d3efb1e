// The curves of a report: losses, scores and cosines over batches, the seeds of a group as one band.
#pragma once

#include <string>
#include <vector>

#include "runtime/plot/band.h"
#include "runtime/report/report.h"

namespace eligo {

struct ReportCurve {
  std::size_t group = 0;
  Band band;
  std::vector<std::vector<Point>> lines;  // of the seeds, where there are several
};

struct ReportChart {
  std::string id, heading, y_label, note;
  bool by_step = false;  // over the steps of a sequence, not over batches
  bool loss = false;     // not negative, over many powers of ten: an axis of logarithms may serve
  std::vector<ReportCurve> curves;
};

// Those that have a curve of two points at least.
std::vector<ReportChart> report_charts(const Report& report);

}  // namespace eligo
