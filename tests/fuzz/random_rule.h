// Rules by the language's grammar: a file of a rule and its cell, readout, synthesiser and optimiser, well typed as far
// as names and axes go, so that most of them compile. Its first line says how it is run (rules_target.cpp):
//
//   # run rule=r cell=c readout=linear_mse synth=g optimiser=o n=3 m=2 k=2 steps=4 examples=3 update=step ...
#pragma once

#include <cstdint>
#include <string>

namespace eligo::fuzz {

std::string random_program(std::uint64_t seed);

}  // namespace eligo::fuzz
