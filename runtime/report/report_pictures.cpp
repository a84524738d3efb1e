#include "runtime/report/report_pictures.h"

#include <fmt/core.h>

#include <filesystem>

#include "runtime/plot/picture.h"
#include "runtime/report/report_curves.h"
#include "support/error.h"

namespace eligo {
namespace {

std::vector<Point> means_of(const Band& band) {
  std::vector<Point> line;
  for (const BandPoint& point : band) line.push_back({point.x, point.mean});
  return line;
}

Figure figure_of(const Report& report, const ReportChart& chart) {
  Figure figure{chart.heading, chart.x_label.empty() ? "batches" : chart.x_label, chart.y_label,
                chart.loss ? Scale::automatic : Scale::linear, {}};
  for (const ReportCurve& curve : chart.curves) {
    Curve drawn{curve.label.empty() ? report.groups[curve.group].label : curve.label, curve.lines};
    if (drawn.lines.empty() && !curve.band.empty()) drawn.lines.push_back(means_of(curve.band));
    figure.curves.push_back(std::move(drawn));
  }
  return figure;
}

std::string file_of(const std::string& folder, const ReportChart& chart, const char* form) {
  return (std::filesystem::path(folder) / (chart.id + form)).string();
}

}  // namespace

std::vector<std::string> write_report_pictures(const Report& report, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(fmt::format("{}: cannot be made: {}; choose another folder", folder, error.message()));
  std::vector<std::string> files;
  for (const ReportChart& chart : report_charts(report)) {
    const std::string svg = file_of(folder, chart, ".svg"), png = file_of(folder, chart, ".png");
    write_pictures({figure_of(report, chart)}, svg, png);
    files.insert(files.end(), {svg, png});
  }
  return files;
}

}  // namespace eligo
