// Mazes on a grid: rooms at odd places, joined by openings, and on two opposite borders the start and the goal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/random.h"

namespace eligo {

struct Place {
  std::int64_t x = 0, y = 0;  // column, row
  bool operator==(const Place&) const = default;
};

struct Maze {
  std::int64_t side = 0;    // columns, and rows
  std::vector<bool> walls;  // [side][side], by rows
  Place start, goal;        // on the border; the start is an opening in it, the goal a wall until it is opened

  bool is_wall(Place p) const { return walls[static_cast<std::size_t>(p.y * side + p.x)]; }
  void open(Place p) { walls[static_cast<std::size_t>(p.y * side + p.x)] = false; }
  std::int64_t open_places() const;
};

// A spanning tree of cells x cells rooms by hunt and kill with random hunting: from a random room walks on at random to
// rooms that have not been reached until there is none next to it, then hunts at random for a room to go on from. The
// start is on a random side. A function of the key.
Maze random_maze(std::int64_t cells, const Key& key);

// A maze as drawn, row by row with spaces between: `#` a wall, `.` free, `S` the start, `G` the goal, of which there may
// be none. Throws eligo::Error for anything else.
Maze read_maze(std::string_view drawing);

}  // namespace eligo
