// Compiles a rule: its files are found, read, checked and bound to each other and to sizes, a schedule is chosen for each
// recurrence, and kernels are made or taken from the cache.
//
//   auto program = eligo::compile({.rule = "bp_lambda", .cell = "rnn_tanh", .readout = "linear_mse", .synth = "linear",
//                                  .sizes = {{"n", 30}, {"m", 10}, {"k", 2}}});
#pragma once

#include <memory>
#include <vector>

#include "runtime/library/program_spec.h"
#include "support/error.h"

namespace eligo::compiler {
struct Program;
struct RecurrenceSchedules;
}  // namespace eligo::compiler

namespace eligo {

class PartSearch;  // runtime/library/library.h
class Program;     // runtime/engine/program.h

// Throws eligo::Error or dsl::SourceError.
std::shared_ptr<const Program> compile(const ProgramSpec& spec);

// The parts that a specification names, read, parsed and checked, bound and instantiated. Throws like `compile`.
std::shared_ptr<compiler::Program> instantiate(const ProgramSpec& spec);
std::shared_ptr<compiler::Program> instantiate(const ProgramSpec& spec, PartSearch& search);

// The same with a schedule for each recurrence (compiler/driver/choose_schedules.h), which may fill a table of what each would cost.
std::shared_ptr<compiler::Program> scheduled(const ProgramSpec& spec,
                                             std::vector<compiler::RecurrenceSchedules>* table = nullptr);

}  // namespace eligo
