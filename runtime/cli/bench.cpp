#include "runtime/cli/bench.h"

#include <fmt/core.h>

#include "bench/compile_latency.h"

namespace eligo::cli {

int bench(const BenchArguments& arguments) {
  if (!arguments.compile_once.empty()) return eligo::bench::compile_once(arguments.compile_once);
  return eligo::bench::bench(arguments.options);
}

}  // namespace eligo::cli
