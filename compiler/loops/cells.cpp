#include "compiler/loops/cells.h"

namespace eligo::compiler::loops {

bool within_cell(const Statement& statement, const Access& access, int loop, std::int64_t step) {
  const auto number = static_cast<std::size_t>(loop);
  if (access.gather >= 0 || step <= 0 || access.stride[number] != step || access.offset < 0) return false;
  const std::int64_t all = step * statement.loops[number].extent;
  std::int64_t last = access.offset % all;  // of the first cell's elements
  for (std::size_t l = 0; l < access.stride.size(); ++l) {
    if (l == number || access.stride[l] % all == 0) continue;
    const Loop& other = statement.loops[l];
    if (access.stride[l] < 0 || other.batch) return false;
    last += access.stride[l] * (other.extent - 1);
  }
  return last < step;
}

Access with_fewer_cells(const Statement& statement, Access access, int loop, std::int64_t step, std::int64_t now) {
  const auto number = static_cast<std::size_t>(loop);
  const std::int64_t all = step * statement.loops[number].extent;
  access.offset = access.offset / all * (step * now) + access.offset % all;
  for (std::size_t l = 0; l < access.stride.size(); ++l)
    if (l != number && access.stride[l] % all == 0) access.stride[l] = access.stride[l] / all * (step * now);
  return access;
}

}  // namespace eligo::compiler::loops
