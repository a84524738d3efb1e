#include "runtime/environments/labyrinth.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "support/error.h"

namespace eligo {
namespace {

using Observation = std::span<double>;

enum Seen : std::size_t { kFree = 0, kWall = 1, kStart = 2, kGoal = 3, kKinds = 5 };
constexpr std::int64_t kActions = 4;
constexpr std::size_t kLastAction = 9 * kKinds, kBefore = kLastAction + kActions + 1, kFirst = kBefore + kActions;
constexpr std::uint64_t kChances = std::uint64_t{1} << 32;  // index of the first draw for payments, behind the maze's

class Labyrinth final : public Environment {
 public:
  Labyrinth(const LabyrinthRules& rules, std::function<Maze(const Episode&)> maze_of)
      : rules_(rules), maze_of_(std::move(maze_of)) {}

  EnvironmentShape shape() const override { return {kLabyrinthObservations, kActions, rules_.length - 1}; }

  void reset(const Episode& episode, Observation observation) override {
    maze_ = maze_of_(episode);
    if (!rules_.explore) maze_.open(maze_.goal);
    key_ = episode.key;
    at_ = maze_.start;
    steps_ = 0;
    visited_.assign(maze_.walls.size(), false);
    visit();
    unvisited_ = maze_.open_places() - 1;
    payment_ = 1.0 / static_cast<double>(unvisited_);
    see(-1, observation);
  }

  Transition step(std::int64_t action, Observation observation) override {
    constexpr std::array<Place, kActions> moves = {Place{-1, 0}, Place{1, 0}, Place{0, -1}, Place{0, 1}};
    const Place move = moves[static_cast<std::size_t>(action)];
    const Place next{std::clamp<std::int64_t>(at_.x + move.x, 0, maze_.side - 1),
                     std::clamp<std::int64_t>(at_.y + move.y, 0, maze_.side - 1)};
    if (!maze_.is_wall(next)) at_ = next;
    const bool fresh = visit();
    if (fresh) --unvisited_;
    Transition out{.reward = -rules_.penalty};
    const double chance = uniform(key_, kChances + static_cast<std::uint64_t>(steps_++));
    if (rules_.explore && fresh && chance < rules_.chance) out.reward = payment_;
    out.success = out.done = rules_.explore ? unvisited_ == 0 : at_ == maze_.goal;
    if (out.done) out.reward += rules_.goal;
    see(action, observation);
    return out;
  }

 private:
  // Whether one had not been here before.
  bool visit() {
    const auto here = static_cast<std::size_t>(at_.y * maze_.side + at_.x);
    const bool fresh = !visited_[here];
    visited_[here] = true;
    return fresh;
  }

  Seen kind(Place p) const {
    if (p == maze_.start) return kStart;
    if (!rules_.explore && p == maze_.goal) return kGoal;
    return maze_.is_wall(p) ? kWall : kFree;
  }

  // On the left and the upper border the view begins with the border itself, and what is missing follows as walls on
  // the right and below: not centred, as in POPGym.
  void see(std::int64_t action, Observation seen) const {
    std::fill(seen.begin(), seen.end(), 0.0);
    const std::int64_t left = std::max<std::int64_t>(at_.x - 1, 0), right = std::min(at_.x + 1, maze_.side - 1);
    const std::int64_t top = std::max<std::int64_t>(at_.y - 1, 0), bottom = std::min(at_.y + 1, maze_.side - 1);
    for (std::int64_t row = 0; row < 3; ++row)
      for (std::int64_t column = 0; column < 3; ++column) {
        const Place p{left + column, top + row};
        const Seen shown = p.x <= right && p.y <= bottom ? kind(p) : kWall;
        seen[static_cast<std::size_t>(row * 3 + column) * kKinds + shown] = 1;
      }
    const bool first = action < 0;
    seen[kLastAction + static_cast<std::size_t>(first ? kActions : action)] = 1;
    seen[kBefore + static_cast<std::size_t>(first ? 0 : action)] = 1;
    seen[kFirst + (first ? 1 : 0)] = 1;
  }

  LabyrinthRules rules_;
  std::function<Maze(const Episode&)> maze_of_;
  Maze maze_;
  Key key_;
  Place at_;
  std::vector<bool> visited_;
  std::int64_t steps_ = 0, unvisited_ = 0;
  double payment_ = 0;
};

EnvironmentKind kind_of(const char* name, const char* summary, const LabyrinthRules& rules) {
  std::vector<TaskOption> options = {
      {.name = "size", .help = "two for each room of a side", .value = 6, .low = 4, .high = 1000},
      {.name = "length",
       .help = "an episode ends after one step less",
       .value = static_cast<double>(rules.length),
       .low = 2,
       .high = 1e6},
      {.name = "penalty", .help = "what a step costs", .whole = false, .value = rules.penalty, .low = 0, .high = 1e6},
      {.name = "goal", .help = "what success pays", .whole = false, .value = rules.goal, .low = 0, .high = 1e6}};
  if (rules.explore)
    options.push_back({.name = "chance",
                       .help = "probability that a new place pays",
                       .whole = false,
                       .value = rules.chance,
                       .low = 0,
                       .high = 1});
  return {name, summary, options, [](const TaskSpec& spec) -> EnvironmentFactory {
            const auto number = [&](const char* option) { return spec.numbers.at(option); };
            const auto size = static_cast<std::int64_t>(number("size"));
            if (size % 2 != 0)
              throw Error(
                  fmt::format("environment {}: size = {} must be even, two for each room of a side", spec.name, size));
            const bool explore = spec.numbers.contains("chance");
            const LabyrinthRules made{.explore = explore,
                                      .length = static_cast<std::int64_t>(number("length")),
                                      .penalty = number("penalty"),
                                      .goal = number("goal"),
                                      .chance = explore ? number("chance") : 0};
            return make_labyrinth(made, [size](const Episode& episode) { return random_maze(size / 2, episode.key); });
          }};
}

}  // namespace

EnvironmentFactory make_labyrinth(const LabyrinthRules& rules, std::function<Maze(const Episode&)> maze_of) {
  return [=] { return std::make_unique<Labyrinth>(rules, maze_of); };
}

EnvironmentKind labyrinth_escape_kind() {
  return kind_of("labyrinth_escape", "a labyrinth of which nine places are seen, to be left by its goal", {});
}

EnvironmentKind labyrinth_explore_kind() {
  return kind_of("labyrinth_explore", "a labyrinth of which nine places are seen, to be walked through entirely",
                 {.explore = true, .length = 40});
}

}  // namespace eligo
