#include "runtime/experiment/records.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "support/error.h"
#include "support/files.h"
#include "support/json_text.h"

namespace eligo {
namespace {

HyperValue hyper_value(const Setting& setting) {
  if (const auto* flag = std::get_if<bool>(&setting.data)) return *flag;
  if (const auto* whole = std::get_if<std::int64_t>(&setting.data)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&setting.data)) return *real;
  if (const auto* text = std::get_if<std::string>(&setting.data)) return *text;
  return setting.text();  // a list
}

}  // namespace

std::string json_line(const MetricsRow& row) {
  nlohmann::ordered_json line = {{"variant", row.variant}, {"seed", row.seed},   {"epoch", row.epoch},
                                 {"batch", row.batch},     {"split", row.split}, {"loss", row.loss}};
  const auto put = [&](const char* name, const std::optional<double>& value) {
    if (value) line[name] = *value;
  };
  put("score", row.score);
  put("cosine", row.cosine);
  put("ms_per_batch", row.milliseconds);
  put("success", row.success);
  put("episode_steps", row.length);
  put("option", row.option);
  put("solved", row.solved);
  return json_text(line, -1);
}

Records::Records(const RunFolder& folder, const Experiment& experiment) : folder_(folder), experiment_(experiment) {}

bool Records::wants(const char* form) const {
  return std::find(experiment_.records.begin(), experiment_.records.end(), form) != experiment_.records.end();
}

// The rows that metrics.csv has, then those to come.
void Records::begin_lines() {
  lines_.reset();
  std::string text;
  for (const MetricsRow& row : read_metrics(folder_.metrics())) text += json_line(row);
  write_file_atomically(folder_.json_lines(), text);
  lines_.emplace(::open(folder_.json_lines().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
}

void Records::begin(std::size_t index, std::uint64_t seed, const std::string& score, std::uint64_t batches) {
  if (wants(kJsonLines)) begin_lines();
  events_.reset();
  if (!wants(kTensorboard)) return;
  const Variant& variant = experiment_.variants[index];
  score_ = score.empty() ? "score" : score;
  const std::string place = folder_.events(variant.name, index, seed);
  const bool goes_on = has_event_files(place);
  events_.emplace(place);
  events_->restart(goes_on ? batches : 0);
  std::map<std::string, HyperValue> hypers = {{"seed", static_cast<double>(seed)}, {"variant", variant.name}};
  for (const auto& [path, setting] : variant.settings) hypers.emplace(path, hyper_value(setting));
  events_->begin_session(fmt::format("{}-{}", index + 1, variant.name), hypers);
  for (const MetricsRow& row : read_metrics(folder_.metrics()))
    if (row.variant == variant.name && row.seed == seed && (!goes_on || row.batch >= batches)) add_events(row);
}

void Records::add(const MetricsRow& row) {
  if (lines_) {
    const std::string line = json_line(row);
    if (!write_all(lines_->number(), line.data(), line.size()))
      throw Error(fmt::format("{}: cannot be written: {}; metrics.csv has the row, free space, then resume",
                              folder_.json_lines(), std::strerror(errno)));
  }
  if (events_) add_events(row);
}

void Records::add_events(const MetricsRow& row) {
  const auto put = [&](const std::string& name, const std::optional<double>& value) {
    if (value) events_->scalar(row.split + "/" + name, row.batch, *value);
  };
  put("loss", row.loss);
  put(score_, row.score);
  put("cosine", row.cosine);
  put("ms_per_batch", row.milliseconds);
  put("success", row.success);
  put("episode_steps", row.length);
  put("option", row.option);
  put("solved", row.solved);
}

void Records::end(bool diverged) {
  if (events_) events_->end_session(!diverged);
  events_.reset();
}

}  // namespace eligo
