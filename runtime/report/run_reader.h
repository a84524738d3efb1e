// What a run folder holds, as far as a report needs it: finished, interrupted, or being written while it is read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/experiment/metrics.h"
#include "runtime/experiment/run_facts.h"

namespace eligo {

// The outcome of one variant with one seed. Values that it does not have, or not yet, stay empty.
struct ReportNumbers {
  std::optional<double> epochs, batches, last_loss, last_score, best_epoch, best_loss, best_score, test_loss,
      test_score, last_success, test_success, solved, cosine, milliseconds;
  std::optional<double> credit_cosine;  // where the credit was measured: of a step, mean over the steps
};

struct ReportTraining {
  std::string folder;
  std::uint64_t seed = 0;
  bool complete = false, diverged = false;
  ReportNumbers numbers;  // of summary.csv where it has a row, else of the metrics so far
  std::vector<MetricsRow> rows;
};

// A rule file's item that takes part, as the run's own copy has it.
struct ReportPart {
  std::string kind, name;  // "rule", "bp_lambda"
  std::string title, paper;
  std::string text;  // from the item's first line to its last; empty: the folder has no copy of it
};

struct ReportVariant {
  std::string name;
  std::map<std::string, std::string> settings;      // those that may differ between variants, as TOML has them
  std::vector<ReportPart> parts;                    // the rule first
  std::uint64_t parameters = 0, session_bytes = 0;  // 0: not known
  std::vector<ReportTraining> trainings;            // one for each seed, begun or not
};

struct ReportRun {
  std::string folder, name, description, paper;
  std::string writer;     // who writes to it now; empty: nobody
  bool complete = false;  // every variant and seed has ended
  RunFacts facts;
  std::vector<ReportVariant> variants;
  std::vector<std::string> notes;  // what is odd about it, but no reason to refuse it
};

// Throws eligo::Error: no run folder, or a file of it is damaged; naming file, line and a suggested fix.
ReportRun read_run(const std::string& folder);

}  // namespace eligo
