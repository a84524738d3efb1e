#include "runtime/report/credit.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "runtime/engine/program.h"
#include "runtime/experiment/alignment.h"
#include "runtime/experiment/experiment.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/experiment/trainer.h"
#include "runtime/library/compile.h"
#include "support/error.h"

namespace eligo {
namespace {

constexpr std::int64_t kExamples = 16;     // of a batch that is measured
constexpr std::uint64_t kBatches = 4;      // that are measured
constexpr double kMostNumbers = 32 << 20;  // that are kept of a batch, for each side

// The experiment as the folder has it, reduced to the variant; its number in the folder's own list, which names its
// checkpoints.
struct Source {
  RunFolder folder;
  Experiment experiment;
  std::size_t index = 0;

  Variant& variant() { return experiment.variants[index]; }
};

Source open_source(const std::string& path, const std::string& variant) {
  Source source{RunFolder::read(path), {}, 0};
  source.experiment = load_experiment(source.folder.experiment(), {});
  const auto& all = source.experiment.variants;
  const auto found = std::find_if(all.begin(), all.end(), [&](const Variant& v) { return v.name == variant; });
  if (found == all.end()) throw Error(fmt::format("{}: there is no variant {}", path, variant));
  source.index = static_cast<std::size_t>(found - all.begin());
  return source;
}

// A session with the last parameters and keep values of the training; the level of its curriculum.
std::uint64_t load(Source& source, std::uint64_t seed, const BatchSource& batches, Session& session) {
  const Variant& variant = source.variant();
  const std::string path = source.folder.checkpoint(variant.name, source.index, seed, "last");
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw Error(fmt::format("{}: there is no checkpoint yet", path));
  const NpzReader last(path);
  const auto state = read_state(last, limits_of(variant, batches, seed, source.folder.identity(variant.name)));
  restore_tensors(last, session, false);
  session.set_sequence(state.sequence);
  return state.outcome.level;
}

// As many examples that what each step and example adds to the cell does not fill the memory.
std::int64_t examples_of(const Variant& variant, const Program& program, std::int64_t steps) {
  double parameters = 0;
  for (const auto& tensor : program.plan->tensors)
    if (tensor.kind == compiler::TensorKind::param) parameters += static_cast<double>(tensor.size());
  const double fit = kMostNumbers / std::max(1.0, parameters * static_cast<double>(steps));
  if (fit < 1)
    throw Error(fmt::format("{}: what {} steps add to {} parameters would take too much memory", variant.name, steps,
                            parameters));
  return std::min({kExamples, variant.train.batch, static_cast<std::int64_t>(fit)});
}

}  // namespace

CreditLines measure_credit(const std::string& folder, const std::string& name, std::uint64_t seed) {
  Source source = open_source(folder, name);
  Variant& variant = source.variant();
  TaskSpec spec = variant.task;
  spec.seed = seed;
  const auto batches = make_source(spec, variant.policy, variant.curriculum);
  const auto program = compile(program_for(source.experiment, variant, *batches));
  SessionOptions options;
  options.steps = batches->shape().max_steps;
  options.batch = examples_of(variant, *program, options.steps);
  options.seed = seed;
  options.threads = thread_count(source.experiment);
  Session trained(program, options);
  const std::uint64_t level = load(source, seed, *batches, trained);
  spec.batch = static_cast<std::uint64_t>(options.batch);
  const auto small = make_source(spec, variant.policy, variant.curriculum);
  small->set_level(level);
  AlignmentProbe probe(variant, options, true);
  std::vector<Directions> steps;
  for (std::uint64_t i = 0; i < std::min(kBatches, small->shape().train_batches); ++i)
    probe.measure_steps(trained, small->batch(Split::train, 0, i, trained), i, steps);
  CreditLines lines;
  for (std::size_t t = 0; t < steps.size(); ++t) {
    const auto step = static_cast<double>(t + 1);
    if (const double cosine = steps[t].cosine(); std::isfinite(cosine)) lines.cosine.push_back({step, cosine});
    if (const double length = steps[t].ratio(); std::isfinite(length)) lines.length.push_back({step, length});
  }
  return lines;
}

}  // namespace eligo
