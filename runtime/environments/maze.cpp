#include "runtime/environments/maze.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "support/error.h"

namespace eligo {
namespace {

// Draws one after the other, as a maze needs them.
class Draws {
 public:
  explicit Draws(const Key& key) : key_(key) {}
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(integer(key_, next_++, static_cast<std::uint64_t>(bound)));
  }

 private:
  Key key_;
  std::uint64_t next_ = 0;
};

class Rooms {
 public:
  Rooms(std::int64_t cells, Draws& draws) : cells_(cells), draws_(draws) {
    maze_.side = 2 * cells + 1;
    maze_.walls.assign(static_cast<std::size_t>(maze_.side * maze_.side), true);
    const Place first = any_room();
    maze_.open(first);
    reached_ = 1;
    walk(first);
    while (reached_ < cells * cells) {  // the hunt: a room that has been reached may have neighbours that have not
      const Place room = any_room();
      if (!maze_.is_wall(room)) walk(room);
    }
  }

  // On a random side the start, opposite it the goal, both before a random room.
  Maze with_entrances() {
    const std::int64_t side = draws_.below(4), last = maze_.side - 1;
    const std::int64_t from = odd(), to = odd();
    switch (side) {
      case 0: maze_.start = {from, 0}, maze_.goal = {to, last}; break;
      case 1: maze_.start = {from, last}, maze_.goal = {to, 0}; break;
      case 2: maze_.start = {0, from}, maze_.goal = {last, to}; break;
      default: maze_.start = {last, from}, maze_.goal = {0, to};
    }
    maze_.open(maze_.start);
    return maze_;
  }

 private:
  std::int64_t odd() { return 1 + 2 * draws_.below(cells_); }
  Place any_room() {
    const std::int64_t x = odd();
    return {x, odd()};
  }

  void walk(Place room) {
    for (;;) {
      std::vector<Place> fresh;
      for (const auto& [dx, dy] : {std::array{-2, 0}, std::array{2, 0}, std::array{0, -2}, std::array{0, 2}}) {
        const Place next{room.x + dx, room.y + dy};
        const bool inside = next.x > 0 && next.y > 0 && next.x < maze_.side && next.y < maze_.side;
        if (inside && maze_.is_wall(next)) fresh.push_back(next);
      }
      if (fresh.empty()) return;
      const Place next = fresh[static_cast<std::size_t>(draws_.below(static_cast<std::int64_t>(fresh.size())))];
      maze_.open({(room.x + next.x) / 2, (room.y + next.y) / 2});
      maze_.open(next);
      ++reached_;
      room = next;
    }
  }

  std::int64_t cells_, reached_ = 0;
  Draws& draws_;
  Maze maze_;
};

}  // namespace

std::int64_t Maze::open_places() const { return std::count(walls.begin(), walls.end(), false); }

Maze random_maze(std::int64_t cells, const Key& key) {
  Draws draws(key);
  return Rooms(cells, draws).with_entrances();
}

Maze read_maze(std::string_view drawing) {
  Maze maze;
  std::int64_t starts = 0, goals = 0;
  const auto end_of_row = std::min(drawing.find(' '), drawing.size());
  maze.side = static_cast<std::int64_t>(end_of_row);
  if (static_cast<std::int64_t>(drawing.size()) != maze.side * (maze.side + 1) - 1)
    throw Error(fmt::format(
        "a maze is drawn as rows of the same length, as many as they are long, with a space between them; found \"{}\"",
        drawing));
  for (std::int64_t y = 0; y < maze.side; ++y)
    for (std::int64_t x = 0; x <= maze.side; ++x) {
      const auto at = static_cast<std::size_t>(y * (maze.side + 1) + x);
      const char c = at < drawing.size() ? drawing[at] : ' ';
      if ((x == maze.side) != (c == ' ') || std::string_view("#.SG ").find(c) == std::string_view::npos)
        throw Error(fmt::format("character {} of a maze is '{}'; expected #, ., S or G, and a space behind each row",
                                at + 1, c));
      if (x == maze.side) continue;
      maze.walls.push_back(c == '#' || c == 'G');
      if (c == 'S') maze.start = {x, y}, ++starts;
      if (c == 'G') maze.goal = {x, y}, ++goals;
    }
  if (starts != 1 || goals > 1) throw Error("a maze has one start S and at most one goal G");
  return maze;
}

}  // namespace eligo
