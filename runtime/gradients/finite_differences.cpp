#include "runtime/gradients/finite_differences.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "runtime/gradients/slope.h"

namespace eligo {
namespace {

using compiler::Moves;
using compiler::NodeKind;
using compiler::Ref;

class Differencer {
 public:
  Differencer(compiler::Program& program, Ref derivative, const compiler::Numerator& numerator,
              compiler::Resolver& where, std::int64_t example)
      : program_(program), node_(derivative), numerator_(numerator), where_(where), example_(example) {}

  Differences run() {
    const auto size = static_cast<std::size_t>(node_->size());
    out_.values.assign(size, 0);
    out_.errors.assign(size, 0);
    out_.kinked.assign(size, false);
    if (node_->kind == NodeKind::jvp) along_columns();
    else if (node_->kind == NodeKind::jac) for_each_entry(node_->uses[0].node, nullptr);
    else
      for (std::size_t k = 0; k < node_->uses.size(); k += 2)
        for_each_entry(node_->uses[k].node, node_->uses[k + 1].node);
    return std::move(out_);
  }

 private:
  std::vector<double> at(Ref operand, const Moves& direction, double h, std::uint64_t& branches) {
    Moves moves = direction;
    for (auto& [cut, move] : moves)
      for (double& x : move) x *= h;
    branches = 0;
    return compiler::interpret_moved(program_, node_, numerator_, operand, where_, example_, moves, &branches);
  }

  Slopes slope(Ref operand, const Moves& direction) {
    double length = 0;
    for (const auto& [cut, move] : direction)
      for (const double x : move) length = std::max(length, std::abs(x));
    const auto size = static_cast<std::size_t>(operand->size());
    if (length == 0) return {std::vector<double>(size, 0), std::vector<double>(size, 0), std::vector<bool>(size, true)};
    std::uint64_t here = 0;
    const std::vector<double> values = at(operand, direction, 0, here);
    const Along along = [&](double step) -> std::optional<std::vector<double>> {
      std::uint64_t branches = 0;
      std::vector<double> found = at(operand, direction, step, branches);
      if (branches != here) return std::nullopt;
      return found;
    };
    return slopes_of(along, values, 1e-3 / length);
  }

  // jac and vjp: moves each entry of the leaf that is meant. `left` (may be null) is what the slope is multiplied by.
  void for_each_entry(Ref operand, Ref left) {
    Ref cut = node_->cuts[static_cast<std::size_t>(node_->wrt)];
    const auto columns = static_cast<std::size_t>(cut->size()), rows = static_cast<std::size_t>(operand->size());
    const std::size_t lines = out_.values.size() / columns;
    std::vector<double> u;
    if (left != nullptr) u = compiler::interpret(program_, left, where_, example_);
    for (std::size_t j = 0; j < columns; ++j) {
      std::vector<double> unit(columns, 0);
      unit[j] = 1;
      const Slopes s = slope(operand, {{cut, unit}});
      for (std::size_t x = 0; x < lines; ++x) {
        if (left == nullptr) add(x * columns + j, s, x, 1);
        else
          for (std::size_t i = 0; i < rows; ++i) add(x * columns + j, s, i, u[x * rows + i]);
      }
    }
  }

  void add(std::size_t entry, const Slopes& s, std::size_t i, double factor) {
    out_.kinked[entry] = out_.kinked[entry] || !s.settled[i];
    if (!s.settled[i]) return;
    out_.values[entry] += factor * s.values[i];
    out_.errors[entry] += std::abs(factor) * s.errors[i];
  }

  // jvp: moves everything along each column of what stands on the right.
  void along_columns() {
    Ref operand = node_->uses[0].node;
    const auto rows = static_cast<std::size_t>(operand->size()), columns = out_.values.size() / rows;
    std::vector<std::vector<double>> right;
    for (std::size_t k = 1; k < node_->uses.size(); ++k)
      right.push_back(compiler::interpret(program_, node_->uses[k].node, where_, example_));
    for (std::size_t x = 0; x < columns; ++x) {
      Moves direction;
      for (std::size_t k = 1; k < node_->uses.size(); ++k) {
        std::vector<double>& move = direction[node_->cuts[k - 1]];
        for (std::size_t i = 0; i < static_cast<std::size_t>(node_->cuts[k - 1]->size()); ++i)
          move.push_back(right[k - 1][i * columns + x]);
      }
      const Slopes s = slope(operand, direction);
      for (std::size_t i = 0; i < rows; ++i) add(i * columns + x, s, i, 1);
    }
  }

  compiler::Program& program_;
  Ref node_;
  const compiler::Numerator& numerator_;
  compiler::Resolver& where_;
  std::int64_t example_;
  Differences out_;
};

}  // namespace

Differences differences_of(compiler::Program& program, Ref derivative, const compiler::Numerator& numerator,
                           compiler::Resolver& where, std::int64_t example) {
  return Differencer(program, derivative, numerator, where, example).run();
}

}  // namespace eligo
