// Tasks: drivers that produce batches of sequences. They know nothing of rules and nothing of networks.
//
//   auto task = make_task({.name = "delayed_target", .numbers = {{"T", 10}}, .seed = 1});
//   Batch batch = task->batch(Split::train, epoch, index);      // a pure function of its arguments and the seed
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/engine/session.h"
#include "runtime/tasks/options.h"

namespace eligo {

struct TaskShape {
  std::int64_t inputs = 0;     // m: channels of x
  std::int64_t targets = 0;    // k: channels of y
  std::int64_t min_steps = 1;  // lengths of sequences are in min_steps..max_steps
  std::int64_t max_steps = 1;
  std::uint64_t train_batches = 0;  // of an epoch
  std::uint64_t validation_batches = 0, test_batches = 0;
};

// How a task tells what its options make of it: "length", 12.
struct LevelValue {
  std::string name;
  double value = 0;
};

// A number to report beside the loss, as a sum over so many counted things, or over so much weight.
struct Score {
  double sum = 0, count = 0;
};

class Task {
 public:
  virtual ~Task() = default;
  virtual TaskShape shape() const = 0;
  // `index` is below the split's number of batches; `epoch` matters for training only. The last batch may be smaller.
  virtual Batch batch(Split split, std::uint64_t epoch, std::uint64_t index) const = 0;
  // What the score counts ("accuracy"), shown in per cent where `score_is_share`; empty: the task has the loss only.
  virtual std::string score_name() const { return ""; }
  virtual bool score_is_share() const { return true; }
  // `outputs` of the readout, [T][B][targets], row-major.
  virtual Score score(const Batch& batch, const std::vector<double>& outputs) const;
  // What a curriculum's level is called, and what it is worth here; nothing: the option that is raised says it.
  virtual std::optional<LevelValue> level() const { return std::nullopt; }
  // Bytes that its data take.
  virtual std::uint64_t bytes() const { return 0; }
  // One line for the user: what the data are and where they come from.
  virtual std::string description() const = 0;
};

struct TaskKind {
  std::string name, summary;
  std::vector<TaskOption> options;
  std::unique_ptr<Task> (*make)(const TaskSpec& complete);
  bool takes_other_test = false;
};
// The table of all tasks.
const std::vector<TaskKind>& task_kinds();
// Throws eligo::Error with the nearest name.
const TaskKind& task_kind(const std::string& name);

// Fills in defaults and checks names and ranges; throws eligo::Error.
std::unique_ptr<Task> make_task(TaskSpec spec);

// Throws eligo::Error naming `where`, the step, example and channel of the first input, target or mask value that is
// not finite (padded steps included).
void check_finite(const Batch& batch, const std::string& where);

// Of the steps that the loss mask counts: how often the largest output is where the largest target is.
Score count_correct(const Batch& batch, const std::vector<double>& outputs, std::int64_t classes);

}  // namespace eligo
