// Labyrinths of which the nine places around oneself are seen: out of one by its goal, or through all of one (POPGym's
// labyrinth_escape and labyrinth_explore, Morad et al. 2023; as used in Zhang et al. 2026, appendix H.4).
#pragma once

#include <functional>

#include "runtime/environments/environment.h"
#include "runtime/environments/maze.h"

namespace eligo {

EnvironmentKind labyrinth_escape_kind();
EnvironmentKind labyrinth_explore_kind();

struct LabyrinthRules {
  bool explore = false;      // through all places; else out by the goal
  std::int64_t length = 80;  // an episode ends after one step less
  double penalty = 0.01;     // for a step
  double goal = 1;           // for the last step of an episode that is a success, beside what it pays otherwise
  // Explore: a new place pays one over the free places in place of the penalty, with this probability.
  double chance = 0.75;
};

// What is seen, one-hot: nine places row by row (free, wall, start, goal, and one that is never there), the last action
// or none (5), the same as POPGym's wrapper repeats it (4, at first left), whether it is the first step (no, yes).
constexpr std::int64_t kLabyrinthObservations = 9 * 5 + 5 + 4 + 2;

// An episode's maze is `maze_of` it. Actions: 0 left, 1 right, 2 up, 3 down.
EnvironmentFactory make_labyrinth(const LabyrinthRules& rules, std::function<Maze(const Episode&)> maze_of);

}  // namespace eligo
