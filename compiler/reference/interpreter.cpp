#include "compiler/reference/interpreter.h"

#include <algorithm>
#include <span>

#include "compiler/reference/evaluator.h"

namespace eligo::compiler {
namespace {

using reference::Plain;

class Interpreter : public PhaseRunner {
 public:
  explicit Interpreter(std::shared_ptr<Program> program) : program_(std::move(program)) {}
  bool concurrent() const override { return false; }  // moves definitions in time as it meets them

  void run(int number, Resolver& where, std::int64_t examples, void*, const void*) const override {
    const Phase& phase = program_->phases[number];
    std::vector<std::pair<const Root*, std::vector<double>>> assigned;
    for (const Root& root : phase.roots) {
      if (root.kind == RootKind::assign) {
        Plain evaluator({program_.get(), &where, 0});
        assigned.emplace_back(&root, evaluator.evaluate(root.node));
        continue;
      }
      auto* out = static_cast<double*>(where.resolve(root.tensor, root.time));
      const std::int64_t size = program_->tensors[root.tensor].size();
      if (root.kind == RootKind::gather) {
        gather(root.node, 1, where, examples, {out, out + size});
        continue;
      }
      for (std::int64_t b = 0; b < examples; ++b) {
        Plain evaluator({program_.get(), &where, b});
        const std::vector<double>& value = evaluator.evaluate(root.node);
        for (std::int64_t i = 0; i < size; ++i) out[b * size + i] = value[value.size() == 1 ? 0 : i];
      }
    }
    for (const auto& [root, value] : assigned) {  // all right sides have read the old values
      auto* out = static_cast<double*>(where.resolve(root->tensor, root->time));
      const std::int64_t size = program_->tensors[root->tensor].size();
      for (std::int64_t i = 0; i < size; ++i) out[i] = value[value.size() == 1 ? 0 : i];
    }
  }

 private:
  // Adds the examples up, then scales: a mean overflows where its sum does.
  void gather(Ref node, double scale, Resolver& where, std::int64_t examples, std::span<double> out) const {
    const bool terms = node->kind == NodeKind::sum && std::all_of(node->uses.begin(), node->uses.end(), [&](const Use& use) {
                         return is_whole(use, node->dims);
                       });
    if (terms) {
      for (const Use& use : node->uses) gather(use.node, scale * use.coefficient, where, examples, out);
      return;
    }
    if (node->kind == NodeKind::contract && node->sum_batch) {
      std::vector<Use> rest;
      scale *= node->number;
      for (const Use& use : node->uses) {
        const bool scales = use.node->rank() == 0 && !use.node->batched && !is_structural(*program_, use.node);
        if (scales) scale *= interpret(*program_, use.node, where, 0)[0];
        else rest.push_back(use);
      }
      node = program_->graph.contract(rest, node->dims, node->summed, 1, true);
    }
    std::vector<double> total(out.size(), 0);
    for (std::int64_t b = 0; b < examples; ++b) {
      const std::vector<double> value = interpret(*program_, node, where, b);
      for (std::size_t i = 0; i < out.size(); ++i) total[i] += value[value.size() == 1 ? 0 : i];
    }
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += scale * total[i];
  }

  std::shared_ptr<Program> program_;
};

}  // namespace

std::unique_ptr<PhaseRunner> make_interpreter(std::shared_ptr<Program> program) {
  return std::make_unique<Interpreter>(std::move(program));
}

std::vector<double> interpret(Program& program, Ref node, Resolver& where, std::int64_t example,
                              std::optional<double> not_finite) {
  Plain evaluator({&program, &where, example, nullptr, not_finite});
  return evaluator.evaluate(node);
}

}  // namespace eligo::compiler
