#include "runtime/sweep/gather.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace eligo {

const std::vector<Quantity>& gathered_quantities() {
  static const std::vector<Quantity> all = {{"final_loss", "last loss"},
                                            {"final_score", "last score"},
                                            {"best_epoch", "best epoch"},
                                            {"best_loss", "best loss"},
                                            {"best_score", "best score"},
                                            {"test_loss", "test loss"},
                                            {"test_score", "test score"},
                                            {"final_success", "last success"},
                                            {"test_success", "test success"},
                                            {"option", "option"},
                                            {"solved", "solved"},
                                            {"cosine", "cosine"}};
  return all;
}

namespace {

// What has diverged has no losses to average; it is counted apart.
bool has_diverged(const Summary& summary) {
  const auto found = summary.find("diverged");
  return found != summary.end() && found->second != 0;
}

void count(GatheredVariant& variant, const LineReport& report) {
  switch (report.state) {
    case LineState::done: ++(has_diverged(report.summary) ? variant.diverged : variant.count); break;
    case LineState::failed: ++variant.failed; break;
    case LineState::begun:
    case LineState::missing: ++variant.missing; break;
  }
}

}  // namespace

Gathered gather(const Plan& plan, const std::string& runs) {
  Gathered all{runs};
  std::map<std::string, std::size_t> places;                       // of the variants
  std::vector<std::map<std::string, std::vector<double>>> values;  // of each, by column
  for (const PlanLine& line : plan.lines) {
    const auto [at, fresh] = places.try_emplace(line.variant, all.variants.size());
    if (fresh) {
      all.variants.push_back({line.variant, &line});
      values.emplace_back();
    }
    const LineReport& report = all.reports.emplace_back(report_on(line, runs));
    count(all.variants[at->second], report);
    if (report.state != LineState::done || has_diverged(report.summary)) continue;
    for (const auto& [column, value] : report.summary) values[at->second][column].push_back(value);
  }
  for (std::size_t v = 0; v < all.variants.size(); ++v)
    for (const auto& [column, list] : values[v]) all.variants[v].estimates[column] = estimate(list);
  return all;
}

}  // namespace eligo
