// `eligo sweep`: many runs. Its sub-verbs and their options.
#pragma once

#include <CLI/CLI.hpp>

namespace eligo::cli {

// `status` is set when one of them has run; it must outlive the parse.
void add_sweep(CLI::App& app, int& status);

}  // namespace eligo::cli
