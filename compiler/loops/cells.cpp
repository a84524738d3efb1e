#include "compiler/loops/cells.h"

namespace eligo::compiler::loops {

std::optional<std::int64_t> cell_of(const Statement& statement, const Access& access, int loop, std::int64_t step,
                                    std::int64_t all) {
  const auto number = static_cast<std::size_t>(loop);
  if (access.gather >= 0 || step <= 0 || access.stride[number] != step || access.offset < 0) return std::nullopt;
  std::int64_t last = access.offset % all % step;  // of a cell's elements
  for (std::size_t l = 0; l < access.stride.size(); ++l) {
    if (l == number || access.stride[l] % all == 0) continue;
    const Loop& other = statement.loops[l];
    if (access.stride[l] < 0 || other.batch) return std::nullopt;
    last += access.stride[l] * (other.extent - 1);
  }
  if (last >= step) return std::nullopt;
  return access.offset % all / step;
}

Access with_fewer_cells(Access access, int loop, std::int64_t all, std::int64_t now) {
  access.offset = access.offset / all * now + access.offset % all;
  for (std::size_t l = 0; l < access.stride.size(); ++l)
    if (l != static_cast<std::size_t>(loop) && access.stride[l] % all == 0)
      access.stride[l] = access.stride[l] / all * now;
  return access;
}

}  // namespace eligo::compiler::loops
