#include "bench/workload.h"

#include <nlohmann/json.hpp>

#include "compiler/ir/program.h"
#include "runtime/engine/program.h"
#include "runtime/library/compile.h"
#include "support/random.h"

namespace eligo::bench {
namespace {

// What one step of one example takes: all inputs or all targets together.
std::int64_t width(const compiler::Facts& plan, compiler::TensorKind kind) {
  std::int64_t elements = 0;
  for (const auto& t : plan.tensors)
    if (t.kind == kind) elements += t.size();
  return elements;
}

std::vector<double> draw_targets(Targets kind, std::int64_t rows, std::int64_t width) {
  std::vector<double> y(static_cast<std::size_t>(rows * width), 0.0);
  const Key key = make_key(1, "bench targets");
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto row = static_cast<std::uint64_t>(r);
    if (kind == Targets::one_hot && width > 0)
      y[static_cast<std::size_t>(r * width) + integer(key, row, static_cast<std::uint64_t>(width))] = 1;
    for (std::int64_t k = 0; kind != Targets::one_hot && k < width; ++k) {
      const double u = uniform(key, static_cast<std::uint64_t>(r * width + k));
      y[static_cast<std::size_t>(r * width + k)] = kind == Targets::bits ? (u < 0.5 ? 0 : 1) : u;
    }
  }
  return y;
}

}  // namespace

Batch draw(const Workload& w, const compiler::Facts& plan) {
  Batch b;
  b.steps = w.steps;
  b.examples = w.batch;
  const std::int64_t rows = w.steps * w.batch;
  const Key key = make_key(1, "bench inputs");
  b.x.resize(static_cast<std::size_t>(rows * width(plan, compiler::TensorKind::input)));
  for (std::size_t i = 0; i < b.x.size(); ++i) b.x[i] = uniform(key, i, -1, 1);
  b.y = draw_targets(w.targets, rows, width(plan, compiler::TensorKind::target));
  if (w.losses == Losses::last) {
    b.loss_mask.assign(static_cast<std::size_t>(rows), 0.0);
    std::fill(b.loss_mask.end() - static_cast<std::ptrdiff_t>(w.batch), b.loss_mask.end(), 1.0);
  }
  return b;
}

Batch draw(const Workload& workload) { return draw(workload, *instantiate(workload.program)); }

nlohmann::json to_json(const Workload& w) {
  static const std::map<Update, std::string> update = {
      {Update::step, "step"}, {Update::window, "window"}, {Update::sequence, "sequence"}};
  const ProgramSpec& p = w.program;
  return {{"rule", p.rule},
          {"cell", p.cell},
          {"readout", p.readout},
          {"synth", p.synth},
          {"optimiser", p.optimiser},
          {"sizes", p.sizes},
          {"header", p.header},
          {"schedule", p.schedule},
          {"update", update.at(p.update)},
          {"dtype", p.float64 ? "f64" : "f32"},
          {"hyper", w.hypers},
          {"batch", w.batch},
          {"T", w.steps},
          {"threads", w.threads},
          {"loss", w.losses == Losses::last ? "last" : "every"},
          {"online", w.online},
          {"acts_first", w.acts_first}};
}

Run::Run(const Workload& w) : Run(w, compile(w.program)) {}

Run::Run(const Workload& w, std::shared_ptr<const Program> program)
    : online_(w.online), acts_first_(w.acts_first), program_(std::move(program)) {
  program_->runner->wait_for_all();  // what is timed later has the processor to itself
  session_ = std::make_unique<Session>(
      program_, SessionOptions{.batch = w.batch, .steps = w.online ? 1 : w.steps, .seed = 1, .threads = w.threads});
  for (const auto& [name, value] : w.hypers) session_->set_hyper(name, value);
  Workload drawn = w;
  if (w.online) drawn.steps = 64;  // steps that are taken in turn
  batch_ = draw(drawn, *program_->plan);
}

void Run::call() {
  if (!online_) {
    if (acts_first_) session_->run(batch_, false);
    session_->run(batch_);
    return;
  }
  const auto steps = static_cast<std::size_t>(batch_.steps);
  const std::size_t inputs = batch_.x.size() / steps, targets = batch_.y.size() / steps;
  session_->step(std::span(batch_.x).subspan(at_ * inputs, inputs),
                 std::span(batch_.y).subspan(at_ * targets, targets));
  at_ = (at_ + 1) % steps;
}

}  // namespace eligo::bench
