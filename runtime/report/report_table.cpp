#include "runtime/report/report_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace eligo {
namespace {

using Member = std::optional<double> ReportNumbers::*;

ReportColumn column(const char* id, std::string heading, const char* meaning, Member member, double scale = 1) {
  return {id, std::move(heading), meaning, [member](const ReportTraining& t) { return t.numbers.*member; }, scale};
}

std::optional<double> seconds(const ReportTraining& t) {
  if (!t.numbers.batches || !t.numbers.milliseconds) return std::nullopt;
  return *t.numbers.batches * *t.numbers.milliseconds / 1000;
}

}  // namespace

std::vector<ReportColumn> report_columns(const Report& report) {
  const std::string score = report.score + (report.score_is_share ? " %" : "");
  const double scale = report.score_is_share ? 100 : 1;
  using N = ReportNumbers;
  std::vector<ReportColumn> all = {
      column("last_loss", "last loss", "of validation, with the last parameters", &N::last_loss),
      column("last_score", "last " + score, "of validation, with the last parameters", &N::last_score, scale),
      column("best_epoch", "best epoch", "after which the best parameters were kept", &N::best_epoch),
      column("best_loss", "best loss", "of validation, after the best epoch", &N::best_loss),
      column("best_score", "best " + score, "of validation, after the best epoch", &N::best_score, scale),
      column("test_loss", "test loss", "with the parameters of the best epoch, or the last", &N::test_loss),
      column("test_score", "test " + score, "with the parameters of the best epoch, or the last", &N::test_score,
             scale),
      column("last_success", "last success %", "episodes of validation whose goal was reached", &N::last_success, 100),
      column("test_success", "test success %", "episodes of the test whose goal was reached", &N::test_success, 100),
      column("solved", report.level + " solved", "of the curriculum, the last that was passed", &N::solved),
      column("cosine", "cosine", "of what the rule adds with steepest descent, mean over the training", &N::cosine),
      column("credit_cosine", "cosine of a step", "of what the rule adds at a step with what bptt adds at it, mean over the steps",
             &N::credit_cosine),
      column("ms_per_batch", "ms/batch", "of a training batch, mean over the training", &N::milliseconds)};
  all.push_back({"training_seconds", "training s", "seconds spent in training batches", seconds, 1});
  std::erase_if(all, [&](const ReportColumn& one) {
    return std::none_of(report.groups.begin(), report.groups.end(), [&](const ReportGroup& group) {
      const auto& trainings = group.variant.trainings;
      return std::any_of(trainings.begin(), trainings.end(),
                         [&](const ReportTraining& t) { return one.value(t).has_value(); });
    });
  });
  return all;
}

Estimate estimate_of(const ReportGroup& group, const ReportColumn& column) {
  std::vector<double> values;
  for (const ReportTraining& training : group.variant.trainings) {
    const auto value = column.value(training);
    if (value && std::isfinite(*value) && !training.diverged) values.push_back(column.scale * *value);
  }
  return estimate(values);
}

std::string estimate_text(const Estimate& e) {
  if (e.count == 0) return "";
  if (!e.standard_error) return fmt::format("{:.4g}", e.mean);
  const double error = *e.standard_error;
  if (!(error > 0) || !std::isfinite(error)) return fmt::format("{:.4g} ± {:.2g}", e.mean, error);
  const auto power_of = [](double x) { return static_cast<int>(std::floor(std::log10(x))); };
  const int power = power_of(std::max(std::abs(e.mean), error));
  const bool plain = power >= -2 && power <= 5;
  const double unit = plain ? 1 : std::pow(10.0, power);
  // Two digits of the error; the mean as far as those go, but no more digits than are of use.
  const int decimals = std::max(1 - power_of(error / unit), 0);
  if (decimals > 5) return fmt::format("{:.6g} ± {:.2g}", e.mean, error);
  const std::string text = fmt::format("{:.{}f} ± {:.{}f}", e.mean / unit, decimals, error / unit, decimals);
  return plain ? text : fmt::format("({})e{}", text, power);
}

std::string seeds_text(const ReportGroup& group) {
  std::size_t ended = 0, diverged = 0;
  const auto& trainings = group.variant.trainings;
  for (const ReportTraining& training : trainings) {
    ended += training.complete ? 1 : 0;
    diverged += training.diverged ? 1 : 0;
  }
  std::string text = ended == trainings.size() ? fmt::format("{} seed{}", ended, ended == 1 ? "" : "s")
                                               : fmt::format("{} of {} seeds", ended, trainings.size());
  if (diverged > 0) text += fmt::format(", {} diverged", diverged);
  return text;
}

std::string state_text(const Report& report, const ReportRun& run) {
  if (run.complete) return "complete";
  std::size_t ended = 0, all = 0;
  for (const ReportGroup& group : report.groups)
    for (const ReportTraining& training : group.variant.trainings) {
      if (training.folder != run.folder) continue;
      ++all;
      ended += training.complete ? 1 : 0;
    }
  const std::string far = fmt::format("{} of {} trainings have ended", ended, all);
  if (!run.writer.empty()) return fmt::format("being written by {}: {}", run.writer, far);
  return fmt::format("interrupted: {}; eligo run --resume goes on", far);
}

}  // namespace eligo
