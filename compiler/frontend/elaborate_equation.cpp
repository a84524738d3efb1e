// Equations of a rule: recurrences and records as tensors, other names by their right sides, with their boundaries.
#include <fmt/core.h>

#include "compiler/frontend/elaborator.h"

namespace eligo::compiler {

using dsl::Code;
using dsl::TimeBase;
using dsl::TypedEquation;

Value Elaborator::rule_name(const TypedEquation& equation, TimeRef at, dsl::Span span) {
  if (!equation.recurrent() && !equation.record) return with_boundaries(equation, at);
  Part& rule = parts_.rule();
  const std::string& n = equation.name;
  if (!rule.tensors.contains(n)) {
    const TensorKind kind = equation.record                                      ? TensorKind::record
                            : equation.time.direction == dsl::Direction::forward ? TensorKind::forward
                                                                                 : TensorKind::backward;
    const std::vector<Axis> axes = recurrence_axes(equation, span);
    if (!rule.tensors.contains(n)) {
      const int tensor = parts_.declare_equation(rule, n, kind, axes);
      p_.tensors[tensor].batch_wide = is_batch_wide(equation);
      p_.tensors[tensor].at_start = equation.time.holds_at_start;
    }
  }
  // A recurrence is kept block by block as one flat tensor; its value here is that tensor cut into blocks again.
  return tensor_at(rule.tensors.at(n), at);
}

// Like a draw that only the start has: zero at every step.
Value Elaborator::given_start(const std::string& n, TimeRef at, dsl::Span span) {
  Part& rule = parts_.rule();
  const std::string given = n + "[start]";
  if (!rule.tensors.contains(given)) {
    const int tensor = parts_.declare_equation(rule, given, TensorKind::noise, recurrence_axes(rule.equation(n), span));
    p_.tensors[tensor].given_as = given;
    p_.tensors[tensor].masked = false;  // read behind the flag of the start
  }
  return tensor_at(rule.tensors.at(given), at);
}

Value Elaborator::with_boundaries(const TypedEquation& equation, TimeRef at) {
  const std::string& n = equation.name;
  const std::string key = n + "@" + to_string(at), known_as = key + (batch_wide_ ? " for all" : "");
  if (const auto found = values_.find(known_as); found != values_.end()) return found->second;
  const dsl::TypedLine& general = equation.general;
  if (!in_progress_.insert(key).second)
    fail(Code::E0601, general.span(), fmt::format("{} reads itself at the same step", n));
  const bool outside = batch_wide_;
  const bool whole_batch = batch_wide_ = batch_wide_ || is_batch_wide(equation);
  const Value value = joined(equation, at, whole_batch);
  in_progress_.erase(key);
  batch_wide_ = outside;
  if (!general.source->time || whole_batch) return values_[known_as] = value;
  const Origin before = p_.graph.origin;
  p_.graph.origin = {parts_.rule().item->source, general.span()};
  Value masked = v_.multiply(flag(equation.time.holds_at_start ? Flag::exists : Flag::valid, at), value);
  p_.graph.origin = before;
  return values_[known_as] = masked;
}

// The general equation, and at each boundary the one that replaces it there.
Value Elaborator::joined(const TypedEquation& equation, TimeRef at, bool whole_batch) {
  const Environment here = environment(at);
  Value value = right_side(equation.general, here);
  // Where both hold, `last` goes before `end`: it is applied after it.
  for (TimeBase base : {TimeBase::start, TimeBase::end, TimeBase::last}) {
    const auto b = equation.boundaries.find(base);
    if (b == equation.boundaries.end()) continue;
    const dsl::TypedLine& line = b->second;
    if (whole_batch && base == TimeBase::last)
      fail(Code::E0601, line.span(), fmt::format("{} is the same for all examples, so it has no `last`", equation.name),
           "write [end]");
    const Value is = whole_batch && base == TimeBase::end ? window_end(at)
                                                          : flag(base == TimeBase::start ? Flag::first
                                                                 : base == TimeBase::end ? Flag::end
                                                                                         : Flag::last,
                                                                 at);
    // A mask, because the general equation may divide by what is not there at a boundary. What holds at the start is
    // masked later, so where it is not the start it is a step of the example.
    const bool start = base == TimeBase::start && !whole_batch;
    const Value is_not = start ? flag(Flag::valid, at) : elsewhere(is);
    Environment inner = here;
    inner.here = base;
    const Value boundary = right_side(line, inner);
    value = v_.multiply(is_not, value);
    const bool zero =
        boundary.axes.empty() && boundary.blocks.size() == 1 && boundary.blocks.begin()->second->is_zero();
    if (!zero) value = v_.add(value, v_.multiply(is, boundary));
  }
  return value;
}

}  // namespace eligo::compiler
