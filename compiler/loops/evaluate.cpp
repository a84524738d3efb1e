#include "compiler/loops/evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

namespace eligo::compiler::loops {
namespace {

class Evaluator {
 public:
  Evaluator(const Module& module, const Statement& statement, std::vector<Contents>& memory)
      : module_(module), statement_(statement), memory_(memory), at_(statement.loops.size(), 0) {}

  // All of it for some of the examples, or with the first loop held at one value.
  void run(std::int64_t first, std::int64_t end, const std::int64_t* trip = nullptr) {
    first_ = first, end_ = end;
    std::vector<int> outer;
    for (int l = trip ? 1 : 0; l < statement_.outer; ++l) outer.push_back(l);
    if (trip) at_[0] = *trip;
    each(outer, 0, [&] {
      double& place = memory_[index(statement_.out.buffer)].real.at(index(position(statement_.out)));
      const double v = value(*statement_.value);
      place = statement_.accumulate ? place + v : v;
    });
  }

 private:
  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

  void each(const std::vector<int>& loops, std::size_t depth, const std::function<void()>& body) {
    if (depth == loops.size()) return body();
    const std::size_t l = index(loops[depth]);
    const bool batch = statement_.loops[l].batch;
    const std::int64_t end = batch ? end_ : statement_.loops[l].extent;
    for (at_[l] = batch ? first_ : 0; at_[l] < end; ++at_[l]) each(loops, depth + 1, body);
    at_[l] = 0;
  }

  std::int64_t position(const Access& a) const {
    std::int64_t p = a.offset;
    for (std::size_t l = 0; l < a.stride.size(); ++l) p += a.stride[l] * at_[l];
    if (a.gather < 0) return p;
    std::int64_t g = a.gather_offset;
    for (std::size_t l = 0; l < a.gather_loops.size(); ++l) g += a.gather_loops[l] * at_[l];
    return p + a.gather_stride * memory_[index(a.gather)].integer.at(index(g));
  }

  double value(const Value& v) {
    switch (v.kind) {
      case ValueKind::constant: return v.constant;
      case ValueKind::load: {
        const Contents& from = memory_[index(v.access.buffer)];
        const std::size_t p = index(position(v.access));
        return module_.buffers[index(v.access.buffer)].element == Element::int32 ? from.integer.at(p) : from.real.at(p);
      }
      case ValueKind::apply: {
        std::array<double, 3> x{};
        for (std::size_t i = 0; i < v.args.size(); ++i) x[i] = value(*v.args[i]);
        return op_evaluate(v.op, x.data());
      }
      case ValueKind::reduce: {
        double sum = 0;
        each(v.over, 0, [&] { sum += value(*v.args[0]); });
        return sum;
      }
      case ValueKind::reduce_max: {
        std::array<double, 2> x{-std::numeric_limits<double>::infinity(), 0};
        each(v.over, 0, [&] {
          x[1] = value(*v.args[0]);
          x[0] = op_evaluate(Op::max, x.data());
        });
        return x[0];
      }
    }
    return NAN;
  }

  const Module& module_;
  const Statement& statement_;
  std::vector<Contents>& memory_;
  std::int64_t first_ = 0, end_ = 0;  // of the examples
  std::vector<std::int64_t> at_;  // the loop variables
};

}  // namespace

void evaluate(const Module& module, const Function& function, std::vector<Contents>& memory, std::int64_t examples) {
  const auto evaluator = [&](int statement) {
    return Evaluator(module, function.statements[static_cast<std::size_t>(statement)], memory);
  };
  const int count = static_cast<int>(function.statements.size());
  auto fusion = function.fusions.begin();
  for (int i = 0; i < count;) {
    if (fusion == function.fusions.end() || fusion->first != i) {
      evaluator(i++).run(0, examples);
      continue;
    }
    const std::int64_t some = fusion->examples == 0 ? std::max<std::int64_t>(1, examples) : fusion->examples;
    for (std::int64_t trip = 0; trip < fusion->trips; ++trip)
      for (std::int64_t first = 0; first == 0 || first < examples; first += some)
        for (int k = 0; k < fusion->count; ++k)
          evaluator(i + k).run(first, std::min(examples, first + some), &trip);
    i += fusion->count;
    ++fusion;
  }
}

}  // namespace eligo::compiler::loops
