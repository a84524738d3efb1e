// What a lazy derivative is taken of, and its value with leaves moved, for finite differences.
#include "compiler/reference/evaluator.h"
#include "compiler/reference/interpreter.h"

namespace eligo::compiler {
namespace {

using reference::Memory;
using reference::Plain;
using reference::is_cut;

// The value of what a derivative is taken of, with the leaves that it is taken by moved.
class Moved : public Plain {
 public:
  Moved(const Memory& memory, Ref derivative, const std::set<Ref>& followed, const Moves& moves)
      : Plain(memory), node_(derivative), followed_(followed), moves_(moves) {}

  std::vector<double> leaf(Ref node) override {
    Program& p = *memory().program;
    for (Ref cut : node_->cuts) {
      if (!is_cut(p, node, cut)) continue;
      std::vector<double> value = Plain::leaf(node);
      if (auto move = moves_.find(cut); move != moves_.end())
        for (std::size_t i = 0; i < value.size(); ++i) value[i] += move->second[i];
      return value;
    }
    return followed_.contains(node) ? evaluate(p.definition(node->tensor, node->time)) : Plain::leaf(node);
  }

  std::vector<double> held(Ref stop) override {
    Plain unmoved({memory().program, memory().where, memory().example});
    return unmoved.evaluate(stop);
  }

 private:
  Ref node_;
  const std::set<Ref>& followed_;
  const Moves& moves_;
};

// Finds what a derivative's operands are made of.
class Survey {
 public:
  Survey(Program& program, Ref derivative) : p_(program), node_(derivative) {}

  Numerator run() {
    const std::size_t stride = node_->kind == NodeKind::vjp ? 2 : node_->uses.size();
    for (std::size_t k = 0; k < node_->uses.size(); k += stride) collect(node_->uses[k].node);
    if (!out_.followed.empty()) out_.steps.insert(node_->own);
    return std::move(out_);
  }

 private:
  // The number of the cut that a leaf is; -1: it is none.
  int cut_of(Ref leaf) const {
    for (std::size_t k = 0; k < node_->cuts.size(); ++k)
      if (is_cut(p_, leaf, node_->cuts[k])) return static_cast<int>(k);
    return -1;
  }
  bool is_meant(int cut) const {
    return node_->kind == NodeKind::jvp ? cut + 1 < static_cast<int>(node_->uses.size()) : cut == node_->wrt;
  }
  Ref equation(Ref leaf) { return leaf->time == node_->own ? p_.definition(leaf->tensor, leaf->time) : nullptr; }

  // Whether a node changes when the leaves that are meant do.
  bool moves(Ref node) {
    if (auto known = moves_.find(node); known != moves_.end()) return known->second;
    bool any = false;
    if (node->kind == NodeKind::leaf) {
      const int cut = cut_of(node);
      Ref followed = cut < 0 ? equation(node) : nullptr;
      any = cut >= 0 ? is_meant(cut) : followed != nullptr && moves(followed);
    }
    for (const Use& use : node->uses) any = moves(use.node) || any;
    return moves_[node] = any;
  }

  void collect(Ref node) {
    if (!seen_.insert(node).second) return;
    if (node->kind == NodeKind::leaf) {
      const bool follow = cut_of(node) < 0 && moves(node);
      (follow ? out_.followed : out_.reads).insert(node);
      if (follow) collect(equation(node));
    }
    if (node->kind == NodeKind::jac || node->kind == NodeKind::vjp || node->kind == NodeKind::jvp)
      out_.steps.insert(node->own);
    for (const Use& use : node->uses) collect(use.node);
  }

  Program& p_;
  Ref node_;
  std::unordered_map<Ref, bool> moves_;
  std::set<Ref> seen_;
  Numerator out_;
};

}  // namespace

Numerator numerator_of(Program& program, Ref derivative) { return Survey(program, derivative).run(); }

std::vector<double> interpret_moved(Program& program, Ref derivative, const Numerator& numerator, Ref operand,
                                    Resolver& where, std::int64_t example, const Moves& moves,
                                    std::uint64_t* branches) {
  Moved evaluator({&program, &where, example, branches}, derivative, numerator.followed, moves);
  return evaluator.evaluate(operand);
}

}  // namespace eligo::compiler
