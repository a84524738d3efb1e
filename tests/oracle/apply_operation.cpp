#include "tests/oracle/apply_operation.h"

#include <cstdint>
#include <map>
#include <ostream>

#include <fmt/core.h>

#include "compiler/driver/compile.h"
#include "compiler/reference/interpreter.h"

namespace eligo::test {
namespace {

using compiler::Op;
using compiler::PhaseKind;
using compiler::Ref;
using compiler::TimeRef;
using compiler::When;

// Tensors in memory of either format.
class Numbers : public compiler::Resolver {
 public:
  Numbers(const compiler::Program& program, bool float64) : program_(&program), float64_(float64) {}
  void* resolve(int tensor, TimeRef) override {
    auto [at, fresh] = bytes_.try_emplace(tensor);
    if (fresh)
      at->second.resize(static_cast<std::size_t>(program_->tensors[static_cast<std::size_t>(tensor)].size()) * 8);
    return at->second.data();
  }
  void set(int tensor, const std::vector<double>& values) {
    void* to = resolve(tensor, {});
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (float64_) static_cast<double*>(to)[i] = values[i];
      else static_cast<float*>(to)[i] = static_cast<float>(values[i]);
    }
  }
  double get(int tensor, std::size_t i) {
    void* from = resolve(tensor, {});
    return float64_ ? static_cast<double*>(from)[i] : static_cast<double>(static_cast<float*>(from)[i]);
  }

 private:
  const compiler::Program* program_;
  bool float64_;
  std::map<int, std::vector<char>> bytes_;
};

}  // namespace

void PrintTo(const Backend& b, std::ostream* out) {
  *out << (b.cpu.empty() ? "interpreter" : b.cpu) << (b.float64 ? "_f64" : "_f32");
}

std::vector<Backend> backends() {
  std::vector<Backend> all = {{"", true}};
  for (const char* cpu : {"avx512", "avx2", "baseline"})
    if (compiler::llvm_backend().why_not_here(cpu).empty())
      for (const bool float64 : {true, false}) all.push_back({cpu, float64});
  return all;
}

Applied apply_operation(Op op, const std::vector<std::vector<double>>& points, const Backend& backend) {
  const auto count = static_cast<compiler::Extent>(points.size());
  const TimeRef now{When::t, 0};
  auto program = std::make_shared<compiler::Program>();
  program->name = "corners";
  const auto add = [&](const std::string& name, compiler::TensorKind kind) {
    compiler::Tensor t;
    t.name = name;
    t.kind = kind;
    t.dims = {count};
    t.batched = true;
    program->tensors.push_back(t);
    return static_cast<int>(program->tensors.size()) - 1;
  };
  std::vector<int> operands, results;
  std::vector<compiler::Use> uses;
  for (int i = 0; i < compiler::op_arity(op); ++i) {
    operands.push_back(add(fmt::format("x{}", i), compiler::TensorKind::field));
    uses.push_back(compiler::whole(program->leaf(operands.back(), now)));
  }
  const int ones = add("ones", compiler::TensorKind::field);
  Ref node = program->graph.map(op, uses, {count});
  std::vector<Ref> roots = {node};
  for (int operand : operands)
    roots.push_back(program->graph.vjp({{node, program->leaf(ones, now)}}, {program->leaf(operand, now)}, 0, now));
  program->phases.push_back({{PhaseKind::arrive}, {}});
  for (Ref root : roots) {
    results.push_back(add(fmt::format("r{}", results.size()), compiler::TensorKind::shown));
    program->phases[0].roots.push_back({compiler::RootKind::store, results.back(), now, root, "root"});
  }
  Numbers numbers(*program, backend.float64);
  numbers.set(ones, std::vector<double>(points.size(), 1));
  for (std::size_t i = 0; i < operands.size(); ++i) {
    std::vector<double> values;
    for (const std::vector<double>& point : points) values.push_back(point[i]);
    numbers.set(operands[i], values);
  }
  std::shared_ptr<compiler::PhaseRunner> runner;
  std::vector<double> scratch(8), prepared(8);
  if (backend.cpu.empty()) {
    runner = compiler::make_interpreter(program);
  } else {
    compiler::CompileOptions options;
    options.float64 = backend.float64;
    options.cpu = backend.cpu;
    options.batch = 1;
    options.keep_phases = true;
    runner = compiler::compile_and_load(*program, options);
    scratch.resize(static_cast<std::size_t>(runner->scratch_bytes(1) / 8 + 32));
    prepared.resize(static_cast<std::size_t>(runner->prepared_bytes() / 8 + 32));
  }
  const auto aligned = [](std::vector<double>& v) {
    return reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(v.data()) + 63) / 64 * 64);
  };
  runner->run(0, numbers, 1, aligned(scratch), aligned(prepared));
  const auto read = [&](int tensor) {
    std::vector<double> out;
    for (std::size_t k = 0; k < points.size(); ++k) out.push_back(numbers.get(tensor, k));
    return out;
  };
  Applied out{read(results[0]), {}};
  for (std::size_t i = 0; i < operands.size(); ++i) out.partials.push_back(read(results[i + 1]));
  return out;
}

}  // namespace eligo::test
