#include "runtime/experiment/curves.h"

#include <map>
#include <optional>

#include "runtime/experiment/metrics.h"
#include "runtime/plot/picture.h"

namespace eligo {
namespace {

using Lines = std::map<std::string, std::map<std::uint64_t, std::vector<Point>>>;
using Value = std::function<std::optional<double>(const MetricsRow&)>;

Lines lines_of(const std::vector<MetricsRow>& rows, Split split, const Value& value) {
  Lines lines;
  for (const auto& row : rows) {
    if (row.split != split_name(split)) continue;
    if (const auto y = value(row)) lines[row.variant][row.seed].push_back({static_cast<double>(row.batch), *y});
  }
  return lines;
}

// Validation, or training where there are too few rows of it to make a line.
Split split_to_draw(const std::vector<MetricsRow>& rows) {
  const Lines lines = lines_of(rows, Split::validation, [](const MetricsRow& row) { return std::optional(row.loss); });
  for (const auto& [variant, seeds] : lines)
    for (const auto& [seed, line] : seeds)
      if (line.size() < 3) return Split::train;
  return lines.empty() ? Split::train : Split::validation;
}

Figure figure_of(const Experiment& experiment, const std::string& y_label, Lines lines) {
  Figure figure{experiment.name, "batches", y_label};
  for (const auto& variant : experiment.variants) {
    Curve curve{variant.name};
    for (auto& [seed, line] : lines[variant.name]) curve.lines.push_back(std::move(line));
    figure.curves.push_back(std::move(curve));
  }
  return figure;
}

}  // namespace

void write_curves(const RunFolder& folder, const Experiment& experiment, const ScoreForm& score) {
  const auto rows = read_metrics(folder.metrics());
  const Split split = split_to_draw(rows);
  const std::string of = split == Split::train ? "training " : "validation ";
  std::vector<Figure> figures;
  figures.push_back(figure_of(experiment, of + "loss",
                              lines_of(rows, split, [](const MetricsRow& row) { return std::optional(row.loss); })));
  const double scale = score.is_share ? 100 : 1;
  Lines scores = lines_of(
      rows, split, [&](const MetricsRow& row) { return row.score ? std::optional(scale * *row.score) : std::nullopt; });
  if (!scores.empty()) {
    figures.push_back(
        figure_of(experiment, of + score.name + (score.is_share ? " in %" : ""), std::move(scores)));
    figures.back().scale = score.is_share ? Scale::linear : Scale::automatic;
  }
  Lines solved = lines_of(rows, Split::train, [](const MetricsRow& row) { return row.solved; });
  if (!solved.empty()) {
    figures.push_back(figure_of(experiment, score.level + " solved", std::move(solved)));
    figures.back().scale = Scale::linear;
  }
  write_pictures(figures, folder.picture("svg"), folder.picture("png"));
}

}  // namespace eligo
