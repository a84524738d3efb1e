#include "runtime/experiment/prediction.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "dsl/names.h"
#include "runtime/data/npz.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/trainer.h"
#include "runtime/experiment/training.h"
#include "runtime/library/compile.h"
#include "support/error.h"

namespace eligo {
namespace {

std::size_t variant_index(const Experiment& experiment, const PredictOptions& options) {
  std::vector<std::string> names;
  for (const Variant& variant : experiment.variants) names.push_back(variant.name);
  const auto found = std::find(names.begin(), names.end(), options.variant);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  if (options.variant.empty() && names.size() == 1) return 0;
  throw Error(options.variant.empty() ? fmt::format("{} has {} variants; choose one with --variant: {}", options.run,
                                                    names.size(), fmt::join(names, ", "))
                                      : fmt::format("{} has no variant {}; there are {}", options.run, options.variant,
                                                    fmt::join(names, ", ")));
}

std::uint64_t seed_of(const Experiment& experiment, const PredictOptions& options) {
  const auto& seeds = experiment.seeds;
  if (!options.seed && seeds.size() == 1) return seeds[0];
  if (options.seed && std::find(seeds.begin(), seeds.end(), *options.seed) != seeds.end()) return *options.seed;
  throw Error(fmt::format(
      "{} {}; choose one of its seeds with --seed: {}", options.run,
      options.seed ? fmt::format("has no seed {}", *options.seed) : fmt::format("has {} seeds", seeds.size()),
      fmt::join(seeds, ", ")));
}

// The first `examples` of a task's batch.
Batch first_of(const Batch& batch, std::int64_t examples) {
  Batch out = batch;
  out.examples = examples;
  for (std::vector<double>* values : {&out.x, &out.y, &out.loss_mask, &out.valid}) {
    const std::size_t row = values->size() / static_cast<std::size_t>(batch.steps);
    const std::size_t kept = row / static_cast<std::size_t>(batch.examples) * static_cast<std::size_t>(examples);
    for (std::size_t t = 1; t < static_cast<std::size_t>(batch.steps); ++t)
      std::copy_n(values->begin() + static_cast<std::ptrdiff_t>(t * row), kept,
                  values->begin() + static_cast<std::ptrdiff_t>(t * kept));
    values->resize(kept * static_cast<std::size_t>(batch.steps));
  }
  if (!out.lengths.empty()) out.lengths.resize(static_cast<std::size_t>(examples));
  return out;
}

// Values of all sequences, put together from batches of different lengths.
class Collected {
 public:
  Collected(std::uint64_t sequences, std::int64_t steps) : sequences_(sequences), steps_(steps) {}

  // `values` is [rows][examples][...], of sequences from `first` on.
  void add(const std::string& name, const std::vector<double>& values, std::int64_t rows, std::int64_t examples,
           const std::vector<std::int64_t>& shape, std::uint64_t first) {
    std::uint64_t size = 1;
    for (const std::int64_t extent : shape) size *= static_cast<std::uint64_t>(extent);
    Array& array = arrays_[name];
    if (array.values.empty()) {
      array.shape = {static_cast<std::int64_t>(sequences_), steps_};
      array.shape.insert(array.shape.end(), shape.begin(), shape.end());
      array.values.resize(sequences_ * static_cast<std::uint64_t>(steps_) * size);
    }
    for (std::int64_t t = 0; t < rows; ++t)
      for (std::int64_t b = 0; b < examples; ++b)
        std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::uint64_t>(t * examples + b) * size),
                    size,
                    array.values.begin() + static_cast<std::ptrdiff_t>(((first + static_cast<std::uint64_t>(b)) *
                                                                            static_cast<std::uint64_t>(steps_) +
                                                                        static_cast<std::uint64_t>(t)) *
                                                                       size));
  }

  void write(NpzWriter& writer, std::vector<std::string>& listed) const {
    for (const auto& [name, array] : arrays_) {
      writer.add(name, array.shape, {Stored::Type::f64, array.values.data(), array.values.size()});
      listed.push_back(fmt::format("{} [{}]", name, fmt::join(array.shape, ", ")));
    }
  }

 private:
  struct Array {
    std::vector<std::int64_t> shape;
    std::vector<double> values;
  };
  std::uint64_t sequences_;
  std::int64_t steps_;
  std::map<std::string, Array> arrays_;
};

class Predictor {
 public:
  Predictor(const PredictOptions& options, const Experiment& experiment, const RunFolder& folder)
      : options_(options),
        index_(variant_index(experiment, options)),
        variant_(experiment.variants[index_]),
        seed_(seed_of(experiment, options)) {
    TaskSpec spec = variant_.task;
    spec.seed = seed_;
    trained_on_ = make_source(spec, variant_.policy, variant_.curriculum);
    if (variant_.policy && !options.data.empty())
      throw Error(fmt::format("{} is an environment: there is no file of it; leave --data out", spec.name));
    if (variant_.policy && options.sequences != 0)
      throw Error(
          fmt::format("{} is an environment: its episodes come by whole batches; leave --sequences out", spec.name));
    spec.other_test = options.data;
    task_ = make_source(spec, variant_.policy, variant_.curriculum);
    shape_ = task_->shape();
    shown_ = shown_for(variant_, *task_);
    if (shown_.empty() && !variant_.output.empty()) shown_ = {variant_.output};
    for (const std::string& name : options.show)
      if (std::find(shown_.begin(), shown_.end(), name) == shown_.end()) shown_.push_back(name);
    make_session(experiment);
    load(folder);
  }

  Prediction run() {
    const bool own = options_.data.empty();
    const Split split = own ? options_.split : Split::test;
    const std::uint64_t batches = split == Split::train        ? shape_.train_batches
                                  : split == Split::validation ? shape_.validation_batches
                                                               : shape_.test_batches;
    if (batches == 0)
      throw Error(fmt::format("task {} has no {} data; choose another with --split, or give a file with --data",
                              variant_.task.name, split_name(split)));
    Prediction out;
    out.task = task_->description();
    out.epoch = state_.outcome.best_epoch != 0 && options_.checkpoint == "best" ? state_.outcome.best_epoch
                                                                                : state_.outcome.epochs;
    const std::int64_t in_last = task_->batch(split, 0, batches - 1, *session_).examples;  // which alone may be smaller
    out.sequences =
        (batches - 1) * static_cast<std::uint64_t>(variant_.train.batch) + static_cast<std::uint64_t>(in_last);
    if (options_.sequences != 0) out.sequences = std::min(out.sequences, options_.sequences);
    Collected all(out.sequences, shape_.max_steps);
    std::vector<double> lengths;
    double loss = 0, score = 0, counted = 0;
    for (std::uint64_t i = 0; lengths.size() < out.sequences; ++i) {
      Batch batch = task_->batch(split, 0, i, *session_);
      const auto wanted = static_cast<std::int64_t>(out.sequences - lengths.size());
      if (wanted < batch.examples) batch = first_of(batch, wanted);
      check_finite(batch, fmt::format("{} batch {}", split_name(split), i + 1));
      const std::uint64_t first = lengths.size();
      loss += session_->run(batch, false).loss * static_cast<double>(batch.examples);
      collect(batch, first, all, score, counted);
      for (std::int64_t b = 0; b < batch.examples; ++b)
        lengths.push_back(
            static_cast<double>(batch.lengths.empty() ? batch.steps : batch.lengths[static_cast<std::size_t>(b)]));
    }
    out.judged = judged_;
    out.loss = loss / static_cast<double>(out.sequences);
    if (counted > 0) out.score = score / counted;
    out.score_name = task_->score_name();
    out.score_is_share = task_->score_is_share();
    NpzWriter writer(options_.out);
    all.write(writer, out.arrays);
    writer.add("lengths", {static_cast<std::int64_t>(lengths.size())},
               {Stored::Type::f64, lengths.data(), lengths.size()});
    writer.commit();
    return out;
  }

 private:
  void make_session(const Experiment& experiment) {
    ProgramSpec spec = program_for(experiment, variant_, *trained_on_);  // the same schedules as in the training
    spec.show = shown_;
    program_ = compile(spec);
    SessionOptions how;
    how.batch = variant_.train.batch;
    how.steps = shape_.max_steps;
    how.seed = seed_;
    how.threads = thread_count(experiment);
    how.memory = experiment.memory;
    session_ = std::make_unique<Session>(program_, how);
    for (const auto& [name, value] : variant_.hypers) session_->set_hyper(name, value);
  }

  void load(const RunFolder& folder) {
    const auto path = [&](const char* what) { return folder.checkpoint(variant_.name, index_, seed_, what); };
    std::error_code error;
    if (!std::filesystem::exists(path("last"), error))
      throw Error(fmt::format("{}: {}, seed {} has no checkpoint yet", options_.run, variant_.name, seed_));
    const NpzReader last(path("last"));
    state_ = read_state(last, limits_of(variant_, *trained_on_, seed_, folder.identity(variant_.name)));
    task_->set_level(state_.outcome.level);
    restore_tensors(last, *session_, false);
    session_->set_sequence(state_.sequence);  // the draws of the run's own test
    if (options_.checkpoint == "last") return;
    if (options_.checkpoint != "best")
      throw Error(fmt::format("--checkpoint {}: it is best or last", options_.checkpoint));
    if (state_.outcome.best_epoch == 0)
      throw Error(fmt::format(
          "{}: there is no best epoch, as no validation has been done{}; take --checkpoint last", options_.run,
          state_.outcome.level > 0 ? " since the curriculum rose last" : ""));
    restore_tensors(NpzReader(path("best")), *session_, true);
  }

  void collect(const Batch& batch, std::uint64_t first, Collected& all, double& score, double& counted) {
    for (const std::string& name : shown_) {
      const Session::Shown shown = shown_steps(*session_, name, batch.steps);
      all.add(name, shown.values, batch.steps, batch.examples, shown.shape, first);
      if (name != variant_.output) continue;
      const Score one = task_->scores(batch, shown.values).score;
      score += one.sum;
      counted += one.count;
    }
    for (const auto& [name, values] : task_->told()) all.add(name, values, batch.steps, batch.examples, {}, first);
    all.add("x", batch.x, batch.steps, batch.examples, {shape_.inputs}, first);
    const auto& mask = batch.loss_mask;
    if (!mask.empty() && std::all_of(mask.begin(), mask.end(), [](double weight) { return weight == 0; })) return;
    judged_ = true;
    all.add("y", batch.y, batch.steps, batch.examples, {shape_.targets}, first);
    if (!mask.empty()) all.add("loss_mask", mask, batch.steps, batch.examples, {}, first);
  }

  const PredictOptions& options_;
  std::size_t index_;
  const Variant& variant_;
  std::uint64_t seed_;
  std::unique_ptr<BatchSource> trained_on_, task_;
  TaskShape shape_;
  std::vector<std::string> shown_;
  std::shared_ptr<const Program> program_;
  std::unique_ptr<Session> session_;
  TrainingState state_;
  bool judged_ = false;
};

}  // namespace

Prediction predict(const PredictOptions& options) {
  const RunFolder folder = RunFolder::read(options.run);
  const Experiment experiment = load_experiment(folder.experiment(), {});
  return Predictor(options, experiment, folder).run();
}

}  // namespace eligo
