// Compiling, and what a program is made of.
#include "python/src/programs.h"

#include <fmt/format.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/src/bindings.h"
#include "python/src/released.h"
#include "runtime/library/compile.h"
#include "runtime/tools/stage_text.h"
#include "support/error.h"

namespace nb = nanobind;

namespace eligo::python {
namespace {

Update update_of(const std::string& name) {
  if (name == "step") return Update::step;
  if (name == "window") return Update::window;
  if (name == "sequence") return Update::sequence;
  throw Error(fmt::format("update is \"{}\"; there are \"step\", \"window\" and \"sequence\"", name));
}

PyProgram compile_program(ProgramSpec spec) {
  PyProgram made;
  made.program = compile(spec);
  made.spec = std::move(spec);
  made.inputs = compiler::width(*made.program->plan, made.program->plan->inputs);
  made.targets = compiler::width(*made.program->plan, made.program->plan->targets);
  return made;
}

}  // namespace

void bind_programs(nb::module_& module) {
  nb::class_<ProgramSpec>(module, "Spec")
      .def(nb::init<>())
      .def_rw("rule", &ProgramSpec::rule)
      .def_rw("cell", &ProgramSpec::cell)
      .def_rw("readout", &ProgramSpec::readout)
      .def_rw("synth", &ProgramSpec::synth)
      .def_rw("sizes", &ProgramSpec::sizes)
      .def_rw("header", &ProgramSpec::header)
      .def_rw("optimiser", &ProgramSpec::optimiser)
      .def_prop_rw(
          "update",
          [](const ProgramSpec& s) {
            return s.update == Update::step ? "step" : s.update == Update::window ? "window" : "sequence";
          },
          [](ProgramSpec& s, const std::string& name) { s.update = update_of(name); })
      .def_rw("float64", &ProgramSpec::float64)
      .def_rw("interpreter", &ProgramSpec::interpreter)
      .def_rw("cpu", &ProgramSpec::cpu)
      .def_rw("schedule", &ProgramSpec::schedule)
      .def_rw("online", &ProgramSpec::online)
      .def_rw("show", &ProgramSpec::show)
      .def_rw("rule_paths", &ProgramSpec::rule_paths)
      .def_rw("cache", &ProgramSpec::cache)
      .def_rw("batch_hint", &ProgramSpec::batch_hint)
      .def_rw("steps_hint", &ProgramSpec::steps_hint)
      .def_rw("memory", &ProgramSpec::memory)
      .def_rw("outputs", &ProgramSpec::outputs);
  nb::class_<PyProgram>(module, "Program")
      .def_ro("spec", &PyProgram::spec)
      .def_ro("inputs", &PyProgram::inputs)
      .def_ro("targets", &PyProgram::targets)
      .def_prop_ro("float64", [](const PyProgram& p) { return p.program->float64; });
  module.def("compile", &compile_program, nb::call_guard<Released>());
  module.def("dump", &stage_text, nb::call_guard<Released>());
  module.def("dump_stages", &stage_names);
}

}  // namespace eligo::python
