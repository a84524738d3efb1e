// The verb `bench`.
#pragma once

#include <string>

#include "bench/bench.h"

namespace eligo::cli {

struct BenchArguments {
  eligo::bench::BenchOptions options;
  std::string update = "sequence";
  std::string compile_once;  // the command's own children: a specification to compile
};
int bench(const BenchArguments& arguments);

}  // namespace eligo::cli
