#include "compiler/codegen/codegen.h"

#include <stdexcept>

namespace eligo::compiler {

std::vector<std::string> function_names(const loops::Module& module) {
  std::vector<std::string> names;
  for (const loops::Function& f : module.functions) names.push_back(f.name);
  return names;
}

std::shared_ptr<Kernels> Backend::start(const loops::Module& module, const CodegenOptions& options,
                                        std::function<void(std::vector<std::string>)> done) const {
  Objects objects = compile(module, options);
  const std::shared_ptr<Kernels> kernels = load(objects.files, function_names(module));
  if (done) done(std::move(objects.files));
  return kernels;
}

std::shared_ptr<Kernels> Backend::functions(const loops::Module& module, const CodegenOptions& options) const {
  if (const std::string reason = why_not_here(options.cpu); !reason.empty()) throw std::runtime_error(reason);
  const Objects objects = compile(module, options);
  const std::shared_ptr<Kernels> kernels = load(objects.files, function_names(module));
  kernels->compile_times = objects.times;
  return kernels;
}

}  // namespace eligo::compiler
