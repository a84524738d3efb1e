#include "compiler/lower/split_wide_loops.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "compiler/ir/cost_model.h"
#include "compiler/loops/build.h"
#include "compiler/lower/phase_costs.h"

namespace eligo::compiler {
namespace {

using loops::Access;
using loops::Statement;

std::int64_t at(const std::vector<std::int64_t>& stride, std::size_t l) { return l < stride.size() ? stride[l] : 0; }

double operations_of_example(const Statement& s) {
  double examples = 1;
  for (const loops::Loop& l : s.loops)
    if (l.batch) examples = static_cast<double>(l.extent);
  return cost_of_function({"", {s}, {}}).operations / examples;
}

// As many pieces as there may be; an even number, if possible.
std::int64_t pieces_of(std::int64_t extent, double operations) {
  const auto most = std::min(cost_model::split_pieces, static_cast<std::int64_t>(operations / cost_model::split_piece));
  std::int64_t best = 1;
  for (std::int64_t n = 2; n <= most; ++n)
    if (extent % n == 0 && (n % 2 == 0 || best % 2 == 1)) best = n;
  return best;
}

// The output loop whose pieces have least to read in common, and into how many it is cut.
struct Cut {
  std::size_t loop = 0;
  std::int64_t pieces = 1;
};
Cut cut_of(const Statement& s) {
  Cut best;
  const double operations = operations_of_example(s);
  if (operations < cost_model::split_from || s.out.gather >= 0) return best;
  const std::vector<const Access*> loads = loops::loads_of(s.value);
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t l = 0; l < static_cast<std::size_t>(s.outer); ++l) {
    if (s.loops[l].batch || at(s.out.stride, l) == 0) continue;
    const std::int64_t pieces = pieces_of(s.loops[l].extent, operations);
    if (pieces == 1) continue;
    double again = 0;
    for (const Access* a : loads) {
      if (at(a->stride, l) != 0 || (a->gather >= 0 && at(a->gather_loops, l) != 0)) continue;
      double n = 1;
      for (std::size_t k = 0; k < s.loops.size(); ++k)
        if (at(a->stride, k) != 0 && !s.loops[k].batch) n *= static_cast<double>(s.loops[k].extent);
      again += n;
    }
    if (again < least) least = again, best = {l, pieces};
  }
  return best;
}

Statement piece_of(Statement s, const Cut& cut, std::int64_t number) {
  loops::Loop& loop = s.loops[cut.loop];
  loop.extent /= cut.pieces;
  const std::int64_t by = loop.extent * number;
  s.out.offset += at(s.out.stride, cut.loop) * by;
  s.value = loops::with_accesses(s.value, [&](Access& a) {
    a.offset += at(a.stride, cut.loop) * by;
    if (a.gather >= 0) a.gather_offset += at(a.gather_loops, cut.loop) * by;
  });
  return s;
}

class Split {
 public:
  Split(Lowered& lowered, std::size_t function) : lowered_(lowered), function_(function) {}

  void run() {
    if (!lowered_.module.functions[function_].fusions.empty()) return;
    std::vector<Statement> statements = std::move(lowered_.module.functions[function_].statements);
    std::vector<Cut> cuts;
    for (const Statement& s : statements) cuts.push_back(cut_of(s));
    if (std::all_of(cuts.begin(), cuts.end(), [](const Cut& c) { return c.pieces == 1; })) {
      lowered_.module.functions[function_].statements = std::move(statements);
      return;
    }
    std::vector<Statement> together;
    for (std::size_t i = 0; i < statements.size(); ++i) {
      if (cuts[i].pieces == 1) {
        together.push_back(std::move(statements[i]));
        continue;
      }
      if (!together.empty()) stage({std::move(together)});
      together.clear();
      std::vector<std::vector<Statement>> pieces;
      for (std::int64_t n = 0; n < cuts[i].pieces; ++n) pieces.push_back({piece_of(statements[i], cuts[i], n)});
      stage(std::move(pieces));
    }
    if (!together.empty()) stage({std::move(together)});
  }

 private:
  void stage(std::vector<std::vector<Statement>> pieces) {
    std::vector<int>& numbers = lowered_.stages[function_].emplace_back();
    for (std::vector<Statement>& statements : pieces) {
      loops::Module& module = lowered_.module;
      numbers.push_back(static_cast<int>(module.functions.size()));
      const std::string name = fmt::format("{}_{}", module.functions[function_].name, ++count_);
      module.functions.push_back({name, std::move(statements), {}});
      // Memory is that of the function whose stage this is.
      lowered_.used.emplace_back();
      lowered_.scratch.emplace_back(0, 0);
      lowered_.at_once.push_back(lowered_.at_once[function_]);
      lowered_.stages.emplace_back();
    }
  }

  Lowered& lowered_;
  const std::size_t function_;
  int count_ = 0;
};

}  // namespace

void split_wide_loops(Lowered& lowered) {
  const std::size_t functions = lowered.module.functions.size();
  lowered.stages.resize(functions);
  for (std::size_t f = 0; f < functions; ++f) Split(lowered, f).run();
}

}  // namespace eligo::compiler
