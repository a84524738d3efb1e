#include "runtime/experiment/rate_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

namespace eligo {

double RateSchedule::factor(std::uint64_t batch, std::uint64_t batches) const {
  if (kind == Kind::constant) return 1;
  if (batch < warmup) return static_cast<double>(batch + 1) / static_cast<double>(warmup);
  const auto after = static_cast<double>(batch - warmup);
  switch (kind) {
    case Kind::cosine: {
      const auto all = static_cast<double>(batches > warmup ? batches - warmup : 1);
      return fall_to + (1 - fall_to) * (1 + std::cos(std::numbers::pi * std::min(1.0, after / all))) / 2;
    }
    case Kind::step: {
      const std::uint64_t whole = batch - warmup;
      return whole < fall_from ? 1 : std::pow(fall_by, static_cast<double>((whole - fall_from) / fall_every));
    }
    case Kind::constant:
    case Kind::linear: break;
  }
  return 1;
}

const std::vector<std::string>& rate_schedule_names() {
  static const std::vector<std::string> names = {"constant", "linear", "cosine", "step"};
  return names;
}

ScheduledRates::ScheduledRates(Session& session, const RateSchedule& schedule, std::uint64_t batches)
    : schedule_(schedule), batches_(batches) {
  if (schedule.kind == RateSchedule::Kind::constant || batches == 0) return;
  std::set<std::string> bundles;
  for (const TensorInfo& info : session.tensors())
    if (!info.bundle.empty()) bundles.insert(info.bundle);
  const double least = std::min(schedule.factor(0, batches), schedule.factor(batches - 1, batches));
  for (const std::string& bundle : bundles) {
    const std::string hyper = "optimiser." + bundle + "." + kStepSize;
    rates_.push_back({hyper, session.hyper(hyper)});
    session.set_hyper(hyper, rates_.back().whole * least);  // what it does not take is said before anything is trained
    session.set_hyper(hyper, rates_.back().whole);
  }
}

void ScheduledRates::set(Session& session, std::uint64_t batch) {
  if (rates_.empty()) return;
  const double factor = schedule_.factor(batch, batches_);
  if (factor == factor_) return;
  for (const Rate& rate : rates_) session.set_hyper(rate.hyper, rate.whole * factor);
  factor_ = factor;
}

}  // namespace eligo
