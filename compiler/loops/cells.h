// Cells of a buffer: what the values of one loop divide it into. With a step of 10 and 200 values, value x of the loop has
// the elements x*10 .. x*10 + 9 of every 2000.
#pragma once

#include <optional>

#include "compiler/loops/loops.h"

namespace eligo::compiler::loops {

// The number of the cell in which the access (of this statement) stays while `loop` is 0; it goes on by one with each
// value. Cells have `step` elements, and come again after `all`. Nothing if the access leaves its cell. Accesses of
// several statements that have one step and one first cell meet at equal values of their loops only.
std::optional<std::int64_t> cell_of(const Statement& statement, const Access& access, int loop, std::int64_t step,
                                    std::int64_t all);

// The same access to a buffer of which `now` elements are left of every `all`, from the first cell on.
Access with_fewer_cells(Access access, int loop, std::int64_t all, std::int64_t now);

}  // namespace eligo::compiler::loops
