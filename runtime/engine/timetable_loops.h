// What the loops and guards of a timetable mean: the times that they set, for shards and for the batch alike.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/engine/course.h"

namespace eligo {

// The times that the loops around an instruction have set.
struct Cursor {
  std::int64_t t = 0;                // the step that a phase is about
  std::int64_t from = 0, to = 0;     // arrivals of the span, or of the run
  std::int64_t start = 0;            // the boundary before the window
  std::int64_t end = 0;              // its last step, while it is swept
  std::int64_t first = 0, last = 0;  // of a walk back: where it begins and ends

  // The same of a stream without windows, so many steps later.
  Cursor later(std::int64_t steps) const {
    return {t + steps, from + steps, to + steps, start, end, first + steps, last + steps};
  }
};

class TimetableLoops {
 public:
  // `run`: the most steps that are taken together. `recomputes`: only segments of windows are kept.
  TimetableLoops(const compiler::Plan& plan, const Course& course, std::int64_t run, bool recomputes)
      : plan_(plan), course_(course), run_(run), recomputes_(recomputes) {}

  // Calls body(cursor) for each time of a loop.
  template <class Body>
  void each(const compiler::Instruction& loop, const Cursor& at, const Body& body) const;
  // Whether a guard holds that does not depend on what was computed.
  bool holds(compiler::Guard guard, const Cursor& at) const;

  std::int64_t run() const { return run_; }
  // The last arrival of the run that is one of a step.
  std::int64_t last_step(const Cursor& at) const { return std::min(at.to, course_.steps); }

 private:
  template <class Body>
  void each_step(const Cursor& at, std::int64_t to, const Body& body) const {
    Cursor step = at;
    for (step.t = at.from; step.t <= to; ++step.t) {
      step.start = course_.windows.start_of(step.t);
      body(step);
    }
  }
  template <class Body>
  void each_run(std::int64_t most, const Cursor& at, const Body& body) const;
  template <class Body>
  void each_window(const Cursor& at, const Body& body) const;
  template <class Body>
  void each_run_back(const Cursor& at, const Body& body) const;
  template <class Body>
  void each_place(const compiler::Block& block, bool backwards, const Cursor& at, const Body& body) const;
  template <class Body>
  void walk_back(const compiler::Replay& walk, const Cursor& at, const Body& body) const;

  const compiler::Plan& plan_;
  const Course& course_;
  std::int64_t run_;
  bool recomputes_;
};

template <class Body>
void TimetableLoops::each_run(std::int64_t most, const Cursor& at, const Body& body) const {
  Cursor run = at;
  for (run.from = at.from; run.from <= at.to; run.from = run.to + 1) {
    run.to = course_.windows.run_end(run.from, at.to, most);
    run.t = run.to;
    run.start = course_.windows.start_of(run.t);
    body(run);
  }
}

template <class Body>
void TimetableLoops::each_window(const Cursor& at, const Body& body) const {
  Cursor window = at;
  course_.windows.each_ready(at.to, [&](const Window& w) {
    window.t = window.start = w.start;
    window.end = w.end;
    body(window);
  });
}

template <class Body>
void TimetableLoops::each_run_back(const Cursor& at, const Body& body) const {
  Cursor run = at;
  for (run.to = at.end; run.to > at.start; run.to = run.from - 1) {
    run.from = std::max(at.start, run.to - run_) + 1;
    body(run);
  }
}

template <class Body>
void TimetableLoops::each_place(const compiler::Block& block, bool backwards, const Cursor& at,
                                const Body& body) const {
  Cursor place = at;
  const std::int64_t first = at.start + block.first, top = at.to + block.top;
  for (std::int64_t i = 0; i <= top - first; ++i) {
    place.t = backwards ? top - i : first + i;
    body(place);
  }
}

// From the step that the arrival's line is about, if there is one.
template <class Body>
void TimetableLoops::walk_back(const compiler::Replay& walk, const Cursor& at, const Body& body) const {
  Cursor back = at;
  const std::int64_t lowest = walk.at_start ? 0 : 1;
  back.first = back.t = at.t - walk.lag;
  if (back.first < lowest || back.first > course_.steps) return;
  back.last = walk.limit < 0 ? lowest : std::max(lowest, back.first - walk.limit);
  body(back);
}

template <class Body>
void TimetableLoops::each(const compiler::Instruction& loop, const Cursor& at, const Body& body) const {
  switch (loop.action.control()) {
    case compiler::Control::at_zero: return body(Cursor{});
    case compiler::Control::each_run: return each_run(loop.limit > 0 ? loop.limit : run_, at, body);
    case compiler::Control::each_step: return each_step(at, last_step(at), body);
    case compiler::Control::each_arrival: return each_step(at, at.to, body);
    case compiler::Control::each_window: return each_window(at, body);
    case compiler::Control::each_run_back: return each_run_back(at, body);
    case compiler::Control::each_step_back: {
      Cursor step = at;
      for (step.t = at.to; step.t >= at.from; --step.t) body(step);
      return;
    }
    case compiler::Control::each_place:
    case compiler::Control::each_place_back:
      return each_place(plan_.blocks[static_cast<std::size_t>(loop.number)],
                        loop.action == compiler::Control::each_place_back, at, body);
    case compiler::Control::walk_back: return walk_back(plan_.replays[static_cast<std::size_t>(loop.number)], at, body);
    case compiler::Control::each_earlier: {
      Cursor step = at;
      for (step.t = at.first - 1; step.t >= at.last; --step.t) body(step);
      return;
    }
    case compiler::Control::only_if:
    case compiler::Control::each_shard: return;  // known to those who carry them out
  }
}

}  // namespace eligo
