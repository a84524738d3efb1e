#include <nanobind/stl/string.h>

#include "python/src/bindings.h"
#include "python/src/released.h"

#include "runtime/library/library.h"

NB_MODULE(_core, module) {
  module.attr("version") = ELIGO_VERSION;
  module.def("add_library_folder", &eligo::add_library_folder);
  module.def("wait_for_released", &eligo::python::wait_for_released);
  eligo::python::bind_errors(module);
  eligo::python::bind_programs(module);
  eligo::python::bind_sessions(module);
  eligo::python::bind_tools(module);
  eligo::python::bind_runs(module);
}
