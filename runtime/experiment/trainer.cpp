#include "runtime/experiment/trainer.h"
#include "runtime/library/warnings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>

#include "runtime/experiment/curves.h"
#include "runtime/experiment/metrics.h"
#include "runtime/experiment/progress.h"
#include "runtime/library/compile.h"
#include "support/error.h"
#include "support/estimate.h"
#include "support/files.h"
#include "support/table.h"

namespace eligo {

ProgramSpec program_for(const Experiment& experiment, const Variant& variant, const BatchSource& source) {
  ProgramSpec spec = variant.program;
  spec.show = shown_for(variant, source);
  spec.batch_hint = variant.train.batch;
  spec.steps_hint = source.shape().max_steps;
  spec.memory = experiment.memory;
  spec.outputs = variant.policy.has_value();
  spec.online = variant.policy && variant.policy->by_step;
  return spec;
}

int thread_count(const Experiment& experiment) {
  if (experiment.threads > 0) return experiment.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

namespace {

// Rows that were written after the checkpoint from which a training goes on; they will be written again.
void drop_rows(const std::string& variant, std::uint64_t seed, const Outcome& outcome, MetricsFile& metrics) {
  if (outcome.complete) return;
  metrics.remove_if([&](const MetricsRow& row) {
    if (row.variant != variant || row.seed != seed) return false;
    return row.batch > outcome.batches || row.split == split_name(Split::test) ||
           (row.split == split_name(Split::validation) && row.epoch > outcome.epochs);
  });
}

// How many rows of training batches there must be, and how many there are.
std::pair<std::uint64_t, std::uint64_t> train_rows(const Variant& variant, std::uint64_t seed, const BatchSource& source,
                                                   const Outcome& outcome, const std::vector<MetricsRow>& rows) {
  const std::uint64_t every = variant.train.log_every, all = source.shape().train_batches;
  const std::uint64_t index = outcome.batches - outcome.epochs * all;
  const std::uint64_t wanted = outcome.epochs * ((all + every - 1) / every) + (index == all ? (all + every - 1) / every
                                                                                           : index / every);
  const auto found = std::count_if(rows.begin(), rows.end(), [&](const MetricsRow& row) {
    return row.variant == variant.name && row.seed == seed && row.split == split_name(Split::train);
  });
  return {wanted, static_cast<std::uint64_t>(found)};
}

// What metrics and summary have beside the columns of every run.
MetricsColumns columns_of(const Experiment& experiment) {
  MetricsColumns columns;
  for (const Variant& variant : experiment.variants) {
    columns.episodes = columns.episodes || variant.policy.has_value();
    columns.curriculum = columns.curriculum || variant.curriculum.has_value();
  }
  columns.solved = columns.curriculum;
  return columns;
}

void write_summary(const RunFolder& folder, MetricsColumns columns, const std::vector<TrainingResult>& results) {
  const auto text = [](const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : std::string();
  };
  std::string out =
      "variant,seed,epochs,batches,final_loss,final_score,best_epoch,best_loss,best_score,test_loss,test_score,cosine,"
      "ms_per_batch,diverged";
  out += columns.episodes ? ",final_success,test_success" : "";
  out += columns.curriculum ? ",option,solved\n" : "\n";
  for (const auto& [variant, seed, o] : results) {
    std::string name = variant;
    for (std::size_t at = 0; (at = name.find('"', at)) != std::string::npos; at += 2) name.insert(at, 1, '"');
    const bool best = o.best_epoch > 0;
    out += fmt::format("\"{}\",{},{},{},{},{},{},{},{},{},{},{},{:.4f},{}", name, seed, o.epochs, o.batches,
                       o.final_loss, text(o.final_score), best ? fmt::format("{}", o.best_epoch) : "",
                       best ? fmt::format("{}", o.best_loss) : "", text(o.best_score), text(o.test_loss),
                       text(o.test_score), text(o.cosine), o.milliseconds, o.diverged ? 1 : 0);
    if (columns.episodes) out += fmt::format(",{},{}", text(o.final_success), text(o.test_success));
    out += columns.curriculum ? fmt::format(",{},{}\n", text(o.option), text(o.solved)) : "\n";
  }
  write_file_atomically(folder.summary(), out);
}

// --- the table ------------------------------------------------------------------------------------------------------

// "0.123" for one value, "0.123 ± 0.004" for several; empty for none.
std::string mean_text(const std::vector<double>& values, const char* format) {
  if (values.empty()) return "";
  const Estimate all = estimate(values);
  const std::string text = fmt::format(fmt::runtime(format), all.mean);
  return all.standard_error ? text + " ± " + fmt::format(fmt::runtime(format), *all.standard_error) : text;
}

}  // namespace

// Of one training, if it is complete.
std::optional<Outcome> outcome_of(const Variant& variant, std::size_t index, std::uint64_t seed, const BatchSource& source,
                                  const RunFolder& folder) {
  const std::string path = folder.checkpoint(variant.name, index, seed, "last");
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  const TrainingState state = read_state(NpzReader(path), limits_of(variant, source, seed, folder.identity(variant.name)));
  return state.outcome.complete ? std::optional(state.outcome) : std::nullopt;
}

Trainer::Trainer(const Experiment& experiment, TrainerOptions options, const RunFolder* resumed)
    : experiment_(experiment), options_(std::move(options)), progress_(stdout, options_.quiet) {
  programs_.resize(experiment_.variants.size());
  // Sessions are made and dropped again, but for those of the first, which is what runs next.
  for (std::size_t i = programs_.size(); i-- > 0;) {
    std::optional<std::uint64_t> next;
    for (const auto seed : experiment_.seeds)
      if (!next && !(resumed != nullptr && complete(i, seed, *resumed))) next = seed;
    if (!next) continue;
    ready_ = {};
    compile_variant(i);
    ready_ = {i, *next, make(i, *next)};
  }
}

Trainer::~Trainer() = default;

std::optional<Outcome> Trainer::complete(std::size_t index, std::uint64_t seed, const RunFolder& folder) {
  const Variant& variant = experiment_.variants[index];
  return outcome_of(variant, index, seed, source(variant, seed), folder);
}

void Trainer::compile_variant(std::size_t index) {
  const Variant& variant = experiment_.variants[index];
  progress_.update(fmt::format("{}  compiling", variant.name));
  const ProgramSpec spec = program_for(experiment_, variant, source(variant, experiment_.seeds[0]));
  try {
    programs_[index] = compile(spec);
    for (const std::string& warning : warnings_of(*programs_[index]))
      if (warned_.insert(warning).second) progress_.warn(fmt::format("{}: {}", variant.name, warning));
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", variant.name, error.what()));
  }
}

std::unique_ptr<Training> Trainer::make(std::size_t index, std::uint64_t seed) {
  const Variant& variant = experiment_.variants[index];
  TrainingPlace place{seed, thread_count(experiment_), experiment_.memory, 1, &progress_, options_.interrupted};
  const auto made = [&] { return std::make_unique<Training>(variant, programs_[index], source(variant, seed), place); };
  try {
    return made();
  } catch (const Error& error) {
    place.share = 1.0 / 3;  // its windows in segments, so that there is as much for the two that measure it
    try {
      if (variant.train.measure > 0) return made();
    } catch (const Error&) {  // the first says what would do
    }
    throw Error(fmt::format("{}: {}", variant.name, error.what()));
  }
}

ExperimentResult Trainer::run(const RunFolder& folder) {
  for (const auto& [name, what] : tasks()) progress_.line(fmt::format("{}: {}", name, what));
  ExperimentResult result;
  result.score = score();
  result.complete = true;
  if (options_.resume && is_complete(experiment_, folder)) {
    for (std::size_t v = 0; v < experiment_.variants.size(); ++v)
      for (const auto seed : experiment_.seeds)
        result.results.push_back({experiment_.variants[v].name, seed, *complete(v, seed, folder)});
    return result;
  }
  begin_facts(folder);
  MetricsFile metrics(folder.metrics(), columns_of(experiment_));
  Records records(folder, experiment_);
  metrics.copy_to([&](const MetricsRow& row) { records.add(row); });
  for (std::size_t v = 0; v < experiment_.variants.size() && result.complete; ++v) {
    for (const auto seed : experiment_.seeds) {
      result.complete = result.complete && train(v, seed, folder, metrics, records, result);
    }
  }
  write_summary(folder, columns_of(experiment_), result.results);
  write_curves(folder, experiment_, result.score);
  return result;
}

BatchSource& Trainer::source(const Variant& variant, std::uint64_t seed) {
  TaskSpec spec = variant.task;
  spec.seed = seed;
  std::string key = fmt::format("{} {} {} {}", spec.name, spec.batch, spec.batches_per_epoch, seed);
  for (const auto& [name, value] : spec.numbers) key += fmt::format(" {}={}", name, value);
  for (const auto& [name, value] : spec.texts) key += fmt::format(" {}={}", name, value);
  if (variant.policy || variant.curriculum) key += " for " + variant.name;
  auto& slot = sources_[key];
  if (!slot) slot = make_source(spec, variant.policy, variant.curriculum);
  return *slot;
}

ScoreForm Trainer::score() {
  std::vector<const BatchSource*> sources;
  for (const Variant& variant : experiment_.variants) sources.push_back(&source(variant, experiment_.seeds[0]));
  return score_form(sources);
}

std::vector<std::pair<std::string, std::string>> Trainer::tasks() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Variant& variant : experiment_.variants) {
    const std::pair one(variant.task.name, source(variant, experiment_.seeds[0]).description());
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  }
  return all;
}

void Trainer::begin_facts(const RunFolder& folder) {
  facts_ = read_run_facts(folder.facts());
  std::vector<std::string> told;
  const auto all = tasks();
  for (const auto& [name, what] : all) told.push_back(all.size() == 1 ? what : name + ": " + what);
  facts_.task = fmt::format("{}", fmt::join(told, "; "));
  const ScoreForm form = score();
  facts_.score = form.name;
  facts_.score_is_share = form.is_share;
  facts_.level = form.level;
  facts_.stretches.push_back(begin_stretch(static_cast<std::uint64_t>(thread_count(experiment_))));
  write_run_facts(folder.facts(), facts_);
}

// When a training has ended, or is interrupted.
void Trainer::note_facts(std::size_t index, const Training& training, const RunFolder& folder) {
  const std::string& name = experiment_.variants[index].name;
  auto known = std::find_if(facts_.variants.begin(), facts_.variants.end(),
                            [&](const RunFacts::Variant& v) { return v.name == name; });
  if (known == facts_.variants.end()) known = facts_.variants.insert(known, RunFacts::Variant{name, 0, 0});
  known->parameters = training.parameters();
  known->session_bytes = std::max(known->session_bytes, training.bytes());
  facts_.stretches.back().ended = time_text();
  write_run_facts(folder.facts(), facts_);
}

bool Trainer::train(std::size_t index, std::uint64_t seed, const RunFolder& folder, MetricsFile& metrics,
                    Records& records, ExperimentResult& result) {
  const Variant& variant = experiment_.variants[index];
  if (options_.resume) {
    if (const auto outcome = complete(index, seed, folder)) {
      progress_.line(fmt::format("{}  seed {}  was complete", variant.name, seed));
      warn_of_lost_rows(variant, seed, *outcome, folder);
      result.results.push_back({variant.name, seed, *outcome});
      return true;
    }
  }
  if (options_.interrupted()) return false;
  const bool is_ready = ready_.training != nullptr && ready_.index == index && ready_.seed == seed;
  std::unique_ptr<Training> training = std::move(ready_.training);
  if (!is_ready) {
    training.reset();  // before the next is made
    if (programs_[index] == nullptr) compile_variant(index);
    training = make(index, seed);
  }
  training->put_into(metrics, folder.checkpoint(variant.name, index, seed, "last"),
                     folder.checkpoint(variant.name, index, seed, "best"), folder.identity(variant.name));
  if (options_.resume) {
    training->resume();
    drop_rows(variant.name, seed, training->outcome(), metrics);
    warn_of_lost_rows(variant, seed, training->outcome(), folder);
  }
  records.begin(index, seed, source(variant, seed).score_name(), training->outcome().batches);
  const bool ended = training->run();
  note_facts(index, *training, folder);
  if (!ended) return false;
  records.end(training->outcome().diverged);
  result.results.push_back({variant.name, seed, training->outcome()});
  return true;
}

void Trainer::warn_of_lost_rows(const Variant& variant, std::uint64_t seed, const Outcome& outcome,
                                const RunFolder& folder) {
  const auto [wanted, found] =
      train_rows(variant, seed, source(variant, seed), outcome, read_metrics(folder.metrics()));
  if (found < wanted)
    progress_.warn(fmt::format("{}, seed {}: {} of {} rows that were written are no longer in {}", variant.name, seed,
                               wanted - found, wanted, folder.metrics()));
}

bool is_complete(const Experiment& experiment, const RunFolder& folder) {
  std::error_code error;
  for (const std::string& file : {folder.metrics(), folder.summary(), folder.picture("svg"), folder.picture("png")})
    if (!std::filesystem::exists(file, error)) return false;
  for (std::size_t v = 0; v < experiment.variants.size(); ++v)
    for (const auto seed : experiment.seeds) {
      const Variant& variant = experiment.variants[v];
      TaskSpec spec = variant.task;
      spec.seed = seed;
      if (!outcome_of(variant, v, seed, *make_source(spec, variant.policy, variant.curriculum), folder)) return false;
    }
  return true;
}

namespace {

using Outcomes = std::vector<const Outcome*>;
using Value = std::function<std::optional<double>(const Outcome&)>;

// A cell: the mean of what the outcomes have; empty if none has it.
std::string mean_of(const Outcomes& outcomes, const char* format, const Value& value) {
  std::vector<double> values;
  for (const Outcome* outcome : outcomes)
    if (const auto one = value(*outcome)) values.push_back(*one);
  return mean_text(values, format);
}

// How a task's score is shown: an accuracy in per cent, bits as they are.
struct ScoreColumn {
  explicit ScoreColumn(const ScoreForm& form)
      : heading(form.name.empty() ? "score" : form.name + (form.is_share ? " %" : "")),
        format(form.is_share ? "{:.2f}" : "{:.3f}"), scale(form.is_share ? 100 : 1) {}
  std::optional<double> scaled(const std::optional<double>& score) const {
    return score ? std::optional(scale * *score) : std::nullopt;
  }
  std::string heading;
  const char* format;
  double scale;
};

// "last" is of the parameters in -last.npz, "best" and "test" of those in -best.npz.
std::vector<std::string> headings(const std::string& unit, const std::string& level) {
  return {"variant",   "last epoch",   "last loss",      "last " + unit, "best epoch",      "best loss", "best " + unit,
          "test loss", "test " + unit, "test success %", level,          level + " solved", "cosine",    "ms/batch"};
}

std::vector<std::string> table_row(const Variant& variant, const Outcomes& outcomes, const ScoreColumn& score,
                                   bool stopped) {
  const bool diverged = std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome* o) { return o->diverged; });
  const auto mean = [&](const char* format, const Value& value) { return mean_of(outcomes, format, value); };
  const char* const epochs = outcomes.size() == 1 ? "{:.0f}" : "{:.1f}";
  const auto best = [](const Outcome& o, double value) { return o.best_epoch > 0 ? std::optional(value) : std::nullopt; };
  return {variant.name,
          stopped ? mean(epochs, [](const Outcome& o) { return static_cast<double>(o.epochs); }) : "",
          diverged ? "diverged" : mean("{:.4g}", [](const Outcome& o) { return o.final_loss; }),
          mean(score.format, [&](const Outcome& o) { return score.scaled(o.final_score); }),
          mean(epochs, [&](const Outcome& o) { return best(o, static_cast<double>(o.best_epoch)); }),
          mean("{:.4g}", [&](const Outcome& o) { return best(o, o.best_loss); }),
          mean(score.format, [&](const Outcome& o) { return score.scaled(o.best_score); }),
          mean("{:.4g}", [](const Outcome& o) { return o.test_score ? std::nullopt : o.test_loss; }),
          mean(score.format, [&](const Outcome& o) { return score.scaled(o.test_score); }),
          mean("{:.1f}",
               [](const Outcome& o) { return o.test_success ? std::optional(100 * *o.test_success) : std::nullopt; }),
          mean("{:.4g}", [](const Outcome& o) { return o.option; }),
          mean("{:.4g}", [](const Outcome& o) { return o.solved; }),
          mean("{:.3f}", [](const Outcome& o) { return o.cosine; }),
          mean("{:.3f}", [](const Outcome& o) { return o.milliseconds; })};
}

// Which parameters the numbers are of, and what else the headings do not say.
std::string legend(const std::vector<TrainingResult>& results) {
  const auto any = [&](bool (*has)(const Outcome&)) {
    return std::any_of(results.begin(), results.end(), [&](const TrainingResult& r) { return has(r.outcome); });
  };
  const bool validated = any([](const Outcome& o) { return o.best_epoch > 0; });
  const bool not_validated = any([](const Outcome& o) { return o.best_epoch == 0 && !o.diverged; });
  const bool tested = any([](const Outcome& o) { return o.test_loss.has_value(); });
  std::string text;
  const bool acted = any([](const Outcome& o) { return o.final_success.has_value(); });
  const bool was_told = any([](const Outcome& o) { return o.best_epoch > 0 && !o.final_success; });
  if (validated)
    text = fmt::format("last: validation after the last epoch; best: after the epoch of {}",
                       !acted      ? "lowest validation loss"
                       : was_told ? "lowest validation loss, or highest return where a net acts"
                                  : "highest validation return");
  else if (not_validated) text = "last: of the last training batches, for want of a validation set";
  if (validated && any([](const Outcome& o) { return o.level > 0; })) text += ", since the curriculum rose last";
  if (tested) text += validated ? "; test: with the parameters of the best" : "; test: with the last parameters";
  if (!text.empty()) text += "\n";
  std::set<std::uint64_t> seeds;
  for (const TrainingResult& result : results) seeds.insert(result.seed);
  if (seeds.size() > 1) text += "mean over the seeds ± the standard error of the mean\n";
  if (any([](const Outcome& o) { return o.cosine.has_value(); }))
    text += "cosine: of what the rule adds to the cell with steepest descent on the loss, mean over the training\n";
  return text;
}

}  // namespace

std::string result_table(const Experiment& experiment, const std::vector<TrainingResult>& results,
                         const ScoreForm& form) {
  std::map<std::string, Outcomes> outcomes;
  for (const auto& result : results) outcomes[result.variant].push_back(&result.outcome);
  bool stopped = false;  // before its last epoch, by its patience
  for (const auto& variant : experiment.variants)
    for (const Outcome* o : outcomes[variant.name])
      stopped = stopped || (!o->diverged && o->epochs < static_cast<std::uint64_t>(variant.train.epochs));
  const ScoreColumn score(form);
  Table table = {headings(score.heading, form.level)};
  for (const auto& variant : experiment.variants)
    if (!outcomes[variant.name].empty()) table.push_back(table_row(variant, outcomes[variant.name], score, stopped));
  if (table.size() == 1) return "";
  std::string diverged;
  for (const auto& [variant, seed, outcome] : results)
    if (outcome.diverged) diverged += fmt::format("{}, seed {}: diverged {}\n", variant, seed, outcome.divergence);
  return table_text(table) + diverged + legend(results);
}

}  // namespace eligo
