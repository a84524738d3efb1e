#include "tests/oracle/nets.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>

#include "runtime/library/compile_key.h"

namespace eligo::test {

std::vector<double> numbers(std::string_view key, std::int64_t count, double scale) {
  std::uint64_t state = 0xcbf29ce484222325ull;
  for (const char c : key) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  std::vector<double> out;
  for (std::int64_t i = 0; i < count; ++i) {  // splitmix64
    std::uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    out.push_back(scale * (static_cast<double>(z >> 11) * 0x1p-52 - 1));
  }
  return out;
}

Batch make_batch(const Shape& shape, const std::string& key) {
  Batch batch;
  batch.steps = shape.steps;
  batch.examples = shape.examples;
  const std::int64_t points = shape.steps * shape.examples;
  batch.x = numbers(key + ".x", points * shape.inputs);
  batch.y = numbers(key + ".y", points * shape.targets);
  for (double& y : batch.y) y = std::abs(y);
  if (shape.masked) {
    for (const double u : numbers(key + ".mask", points)) batch.loss_mask.push_back(u < -0.2 ? 0 : u < 0.2 ? 0.5 : 1);
  }
  if (shape.unequal) {
    const std::vector<double> draws = numbers(key + ".length", shape.examples);
    for (std::int64_t b = 0; b < shape.examples; ++b) {
      const auto length = 1 + static_cast<std::int64_t>((draws[b] + 1) / 2 * static_cast<double>(shape.steps));
      batch.lengths.push_back(b == 0 ? shape.steps - 1 : length);
    }
  }
  return batch;
}

Batch only(const Batch& batch, std::int64_t example, std::int64_t inputs, std::int64_t targets) {
  Batch one;
  one.steps = batch.steps;
  one.examples = 1;
  for (std::int64_t t = 0; t < batch.steps; ++t) {
    const std::int64_t point = t * batch.examples + example;
    for (std::int64_t i = 0; i < inputs; ++i) one.x.push_back(batch.x[point * inputs + i]);
    for (std::int64_t i = 0; i < targets; ++i) one.y.push_back(batch.y[point * targets + i]);
    if (!batch.loss_mask.empty()) one.loss_mask.push_back(batch.loss_mask[point]);
  }
  if (!batch.lengths.empty()) one.lengths = {batch.lengths[example]};
  return one;
}

ProgramSpec net(const std::string& rule, const std::string& cell, const std::string& readout, const std::string& synth,
                std::int64_t units) {
  ProgramSpec spec;
  spec.rule = rule;
  spec.cell = cell;
  spec.readout = readout;
  spec.sizes = {{"n", units}, {"m", 3}, {"k", 2}};
  spec.synth = synth;  // rules without such a role leave it aside
  if (synth == "mlp") spec.sizes["hidden"] = 4;
  return spec;
}

ProgramSpec exact(ProgramSpec spec) {
  spec.float64 = true;
  return spec;
}

void fill(Session& session, double scale) {
  for (const TensorInfo& info : session.tensors()) {
    if (!info.parameter && !info.name.ends_with("[start]")) continue;
    std::int64_t size = 1;
    for (const std::int64_t extent : info.shape) size *= extent;
    session.set(info.name, numbers(info.name, size, scale));
  }
}

namespace {

// A test that makes several sessions of one program compiles it once.
std::shared_ptr<const Program> compiled(const ProgramSpec& spec) {
  static std::map<std::string, std::shared_ptr<const Program>> known;
  const std::string key = program_key(spec, spec.cpu + (spec.interpreter ? " interpreter" : ""));
  if (key.empty()) return compile(spec);
  std::shared_ptr<const Program>& program = known[key];
  if (!program) program = compile(spec);
  return program;
}

}  // namespace

Session make_session(const ProgramSpec& spec, const Shape& shape, int threads) {
  SessionOptions options;
  options.batch = shape.examples;
  options.steps = shape.steps;
  options.seed = 1;
  options.threads = threads;
  Session session(compiled(spec), options);
  fill(session);
  return session;
}

std::vector<std::string> parameters(const Session& session) {
  std::vector<std::string> names;
  for (const TensorInfo& info : session.tensors())
    if (!info.bundle.empty()) names.push_back(info.name);
  return names;
}

std::vector<std::string> states(const std::string& cell) {
  if (cell == "lstm") return {"net.h", "net.c"};
  return {"net.h"};
}

double difference(const std::vector<double>& got, const std::vector<double>& want, double floor) {
  if (got.size() != want.size()) return std::numeric_limits<double>::infinity();
  double most = 0, scale = floor;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(got[i]) || !std::isfinite(want[i])) return std::numeric_limits<double>::infinity();
    most = std::max(most, std::abs(got[i] - want[i]));
    scale = std::max(scale, std::abs(want[i]));
  }
  return most / scale;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace eligo::test
