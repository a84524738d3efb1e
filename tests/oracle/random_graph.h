// Random programs on the graph: a few tensors with numbers in them, and one phase of equations over every kind of node.
#pragma once

#include <map>
#include <random>
#include <vector>

#include "compiler/ir/phase_runner.h"
#include "compiler/ir/program.h"

namespace eligo::test {

// Memory of a program's tensors, the same at every call, made as it is asked for.
class TensorMemory : public compiler::Resolver {
 public:
  // `corners`: mostly zeros and other small round numbers.
  TensorMemory(const compiler::Program& program, std::int64_t examples, std::uint64_t seed, bool corners = false)
      : program_(&program), examples_(examples), seed_(seed), corners_(corners) {}
  // The same with every number off by some units in the last place.
  TensorMemory disturbed(std::uint64_t by) const {
    TensorMemory other(*program_, examples_, seed_, corners_);
    other.disturbed_by_ = by;
    return other;
  }
  void* resolve(int tensor, compiler::TimeRef time) override;
  std::vector<double>& reals(int tensor, compiler::TimeRef time);
  std::vector<std::int32_t>& integers(int tensor);

 private:
  const compiler::Program* program_;
  std::int64_t examples_;
  std::uint64_t seed_;
  bool corners_ = false;
  std::uint64_t disturbed_by_ = 0;
  std::map<std::pair<int, compiler::TimeRef>, std::vector<double>> reals_;
  std::map<int, std::vector<std::int32_t>> integers_;
};

class RandomGraph {
 public:
  // `corners`: with operations that make infinities and NaN of finite numbers, guarded and not.
  explicit RandomGraph(std::uint64_t seed, bool corners = false) : random_(seed), corners_(corners) {}
  // Tensors, `nodes` inner nodes and a phase "arrive": two stores and a gather, some of them of derivatives.
  void build(compiler::Program& program, int nodes);

 private:
  using Ref = compiler::Ref;
  using Extent = compiler::Extent;
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }
  std::vector<Extent> extents(std::int64_t most);
  int add_tensor(const std::string& name, compiler::TensorKind kind, std::vector<Extent> dims, bool batched);
  Ref pick(bool numbers_only = false);
  compiler::Index index(Extent extent, const std::vector<Extent>& labels);
  compiler::Use use(Ref node, const std::vector<Extent>& labels);
  Ref any();
  Ref map();
  Ref partial_operation();
  Ref guarded();
  Ref contract();
  Ref sum();
  Ref structure();
  Ref derivative();
  void add_root(compiler::RootKind kind, const std::string& name, Ref node);

  std::mt19937_64 random_;
  bool corners_ = false;
  compiler::Program* program_ = nullptr;
  std::vector<Ref> leaves_, nodes_;
};

}  // namespace eligo::test
