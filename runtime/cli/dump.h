// `eligo dump`: what a rule looks like after one of the compiler's stages.
#pragma once

#include <string>

#include "runtime/library/program_spec.h"
#include "support/error.h"

namespace eligo::cli {

struct DumpOptions {
  ProgramSpec spec;
  std::string stage;         // a stage or a pass: compiler/driver/dump.h; or parse
  bool time_passes = false;  // instead of a text, what each pass took
  std::string out;           // a file; empty: standard output
};

// Throws eligo::Error or dsl::SourceError; returns the exit status.
int dump(const DumpOptions& options);

}  // namespace eligo::cli
