#include "compiler/schedule/schedule.h"

#include <charconv>

#include <fmt/core.h>

namespace eligo::compiler {

std::optional<Schedule> parse_schedule(const std::string& text) {
  Schedule s;
  std::string_view rest = text;
  constexpr std::string_view word = "approximate ";
  if (rest.starts_with(word)) {
    s.approximate = true;
    rest.remove_prefix(word.size());
  }
  if (rest == "auto" && !s.approximate) return s;
  if (rest == "dense" && !s.approximate) return Schedule{Schedule::Kind::dense};
  if (rest == "reverse" && !s.approximate) return Schedule{Schedule::Kind::reverse};
  if (!rest.starts_with("replay")) return std::nullopt;
  s.kind = Schedule::Kind::replay;
  rest.remove_prefix(6);
  if (rest.empty()) return s.approximate ? std::nullopt : std::optional(s);
  if (rest.size() < 3 || rest.front() != '(' || rest.back() != ')') return std::nullopt;
  const char *first = rest.data() + 1, *last = rest.data() + rest.size() - 1;
  const auto [end, fault] = std::from_chars(first, last, s.steps);
  if (fault != std::errc{} || end != last || s.steps < 0) return std::nullopt;
  return s;
}

std::string to_string(const Schedule& s) {
  switch (s.kind) {
    case Schedule::Kind::dense: return "dense";
    case Schedule::Kind::reverse: return "reverse";
    case Schedule::Kind::automatic: return "auto";
    case Schedule::Kind::replay: break;
  }
  const std::string walk = s.steps < 0 ? "replay" : fmt::format("replay({})", s.steps);
  return s.approximate ? "approximate " + walk : walk;
}

std::vector<int> forward_recurrences(const Program& program) {
  std::vector<int> found;
  for (std::size_t i = 0; i < program.tensors.size(); ++i)
    if (program.tensors[i].kind == TensorKind::forward) found.push_back(static_cast<int>(i));
  return found;
}

}  // namespace eligo::compiler
