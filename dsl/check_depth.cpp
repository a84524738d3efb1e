// How deep an item's equations build on each other. Passes follow names into their equations and expressions into their
// parts, so a chain of names is as deep as all of its expressions together; it is bounded as a single expression is.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "dsl/check.h"
#include "dsl/parser.h"
#include "dsl/reads.h"

namespace eligo::dsl {
namespace {

class Chains {
 public:
  explicit Chains(const Item& item) { collect(item.statements); }

  void run(Diagnostics& diagnostics) {
    for (const auto& [name, line] : lines_) {
      if (levels(name) <= max_chain) continue;
      // The first name beyond the bound: what it builds on is within it.
      const auto beyond = std::find_if(lines_.begin(), lines_.end(), [&](const auto& one) {
        return levels(one.first) > max_chain &&
               std::all_of(one.second.reads.begin(), one.second.reads.end(),
                           [&](const std::string& read) { return levels(read) <= max_chain; });
      });
      const auto& at = beyond == lines_.end() ? line : beyond->second;
      diagnostics
          .error(Code::E0204,
                 fmt::format("the equations that `{}` builds on are nested more than {} levels deep in all",
                             beyond == lines_.end() ? name : beyond->first, max_chain),
                 diagnostics.current, at.span)
          .help.push_back("an equation counts the levels of its expression and of those that it reads at the same step");
      return;
    }
  }

 private:
  struct Line {
    Span span;
    int depth = 0;
    std::set<std::string> reads;
    int levels = 0;  // 0: not known yet, or being found
    bool entered = false;
  };

  void collect(const std::vector<Statement>& statements) {
    for (const Statement& s : statements) {
      collect(s.body);
      if (!s.value) continue;
      const bool equation = s.kind == StatementKind::equation || s.kind == StatementKind::output;
      Line& line = lines_[equation ? s.name : std::string(word_of(s.kind)) + " " + s.name];
      if (line.depth == 0) line.span = s.span;
      line.depth = std::max(line.depth, s.value->depth);
      for_each_part(*s.value, [&](const Expr& e) {
        if (e.kind == ExprKind::name || e.kind == ExprKind::call) line.reads.insert(e.name);
      });
    }
  }

  static std::string_view word_of(StatementKind kind) { return kind == StatementKind::learn ? "learn" : "line"; }

  // Names that read each other in a circle run from step to step: there a chain ends.
  int levels(const std::string& name) {
    const auto found = lines_.find(name);
    if (found == lines_.end()) return 0;
    Line& line = found->second;
    if (line.entered) return line.levels;
    line.entered = true;
    int below = 0;
    for (const std::string& read : line.reads) below = std::max(below, levels(read));
    return line.levels = line.depth + below;
  }

  std::map<std::string, Line> lines_;
};

}  // namespace

void check_depth(const Item& item, Diagnostics& diagnostics) { Chains(item).run(diagnostics); }

}  // namespace eligo::dsl
