// What each file adds to the module eligo._core: the C++ API as Python sees it. The package's Python files give it its
// final form; nothing is computed twice.
#pragma once

#include <nanobind/nanobind.h>

namespace eligo::python {

void bind_errors(nanobind::module_& module);
void bind_programs(nanobind::module_& module);
void bind_sessions(nanobind::module_& module);
void bind_tools(nanobind::module_& module);
void bind_runs(nanobind::module_& module);

}  // namespace eligo::python
