// The curves of a report: losses, scores and cosines over batches, the seeds of a group as one band.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/plot/band.h"
#include "runtime/report/report.h"

namespace eligo {

struct ReportCurve {
  std::size_t group = 0;  // whose curve it is; over a setting, the first of those that it goes through
  std::optional<std::size_t> family;  // over a setting: its number among the curves
  std::string label;                  // empty: the group's
  Band band;
  std::vector<std::vector<Point>> lines;  // of the seeds, where there are several
};

struct ReportChart {
  std::string id, heading, y_label, note;
  std::string x_label;   // "step of the sequence", or a setting; empty: batches
  bool loss = false;     // not negative, over many powers of ten: an axis of logarithms may serve
  std::vector<ReportCurve> curves;
};

// A curve of the seeds' lines: their mean and band, thinned for a page.
ReportCurve curve_of(std::size_t group, const std::vector<std::vector<Point>>& lines);

// Those that have a curve of two points at least.
std::vector<ReportChart> report_charts(const Report& report);

}  // namespace eligo
