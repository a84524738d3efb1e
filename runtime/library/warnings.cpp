#include "runtime/library/warnings.h"

#include "compiler/driver/pipeline.h"
#include "runtime/engine/program.h"
#include "runtime/library/compile.h"

namespace eligo {
namespace {

std::vector<std::string> texts(const compiler::Facts& facts) {
  std::vector<std::string> out;
  for (const compiler::Unreached& one : facts.unreached) out.push_back(compiler::text(one));
  return out;
}

}  // namespace

std::vector<std::string> warnings_of(const Program& program) { return texts(*program.plan); }

std::vector<std::string> warnings_of(const ProgramSpec& spec) {
  const auto graph = instantiate(spec);
  compiler::CompileOptions options;
  options.batch = spec.batch_hint;
  compiler::finish_graph(*graph, options);
  return texts(*graph);
}

}  // namespace eligo
