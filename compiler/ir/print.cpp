#include "compiler/ir/print.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace eligo::compiler {
namespace {

std::string letter(int label) {
  static const std::string letters = "ijklmnopqrsuvw";
  if (label < static_cast<int>(letters.size())) return std::string(1, letters[label]);
  return fmt::format("i{}", label);
}

std::string number(double x) { return fmt::format("{}", x); }

class Printer {
 public:
  Printer(const Program& program, const std::vector<Ref>& roots) : p_(program) {
    for (Ref node : postorder(roots))
      for (const Use& use : node->uses) ++uses_[use.node];
  }

  // Shared values are named by lines of their own first.
  std::string define(Ref root, const std::string& indent) {
    std::string out;
    for (Ref node : postorder({root})) {
      if (node == root || names_.contains(node) || uses_[node] < 2) continue;
      if (node->kind == NodeKind::leaf || node->kind == NodeKind::constant || node->kind == NodeKind::embed) continue;
      const std::string body = expression(node, labels(node->rank()));
      names_[node] = fmt::format("%{}", names_.size() + 1);
      out += fmt::format("{}{}{} = {}\n", indent, names_[node], brackets(labels(node->rank())), body);
    }
    return out;
  }

  std::string expression(Ref node, const std::vector<std::string>& at) {
    std::vector<std::string> all = at;
    for (std::size_t s = 0; s < node->summed.size(); ++s) all.push_back(fresh(all));
    auto use = [&](const Use& u) { return operand(u, all); };
    switch (node->kind) {
      case NodeKind::leaf: return leaf(node) + brackets(at);
      case NodeKind::constant: return number(node->number);
      case NodeKind::embed: return fmt::format("embed{}{}", parameters(node), brackets(at));
      case NodeKind::wire: return fmt::format("wire({}){}", leaf(node->uses[0].node), brackets(at));
      case NodeKind::map: {
        std::vector<std::string> args;
        for (const Use& u : node->uses) args.push_back(use(u));
        return fmt::format("{}({})", op_name(node->op), fmt::join(args, ", "));
      }
      case NodeKind::sum: {
        std::vector<std::string> terms;
        for (const Use& u : node->uses)
          terms.push_back(u.coefficient == 1 ? use(u) : fmt::format("{} * {}", number(u.coefficient), use(u)));
        return terms.empty() ? "0" : fmt::format("({})", fmt::join(terms, " + "));
      }
      case NodeKind::contract: {
        std::vector<std::string> factors;
        if (node->number != 1) factors.push_back(number(node->number));
        for (const Use& u : node->uses) factors.push_back(use(u));
        std::string over = node->sum_batch ? "batch" : "";
        for (std::size_t s = at.size(); s < all.size(); ++s)
          over += (over.empty() ? "" : " ") + fmt::format("{}<{}>", all[s], node->summed[s - at.size()]);
        const std::string product = factors.empty() ? "1" : fmt::format("{}", fmt::join(factors, " * "));
        return over.empty() ? product : fmt::format("(Σ {}: {})", over, product);
      }
      case NodeKind::maximum: return fmt::format("(max {}: {})", all.back(), use(node->uses[0]));
      case NodeKind::stop: return fmt::format("stop({})", use(node->uses[0]));
      default: return derivative(node) + brackets(at);
    }
  }

  std::string leaf(Ref node) const {
    std::string name = p_.tensors[node->tensor].name;
    if (node->time.base != When::always) name += "@" + to_string(node->time);
    return name;
  }

  static std::vector<std::string> labels(int rank) {
    std::vector<std::string> out;
    for (int i = 0; i < rank; ++i) out.push_back(letter(i));
    return out;
  }
  static std::string brackets(const std::vector<std::string>& at) {
    return at.empty() ? "" : fmt::format("[{}]", fmt::join(at, ", "));
  }

 private:
  static std::string fresh(const std::vector<std::string>& taken) {
    for (int i = 0;; ++i)
      if (std::find(taken.begin(), taken.end(), letter(i)) == taken.end()) return letter(i);
  }

  std::string operand(const Use& u, const std::vector<std::string>& all) {
    std::vector<std::string> at;
    for (const Index& index : u.index) {
      std::string text;
      for (const Index::Term& t : index.terms)
        text +=
            (text.empty() ? "" : "+") + (t.stride == 1 ? all[t.label] : fmt::format("{}*{}", t.stride, all[t.label]));
      if (index.offset != 0 || text.empty()) text += (text.empty() ? "" : "+") + std::to_string(index.offset);
      at.push_back(text);
    }
    if (auto name = names_.find(u.node); name != names_.end()) return name->second + brackets(at);
    const std::string text = expression(u.node, at);
    return u.node->kind == NodeKind::contract && u.node->summed.empty() && !u.node->sum_batch ? "(" + text + ")" : text;
  }

  std::string parameters(Ref node) const {
    if (node->is_identity()) return "";
    return fmt::format("<{}+{}; {}>", node->offset, fmt::join(node->strides, ","), node->dims[0]);
  }

  std::string derivative(Ref node) {
    auto plain = [&](Ref n) {
      auto name = names_.find(n);
      return name != names_.end() ? name->second : expression(n, labels(n->rank()));
    };
    // Leaves of another step than the denominator's are held.
    auto denominator = [&] {
      std::string out = leaf(node->cuts[node->wrt]), bar = " | ";
      for (Ref cut : node->cuts)
        if (cut->time != node->cuts[node->wrt]->time) out += std::exchange(bar, ", ") + leaf(cut);
      return out;
    };
    if (node->kind == NodeKind::jac) return fmt::format("jac({}; {})", plain(node->uses[0].node), denominator());
    std::vector<std::string> parts;
    if (node->kind == NodeKind::vjp) {
      for (std::size_t i = 0; i < node->uses.size(); i += 2)
        parts.push_back(fmt::format("{} . {}", plain(node->uses[i + 1].node), plain(node->uses[i].node)));
      return fmt::format("vjp({}; {})", fmt::join(parts, ", "), denominator());
    }
    for (std::size_t k = 1; k < node->uses.size(); ++k)
      parts.push_back(fmt::format("{} := {}", leaf(node->cuts[k - 1]), plain(node->uses[k].node)));
    return fmt::format("jvp({}; {})", plain(node->uses[0].node), fmt::join(parts, ", "));
  }

  const Program& p_;
  std::unordered_map<Ref, int> uses_;
  std::unordered_map<Ref, std::string> names_;
};

std::string root_text(const Program& p, const Root& root, Printer& printer) {
  const Tensor& t = p.tensors[root.tensor];
  std::string left = t.name;
  if (root.time.base != When::always) left += "@" + to_string(root.time);
  const std::vector<std::string> at = Printer::labels(static_cast<int>(root.node->rank()));
  const char* sign = root.kind == RootKind::gather ? "+=" : root.kind == RootKind::assign ? ":=" : "=";
  std::string text = printer.define(root.node, "  ");
  return text + fmt::format("  {}{} {} {}\n", left, Printer::brackets(at), sign, printer.expression(root.node, at));
}

}  // namespace

std::string text(const Program& program) {
  std::string out;
  for (const Phase& phase : program.phases) {
    if (phase.roots.empty()) continue;
    out += fmt::format("phase {}{}\n", phase.name(), phase.takes_many_steps() ? ", many steps at once" : "");
    std::vector<Ref> roots;
    for (const Root& r : phase.roots) roots.push_back(r.node);
    Printer printer(program, roots);
    for (const Root& root : phase.roots) out += root_text(program, root, printer);
    out += "\n";
  }
  return out;
}

std::string text(const Program& program, Ref node) {
  Printer printer(program, {node});
  std::string out = printer.define(node, "");
  return out + printer.expression(node, Printer::labels(node->rank())) + "\n";
}

std::string schedule_text(const Program& p) {
  std::string out = p.online ? "online" : "runs backward over windows";
  out += p.window < 0 ? ", one window\n"
                      : fmt::format(", windows of {} steps{}\n", p.window, p.short_first ? ", short first" : "");
  out += fmt::format("arrivals after the last step: {}\n", p.ahead);
  if (!p.online) out += fmt::format("steps beyond a window that its sweep needs: {}\n", p.window_ahead);
  static const std::map<TensorKind, const char*> carried = {
      {TensorKind::forward, "forward recurrence, carried densely"},
      {TensorKind::backward, "backward recurrence, from recorded values"},
      {TensorKind::record, "recorded on arrival"},
      {TensorKind::revised, "computed along k at each arrival"}};
  for (const Tensor& t : p.tensors)
    if (auto how = carried.find(t.kind); how != carried.end()) {
      const bool part = t.name.ends_with(']');  // P[h, W]: what can be other than zero
      out += fmt::format("{} [{}]: {}, {} numbers an example\n", t.name, fmt::join(t.dims, ", "),
                         part ? "forward recurrence, what can be other than zero" : how->second, t.size());
    }
  for (const Block& block : p.blocks) {
    const auto offset = [](int by) { return by ? fmt::format("{:+}", by) : ""; };
    out += fmt::format("at each arrival, k in start{}..t{}:", offset(block.low), offset(block.high));
    for (const Block::Pass& pass : block.passes) {
      out += fmt::format(" {} {}{}", p.phases[pass.phase].name(), pass.backward ? "backward" : "forward",
                         &pass == &block.passes.back() ? "\n" : ",");
    }
  }
  for (const Clip& clip : p.clips)
    out += fmt::format("{}: bounded at each step by {}\n", p.tensors[clip.gathered].name,
                       clip.hyper < 0 ? fmt::format("{}", clip.bound) : p.tensors[clip.hyper].name);
  for (const Phase& phase : p.phases) {
    if (phase.roots.empty()) continue;
    out += fmt::format("phase {}\n", phase.name());
    for (const Root& r : phase.roots) {
      const char* verb = r.kind == RootKind::gather ? "gather" : r.kind == RootKind::assign ? "assign" : "store";
      out += fmt::format("  {} {}{}\n", verb, p.tensors[r.tensor].name,
                         r.time.base == When::always ? "" : "@" + to_string(r.time));
    }
  }
  for (const Learned& l : p.learned)
    out += fmt::format("update {} every {}\n", p.tensors[l.parameter].name,
                       l.every == UpdateEvery::step     ? "step"
                       : l.every == UpdateEvery::window ? "window"
                                                        : "sequence");
  return out;
}

}  // namespace eligo::compiler
