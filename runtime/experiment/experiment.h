// Experiments: a task, a model, a rule, its training, seeds, and a list of variants to compare. Read from a TOML file,
// changed by settings of the command line, checked in full before anything runs.
//
//   name = "my_first"            seeds = [0, 1]          threads = 2          dtype = "f32"
//   [task]       name = "delayed_target"   T = 10
//   [model]      cell = "rnn_tanh"   readout = "linear_mse"   synth = "linear"   n = 30        # sizes by name
//   [rule]       name = "bp_lambda"   lambda = 0.5      # hypers, g.scale of a role, and integers such as n
//   [optimiser]  name = "adam"   alpha = 1e-3   theta.alpha = 1e-4                 # for all, for what is learned as θ
//                schedule = "cosine"   warmup = 100                                # of the step sizes α
//   [policy]     discount = 0.99                                                  # where the task is an environment
//   [curriculum] option = "T"   to = 50   loss_below = 0.1                            # of the task
//   [train]      batch = 10   epochs = 50   update = "sequence"
//   [schedule]   e = "dense"
//   [[compare]]  name = "BP(0)"   rule.lambda = 0
//   [quick]      seeds = [0]   train.epochs = 2   only = ["BP(0)"]                    # what `--quick` runs
//
// A list where one value belongs (rule.lambda = [0, 0.5, 1]) is a comparison too: one variant for each.
// A setting given for all variants holds for those that have it; one that none has is an error.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/engine/session.h"
#include "runtime/experiment/batch_source.h"
#include "runtime/experiment/rate_schedule.h"
#include "runtime/experiment/settings.h"
#include "runtime/library/library.h"
#include "runtime/library/program_spec.h"
#include "runtime/tasks/task.h"

namespace eligo {

struct TrainOptions {
  std::int64_t batch = 10, epochs = 10;
  std::uint64_t batches_per_epoch = 0;  // 0: the task's own number
  std::uint64_t log_every = 100;        // batches between rows of the metrics; the epoch's end has one in any case
  std::uint64_t patience = 0;           // epochs without a lower validation loss after which it stops; 0: never
  std::uint64_t measure = 1;            // batches after each epoch that measure the cosine with BPTT; 0: none
};

// A rule file's item that takes part.
struct Part {
  std::string setting;  // that names it: "model.cell"
  std::string role;     // of a synthesiser
  std::string kind;
  Found found;
};

// One thing to train, complete.
struct Variant {
  std::string name;
  TaskSpec task;  // without seed
  std::optional<PolicySpec> policy;  // where the task is an environment
  std::optional<CurriculumSpec> curriculum;
  ProgramSpec program;
  std::vector<std::pair<std::string, double>> hypers;  // as Session::set_hyper takes them, in this order
  // As Session::set_clip takes them: a bundle, or none for all together, and a length.
  std::vector<std::pair<std::string, double>> clips;
  TrainOptions train;
  RateSchedule rates;
  std::string net_role, readout_role;  // the rule's names for them; the latter may be empty
  std::string output;                  // the readout's output as Session::shown takes it ("L.o"); empty: it has none
  std::vector<Part> parts;
  Settings settings;                   // everything that holds, defaults included
};

struct Experiment {
  std::string name, description, path;
  std::string paper;  // what it repeats, with its figure or table; empty: nothing published
  std::vector<std::uint64_t> seeds;
  int threads = 0;           // 0: as many as the machine has
  std::uint64_t memory = 0;  // bytes that the run may take; 0: what is available
  std::vector<std::string> records;  // further forms of the metrics: jsonl, tensorboard
  std::vector<Variant> variants;
  std::vector<std::string> notes;  // what the user should know ("the comparison is left out")

  // As one TOML file that needs nothing else: what load_experiment makes of it is this experiment. `name_of` says what
  // a part is called, where that is not its own name (a copy's), and
  // `folders` are searched in place of its own.
  std::string resolved(const std::function<std::string(const Part&)>& name_of = nullptr,
                       const std::optional<std::vector<std::string>>& folders = std::nullopt) const;
};

struct ExperimentOptions {
  std::vector<std::string> overrides;     // "rule.lambda=0.5"
  std::vector<std::string> rule_folders;  // --rules
  std::vector<std::string> only;          // names of variants to keep; empty: all
  bool quick = false;                     // the quick form, by the file's table [quick]; overrides come on top of it
};

// Throws eligo::Error with every fault that was found, each with its place and a suggested fix.
// A file with a table [sweep] is none: that is several.
Experiment load_experiment(const std::string& path, const ExperimentOptions& options);
// The same of settings that have been read from a file, without regard to its table [sweep].
Experiment load_experiment(SettingsFile file, const std::string& path, const ExperimentOptions& options);

// A line for each setting that an experiment may have: path, default, meaning.
std::string describe_settings();

}  // namespace eligo
