// Cells of a buffer: what the values of one loop divide it into. With a step of 10 and 200 trips, trip x of the loop has
// the elements x*10 .. x*10 + 9 of every 2000.
#pragma once

#include "compiler/loops/loops.h"

namespace eligo::compiler::loops {

// Whether, at each value of `loop` (of the statement that the access is part of), the access stays within that value's
// cell of `step` elements. Accesses of several statements that all do, with one step and loops of one extent, meet at
// equal values of their loops only.
bool within_cell(const Statement& statement, const Access& access, int loop, std::int64_t step);

// The same access to a buffer that has the cells of `now` trips alone, where it had those of all: offset and strides
// beyond a cell shrink with it. It must be within its cell.
Access with_fewer_cells(const Statement& statement, Access access, int loop, std::int64_t step, std::int64_t now);

}  // namespace eligo::compiler::loops
