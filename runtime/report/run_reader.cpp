#include "runtime/report/run_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "runtime/data/csv.h"
#include "runtime/experiment/experiment_fields.h"
#include "runtime/experiment/run_folder.h"
#include "runtime/report/part_texts.h"
#include "runtime/tasks/task.h"
#include "support/error.h"
#include "support/text_file.h"

namespace eligo {
namespace {

namespace fs = std::filesystem;

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::string text_of(const Settings& settings, const std::string& path) {
  const auto found = settings.find(path);
  const auto* text = found == settings.end() ? nullptr : std::get_if<std::string>(&found->second.data);
  return text == nullptr ? "" : *text;
}

ReportVariant variant_of(const Settings& base, const Settings& own) {
  Settings all = base;
  for (const auto& [path, setting] : own) all[path] = setting;
  ReportVariant variant;
  variant.name = text_of(own, "name");
  if (variant.name.empty()) variant.name = fs::path(text_of(all, "rule.name")).filename().string();
  for (const auto& [path, setting] : all) {
    const Field* field = find_field(path);
    if (field == nullptr || !field->common) variant.settings[path] = setting.text();
  }
  return variant;
}

std::vector<std::uint64_t> seeds_of(const Settings& base, const std::string& path) {
  const auto found = base.find("seeds");
  if (found == base.end()) return {0};
  const auto* list = std::get_if<std::vector<std::int64_t>>(&found->second.data);
  std::vector<std::uint64_t> seeds;
  for (const std::int64_t seed : list == nullptr ? std::vector<std::int64_t>{} : *list)
    if (seed >= 0) seeds.push_back(static_cast<std::uint64_t>(seed));
  if (list == nullptr || seeds.size() != list->size() || seeds.empty())
    throw Error(
        fmt::format("{}: seeds is {}, expected a list of whole numbers from 0 on", path, found->second.described()));
  return seeds;
}

// Where the rows and outcomes of a folder belong.
class Trainings {
 public:
  Trainings(ReportRun& run, const std::vector<std::uint64_t>& seeds) : run_(run) {
    for (ReportVariant& variant : run.variants)
      for (const std::uint64_t seed : seeds) {
        ReportTraining training;
        training.folder = run.folder;
        training.seed = seed;
        variant.trainings.push_back(std::move(training));
      }
  }
  ReportTraining& find(const std::string& variant, std::uint64_t seed, const std::string& file) {
    for (ReportVariant& v : run_.variants)
      if (v.name == variant)
        for (ReportTraining& training : v.trainings)
          if (training.seed == seed) return training;
    throw Error(
        fmt::format("{}: has a row of {}, seed {}, which experiment.toml of the folder does not have; put "
                    "back the file that belongs there, or leave the folder out",
                    file, variant, seed));
  }

 private:
  ReportRun& run_;
};

// --- metrics.csv ----------------------------------------------------------------------------------------------------

// A row may be half written just now, or have been cut short by a crash: what stands behind the last end of a line is
// left out.
void read_rows(const RunFolder& folder, ReportRun& run, Trainings& trainings) {
  if (!is_file(folder.metrics())) {
    if (is_file(folder.summary()))
      throw Error(fmt::format("{}: is missing, though the run has a summary; put it back, or leave the folder out",
                              folder.metrics()));
    run.notes.push_back("nothing has been trained yet");
    return;
  }
  std::string text = read_file(folder.metrics());
  const std::size_t end = text.rfind('\n');
  const std::size_t whole = end == std::string::npos ? 0 : end + 1;
  if (whole < text.size() && run.writer.empty())
    run.notes.push_back("the last row of metrics.csv was cut short and is left out");
  text.resize(whole);
  if (text.empty()) {
    run.notes.push_back("nothing has been trained yet");
    return;
  }
  for (MetricsRow& row : parse_metrics(text, folder.metrics()))
    trainings.find(row.variant, row.seed, folder.metrics()).rows.push_back(std::move(row));
}

// As Training keeps the best parameters: by the loss, or of episodes by their return.
bool is_better(const MetricsRow& row, const ReportNumbers& before) {
  if (!before.best_loss) return true;
  if (row.success && row.score) return *row.score > before.best_score.value_or(-HUGE_VAL);
  return row.loss < *before.best_loss;
}

// What the rows say of a training so far.
ReportNumbers numbers_of(const std::vector<MetricsRow>& rows) {
  ReportNumbers n;
  double cosines = 0, cosine_count = 0, milliseconds = 0, timed = 0;
  std::uint64_t batches = 0;
  std::optional<double> level;  // of a curriculum
  const bool validated = std::any_of(rows.begin(), rows.end(),
                                     [](const MetricsRow& r) { return r.split == split_name(Split::validation); });
  for (const MetricsRow& row : rows) {
    const bool train = row.split == split_name(Split::train);
    if (row.cosine && std::isfinite(*row.cosine)) {
      cosines += *row.cosine;
      ++cosine_count;
    }
    if (train && row.milliseconds) {
      const auto count = static_cast<double>(row.batch - std::min(row.batch, batches));
      milliseconds += *row.milliseconds * count;
      timed += count;
      batches = row.batch;
      n.batches = static_cast<double>(batches);
    }
    if (row.split == split_name(Split::test)) {
      n.test_loss = row.loss;
      n.test_score = row.score;
      n.test_success = row.success;
      continue;
    }
    n.epochs = static_cast<double>(row.epoch);
    n.solved = row.solved;
    if (train == validated) continue;
    n.last_loss = row.loss;
    n.last_score = row.score;
    n.last_success = row.success;
    if (row.option && level && *row.option != *level) n.best_loss = n.best_score = std::nullopt;  // a harder task
    level = row.option;
    if (validated && is_better(row, n)) {
      n.best_epoch = static_cast<double>(row.epoch);
      n.best_loss = row.loss;
      n.best_score = row.score;
    }
  }
  if (cosine_count > 0) n.cosine = cosines / cosine_count;
  if (timed > 0) n.milliseconds = milliseconds / timed;
  return n;
}

// --- summary.csv ----------------------------------------------------------------------------------------------------

class SummaryFile {
 public:
  explicit SummaryFile(const std::string& path) : file_(path) {}

  bool next() { return file_.next(cells_); }
  void require(const char* name) const { (void)column(name); }
  std::string text(const char* name) const { return cells_[column(name)]; }
  std::optional<double> number(const char* name) const {
    const std::size_t at = column(name);
    if (cells_[at].empty()) return std::nullopt;
    return read<double>(at);
  }
  std::uint64_t whole(const char* name) const { return read<std::uint64_t>(column(name)); }
  // Of a column that only runs with episodes, or with a curriculum, have.
  std::optional<double> if_there(const char* name) const {
    const auto& names = file_.names();
    return std::find(names.begin(), names.end(), name) == names.end() ? std::nullopt : number(name);
  }

 private:
  std::size_t column(const char* name) const {
    const auto found = std::find(file_.names().begin(), file_.names().end(), name);
    if (found == file_.names().end())
      throw Error(fmt::format("{}:1: there is no column {}; put back the file that the run wrote, or remove it",
                              file_.path(), name));
    return static_cast<std::size_t>(found - file_.names().begin());
  }
  template <class T>
  T read(std::size_t at) const {
    T value{};
    const std::string& cell = cells_[at];
    const auto got = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (got.ec != std::errc() || got.ptr != cell.data() + cell.size())
      file_.fail(at, fmt::format("\"{}\" is no number of the kind that belongs here; put back the file that the run "
                                 "wrote, or remove it",
                                 cell));
    return value;
  }

  CsvFile file_;
  std::vector<std::string> cells_;
};

void read_summary(const RunFolder& folder, Trainings& trainings) {
  std::error_code error;
  if (!is_file(folder.summary())) return;
  if (!fs::is_regular_file(folder.summary(), error)) throw Error(fmt::format("{}: is no plain file", folder.summary()));
  SummaryFile file(folder.summary());
  file.require("variant");
  while (file.next()) {
    ReportTraining& training = trainings.find(file.text("variant"), file.whole("seed"), folder.summary());
    training.complete = true;
    training.diverged = file.whole("diverged") != 0;
    training.numbers = {file.number("epochs"),
                        file.number("batches"),
                        file.number("final_loss"),
                        file.number("final_score"),
                        file.number("best_epoch"),
                        file.number("best_loss"),
                        file.number("best_score"),
                        file.number("test_loss"),
                        file.number("test_score"),
                        file.if_there("final_success"),
                        file.if_there("test_success"),
                        file.if_there("solved"),
                        file.number("cosine"),
                        file.number("ms_per_batch")};
  }
}

}  // namespace

ReportRun read_run(const std::string& path) {
  const RunFolder folder = RunFolder::read(path);
  const SettingsFile file = read_settings(folder.experiment());
  ReportRun run;
  run.folder = path;
  run.name = text_of(file.base, "name");
  run.description = text_of(file.base, "description");
  run.paper = text_of(file.base, "paper");
  run.writer = folder.writer();
  run.facts = read_run_facts(folder.facts());
  if (file.compare.empty()) run.variants.push_back(variant_of(file.base, {}));
  for (const Settings& own : file.compare) run.variants.push_back(variant_of(file.base, own));
  Trainings trainings(run, seeds_of(file.base, folder.experiment()));
  read_rows(folder, run, trainings);
  read_summary(folder, trainings);
  const PartTexts texts(folder.rules());
  run.complete = true;
  for (ReportVariant& variant : run.variants) {
    variant.parts = texts.of(variant.settings);
    for (const auto& known : run.facts.variants)
      if (known.name == variant.name) {
        variant.parameters = known.parameters;
        variant.session_bytes = known.session_bytes;
      }
    for (ReportTraining& training : variant.trainings) {
      if (!training.complete) training.numbers = numbers_of(training.rows);
      run.complete = run.complete && training.complete;
    }
  }
  return run;
}

}  // namespace eligo
