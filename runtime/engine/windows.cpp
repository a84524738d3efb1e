#include "runtime/engine/windows.h"

namespace eligo {

Window Windows::of(std::int64_t t) const {
  const std::int64_t n = rule_.length;
  if (n < 0) return {0, steps_};
  std::int64_t first = steps_ % n == 0 ? n : steps_ % n;
  if (!rule_.short_first) first = std::min(n, steps_);
  if (t <= first) return {0, first};
  const std::int64_t k = (t - first - 1) / n;
  return {first + k * n, std::min(first + (k + 1) * n, steps_)};
}

Window Windows::first_not_before(std::int64_t t) const {
  Window w = of(std::clamp<std::int64_t>(t - rule_.ahead, 1, steps_));
  while (ready(w) < t && w.end < steps_) w = of(w.end + 1);
  return w;
}

std::int64_t Windows::run_end(std::int64_t from, std::int64_t to, std::int64_t most) const {
  to = std::min(to, from + most - 1);
  if (!rule_.swept || to == from) return to;
  const std::int64_t complete = ready(first_not_before(from));
  return complete < from ? to : std::min(to, complete);
}

std::int64_t Windows::next_ready(std::int64_t from) const {
  const Window w = first_not_before(from);
  return w.end < steps_ ? ready(w) : none;
}

}  // namespace eligo
