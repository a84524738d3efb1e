#include "compiler/driver/compile.h"

#include <map>
#include <mutex>
#include <stdexcept>

#include "compiler/driver/call_order.h"
#include "compiler/driver/kernel_runner.h"

namespace eligo::compiler {
namespace {

void check_processor(const CompileOptions& options) {
  const std::string reason = options.backend->why_not_here(options.cpu);
  if (!reason.empty()) throw std::runtime_error(reason);
}

void add_times(const CodegenTimes& spent, std::vector<PassTime>& times) {
  times.push_back({"emit", spent.emit, 0, "", true});
  times.push_back({"optimise", spent.optimise, 0, "", true});
  times.push_back({"generate", spent.generate, 0, "", true});
}

}  // namespace

CodegenOptions codegen_options(const CompileOptions& options) {
  return {options.float64 ? loops::DType::f64 : loops::DType::f32, options.cpu};
}

std::string code_version(const CompileOptions& options) {
  static std::mutex mutex;  // the processor stays the same
  static std::map<std::tuple<const Backend*, std::string, bool>, std::string> known;
  const std::lock_guard lock(mutex);
  std::string& version = known[{options.backend, options.cpu, options.float64}];
  if (!version.empty()) return version;
  check_processor(options);
  return version = options.backend->version(codegen_options(options));
}

namespace {

// What an executable has but its objects, still with the statements of its functions.
Executable without_objects(Program& program, const CompileOptions& options, std::vector<PassTime>* times) {
  check_processor(options);
  Compilation compilation{program, options, {}};
  run_passes(compilation, passes().back().id, times);
  Executable executable;
  executable.float64 = options.float64;
  executable.lowered = std::move(compilation.lowered);
  executable.plan = plan_of(program);
  executable.timetable = timetable_of(executable.plan);
  return executable;
}

void drop_statements(Executable& executable) {
  for (loops::Function& f : executable.lowered.module.functions) f.statements.clear();
}

CodegenOptions codegen_options(const CompileOptions& options, const Executable& executable) {
  CodegenOptions codegen = compiler::codegen_options(options);
  codegen.order = call_order(executable.plan, executable.timetable, executable.lowered);
  return codegen;
}

}  // namespace

Executable compile(Program& program, const CompileOptions& options, std::vector<PassTime>* times) {
  Executable executable = without_objects(program, options, times);
  Objects objects = options.backend->compile(executable.lowered.module, codegen_options(options, executable));
  if (times) add_times(objects.times, *times);
  executable.objects = std::move(objects.files);
  drop_statements(executable);
  return executable;
}

Started start(Program& program, const CompileOptions& options, std::function<void(const Executable&)> complete) {
  Started started{without_objects(program, options, nullptr), nullptr};
  const loops::Module module = started.executable.lowered.module;
  drop_statements(started.executable);
  std::function<void(std::vector<std::string>)> done;
  if (complete)
    done = [complete, executable = started.executable](std::vector<std::string> objects) mutable {
      executable.objects = std::move(objects);
      complete(executable);
    };
  started.runner = make_kernel_runner(
      started.executable.lowered,
      options.backend->start(module, codegen_options(options, started.executable), std::move(done)), options.float64);
  return started;
}

std::shared_ptr<PhaseRunner> load(const Executable& executable, const Backend& backend) {
  return make_kernel_runner(executable.lowered,
                            backend.load(executable.objects, function_names(executable.lowered.module)),
                            executable.float64);
}

std::shared_ptr<PhaseRunner> compile_and_load(Program& program, const CompileOptions& options) {
  return load(compile(program, options), *options.backend);
}

}  // namespace eligo::compiler
