// The C++ API: compile a rule, make a session, run batches or single steps, read and write any tensor by name.
//
//   auto program = eligo::compile({.rule = "bp_lambda", .cell = "rnn_tanh", .readout = "linear_mse", .synth = "linear",
//                                  .sizes = {{"n", 30}, {"m", 10}, {"k", 2}}});
//   eligo::Session session(program, {.batch = 10, .steps = 10, .seed = 1});
//   session.run(batch);            // one sequence of a batch, with learning
#pragma once

#include "runtime/engine/session.h"
#include "runtime/environments/environment.h"
#include "runtime/environments/policy_gradient.h"
#include "runtime/library/compile.h"
