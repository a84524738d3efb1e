// Where a training's batches come from: from a task, or from episodes in an environment, in which the trained net acts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/engine/session.h"
#include "runtime/environments/policy_gradient.h"
#include "runtime/experiment/curriculum.h"
#include "runtime/tasks/task.h"

namespace eligo {

// How episodes are learned from.
struct PolicySpec {
  CreditOptions credit;
  bool by_step = false;  // each action from its own reward, by rules that are online
  bool greedy = false;   // validation and test take the likeliest action
  std::int64_t steps_per_action = 1;  // of the net, which sees the same in all of them and acts at the last
  std::uint64_t validation_episodes = 100, test_episodes = 100;  // where the environment has no number of its own

  bool operator==(const PolicySpec&) const = default;
};

// Sums over the batch that a source has given: the task's score, and of episodes also these.
struct Scores {
  Score score;                   // of episodes: their return
  std::optional<Score> success;  // episodes whose goal was reached
  std::optional<Score> length;   // their steps
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual TaskShape shape() const = 0;
  // As Task has them.
  virtual std::string score_name() const = 0;
  virtual bool score_is_share() const = 0;
  virtual std::string description() const = 0;
  virtual std::uint64_t bytes() const = 0;

  // A batch for the session, which may act to make it, and is left as it was.
  virtual Batch batch(Split split, std::uint64_t epoch, std::uint64_t index, Session& session) = 0;
  // A training batch that the session learns from. `where` names it in what is said of values that are not finite.
  struct Learned {
    Batch batch;
    RunResult result;
    double seconds = 0;  // acting is counted, a task's own work is not
  };
  virtual Learned learn(std::uint64_t epoch, std::uint64_t index, Session& session, const std::string& where) = 0;
  // Of the last batch, whose outputs are [T][B][outputs].
  virtual Scores scores(const Batch& batch, const std::vector<double>& outputs) const = 0;
  // What else is to be told of the last batch, [T][B] each: what was done and what it brought.
  struct Told {
    std::string name;
    std::vector<double> values;
  };
  virtual std::vector<Told> told() const = 0;

  // As Task::level has it.
  virtual std::optional<LevelValue> level_value() const { return std::nullopt; }
  // Of a curriculum: how often its option has been raised; all others stay at 0.
  virtual std::uint64_t level() const { return 0; }
  virtual void set_level(std::uint64_t) {}
  // What the numbers of its levels are called, and the number of the one that is being tried.
  virtual std::string level_name() const { return ""; }
  virtual std::optional<double> tried() const { return std::nullopt; }
  // Whether a training batch, or a validation, is good enough for the next level.
  virtual bool passes(bool /*batch*/, double /*loss*/, const std::optional<double>& /*score*/) const { return false; }
  // To the next level; false: there is none.
  virtual bool rise() { return false; }
};

// How the scores of several sources are told: as "score", unless all have the same; and what their curricula's levels
// are called: "option", unless all are called the same.
struct ScoreForm {
  std::string name;       // empty: there are none
  bool is_share = false;  // shown in per cent
  std::string level;      // empty: there are no curricula
};
ScoreForm score_form(const std::vector<const BatchSource*>& sources);

// A task's batches as they are.
std::unique_ptr<BatchSource> source_of(std::unique_ptr<Task> task);
// `policy` is for environments. Throws eligo::Error for names and options that are none.
std::unique_ptr<BatchSource> make_source(const TaskSpec& spec, const std::optional<PolicySpec>& policy,
                                         const std::optional<CurriculumSpec>& curriculum = {});

}  // namespace eligo
