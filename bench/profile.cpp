// Time of each phase of a rule and of each of its statements, on the shard that a session would give a kernel:
//
//   profile bp_lambda --cell lstm --readout linear_softmax --synth linear --size n=100 --batch 25 [--phase sweep]
//
// Each statement is compiled as a function of its own. `peak` is the fraction of the measured multiply-add rate that
// its operations make (counted by compiler/lower/phase_costs, elementary functions by their cost), `GB/s` what it must at
// least touch. Times are the least of several runs; numbers of one run belong together.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <random>

#include <fmt/core.h>
#include <sys/mman.h>

#include "bench/peak.h"
#include "compiler/driver/pipeline.h"
#include "compiler/codegen/codegen.h"
#include "compiler/loops/print.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/phase_costs.h"
#include "runtime/library/compile.h"
#include "support/denormals.h"

namespace eligo::bench {
namespace {

using namespace compiler::loops;  // NOLINT: the words of the loop form

struct Options {
  ProgramSpec spec;
  std::int64_t batch = 32;
  std::string phase, cpu = "native";
  std::string code_of;  // print the machine code of statements of this label instead
  int width = 150;
  bool statements = true;
};

// The largest number that a wiring may hold: all that is read through it must lie within its buffer.
std::int64_t largest_index(const Module& m, int wiring) {
  std::int64_t most = std::numeric_limits<std::int32_t>::max();
  for (const Function& f : m.functions)
    for (const Statement& s : f.statements) {
      const auto look = [&](const Access& a) {
        if (a.gather != wiring || a.gather_stride <= 0) return;
        std::int64_t last = a.offset;
        for (std::size_t l = 0; l < a.stride.size(); ++l)
          if (!s.loops[l].batch) last += std::max<std::int64_t>(0, a.stride[l] * (s.loops[l].extent - 1));
        most = std::min(most, (m.buffers[static_cast<std::size_t>(a.buffer)].size - 1 - last) / a.gather_stride);
      };
      const std::function<void(const Value&)> visit = [&](const Value& v) {
        if (v.kind == ValueKind::load) look(v.access);
        for (const ValuePtr& a : v.args) visit(*a);
      };
      look(s.out);
      visit(*s.value);
    }
  return most;
}

// Memory of all buffers: small random reals, ones where a flag is meant.
class Arena {
 public:
  Arena(const Module& m, std::int64_t examples, DType dtype) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> real(0.01, 0.1);
    std::size_t all = 0, place = 0;
    for (const Buffer& b : m.buffers)
      all += (static_cast<std::size_t>(b.batched ? b.size * examples : b.size) * 8 + 127) / 64 * 64;
    constexpr std::size_t huge = 2 << 20;
    all = (all + huge - 1) / huge * huge;
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(huge, all)));
    madvise(memory_.get(), all, MADV_HUGEPAGE);
    for (std::size_t i = 0; i < m.buffers.size(); ++i) {
      const Buffer& b = m.buffers[i];
      const auto n = static_cast<std::size_t>(b.batched ? b.size * examples : b.size);
      void* p = memory_.get() + place;
      place += (n * 8 + 127) / 64 * 64;
      const std::int64_t most = b.element == Element::int32 ? largest_index(m, static_cast<int>(i)) : 0;
      for (std::size_t k = 0; k < n; ++k) {
        if (b.element == Element::int32)
          static_cast<std::int32_t*>(p)[k] = static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(most + 1));
        else if (dtype == DType::f32) static_cast<float*>(p)[k] = static_cast<float>(real(random));
        else static_cast<double*>(p)[k] = real(random);
      }
      pointers.push_back(p);
    }
  }
  std::vector<void*> pointers;

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> memory_;
};

double seconds_of(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  const auto time = [&](int repeats) {
    const auto start = Clock::now();
    for (int i = 0; i < repeats; ++i) work();
    return std::chrono::duration<double>(Clock::now() - start).count() / repeats;
  };
  work();
  const int repeats = static_cast<int>(std::clamp(1e-3 / std::max(time(1), 1e-9), 1.0, 1e5));
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 12; ++i) best = std::min(best, time(repeats));
  return best;
}

struct Measured {
  double seconds = 0, compile_ms = 0;
  std::size_t bytes = 0;
};

Measured measure(const Module& all, std::vector<Statement> statements, std::vector<compiler::loops::Fusion> fusions, const Options& o, const Arena& arena,
                 std::int64_t rows) {
  Module m;
  m.name = "profile";
  m.buffers = all.buffers;
  m.functions = {{"kernel", std::move(statements), std::move(fusions)}};
  const DType dtype = o.spec.float64 ? DType::f64 : DType::f32;
  const auto kernels = compiler::llvm_backend().functions(m, {dtype, o.cpu});
  const auto kernel = kernels->find("kernel");
  const FlushDenormals flush;
  return {seconds_of([&] { kernel(arena.pointers.data(), rows); }),
          kernels->compile_times.sum() + kernels->load_ms, kernels->object_bytes};
}

void row(const char* indent, const Measured& t, const compiler::Cost& cost, const Options& o, const std::string& what) {
  const double bytes = cost.words * (o.spec.float64 ? 8 : 4);
  const double peak = peak_flops(o.spec.float64 ? DType::f64 : DType::f32);
  fmt::print("{}{:10.2f} us {:10.3f} Mop {:5.1f} % of peak {:7.1f} GB/s {:7.1f} ms {:6} B  {}\n", indent,
             1e6 * t.seconds, 1e-6 * cost.operations, 100 * cost.operations / t.seconds / peak,
             1e-9 * bytes / t.seconds, t.compile_ms, t.bytes, what.substr(0, static_cast<std::size_t>(o.width)));
}

void profile(const Options& o) {
  const auto program = instantiate(o.spec);
  compiler::CompileOptions options;
  options.float64 = o.spec.float64;
  options.batch = o.batch;
  compiler::Compilation compilation{*program, options, {}};
  compiler::run_passes(compilation, compiler::PassId::fuse_loops);
  const compiler::Lowered& lowered = compilation.lowered;
  const Module& m = lowered.module;
  constexpr std::int64_t steps = compiler::cost_model::steps_in_a_call;
  const Arena arena(m, o.batch * steps, o.spec.float64 ? DType::f64 : DType::f32);
  fmt::print("{}: {} examples, peak {:.1f} GFLOP/s\n", m.name, o.batch,
             1e-9 * peak_flops(o.spec.float64 ? DType::f64 : DType::f32));
  for (std::size_t n = 0; n < m.functions.size(); ++n) {
    const Function& f = m.functions[n];
    const std::int64_t rows = o.batch * (lowered.at_once[n] ? steps : 1);
    if (f.name.find(o.phase) == std::string::npos) continue;
    for (const Statement& s : f.statements) {
      if (o.code_of.empty() || s.label != o.code_of) continue;
      Module one{"profile", m.buffers, {{"kernel", {s}, {}}}};
      const DType dtype = o.spec.float64 ? DType::f64 : DType::f32;
      fmt::print("{}\n{}\n", compiler::loops::text(m, s),
                 compiler::llvm_backend().text("asm", one, {dtype, o.cpu}));
    }
    if (!o.code_of.empty()) continue;
    row("", measure(m, f.statements, f.fusions, o, arena, rows), compiler::cost_of_function(f), o, f.name);
    for (int i = 0; o.statements && i < static_cast<int>(f.statements.size()); ++i) {
      const Statement& s = f.statements[static_cast<std::size_t>(i)];
      std::vector<compiler::loops::Fusion> fusions;
      for (compiler::loops::Fusion fusion : f.fusions)
        if (fusion.first <= i && i < fusion.first + fusion.count) {
          fusion.first = 0, fusion.count = 1;
          fusions = {fusion};
        }
      row(fusions.empty() ? "  " : "  x ", measure(m, {s}, fusions, o, arena, rows), compiler::cost_of_function({"", {s}, {}}), o,
            fmt::format("{}  {}", s.label, compiler::loops::text(m, s)));
    }
  }
}

Options read(int argc, char** argv) {
  Options o;
  o.spec.sizes = {{"n", 30}, {"m", 10}, {"k", 2}, {"hidden", 30}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) {
      o.spec.rule = word;
      continue;
    }
    if (word == "--f64") o.spec.float64 = true;
    else if (word == "--phases") o.statements = false;
    else if (i + 1 == argc) throw std::runtime_error(word + " needs a value");
    else if (const std::string value = argv[++i]; word == "--cell") o.spec.cell = value;
    else if (word == "--readout") o.spec.readout = value;
    else if (word == "--synth") o.spec.synth = value;
    else if (word == "--optimiser") o.spec.optimiser = value;
    else if (word == "--batch") o.batch = std::stoll(value);
    else if (word == "--phase") o.phase = value;
    else if (word == "--code") o.code_of = value;
    else if (word == "--cpu") o.cpu = value;
    else if (word == "--width") o.width = std::stoi(value);
    else if (word == "--window") o.spec.header["n"] = std::stoll(value);
    else if (word == "--update") o.spec.update = value == "step" ? Update::step : Update::sequence;
    else if (word == "--size")
      o.spec.sizes[value.substr(0, value.find('='))] = std::stoll(value.substr(value.find('=') + 1));
    else throw std::runtime_error("there is no option " + word);
  }
  return o;
}

}  // namespace
}  // namespace eligo::bench

int main(int argc, char** argv) {
  try {
    eligo::bench::profile(eligo::bench::read(argc, argv));
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << '\n';
    return 1;
  }
}
