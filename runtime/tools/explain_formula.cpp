#include "runtime/tools/explain_formula.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "support/utf8.h"

namespace eligo::compiler {
namespace {

constexpr int longest = 56;  // characters of a factor, before it is left out
constexpr int longest_line = 130;
constexpr int deepest = 4;  // operations inside of each other

// A factor of a product, or a whole value: its axes are read by symbols.
struct Factor {
  Ref node = nullptr;
  std::vector<Index> index;
  std::vector<int> symbols() const {
    std::vector<int> out;
    for (const Index& i : index)
      for (const Index::Term& t : i.terms)
        if (std::find(out.begin(), out.end(), t.label) == out.end()) out.push_back(t.label);
    return out;
  }
};

// A product, its inner products resolved. Symbols 0.. are the axes of the result.
struct Product {
  double coefficient = 1;
  std::vector<Factor> factors;
  std::map<int, Factor> placed;  // axis -> the embed that says where along it the product stands
  int symbols = 0;
};

class Writer {
 public:
  explicit Writer(const Program& program) : p_(program) {}

  std::set<std::string> shared;
  bool brief = false;  // vectors are left out where they are not short

  // A term of something of this rank.
  Product product(const Use& use, int rank) {
    Product out;
    out.symbols = rank;
    const int outer = std::exchange(outputs_, rank);
    flatten(use.node, use.index, out);
    outputs_ = outer;
    return out;
  }

  // The symbols that stand along each axis of the result.
  static std::vector<std::vector<int>> places(const Product& p, int rank) {
    std::vector<std::vector<int>> out(static_cast<std::size_t>(rank));
    for (int axis = 0; axis < rank; ++axis) {
      auto& own = out[static_cast<std::size_t>(axis)];
      const auto placed = p.placed.find(axis);
      if (placed == p.placed.end()) {
        own = {axis};
        continue;
      }
      for (std::size_t k = 1; k < placed->second.index.size(); ++k)
        for (const Index::Term& t : placed->second.index[k].terms) own.push_back(t.label);
    }
    return out;
  }

  std::string text(const Product& p, int rank) {
    std::string scalars, rest;
    std::vector<Factor> factors;
    for (const Factor& f : p.factors) {
      if (f.symbols().empty()) scalars += (scalars.empty() ? "" : " * ") + enclosed(f);
      else factors.push_back(f);
    }
    std::map<int, int> uses;  // by how many axes of the result a symbol stands
    std::vector<int> order;
    for (const auto& axis : places(p, rank))
      for (const int s : axis)
        if (++uses[s] == 1) order.push_back(s);
    std::vector<bool> done(factors.size(), false);
    std::set<int> seen;
    std::vector<std::string> components;
    for (const int s : order)
      if (!seen.contains(s)) {
        const std::string one = component(s, factors, done, seen, uses, rank == 1 && order.size() == 1);
        if (!one.empty()) components.push_back(one);
      }
    for (std::size_t i = 0; i < factors.size(); ++i)  // a number: all its axes are summed
      if (!done[i]) components.push_back(component(factors[i].symbols()[0], factors, done, seen, uses, false));
    rest = fmt::format("{}", fmt::join(components, " ⊗ "));
    std::string out = scalars.empty() ? rest : rest.empty() ? scalars : scalars + " * " + bracketed(rest);
    const double size = std::abs(p.coefficient);
    if (size != 1 || out.empty()) out = out.empty() ? number(size) : number(size) + " * " + bracketed(out);
    return (p.coefficient < 0 ? "-" : "") + out;
  }

  // The products that a product comes to when a matrix in it is a sum too long to be written: one for each of its
  // terms.
  std::vector<Product> expanded(const Product& p) {
    for (std::size_t i = 0; i < p.factors.size(); ++i) {
      const Factor& f = p.factors[i];
      const bool opens = f.symbols().size() > 1 || p.factors.size() == 1;
      if (f.node->kind != NodeKind::sum || !opens || enclosed(f).find("…") == std::string::npos) continue;
      std::vector<Product> out;
      for (const Use& use : f.node->uses) {
        Product one = p;
        one.coefficient *= use.coefficient;
        one.factors.erase(one.factors.begin() + static_cast<std::ptrdiff_t>(i));
        flatten(use.node, inner(use, f.index), one);
        const std::vector<Product> further = expanded(one);
        out.insert(out.end(), further.begin(), further.end());
      }
      return out;
    }
    return {p};
  }

  std::string text(Ref node) {
    if (depth_ > deepest) return "…";
    ++depth_;
    const std::string out =
        node->kind == NodeKind::sum ? sum(node) : text(product(whole(node), node->rank()), node->rank());
    --depth_;
    return out;
  }

  std::vector<Use> terms(Ref node) {
    if (node->kind != NodeKind::sum) return {whole(node)};
    return node->uses;
  }

  // Without brackets around all of it.
  static std::string bare(const std::string& text) {
    if (!text.starts_with("(") || !text.ends_with(")")) return text;
    int open = 0;
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      open += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
      if (open == 0) return text;
    }
    return text.substr(1, text.size() - 2);
  }

 private:
  static std::string number(double x) { return fmt::format("{:.6g}", x); }
  std::string shortened(const std::string& vector) const { return brief && dsl::width(vector) > 20 ? "…" : vector; }

  static std::string bracketed(const std::string& text) {
    const bool whole = bare(text) != text;
    const bool sum = text.find(" + ") != std::string::npos || text.find(" - ") != std::string::npos;
    return whole || !sum ? text : "(" + text + ")";
  }

  bool is_flag(Ref node) {
    if (node->kind == NodeKind::leaf) {
      const Tensor& t = p_.tensors[static_cast<std::size_t>(node->tensor)];
      return (t.kind == TensorKind::flag && t.flag != Flag::time && t.flag != Flag::steps) || t.kind == TensorKind::scalar;
    }
    if (node->kind != NodeKind::sum && node->kind != NodeKind::contract && node->kind != NodeKind::map) return false;
    bool any = false;
    for (const Use& use : node->uses) {
      if (use.node->kind == NodeKind::constant) continue;
      if (!is_flag(use.node)) return false;
      any = true;
    }
    return any;
  }

  void flatten(Ref node, const std::vector<Index>& at, Product& into) {
    if (is_flag(node)) return;
    if (node->kind == NodeKind::constant) {
      into.coefficient *= node->number;
    } else if (node->kind == NodeKind::contract) {
      into.coefficient *= node->number;
      std::vector<Index> all = at;
      for (std::size_t s = 0; s < node->summed.size(); ++s) all.push_back(Index::of(into.symbols++));
      for (const Use& use : node->uses) flatten(use.node, inner(use, all), into);
    } else if (node->kind == NodeKind::sum && node->uses.size() == 1) {
      into.coefficient *= node->uses[0].coefficient;
      flatten(node->uses[0].node, inner(node->uses[0], at), into);
    } else if (node->kind == NodeKind::embed) {
      const Index& first = at[0];
      const bool places_axis = first.is_label() && first.label() < outputs_ && !into.placed.contains(first.label());
      if (places_axis) into.placed[first.label()] = {node, at};
      else into.factors.push_back({node, at});
    } else {
      into.factors.push_back({node, at});
    }
  }

  static std::vector<Index> inner(const Use& use, const std::vector<Index>& labels) {
    std::vector<Index> out;
    for (const Index& index : use.index) out.push_back(substitute(index, labels));
    return out;
  }

  // All that hangs together with a symbol, from left to right.
  std::string component(int start, const std::vector<Factor>& factors, std::vector<bool>& done, std::set<int>& seen,
                        const std::map<int, int>& uses, bool vector) {
    std::vector<std::string> chain;
    std::string front;  // a vector's own factors, pointwise
    bool matrices = false;
    std::function<void(int)> visit = [&](int s) {
      if (!seen.insert(s).second) return;
      std::vector<std::string> own;
      std::vector<std::size_t> further;
      for (std::size_t i = 0; i < factors.size(); ++i) {
        if (done[i]) continue;
        const std::vector<int> symbols = factors[i].symbols();
        if (std::find(symbols.begin(), symbols.end(), s) == symbols.end()) continue;
        if (symbols.size() > 1) {
          further.push_back(i);
          continue;
        }
        done[i] = true;
        own.push_back(enclosed(factors[i]));
      }
      const auto along = uses.find(s);
      const int axes = along == uses.end() ? 0 : along->second;
      const std::string product = fmt::format("{}", fmt::join(own, " * "));
      const bool diagonal =
          axes > 1 || (!further.empty() && !((vector || axes == 0) && s == start)) || (axes == 1 && matrices);
      if (diagonal && !own.empty()) chain.push_back("diag(" + shortened(bare(product)) + ")");
      else if (vector && s == start && !further.empty()) front = shortened(product);
      else if (!own.empty())
        chain.push_back(own.size() > 1 && !chain.empty() ? "(" + product + ")" : shortened(product));
      else if (axes > 1 && further.empty()) chain.push_back("I");
      for (const std::size_t i : further) {
        if (done[i]) continue;
        matrices = true;
        chain.push_back(matrices_like(factors, i, done, s));
        for (const int next : factors[i].symbols()) visit(next);
      }
    };
    visit(start);
    const std::string all = fmt::format("{}", fmt::join(chain, " · "));
    if (front.empty()) return all;
    return front + " * " + (chain.size() > 1 ? "(" + all + ")" : all);
  }

  // A factor and all others of the same axes: a pointwise product.
  std::string matrices_like(const std::vector<Factor>& factors, std::size_t first, std::vector<bool>& done, int from) {
    std::vector<std::string> names;
    const auto sorted = [](const Factor& f) {
      auto symbols = f.symbols();
      std::sort(symbols.begin(), symbols.end());
      return symbols;
    };
    for (std::size_t i = first; i < factors.size(); ++i) {
      if (done[i] || sorted(factors[i]) != sorted(factors[first])) continue;
      done[i] = true;
      names.push_back(matrix(factors[i], from));
    }
    const std::string all = fmt::format("{}", fmt::join(names, " * "));
    return names.size() > 1 ? "(" + all + ")" : all;
  }

  // A factor with several symbols, as it is entered from one of them.
  std::string matrix(const Factor& f, int from) {
    std::string name = enclosed(f);
    if (f.node->kind == NodeKind::leaf && !f.node->batched) shared.insert(name);
    const auto symbols = f.symbols();
    if (symbols.size() == 2 && symbols[1] == from) name += "ᵀ";
    return name;
  }

  std::string enclosed(const Factor& f) {
    std::string out = value(f);
    if (dsl::width(out) > longest) return "…";
    const bool compound = f.node->kind == NodeKind::sum || (f.node->kind == NodeKind::map && infix(f.node->op));
    return compound ? bracketed(out) : out;
  }

  static bool infix(Op op) { return op == Op::add || op == Op::sub || op == Op::mul || op == Op::div; }

  std::string value(const Factor& f) {
    switch (f.node->kind) {
      case NodeKind::leaf: return leaf(f);
      case NodeKind::constant: return number(f.node->number);
      case NodeKind::embed: return "I";
      case NodeKind::wire: return leaf({f.node->uses[0].node, {}});
      case NodeKind::map: return map(f.node);
      case NodeKind::sum:
      case NodeKind::contract: return text(f.node);
      case NodeKind::maximum: return "max(" + text(f.node->uses[0].node) + ")";
      default: return "stop(" + text(f.node->uses[0].node) + ")";
    }
  }

  std::string map(Ref node) {
    if (depth_ > deepest) return "…";
    ++depth_;
    std::vector<std::string> args;
    for (const Use& use : node->uses) {
      std::string one = value({use.node, use.index});
      const bool compound = use.node->kind == NodeKind::sum || use.node->kind == NodeKind::map;
      args.push_back(infix(node->op) && compound ? bracketed(one) : one);
    }
    --depth_;
    if (node->op == Op::square) return (args[0].find(' ') == std::string::npos ? args[0] : "(" + args[0] + ")") + "²";
    if (infix(node->op)) {
      const char* sign = node->op == Op::add   ? " + "
                         : node->op == Op::sub ? " - "
                         : node->op == Op::mul ? " * "
                                               : " / ";
      return fmt::format("{}", fmt::join(args, sign));
    }
    return fmt::format("{}({})", op_name(node->op), fmt::join(args, ", "));
  }

  std::string sum(Ref node) {
    std::string out;
    std::vector<Use> uses = node->uses;
    // What is plainly positive comes first: 1 - h² rather than -h² + 1.
    std::stable_partition(uses.begin(), uses.end(), [](const Use& use) { return use.coefficient > 0; });
    for (const Use& use : uses) {
      if (is_flag(use.node)) continue;
      Product one = product(use, node->rank());
      one.coefficient *= use.coefficient;
      const std::string term = text(one, node->rank());
      if (out.empty()) out = term;
      else out += term.starts_with("-") ? " - " + bracketed(term.substr(1)) : " + " + term;
    }
    return out.empty() ? "1" : out;
  }

  std::string leaf(const Factor& f) const {
    const Tensor& t = p_.tensors[static_cast<std::size_t>(f.node->tensor)];
    std::string name = t.name;
    for (std::size_t i = 0; i < f.index.size(); ++i)
      if (f.index[i].is_constant() && f.node->dims[i] > 1) name += fmt::format("[{}]", f.index[i].offset);
    const bool of_time = t.timed() && f.node->time.base != When::always;
    return of_time ? name + "[" + to_string(f.node->time) + "]" : name;
  }

  const Program& p_;
  int outputs_ = 0;
  int depth_ = 0;
};

std::string short_name(const std::string& member) { return member.substr(member.rfind('.') + 1); }

// Which members of the equation's bundles a product belongs to; empty if there is no choice.
std::string block_of(const Product& p, const std::vector<Axis>& axes) {
  std::vector<std::string> names;
  bool choice = false;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    names.push_back(axes[i].shown);
    if (!axes[i].bundle || axes[i].bundle->members.size() < 2) continue;
    const auto placed = p.placed.find(static_cast<int>(i));
    if (placed == p.placed.end()) continue;
    choice = true;
    for (const Bundle::Member& m : axes[i].bundle->members)
      if (placed->second.node->offset >= m.offset && placed->second.node->offset < m.offset + m.size)
        names.back() = short_name(m.name);
  }
  return choice ? fmt::format("[{}]", fmt::join(names, ", ")) : "";
}

// Terms as one line; what several of them look like is written once.
std::string joined(const std::vector<std::string>& terms) {
  std::vector<std::pair<std::string, int>> kinds;
  for (const std::string& term : terms) {
    const auto same = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.first == term; });
    if (same == kinds.end()) kinds.emplace_back(term, 1);
    else ++same->second;
  }
  std::string out;
  for (const auto& [term, count] : kinds) {
    const bool minus = term.starts_with("-") && !out.empty();
    out += out.empty() ? term : minus ? " - " + term.substr(1) : " + " + term;
    if (count > 1) out += fmt::format(" ({} such)", count);
  }
  return out;
}

}  // namespace

Formula formula_of(const Program& program, Ref node, const std::vector<Axis>& axes) {
  Writer writer(program);
  std::map<std::string, std::vector<Product>> blocks;
  for (const Use& use : writer.terms(node)) {
    if (use.node->is_zero()) continue;
    Product product = writer.product(use, node->rank());
    if (node->kind == NodeKind::sum) product.coefficient *= use.coefficient;
    for (const Product& one : writer.expanded(product)) blocks[block_of(one, axes)].push_back(one);
  }
  Formula out;
  for (const auto& [block, products] : blocks) {
    std::string line;
    for (const bool brief : {false, true}) {
      writer.brief = brief;
      std::vector<std::string> terms;
      for (const Product& one : products)
        terms.push_back(products.size() > 1 ? writer.text(one, node->rank())
                                            : Writer::bare(writer.text(one, node->rank())));
      line = joined(terms);
      if (dsl::width(line) <= longest_line) break;
    }
    out.parts.push_back({block, line});
  }
  out.shared = std::move(writer.shared);
  return out;
}

}  // namespace eligo::compiler
