// Experiments, and the command itself.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/bindings.h"
#include "python/src/released.h"
#include "runtime/cli/command.h"
#include "runtime/experiment/perform_run.h"

namespace nb = nanobind;

namespace eligo::python {
namespace {

// Between batches: whether Ctrl-C was pressed, or the caller wants no more.
bool stopped(const nb::callable& wants_more, bool& pressed) {
  if (interrupted(pressed)) return true;
  nb::gil_scoped_acquire held;
  return !nb::cast<bool>(wants_more());
}

// The run folder, the table, and whether Ctrl-C ended it.
nb::tuple run(const std::string& name, const std::vector<std::string>& overrides,
              const std::vector<std::string>& folders, const std::vector<std::string>& only, bool quick,
              const std::string& out, bool resume, nb::callable wants_more) {
  RunRequest request{.experiment = resume ? "" : name, .out = out, .resume = resume ? name : ""};
  request.how = {overrides, folders, only, quick};
  request.quiet = true;
  bool pressed = false;
  request.interrupted = [&] { return stopped(wants_more, pressed); };
  RunReport report;
  {
    const Released released;
    report = perform_run(request);
  }
  return nb::make_tuple(report.folder, report.table, report.complete, pressed);
}

int command(const std::vector<std::string>& arguments) {
  std::vector<std::string> kept = arguments;
  std::vector<char*> pointers;
  for (std::string& argument : kept) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  return cli::command(static_cast<int>(kept.size()), pointers.data());
}

}  // namespace

void bind_runs(nb::module_& module) {
  module.def("run", &run,
             nb::sig("def run(name: str, overrides: list[str], folders: list[str], only: list[str], quick: bool, out: str, "
                     "resume: bool, wants_more: object) -> tuple[str, str, bool, bool]"));
  module.def("command", &command, nb::call_guard<Released>());
}

}  // namespace eligo::python
