// The oracle: the meaning of a program, in float64, in the most obvious way. Evaluates the graph as `instantiate` left
// it, derivatives by forward-mode dual numbers coordinate by coordinate, contractions by their defining sums.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "compiler/ir/phase_runner.h"

namespace eligo::compiler {

// The program is not const only because definitions are moved in time as they are needed.
std::unique_ptr<PhaseRunner> make_interpreter(std::shared_ptr<Program> program);

// One node for one example, for tests: leaves come from `where` (float64 memory).
// Whether a sum or product that is not finite is NaN or which infinity depends on the order of its operations; with
// `not_finite` it is that, so that several evaluations tell whether it matters to a result. Zeros get its sign.
std::vector<double> interpret(Program& program, Ref node, Resolver& where, std::int64_t example,
                              std::optional<double> not_finite = {});

// What a lazy derivative (jac, vjp, jvp) is taken of, for finite differences.
struct Numerator {
  std::set<Ref> followed;   // leaves of its own step that move with those meant: their equations are followed
  std::set<Ref> reads;      // leaves whose value in memory is taken
  std::set<TimeRef> steps;  // those whose equations are followed, by itself or by derivatives inside
};
Numerator numerator_of(Program& program, Ref derivative);

// By how much each leaf is moved, by the derivative's cuts.
using Moves = std::map<Ref, std::vector<double>>;

// One of the derivative's operands with leaves moved; what `stop` holds does not move. Into `branches` (may be null)
// goes a mark of the way that each comparison and kinked function took, the same for two calls if no kink lies between
// them.
std::vector<double> interpret_moved(Program& program, Ref derivative, const Numerator& numerator, Ref operand,
                                    Resolver& where, std::int64_t example, const Moves& moves, std::uint64_t* branches);

}  // namespace eligo::compiler
