// The tools of the command, whose results come as JSON or as its text.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "dsl/diagnostic.h"
#include "dsl/file.h"
#include "dsl/report.h"
#include "python/src/bindings.h"
#include "python/src/released.h"
#include "python/src/programs.h"
#include "runtime/library/checked_file.h"
#include "runtime/library/item_notes.h"
#include "runtime/library/library.h"
#include "runtime/tools/compare.h"
#include "runtime/tools/explain.h"
#include "runtime/tools/gradcheck.h"

namespace nb = nanobind;

namespace eligo::python {
namespace {

// What `eligo check` prints. Throws dsl::SourceError if anything is wrong.
std::string check(const std::string& path) {
  const auto file = checked_file(path);
  if (!file->diagnostics.empty()) throw dsl::SourceError(file->diagnostics);
  return dsl::report(file->items);
}

std::string format(const std::string& path) {
  const auto file = checked_file(path);
  if (!file->well_formed) throw dsl::SourceError(file->diagnostics);
  return dsl::print(file->parsed.file);
}

nb::list items(const std::vector<std::string>& folders) {
  nb::list all;
  for (const KnownItem& one : known_items(folders))
    all.append(nb::make_tuple(one.place.kind, one.place.name, one.notes.title, one.notes.paper, one.place.path));
  return all;
}

nb::list items_of(const std::string& path) {
  nb::list all;
  for (const Item& item : items_of_file(path)) all.append(nb::make_tuple(item.kind, item.name));
  return all;
}

// Text and JSON.
std::pair<std::string, std::string> explanation(const ProgramSpec& spec, std::int64_t batch, std::int64_t steps) {
  ExplainOptions options;
  options.spec = spec;
  options.batch = batch;
  options.steps = steps;
  const Explanation made = explain(options);
  return {explain_text(made), explain_json(made)};
}

std::pair<bool, std::string> gradients(const ProgramSpec& spec, std::int64_t batch, std::int64_t steps,
                                       std::uint64_t seed, const std::vector<std::pair<std::string, double>>& hypers) {
  GradcheckOptions options;
  options.batch = batch;
  options.steps = steps;
  options.seed = seed;
  options.hypers = hypers;
  const GradcheckReport report = gradcheck(spec, options);
  return {report.good(), gradcheck_text(spec.rule, report, options)};
}

std::pair<std::string, std::string> comparison(const std::string& a, const std::string& b,
                                               const std::vector<std::string>& settings, std::int64_t updates,
                                               std::uint64_t seed, bool lockstep,
                                               const std::vector<std::string>& folders) {
  CompareOptions options;
  options.rule_a = a;
  options.rule_b = b;
  for (const std::string& text : settings) options.shared.insert(parse_override(text));
  options.updates = updates;
  options.seed = seed;
  options.lockstep = lockstep;
  options.rule_folders = folders;
  bool pressed = false;
  options.interrupted = [&] { return interrupted(pressed); };
  Comparison made;
  {
    const Released released;
    made = compare(options);
  }
  if (pressed) {
    PyErr_SetNone(PyExc_KeyboardInterrupt);
    throw nb::python_error();
  }
  return {comparison_text(options, made), comparison_json(options, made)};
}

}  // namespace

void bind_tools(nb::module_& module) {
  const auto released = nb::call_guard<Released>();
  module.def("check", &check);
  module.def("format", &format);
  module.def("items", &items, nb::sig("def items(folders: list[str]) -> list[tuple[str, str, str, str, str]]"));
  module.def("items_of", &items_of, nb::sig("def items_of(path: str) -> list[tuple[str, str]]"));
  module.def("explain", &explanation, released);
  module.def("gradcheck", &gradients, released);
  module.def("compare", &comparison);
}

}  // namespace eligo::python
