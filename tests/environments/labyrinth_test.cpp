// Labyrinths: episodes as POPGym plays them, on its grids, and the mazes that are made for them.
#include "runtime/environments/labyrinth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <map>
#include <sstream>

#include "tests/runtime/temporary.h"

namespace eligo::test {
namespace {

// An episode of POPGym's: the maze (S start, G goal, an ordinary wall to who explores), what was done (left, right, up,
// down), the nine places that were seen at first and after each step, and where a step paid (+) or cost (-).
struct Recorded {
  bool explore;
  const char* maze;
  const char* actions;
  const char* views;
  const char* paid;
  bool success;
};

const Recorded kRecorded[] = {
    {false, "####### #.....# #####.# #...#.# #.###.# G.....S #######",
     "lllllururrllddl",
     ".##.S#### #.#..S### ##....### ###...### .##...### #.#G..### #..#.#G.. #..#.#G.. ####..#.# ###....## "
     "###..#### ###....## ####..#.# #..#.#G.. #.#G..### #.#G.####",
     "--------------+", true},
    {false, "####### G...#.# #.###.# #.....# #.#.### #.#...S #######",
     "llluurruudddluuudlldluurrlrudurllul",
     "###.S#### ###..S### .##...### #.##..### ...#.##.. ###...#.# ##.....## #.#..#### #.##.#..# ####.##.# "
     "#.##.#..# #.#..#### #.#..#### ##.....## ##.....## ##.....## ##.....## ##.....## ###...#.# .##....#. "
     ".##....#. #.##..#.# G..#.##.. ###G..#.# ###....## ###..#### ###....## ###..#### ###..#### ###..#### "
     "###..#### ###..#### ###....## ###G..#.# ###G..#.# ###G.##.#",
     "----------------------------------+", true},
    {true, "####### #.....# #####.# #...#.# #.###.# G.....S #######",
     "lllllururrllddrrrruuuullll",
     ".##.S#### #.#..S### ##....### ###...### .##...### #.##..### #..#.##.. #..#.##.. ####..#.# ###....## "
     "###..#### ###....## ####..#.# #..#.##.. #.##..### .##...### ###...### ##....### #.#..S### #.##.#..S "
     "#.##.##.# ..##.##.# ###..##.# ###...##. ###...### ###...### ####..###",
     "++++++-+++--------++++++++", true},
    {true, "####### G...#.# #.###.# #.....# #.#.### #.#...S #######",
     "llluurruudddluuudlldluurrlrudurlludlddd",
     "###.S#### ###..S### .##...### #.##..### ...#.##.. ###...#.# ##.....## #.#..#### #.##.#..# ####.##.# "
     "#.##.#..# #.#..#### #.#..#### ##.....## ##.....## ##.....## ##.....## ##.....## ###...#.# .##....#. "
     ".##....#. #.##..#.# #..#.##.. ####..#.# ###....## ###..#### ###....## ###..#### ###..#### ###..#### "
     "###..#### ###..#### ###....## ####..#.# ####..#.# #..#.##.. #..#.##.. #.##..#.# #..#.##.# #.##.####",
     "+++++++++---------+-+++++------------++", true},
};

// What is seen as POPGym flattens it: place by place, then the last action, it again, and whether it is the first step.
std::vector<double> one_hot(const std::string& view, int action) {
  std::vector<double> seen(56, 0);
  for (std::size_t i = 0; i < 9; ++i) seen[5 * i + std::string(".#SG").find(view[i])] = 1;
  seen[45 + static_cast<std::size_t>(action < 0 ? 4 : action)] = 1;
  seen[50 + static_cast<std::size_t>(std::max(action, 0))] = 1;
  seen[action < 0 ? 55 : 54] = 1;
  return seen;
}

TEST(Labyrinth, PlaysAsPopgymDoes) {
  for (const Recorded& r : kRecorded) {
    SCOPED_TRACE(r.maze);
    const std::int64_t length = r.explore ? 40 : 80;
    const double penalty = 1.0 / static_cast<double>(length);
    const LabyrinthRules rules{
        .explore = r.explore, .length = length, .penalty = penalty, .goal = r.explore ? 0.0 : 1.0, .chance = 1};
    Environments worlds(make_labyrinth(rules, [&](const Episode&) { return read_maze(r.maze); }), 1);
    worlds.begin(Split::train, 0, 0);
    std::istringstream views(r.views);
    std::string view;
    int action = -1;
    for (std::size_t step = 0; views >> view; ++step) {
      SCOPED_TRACE(step);
      if (r.paid[step] == 0) break;  // what is seen behind the last step does not matter
      const std::vector<double> seen(worlds.observations().begin(), worlds.observations().end());
      EXPECT_EQ(seen, one_hot(view, action));
      ASSERT_TRUE(worlds.acts(0));
      action = static_cast<int>(std::string("lrud").find(r.actions[step]));
      worlds.step(std::vector<std::int64_t>{action});
      const double gain = r.explore ? 1.0 / 17 : 1 - penalty;
      EXPECT_NEAR(worlds.last()[0].reward, r.paid[step] == '+' ? gain : -penalty, 1e-15);
    }
    EXPECT_TRUE(worlds.over());
    EXPECT_EQ(worlds.last()[0].success, r.success);
  }
}

// No recorded episode stands on these borders: there POPGym's slice begins with the border, and walls follow behind it.
TEST(Labyrinth, TheViewIsNotCentredOnTheLeftAndUpperBorders) {
  const auto first_seen = [](const std::string& maze) {
    Environments worlds(make_labyrinth({}, [&](const Episode&) { return read_maze(maze); }), 1);
    worlds.begin(Split::train, 0, 0);
    return std::vector<double>(worlds.observations().begin(), worlds.observations().end());
  };
  EXPECT_EQ(first_seen("####### #.....# #.##### #.#...# #.###.# S.....G #######"), one_hot("#.#S.####", -1));
  EXPECT_EQ(first_seen("#S##### #.#...# #.#.#.# #.#.#.# #.#.#.# #...#.# #####G#"), one_hot("#S##.####", -1));
}

// Steps from the start to the place before the goal and on to it; all places that can be reached are counted.
struct Walked {
  std::int64_t to_goal = -1, places = 0;
};

Walked walk(const Maze& maze) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> far{{{maze.start.y, maze.start.x}, 0}};
  std::deque<Place> next{maze.start};
  Walked out;
  while (!next.empty()) {
    const Place at = next.front();
    next.pop_front();
    ++out.places;
    for (const auto& [dx, dy] : {std::array{-1, 0}, std::array{1, 0}, std::array{0, -1}, std::array{0, 1}}) {
      const Place p{at.x + dx, at.y + dy};
      if (p.x < 0 || p.y < 0 || p.x >= maze.side || p.y >= maze.side) continue;
      const std::int64_t steps = far.at({at.y, at.x}) + 1;
      if (p == maze.goal && out.to_goal < 0) out.to_goal = steps;
      if (!maze.is_wall(p) && far.emplace(std::pair{p.y, p.x}, steps).second) next.push_back(p);
    }
  }
  return out;
}

// The published generator's shortest ways over 2,000 seeds; both are samples of what should be one distribution, so the
// statistic has 6 degrees of freedom: beyond 22.46 in one of 1,000 cases.
TEST(Labyrinth, MazesAreThoseOfHuntAndKill) {
  const std::map<std::int64_t, double> published = {{6, 269},  {8, 508}, {10, 617}, {12, 297},
                                                    {14, 193}, {16, 68}, {18, 48}};
  std::map<std::int64_t, double> own;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const Maze maze = random_maze(3, make_key(0, "mazes", i));
    ASSERT_EQ(maze.side, 7);
    ASSERT_EQ(maze.open_places(), 17 + 1);  // the start is an opening in the border
    const Walked walked = walk(maze);
    ASSERT_EQ(walked.places, 18);
    own[walked.to_goal] += 1;
  }
  double squares = 0;
  for (const auto& [steps, count] : own) {
    ASSERT_TRUE(published.contains(steps)) << steps;
    squares += std::pow(count - published.at(steps), 2) / (count + published.at(steps));
  }
  EXPECT_LT(squares, 22.46);
}

TEST(Labyrinth, LargerMazesAreTrees) {
  for (const std::int64_t cells : {2, 5, 12}) {
    const Walked walked = walk(random_maze(cells, make_key(1, "mazes", static_cast<std::uint64_t>(cells))));
    EXPECT_EQ(walked.places, 2 * cells * cells - 1 + 1);
    EXPECT_GE(walked.to_goal, 2 * cells);
  }
}

// The paper's text: a new place pays in three of four cases, all other steps cost 0.01, the last one pays 1 more.
TEST(Labyrinth, NewPlacesPayByChance) {
  Environments worlds(make_labyrinth({.explore = true, .length = 40},
                                     [](const Episode&) { return read_maze("##### #...# #.### #..S# #####"); }),
                      4000);
  worlds.begin(Split::train, 0, 3);
  double paid = 0, count = 0;
  for (const int action : {0, 0, 2, 2, 1, 1}) {
    worlds.step(std::vector<std::int64_t>(4000, action));
    const bool last = worlds.over();
    for (const Transition& t : worlds.last()) {
      const double reward = t.reward - (last ? 1 : 0);
      ASSERT_TRUE(std::abs(reward - 1.0 / 6) < 1e-12 || std::abs(reward + 0.01) < 1e-12) << t.reward;
      EXPECT_EQ(t.success, last);
      paid += reward > 0;
      count += 1;
    }
  }
  EXPECT_TRUE(worlds.over());
  EXPECT_NEAR(paid / count, 0.75, 4 * std::sqrt(0.75 * 0.25 / count));
}

TEST(Labyrinth, EpisodesEndOneStepBeforeTheirLength) {
  const LabyrinthRules rules{.length = 7};
  Environments worlds(make_labyrinth(rules, [](const Episode& e) { return random_maze(3, e.key); }), 2);
  worlds.begin(Split::train, 0, 0);
  while (!worlds.over()) worlds.step(std::vector<std::int64_t>{0, 2});
  EXPECT_LE(worlds.steps(), 6);
}

TEST(Labyrinth, SaysWhatIsWrong) {
  const TaskSpec odd{.name = "labyrinth_escape", .numbers = {{"size", 7}}, .texts = {}, .other_test = {}};
  EXPECT_EQ(error_of([&] { make_environment(odd); }),
            "environment labyrinth_escape: size = 7 must be even, two for each room of a side");
  EXPECT_EQ(error_of([] { read_maze("### #S# ## "); }),
            "character 11 of a maze is ' '; expected #, ., S or G, and a space behind each row");
  EXPECT_EQ(error_of([] { read_maze("### #.# ###"); }), "a maze has one start S and at most one goal G");
  EXPECT_EQ(error_of([] { read_maze("### #S#"); }),
            "a maze is drawn as rows of the same length, as many as they are long, with a space between them; "
            "found \"### #S#\"");
}

}  // namespace
}  // namespace eligo::test
