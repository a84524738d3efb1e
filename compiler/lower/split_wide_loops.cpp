#include "compiler/lower/split_wide_loops.h"

#include <algorithm>
#include <limits>
#include <map>

#include <fmt/core.h>

#include "compiler/ir/cost_model.h"
#include "compiler/loops/build.h"
#include "compiler/lower/phase_costs.h"

namespace eligo::compiler {
namespace {

using loops::Access;
using loops::Statement;

std::int64_t at(const std::vector<std::int64_t>& stride, std::size_t l) { return l < stride.size() ? stride[l] : 0; }

double operations_of_example(const Statement& s, bool fused = false) {
  double examples = 1;
  for (const loops::Loop& l : s.loops)
    if (l.batch) examples = static_cast<double>(l.extent);
  std::vector<loops::Fusion> fusions;
  if (fused) fusions = {{0, 1, s.loops[0].extent, 1, s.loops[0].extent, 0, {}}};
  return cost_of_function({"", {s}, std::move(fusions)}).operations / examples;
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

// Statements that stay together: one, or those of a fusion, cut into pieces of whole trips.
struct Part {
  std::vector<Statement> statements;
  std::vector<loops::Fusion> fusions;
  Cut cut;
};

// Trips that no two pieces write to one place of.
bool trips_are_apart(const Part& part) {
  const std::vector<int>& local = part.fusions[0].local;
  return std::all_of(part.statements.begin(), part.statements.end(), [&](const Statement& s) {
    return s.out.gather < 0 && (s.out.stride[0] != 0 || std::find(local.begin(), local.end(), s.out.buffer) != local.end());
  });
}

Cut cut_of(const Part& part) {
  if (part.fusions.empty()) return cut_of(part.statements[0]);
  double operations = 0;
  for (const Statement& s : part.statements) operations += operations_of_example(s, true);
  if (operations < cost_model::split_from || !trips_are_apart(part)) return {};
  return {0, pieces_of(part.fusions[0].trips, operations)};
}

class Split {
 public:
  Split(Lowered& lowered, std::size_t function) : lowered_(lowered), function_(function) {}

  void run() {
    std::vector<Part> parts = parts_of(lowered_.module.functions[function_]);
    for (Part& part : parts) part.cut = cut_of(part);
    if (std::all_of(parts.begin(), parts.end(), [](const Part& p) { return p.cut.pieces == 1; })) return;
    Part together;
    const auto end_together = [&] {
      if (!together.statements.empty()) stage({std::move(together)});
      together = {};
    };
    for (const Part& part : parts) {
      if (part.cut.pieces == 1) {
        append(part, together);
        continue;
      }
      end_together();
      std::vector<Part> pieces;
      for (std::int64_t n = 0; n < part.cut.pieces; ++n) pieces.push_back(piece(part, n));
      stage(std::move(pieces));
    }
    end_together();
    lowered_.module.functions[function_].statements.clear();
    lowered_.module.functions[function_].fusions.clear();
  }

 private:
  static std::vector<Part> parts_of(const loops::Function& function) {
    std::vector<Part> parts;
    auto fusion = function.fusions.begin();
    for (std::size_t i = 0; i < function.statements.size();) {
      const bool fused = fusion != function.fusions.end() && static_cast<std::size_t>(fusion->first) == i;
      const auto count = static_cast<std::size_t>(fused ? fusion->count : 1);
      Part& part = parts.emplace_back();
      const auto first = function.statements.begin() + static_cast<std::ptrdiff_t>(i);
      part.statements.assign(first, first + static_cast<std::ptrdiff_t>(count));
      if (fused) {
        part.fusions = {*fusion++};
        part.fusions[0].first = 0;
      }
      i += count;
    }
    return parts;
  }

  static void append(const Part& part, Part& to) {
    for (loops::Fusion fusion : part.fusions) {
      fusion.first += static_cast<int>(to.statements.size());
      to.fusions.push_back(std::move(fusion));
    }
    to.statements.insert(to.statements.end(), part.statements.begin(), part.statements.end());
  }

  Part piece(const Part& part, std::int64_t number) {
    Part out = part;
    for (Statement& s : out.statements) s = piece_of(s, part.cut, number);
    if (out.fusions.empty()) return out;
    out.fusions[0].trips /= part.cut.pieces;
    if (number > 0) own_memory(out, number);
    return out;
  }

  // Pieces run side by side: what a trip alone uses is each one's own.
  void own_memory(Part& piece, std::int64_t number) {
    std::map<int, int> copies;
    for (int& buffer : piece.fusions[0].local) {
      const int copy = copy_of(buffer, number);
      copies.emplace(buffer, copy);
      buffer = copy;
    }
    const auto change = [&](Access& a) {
      if (const auto found = copies.find(a.buffer); found != copies.end()) a.buffer = found->second;
    };
    for (Statement& s : piece.statements) {
      change(s.out);
      s.value = loops::with_accesses(s.value, change);
    }
  }

  int copy_of(int buffer, std::int64_t number) {
    loops::Buffer copy = lowered_.module.buffers[static_cast<std::size_t>(buffer)];
    copy.name = fmt::format("{}_piece{}", copy.name, number + 1);
    Binding binding = lowered_.bindings[static_cast<std::size_t>(buffer)];
    auto& [per_example, in_all] = lowered_.scratch[function_];
    binding.offset = copy.batched ? per_example : in_all;
    (copy.batched ? per_example : in_all) += copy.batched ? copy.size : (copy.size + 15) / 16 * 16;
    lowered_.module.buffers.push_back(std::move(copy));
    lowered_.bindings.push_back(binding);
    lowered_.used[function_].push_back(static_cast<int>(lowered_.bindings.size()) - 1);
    return lowered_.used[function_].back();
  }

  void stage(std::vector<Part> pieces) {
    std::vector<int> numbers;
    for (Part& piece : pieces) {
      loops::Module& module = lowered_.module;
      numbers.push_back(static_cast<int>(module.functions.size()));
      const std::string name = fmt::format("{}_{}", module.functions[function_].name, ++count_);
      module.functions.push_back({name, std::move(piece.statements), std::move(piece.fusions)});
      // Memory is that of the function whose stage this is.
      lowered_.used.emplace_back();
      lowered_.scratch.emplace_back(0, 0);
      lowered_.at_once.push_back(lowered_.at_once[function_]);
      lowered_.stages.emplace_back();
    }
    lowered_.stages[function_].push_back(std::move(numbers));
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
