#include "compiler/loops/print.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "compiler/loops/build.h"

namespace eligo::compiler::loops {
namespace {

// Names tell things apart: where two of `all` share one, each goes by its number, too.
template <class T>
std::string unique_name(const std::vector<T>& all, int number, const char* kind) {
  if (number < 0 || number >= static_cast<int>(all.size())) return fmt::format("{}{}", kind, number);
  const std::string& name = all[static_cast<std::size_t>(number)].name;
  const bool shared = std::count_if(all.begin(), all.end(), [&](const T& t) { return t.name == name; }) > 1;
  return shared ? fmt::format("{}#{}", name, number) : name;
}

// "b*30 + i + 5"; "0" when nothing is left.
std::string affine(const std::vector<Loop>& loops, const std::vector<std::int64_t>& stride, std::int64_t offset,
                   std::string first = "") {
  std::string out = std::move(first);
  const auto term = [&](const std::string& text) { out += (out.empty() ? "" : " + ") + text; };
  for (std::size_t l = 0; l < stride.size(); ++l) {
    if (stride[l] == 0) continue;
    const std::string name = unique_name(loops, static_cast<int>(l), "loop");
    term(stride[l] == 1 ? name : fmt::format("{}*{}", name, stride[l]));
  }
  if (offset != 0 || out.empty()) term(fmt::format("{}", offset));
  return out;
}

std::string loop_text(const std::vector<Loop>& loops, int number) {
  const std::string name = unique_name(loops, number, "loop");
  if (number < 0 || number >= static_cast<int>(loops.size())) return name;
  const Loop& loop = loops[static_cast<std::size_t>(number)];
  return fmt::format("{}<{}{}>", name, loop.batch ? "batch " : "", loop.extent);
}

std::string buffer_name(const Module& module, int buffer) { return unique_name(module.buffers, buffer, "buffer"); }

class Printer {
 public:
  Printer(const Module& module, const Statement& statement) : module_(module), statement_(statement) {}

  std::string access(const Access& a) const {
    std::string index;
    if (a.gather >= 0) {
      index = fmt::format("{}[{}]", buffer_name(module_, a.gather),
                          affine(statement_.loops, a.gather_loops, a.gather_offset));
      if (a.gather_stride != 1) index += fmt::format("*{}", a.gather_stride);
    }
    return fmt::format("{}[{}]", buffer_name(module_, a.buffer),
                       affine(statement_.loops, a.stride, a.offset, std::move(index)));
  }

  // `level` is the binding strength of the place: 1 sum, 2 product, 3 operand of a prefix or a right-hand side.
  std::string value(const ValuePtr& v, int level) const {
    if (!v) return "?";
    switch (v->kind) {
      case ValueKind::load: return access(v->access);
      case ValueKind::constant:
        return v->constant < 0 ? fmt::format("({})", v->constant) : fmt::format("{}", v->constant);
      case ValueKind::apply: return apply(*v, level);
      case ValueKind::reduce: return reduce("Σ", *v);
      case ValueKind::reduce_max: return reduce("max", *v);
    }
    return "?";
  }

 private:
  std::string reduce(std::string_view sign, const Value& v) const {
    std::string loops;
    for (const int l : v.over) loops += (loops.empty() ? "" : ", ") + loop_text(statement_.loops, l);
    return fmt::format("({} {}: {})", sign, loops, v.args.empty() ? "?" : value(v.args[0], 0));
  }

  std::string apply(const Value& v, int level) const {
    const auto infix = [&](const char* sign, int strength) {
      const std::string text =
          fmt::format("{} {} {}", value(v.args[0], strength), sign, value(v.args[1], strength + 1));
      return strength < level ? "(" + text + ")" : text;
    };
    if (v.args.size() == 2 && v.op == Op::add) return infix("+", 1);
    if (v.args.size() == 2 && v.op == Op::sub) return infix("-", 1);
    if (v.args.size() == 2 && v.op == Op::mul) return infix("*", 2);
    if (v.args.size() == 2 && v.op == Op::div) return infix("/", 2);
    std::string args;
    for (const ValuePtr& a : v.args) args += (args.empty() ? "" : ", ") + value(a, 0);
    return fmt::format("{}({})", op_name(v.op), args);
  }

  const Module& module_;
  const Statement& statement_;
};

std::string header(const Module& module, const Fusion& fusion, const Statement& first) {
  std::string local;
  for (const int b : fusion.local) local += (local.empty() ? ", local " : ", ") + buffer_name(module, b);
  const std::string some = fusion.examples > 0 ? fmt::format(", {} examples at a time", fusion.examples) : "";
  return fmt::format("for {}{}{}:\n", loop_text(first.loops, 0), some, local);
}

}  // namespace

std::string text(const Module& module, const Statement& statement, const Access& access) {
  return Printer(module, statement).access(access);
}

std::string text(const Module& module, const Statement& statement, bool fused) {
  const Printer printer(module, statement);
  std::string loops;
  for (int l = fused ? 1 : 0; l < statement.outer && l < static_cast<int>(statement.loops.size()); ++l)
    loops += (loops.empty() ? "for " : ", ") + loop_text(statement.loops, l);
  return fmt::format("{}{}{} {} {}", loops, loops.empty() ? "" : ": ", printer.access(statement.out),
                     statement.accumulate ? "+=" : "=", printer.value(statement.value, 0));
}

std::string text(const Module& module, const Function& function) {
  std::string out = fmt::format("function {}\n", function.name);
  for (std::size_t i = 0; i < function.statements.size(); ++i) {
    const Statement& s = function.statements[i];
    const Fusion* const fusion = fusion_of(function, i);
    const bool fused = fusion != nullptr;
    if (fused && static_cast<std::size_t>(fusion->first) == i) out += "  " + header(module, *fusion, s);
    const char* const indent = fused ? "    " : "  ";
    if (!s.label.empty()) out += fmt::format("{}# {}\n", indent, s.label);
    out += fmt::format("{}{}\n", indent, text(module, s, fused));
  }
  return out;
}

std::string text(const Module& module) {
  std::string out = fmt::format("module {}\n", module.name);
  for (std::size_t i = 0; i < module.buffers.size(); ++i) {
    const Buffer& b = module.buffers[i];
    out += fmt::format("buffer {} {}: {}[{}]{}\n", i, buffer_name(module, static_cast<int>(i)),
                       b.element == Element::real ? "real" : "int32", b.size, b.batched ? " batched" : "");
  }
  for (const Function& f : module.functions) out += text(module, f);
  return out;
}

}  // namespace eligo::compiler::loops
