#include "runtime/report/report_curves.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "runtime/report/report_over.h"
#include "runtime/tasks/task.h"

namespace eligo {
namespace {

constexpr std::size_t kMostPoints = 400;  // of a curve of a page

const char* const kCreditNote =
    "What the rule adds to the cell at a step, beside what full backpropagation through time adds at it; with the last "
    "parameters. A rule that carries traces forward adds at a step for earlier ones too.";

using Value = std::function<std::optional<double>(const MetricsRow&)>;

}  // namespace

ReportCurve curve_of(std::size_t group, const std::vector<std::vector<Point>>& lines) {
  ReportCurve curve;
  curve.group = group;
  curve.band = thinned(band_of(lines), kMostPoints);
  if (lines.size() > 1)
    for (const auto& line : lines) curve.lines.push_back(thinned(line, kMostPoints));
  return curve;
}

namespace {

ReportCurve curve_of(const Report& report, std::size_t index, const Value& value) {
  std::vector<std::vector<Point>> lines;
  for (const ReportTraining& training : report.groups[index].variant.trainings) {
    std::vector<Point> line;
    for (const MetricsRow& row : training.rows)
      if (const auto y = value(row); y && std::isfinite(*y)) line.push_back({static_cast<double>(row.batch), *y});
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return curve_of(index, lines);
}

ReportChart chart(const Report& report, std::string id, std::string heading, std::string y_label, bool loss,
                  const Value& value) {
  ReportChart chart{std::move(id), std::move(heading), std::move(y_label), "", "", loss, {}};
  for (std::size_t i = 0; i < report.groups.size(); ++i) chart.curves.push_back(curve_of(report, i, value));
  return chart;
}

ReportChart credit_chart(const Report& report, std::string id, std::string heading, std::string y_label,
                         std::vector<Point> CreditLines::*member) {
  ReportChart chart{std::move(id), std::move(heading), std::move(y_label), kCreditNote, "step of the sequence", false, {}};
  for (std::size_t i = 0; i < report.groups.size(); ++i) {
    std::vector<std::vector<Point>> lines;
    for (const CreditLines& one : report.groups[i].credit)
      if (!(one.*member).empty()) lines.push_back(one.*member);
    chart.curves.push_back(curve_of(i, lines));
  }
  return chart;
}

bool is_line(const ReportCurve& curve) {
  return curve.band.size() > 1 ||
         std::any_of(curve.lines.begin(), curve.lines.end(), [](const auto& line) { return line.size() > 1; });
}

}  // namespace

std::vector<ReportChart> report_charts(const Report& report) {
  const std::string score = report.score + (report.score_is_share ? ", %" : "");
  const double scale = report.score_is_share ? 100 : 1;
  std::vector<ReportChart> charts = charts_over(report);
  for (const Split split : {Split::validation, Split::train}) {
    const std::string id = split_name(split), name = split == Split::train ? "Training" : "Validation";
    charts.push_back(chart(report, id + "-loss", name + " loss", "loss", true, [&](const MetricsRow& row) {
      return row.split == id ? std::optional(row.loss) : std::nullopt;
    }));
    charts.push_back(chart(report, id + "-score", name + " " + report.score, score, false, [&](const MetricsRow& row) {
      return row.split == id && row.score ? std::optional(scale * *row.score) : std::nullopt;
    }));
    charts.push_back(
        chart(report, id + "-success", name + " success", "goal reached, %", false, [&](const MetricsRow& row) {
          return row.split == id && row.success ? std::optional(100 * *row.success) : std::nullopt;
        }));
  }
  charts.push_back(chart(report, "cosine", "Cosine with steepest descent", "cosine", false,
                         [](const MetricsRow& row) { return row.cosine; }));
  charts.push_back(credit_chart(report, "credit-cosine", "Credit of each step: its direction",
                                "cosine with the gradient's", &CreditLines::cosine));
  charts.push_back(credit_chart(report, "credit-length", "Credit of each step: its length", "part of the gradient's",
                                &CreditLines::length));
  for (const auto& [id, title, member] : {std::tuple("option", "Curriculum: tried", &MetricsRow::option),
                                          std::tuple("solved", "Curriculum: solved", &MetricsRow::solved)})
    charts.push_back(chart(report, id, title, report.level, false, [member](const MetricsRow& row) {
      return row.split == split_name(Split::train) ? row.*member : std::nullopt;
    }));
  charts.push_back(chart(report, "milliseconds", "Time of a training batch", "ms", false,
                         [](const MetricsRow& row) { return row.milliseconds; }));
  std::erase_if(charts,
                [](const ReportChart& one) { return std::none_of(one.curves.begin(), one.curves.end(), is_line); });
  return charts;
}

}  // namespace eligo
