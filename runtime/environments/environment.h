// Environments: worlds in which an agent acts, episode by episode. They know nothing of rules and nothing of networks.
//
// An own one is a class with three functions, as in examples/own_environment.cpp; many of it run side by side:
//
//   eligo::Environments worlds([] { return std::make_unique<Corridor>(); }, 16);
//   worlds.begin(Split::train, 0, seed);                         // episodes 0 to 15
//   while (!worlds.over()) worlds.step(actions);                 // [16]
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/tasks/options.h"
#include "support/random.h"

namespace eligo {

struct EnvironmentShape {
  std::int64_t observations = 0;  // numbers that are seen at a step
  std::int64_t actions = 0;       // to choose from
  std::int64_t max_steps = 1;     // after so many an episode ends in any case
  // Episodes of a pass, where the world has so many (images to be named); 0: as many as are asked for.
  std::uint64_t train_episodes = 0, validation_episodes = 0, test_episodes = 0;
};

// What an episode is a function of, together with the actions.
struct Episode {
  Split split = Split::train;
  std::uint64_t number = 0;  // of the split, from 0 on; training goes on counting from one epoch to the next
  Key key;                   // of its draws
};

struct Transition {
  double reward = 0;
  bool done = false;     // the episode ends here
  bool success = false;  // the goal was reached, where there is one
};

class Environment {
 public:
  virtual ~Environment() = default;
  virtual EnvironmentShape shape() const = 0;
  // Begins an episode and writes what is seen first, [observations].
  virtual void reset(const Episode& episode, std::span<double> observation) = 0;
  // Takes an action, from 0 on, and writes what is seen next; after the last one it does not matter.
  virtual Transition step(std::int64_t action, std::span<double> observation) = 0;
};

using EnvironmentFactory = std::function<std::unique_ptr<Environment>()>;

// As many environments, an episode in each at a time. One whose episode has ended waits: it shows zeros, and actions do
// nothing to it.
class Environments {
 public:
  // Throws eligo::Error if the shape is none that an agent could act in.
  Environments(const EnvironmentFactory& make, std::int64_t count);

  const EnvironmentShape& shape() const { return shape_; }
  std::int64_t count() const { return static_cast<std::int64_t>(worlds_.size()); }

  // Begins the episodes `first`, first + 1, ... of a split.
  void begin(Split split, std::uint64_t first, std::uint64_t seed);
  // One action for each. Throws eligo::Error for one that is none, and for rewards and observations that are not
  // finite.
  void step(std::span<const std::int64_t> actions);

  std::span<const double> observations() const { return observations_; }  // [count][observations]
  std::span<const Transition> last() const { return last_; }  // [count], of the last step; zeros of what waits
  bool acts(std::int64_t which) const { return acts_[static_cast<std::size_t>(which)]; }  // its episode goes on
  bool over() const;
  std::int64_t steps() const { return steps_; }  // taken since `begin`

 private:
  std::span<double> seen_by(std::size_t which);
  void check(std::size_t which, const char* what, double value) const;

  std::vector<std::unique_ptr<Environment>> worlds_;
  EnvironmentShape shape_;
  std::vector<double> observations_;
  std::vector<Transition> last_;
  std::vector<bool> acts_;
  std::int64_t steps_ = 0;
  std::uint64_t first_ = 0;
};

// Those that an experiment names as its task.
struct EnvironmentKind {
  std::string name, summary;
  std::vector<TaskOption> options;
  // Of a specification with all options. What its environments share is made once.
  EnvironmentFactory (*make)(const TaskSpec& complete);
};
const std::vector<EnvironmentKind>& environment_kinds();
// Null: no environment has this name.
const EnvironmentKind* find_environment(const std::string& name);
// Throws eligo::Error for names that are none and for options out of range.
EnvironmentFactory make_environment(TaskSpec spec);

}  // namespace eligo
