// Which way each recurrence of a rule runs, how far each line looks ahead, and what runs when.
//
// The direction of a recurrence is the sign of the offsets around every cycle of names. A `learn` line's look-ahead is
// the largest offset it reads through the names it reads. Lines that read a backward recurrence, or a value at `end` or
// `last` from another index, run when their window is complete.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dsl/ast.h"
#include "dsl/diagnostic.h"

namespace eligo::dsl {

enum class Direction { none, forward, backward };

// What is known of one name of a rule (an equation, with its boundary equations).
struct NameTime {
  Direction direction = Direction::none;  // none: no recurrence, the name stands for its right side
  int cycle = -1;                         // names of one cycle share a number
  int ahead = 0;                          // largest offset it reads (through names, not around its own cycle), >= 0
  bool window_complete = false;           // reads a backward recurrence, or [end]/[last] from another index
  bool holds_at_start = false;
  bool timeless = false;           // `v = …` without [t] (keep updates, lines of blocks)
  std::vector<std::string> reads;  // names of the rule that it reads, for reports
};

enum class LineWhen {
  arrive,  // at the arrival of the step that completes its look-ahead
  sweep,   // per step, on the way back, when its window is complete
  close,   // once a window: the line reads no t
};

struct LearnTime {
  LineWhen when = LineWhen::arrive;
  int ahead = 0;
  bool from_start = false;
  int beyond = 0;  // how many steps beyond its window's end it reads, through names
};

// When the samples of a `per neuron` block are at hand.
struct StatisticsTime {
  bool window_complete = false;  // on the way back, or else at the arrival that completes the look-ahead
  int ahead = 0;
  int beyond = 0;  // as of a learn line
};

// The names of one `at each` block, which run along its own index k.
struct BlockTime {
  std::map<std::string, Direction> directions;
  std::vector<std::vector<std::string>> groups;  // names of one cycle, or one name; after the groups that they read
};

struct RuleTime {
  std::map<std::string, NameTime> names;
  std::vector<LearnTime> learns;           // one per learn statement, in order of the statements
  std::vector<BlockTime> blocks;           // one per `at each` block
  std::vector<StatisticsTime> statistics;  // one per `per neuron` block
  bool online = true;                      // every line has finite look-ahead and none runs backward
  int ahead = 0;                           // largest look-ahead of a learn line
};

RuleTime analyse_time(const Item& rule, Diagnostics& diagnostics);

// For the items that are no rules: reports equations that read each other within one step.
void find_cycles(const Item& item, Diagnostics& diagnostics);

}  // namespace eligo::dsl
