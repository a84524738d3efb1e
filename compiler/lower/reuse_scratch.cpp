#include "compiler/lower/reuse_scratch.h"

#include <algorithm>
#include <map>
#include <vector>

#include "compiler/loops/build.h"

namespace eligo::compiler {
namespace {

// A scratch buffer, from the first statement that touches it to the last.
struct Life {
  int buffer = -1;
  int first = 0, last = 0;
};

// Where statement i counts as for what outlives a trip of its fusion: all of the fusion.
struct Range {
  int first = 0, last = 0;
};

class Placing {
 public:
  Placing(Lowered& lowered, std::size_t function)
      : lowered_(lowered), function_(lowered.module.functions[function]), number_(function) {}

  void run() {
    const std::vector<Life> lives = lives_of();
    auto& [per_example, in_all] = lowered_.scratch[number_];
    per_example = place(lives, true);
    in_all = place(lives, false);
  }

 private:
  const loops::Buffer& buffer(int number) const { return lowered_.module.buffers[static_cast<std::size_t>(number)]; }
  std::int64_t size_of(int number) const {
    const loops::Buffer& b = buffer(number);
    return b.batched ? b.size : (b.size + 15) / 16 * 16;
  }

  std::vector<Life> lives_of() const {
    std::map<int, Life> lives;
    for (int i = 0; i < static_cast<int>(function_.statements.size()); ++i) {
      const loops::Fusion* const fusion = loops::fusion_of(function_, static_cast<std::size_t>(i));
      const loops::Statement& s = function_.statements[static_cast<std::size_t>(i)];
      const auto touch = [&](int number) {
        if (lowered_.bindings[static_cast<std::size_t>(number)].kind != Binding::Kind::scratch) return;
        Range range{i, i};
        if (fusion && std::find(fusion->local.begin(), fusion->local.end(), number) == fusion->local.end())
          range = {fusion->first, fusion->first + fusion->count - 1};
        Life& life = lives.try_emplace(number, Life{number, range.first, range.last}).first->second;
        life.first = std::min(life.first, range.first);
        life.last = std::max(life.last, range.last);
      };
      for (const loops::Access* a : loops::loads_of(s.value)) touch(a->buffer);
      touch(s.out.buffer);
    }
    std::vector<Life> all;
    for (const auto& [number, life] : lives) all.push_back(life);
    std::stable_sort(all.begin(), all.end(), [](const Life& a, const Life& b) { return a.first < b.first; });
    return all;
  }

  // Each at the lowest offset that is free while it lives; returns the end of all.
  std::int64_t place(const std::vector<Life>& lives, bool batched) {
    std::vector<Life> placed;
    std::int64_t end = 0;
    for (const Life& life : lives) {
      if (buffer(life.buffer).batched != batched) continue;
      std::int64_t& offset = lowered_.bindings[static_cast<std::size_t>(life.buffer)].offset;
      offset = free_offset(placed, life);
      end = std::max(end, offset + size_of(life.buffer));
      placed.push_back(life);
    }
    return end;
  }

  std::int64_t free_offset(const std::vector<Life>& placed, const Life& life) const {
    std::vector<std::pair<std::int64_t, std::int64_t>> taken;
    for (const Life& other : placed) {
      if (other.last < life.first) continue;  // they come in the order of their first statements
      const std::int64_t from = lowered_.bindings[static_cast<std::size_t>(other.buffer)].offset;
      taken.emplace_back(from, from + size_of(other.buffer));
    }
    std::sort(taken.begin(), taken.end());
    std::int64_t offset = 0;
    for (const auto& [from, to] : taken) {
      if (offset + size_of(life.buffer) <= from) break;
      offset = std::max(offset, to);
    }
    return offset;
  }

  Lowered& lowered_;
  const loops::Function& function_;
  const std::size_t number_;
};

}  // namespace

void reuse_scratch(Lowered& lowered) {
  for (std::size_t f = 0; f < lowered.module.functions.size(); ++f)
    if (!lowered.module.functions[f].fusions.empty()) Placing(lowered, f).run();
}

}  // namespace eligo::compiler
