#include "runtime/engine/timetable_loops.h"

namespace eligo {

using compiler::Guard;

bool TimetableLoops::holds(Guard guard, const Cursor& at) const {
  switch (guard) {
    case Guard::at_start: return at.from == 1;
    case Guard::learning: return course_.learn;
    case Guard::step_exists: return at.to <= course_.steps;
    case Guard::recomputing: return recomputes_;
    case Guard::window_ready: return course_.learn && course_.windows.next_ready(at.to) == at.to;
    case Guard::updating:
    case Guard::accepted: break;  // known to the one who updates
  }
  return false;
}

}  // namespace eligo
