// Random statements of the loop form, compared with the evaluator on every target. The seed of a failure is printed;
// ELIGO_TEST_SEED and ELIGO_TEST_COUNT run others.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "run.h"

namespace eligo::testing {
namespace {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  Module make() {
    Module m = module({}, {});
    const int statements = pick(1, 3);
    for (int i = 0; i < statements; ++i) m.functions[0].statements.push_back(statement(m));
    return m;
  }

  static constexpr int rows = 5;  // what integers point to

 private:
  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool chance(int percent) { return pick(1, 100) <= percent; }
  template <class T>
  const T& one_of(const std::vector<T>& v) {
    return v[static_cast<std::size_t>(pick(0, static_cast<int>(v.size()) - 1))];
  }

  Statement statement(Module& m) {
    Statement s;
    s.label = "random";
    const std::vector<std::int64_t> extents = {1, 2, 3, 5, 8, 15, 16, 17, 30, 33};
    const auto add = [&](const char* name, int n) {
      for (int i = 0; i < n; ++i) s.loops.push_back({name + std::to_string(i), one_of(extents), false});
    };
    if (chance(60)) s.loops.push_back(batch(pick(1, 12)));
    add("i", pick(0, 3));
    while (s.loops.size() > 3) s.loops.pop_back();
    s.outer = static_cast<int>(s.loops.size());
    std::shuffle(s.loops.begin(), s.loops.end(), random_);
    if (chance(70)) add("j", pick(1, 2));
    const bool batch_outside = std::any_of(s.loops.begin(), s.loops.end(), [](const Loop& l) { return l.batch; });
    if (!batch_outside && chance(30)) s.loops.push_back(batch(pick(1, 12)));
    std::shuffle(s.loops.begin() + s.outer, s.loops.end(), random_);
    double points = 1;
    for (Loop& l : s.loops)  // the evaluator is slow
      if ((points *= static_cast<double>(l.extent)) > 50'000) l.extent = 1;

    std::vector<int> bound, free;
    for (int l = 0; l < static_cast<int>(s.loops.size()); ++l) (l < s.outer ? bound : free).push_back(l);
    s.accumulate = chance(35);
    std::vector<int> stored = bound;
    if (s.accumulate) std::erase_if(stored, [&](int) { return chance(25); });
    s.out = access(m, s, stored, s.accumulate && chance(25), false);
    in_place_ = s.out.gather < 0 && stored.size() == bound.size();
    s.value = value(m, s, bound, free, 3);
    return s;
  }

  // A dense array over `loops` in random order, or one with gaps, diagonals or a reversed axis; in a buffer of its own.
  Access access(Module& m, const Statement& s, std::vector<int> loops, bool gathered, bool odd) {
    Access a;
    a.buffer = static_cast<int>(m.buffers.size());
    m.buffers.push_back({"x" + std::to_string(a.buffer)});
    a.stride.assign(s.loops.size(), 0);
    if (chance(50)) std::shuffle(loops.begin(), loops.end(), random_);
    std::int64_t size = 1;
    int example = -1;
    for (auto l = loops.rbegin(); l != loops.rend(); ++l) {
      const std::size_t i = static_cast<std::size_t>(*l);
      if (s.loops[i].batch) {
        example = *l;
        continue;
      }
      a.stride[i] = size;
      size *= s.loops[i].extent + (chance(15) ? pick(1, 3) : 0);
      if (odd && chance(10)) {  // once more along the diagonal
        a.stride[i] += size;
        size *= s.loops[i].extent;
      }
      if (odd && chance(10)) {  // backwards
        a.offset += a.stride[i] * (s.loops[i].extent - 1);
        a.stride[i] = -a.stride[i];
      }
    }
    if (gathered) {
      a.gather = static_cast<int>(m.buffers.size());
      a.gather_stride = size;
      size *= rows;
      std::vector<int> some = loops;
      std::erase_if(some, [&](int) { return chance(60); });
      m.buffers.push_back({"n" + std::to_string(a.gather), Element::int32});
      const Access index = access_of_index(m.buffers.back(), s, some);
      a.gather_loops = index.stride;
      if (chance(50))
        for (const int l : some)
          if (!s.loops[static_cast<std::size_t>(l)].batch) a.stride[static_cast<std::size_t>(l)] = 0;
      // what a gather adds must stay inside, also where an axis runs backwards
      for (std::int64_t& stride : a.stride) stride = std::abs(stride);
      a.offset = 0;
    }
    Buffer& b = m.buffers[static_cast<std::size_t>(a.buffer)];
    b.size = size;
    if (example >= 0) {
      b.batched = true;
      a.stride[static_cast<std::size_t>(example)] = size;
    }
    return a;
  }

  static Access access_of_index(Buffer& b, const Statement& s, const std::vector<int>& loops) {
    Access a;
    a.stride.assign(s.loops.size(), 0);
    b.size = 1;
    for (const int l : loops) {
      const std::size_t i = static_cast<std::size_t>(l);
      if (s.loops[i].batch) continue;
      a.stride[i] = b.size;
      b.size *= s.loops[i].extent;
    }
    for (const int l : loops)
      if (s.loops[static_cast<std::size_t>(l)].batch) {
        b.batched = true;
        a.stride[static_cast<std::size_t>(l)] = b.size;
      }
    return a;
  }

  ValuePtr leaf(Module& m, const Statement& s, const std::vector<int>& bound) {
    if (chance(15)) return constant(pick(-4, 4) * 0.25);
    if (in_place_ && chance(10)) return load(s.out);
    std::vector<int> some = bound;
    std::erase_if(some, [&](int) { return chance(35); });
    return load(access(m, s, some, chance(10), true));
  }

  ValuePtr value(Module& m, const Statement& s, std::vector<int> bound, std::vector<int> free, int depth) {
    if (depth == 0) return leaf(m, s, bound);
    if (!free.empty() && chance(60)) {
      std::vector<int> over, rest;
      for (const int l : free) (over.empty() || chance(70) ? over : rest).push_back(l);
      for (const int l : over) bound.push_back(l);
      const ValuePtr body = value(m, s, bound, rest, depth - 1);
      return chance(85) ? sum(over, body) : largest(over, body);
    }
    const auto next = [&] { return value(m, s, bound, free, chance(70) ? depth - 1 : 0); };
    const int kind = pick(1, 100);
    if (kind <= 30) return next() * next();
    if (kind <= 50) return next() + next();
    if (kind <= 60) return next() - next();
    if (kind <= 65) return op(Op::select, {op(Op::gt, {leaf(m, s, bound), leaf(m, s, bound)}), next(), next()});
    if (kind <= 75) return op(one_of<Op>({Op::max, Op::min}), {next(), next()});
    if (kind <= 90) return op(one_of<Op>({Op::neg, Op::abs, Op::relu, Op::square}), {next()});
    if (kind <= 97) return op(one_of<Op>({Op::tanh, Op::sigmoid}), {next()});
    const ValuePtr twice = next();
    return twice * (twice + constant(1));
  }

  std::mt19937_64 random_;
  bool in_place_ = false;  // the statement may read the element that it stores
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(Random, KernelsAgreeWithTheEvaluator) {
  const std::uint64_t first = from_environment("ELIGO_TEST_SEED", 1), count = from_environment("ELIGO_TEST_COUNT", 60);
  for (std::uint64_t seed = first; seed < first + count && !HasFatalFailure(); ++seed) {
    const Module m = Generator(seed).make();
    check(m, {0, 1, 7}, seed, Generator::rows);
  }
}

}  // namespace
}  // namespace eligo::testing
