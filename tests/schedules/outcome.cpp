#include "tests/schedules/outcome.h"

#include <algorithm>
#include <limits>

namespace eligo::test {

Outcome outcome(const ProgramSpec& spec, const Shape& shape, int threads) {
  Outcome out;
  std::shared_ptr<const Program> program;
  try {
    program = compile(spec);
  } catch (const Error& e) {
    out.refusal = e.what();
    return out;
  }
  SessionOptions options;
  options.batch = shape.examples;
  options.steps = shape.steps;
  options.seed = 1;
  options.threads = threads;
  Session session(program, options);
  fill(session);
  session.set_hyper("optimiser.α", 0.05);
  for (const char* key : {"first", "second"}) {
    out.loss += session.run(make_batch(shape, key)).loss;
    for (const std::string& name : parameters(session))
      out.numbers["gathered " + name + " " + key] = session.gathered(name);
  }
  for (const TensorInfo& info : session.tensors())
    if (!info.name.ends_with("[start]")) out.numbers[info.name] = session.get(info.name);
  for (const std::string& name : spec.show) out.numbers["shown " + name] = session.shown(name).values;
  return out;
}

double apart(const Outcome& got, const Outcome& want, std::string* where) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (!got.refusal.empty() || !want.refusal.empty() || got.numbers.size() != want.numbers.size()) return infinite;
  double most = difference({got.loss}, {want.loss}, 1e-6);
  if (where) *where = "loss";
  for (const auto& [name, numbers] : want.numbers) {
    const auto found = got.numbers.find(name);
    const double one = found == got.numbers.end() ? infinite : difference(found->second, numbers, 1e-6);
    if (one <= most) continue;
    most = one;
    if (where) *where = name;
  }
  return most;
}

ProgramSpec small(const std::string& rule, const std::string& cell, const std::string& synth, std::int64_t units) {
  ProgramSpec spec = exact(net(rule, cell, "linear_mse", synth, units));
  if (cell == "sparsenet") spec.sizes = {{"w", 3}, {"q", 1}, {"slot", 2}, {"r", 2}, {"m", 3}, {"k", 2}};
  if (cell == "few") spec.sizes["r"] = 2;
  if (synth != "linear" && synth != "feedback") spec.sizes["hidden"] = 4;
  return spec;
}

ProgramSpec with(ProgramSpec spec, const std::string& schedule, bool interpreter) {
  spec.schedule = {{"", schedule}};
  spec.interpreter = interpreter;
  return spec;
}

}  // namespace eligo::test
