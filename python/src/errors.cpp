// C++ exceptions as the package's own: each becomes eligo.Error or eligo.RuleError, none is seen by the interpreter.
#include <nanobind/stl/string.h>

#include <new>
#include <stdexcept>
#include <string>

#include "dsl/diagnostic.h"
#include "python/src/bindings.h"
#include "support/error.h"

namespace nb = nanobind;

namespace eligo::python {
namespace {

// The package's classes, which it hands over when it is imported. They live as long as the interpreter.
PyObject* error_class = nullptr;
PyObject* rule_error_class = nullptr;

void raise(PyObject* kind, const char* text) { PyErr_SetString(kind != nullptr ? kind : PyExc_RuntimeError, text); }

// RuleError(text, diagnostics), the latter as JSON.
void raise_rule_error(const dsl::SourceError& error) {
  const std::string text = dsl::render(error.diagnostics()), json = dsl::render_json(error.diagnostics());
  const nb::tuple arguments = nb::make_tuple(text, json);
  PyErr_SetObject(rule_error_class != nullptr ? rule_error_class : PyExc_ValueError, arguments.ptr());
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const dsl::SourceError& error) {
    raise_rule_error(error);
  } catch (const Error& error) {
    raise(error_class, error.what());
  } catch (const std::bad_alloc&) {
    raise(PyExc_MemoryError, "not enough memory; use smaller sizes or a smaller batch");
  } catch (const std::length_error&) {
    raise(PyExc_MemoryError, "not enough memory; use smaller sizes or a smaller batch");
  }
}

}  // namespace

void bind_errors(nb::module_& module) {
  nb::register_exception_translator(translate);
  module.def("set_errors", [](nb::object error, nb::object rule_error) {
    error_class = error.release().ptr();
    rule_error_class = rule_error.release().ptr();
  });
}

}  // namespace eligo::python
