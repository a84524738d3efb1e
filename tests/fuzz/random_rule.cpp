#include "tests/fuzz/random_rule.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tests/fuzz/random_parts.h"

namespace eligo::fuzz {
namespace {

// Axes are written as one letter each: "" is a number, "s" a state, "sψ" a Jacobian by the parameters.
struct Known {
  std::string name, axes;
  bool backward = false;  // may be read by learn lines and other backward equations only
  bool constant = false;  // no time: a keep value, a hyper
};

class RuleMaker {
 public:
  explicit RuleMaker(std::uint64_t seed)
      : random_(seed),
        cell_(random_cell(random_)),
        readout_(random_readout(random_)),
        optimiser_(random_optimiser(random_)),
        has_synth_(random_.chance(65)) {
    if (has_synth_) synth_ = random_synth(random_, readout_.target);
  }

  std::string make() {
    begin();
    equations();
    if (block_) revision();
    learn();
    if (per_neuron_) statistics();
    keeps_change();
    std::string text = settings() + header();
    for (const std::string& line : lines_) text += "  " + line + "\n";
    return text + "}\n\n" + cell_.text + readout_.text + (has_synth_ ? synth_.text : "") + optimiser_.text;
  }

 private:
  // What kind of rule it is, and its declarations.
  void begin() {
    per_neuron_ = cell_.neurons && random_.chance(50);
    block_ = has_synth_ && !synth_.labelled && !synth_.input && !synth_.statistics && !synth_.per_step &&
             !cell_.per_step && random_.chance(12);
    backward_ = !block_ && random_.chance(40);
    windows_ = backward_ && random_.chance(50);
    lines_.push_back(fmt::format("let s = net.state, x = net.input, ψ = net.params, φ = L.params{}",
                                 has_synth_ ? ", θ = g.params" : ""));
    lines_.emplace_back("hyper γ = 0.9, λ = 0.6 in [0, 1]");
    known_.push_back({"γ", "", false, true});
    known_.push_back({"λ", "", false, true});
    if (random_.chance(25)) {
      lines_.emplace_back("keep κ = 0.5 in [0, 1]");
      known_.push_back({"κ", "", false, true});
      keep_ = true;
    }
    if (per_neuron_) lines_.emplace_back("keep mix[w] = 0.7 in [0, 1]");
    if (windows_) lines_.push_back(random_.chance(50) ? "window n, short first" : "window n");
  }

  static std::string at(int offset) { return offset == 0 ? "t" : fmt::format("t{:+}", offset); }
  static std::string of(const std::string& name, int offset) { return fmt::format("{}[{}]", name, at(offset)); }

  std::string member() { return "net." + random_.one_of(cell_.states); }
  std::string jacobian(int o) { return fmt::format("d(s[{}])/d(s[{}])", at(o), at(o - 1)); }

  // A name with these axes that may be read here; "" if there is none.
  std::string known(const std::string& axes, int o) {
    std::vector<std::string> fitting;
    for (const Known& k : known_) {
      if (k.axes != axes || (k.backward && !reads_backward_)) continue;
      fitting.push_back(k.constant ? k.name : of(k.name, o - (!k.backward && random_.chance(20) ? 1 : 0)));
    }
    return fitting.empty() ? "" : random_.one_of(fitting);
  }

  std::string call(int o) {
    if (synth_.labelled) return fmt::format("g(s[{0}], L.target[{0}])", at(o));
    if (synth_.input) return fmt::format("g(x[{}], s[{}])", at(o), at(o - 1));
    return fmt::format("g(s[{}])", at(o));
  }

  std::string scalar(int o, int depth) {
    if (const std::string k = known("", o); !k.empty() && random_.chance(40)) return k;
    if (depth <= 0) return random_.chance(50) ? number(random_) : of("L", o);
    switch (random_.below(15)) {
      case 0: return of("L", o);
      case 1: return fmt::format("norm2({})", vector(o, depth - 1));
      case 12: return fmt::format("norm2(d({0})/d({1}))", of(member(), o), of(member(), o - 1));
      case 13:
        return cell_.inner.empty() ? number(random_)
                                   : fmt::format("norm2(d(L[{0}])/d(net.{1}[{0}]))", at(o), cell_.inner);
      case 14:  // another output's loss
        return cell_.calls && readout_.target ? fmt::format("L(net(x[{0}], s[{1}]), L.target[{0}])", at(o), at(o - 1))
                                              : of("L", o);
      case 2: return fmt::format("mean({})", vector(o, depth - 1));
      case 3: return fmt::format("inner({}, {})", vector(o, depth - 1), vector(o, depth - 1));
      case 4: return fmt::format("sum({})", vector(o, depth - 1));
      case 5: return fmt::format("tanh({})", scalar(o, depth - 1));
      case 6: return fmt::format("where({}, {}, {})", condition(), scalar(o, depth - 1), scalar(o, depth - 1));
      case 7: return fmt::format("({} + {})", scalar(o, depth - 1), scalar(o, depth - 1));
      case 8: return fmt::format("logsumexp({})", vector(o, depth - 1));
      case 9: return fmt::format("({} . {})", vector(o, depth - 1), vector(o, depth - 1));
      case 10: return "t/T";
      default: return number(random_);
    }
  }

  std::string condition() { return random_.word({"t == 1", "t < T", "t >= 2", "t != 2", "t > 1", "t <= 3"}); }

  std::string vector_leaf(int o) {
    if (const std::string k = known("s", o); !k.empty() && random_.chance(45)) return k;
    switch (random_.below(has_synth_ ? 6 : 4)) {
      case 0: return of("s", o);
      case 1: return of("s", o - 1);
      case 2:
      case 3: return fmt::format("d(L[{0}])/d(s[{0}])", at(o));
      case 4: return call(o);
      default: return call(o);
    }
  }

  std::string vector(int o, int depth) {
    if (depth <= 0) return vector_leaf(o);
    switch (random_.below(13)) {
      case 0: return fmt::format("({} . {})", matrix(o, depth - 1), vector(o, depth - 1));
      case 1:
      case 2: return fmt::format("({} . {})", vector(o, depth - 1), matrix(o, depth - 1));
      case 3: return fmt::format("({} + {})", vector(o, depth - 1), vector(o, depth - 1));
      case 4: return fmt::format("({} - {})", vector(o, depth - 1), vector(o, depth - 1));
      case 5: return fmt::format("({}*{})", scalar(o, depth - 1), vector(o, depth - 1));
      case 6: return fmt::format("({}*{})", vector(o, 0), vector(o, depth - 1));
      case 7: return "(" + pointwise(random_, {vector(o, depth - 1)}, 1) + ")";
      case 8: return fmt::format("where({}, {}, {})", condition(), vector(o, depth - 1), vector(o, 0));
      case 9: return fmt::format("{}({})", random_.word({"stop", "softmax[s]", "stop", "tanh"}), vector(o, depth - 1));
      case 10: return cell_.calls ? fmt::format("net(x[{}], {})", at(o), of("s", o - 1)) : vector_leaf(o);
      case 11: return per_neuron_ ? fmt::format("(mix*{} + (1 - mix)*{})", vector(o, 0), vector(o, 0)) : vector_leaf(o);
      default: return vector_leaf(o);
    }
  }

  std::string matrix(int o, int depth) {
    if (const std::string k = known("ss", o); !k.empty() && random_.chance(40)) return k;
    if (depth <= 0) return jacobian(o);
    switch (random_.below(8)) {
      case 0: return fmt::format("({} . {})", matrix(o, depth - 1), matrix(o, depth - 1));
      case 1: return fmt::format("nonzero({})", jacobian(o));
      case 2: return fmt::format("({}*{})", scalar(o, depth - 1), matrix(o, depth - 1));
      case 3: return fmt::format("({} + {})", matrix(o, depth - 1), matrix(o, depth - 1));
      case 4: return has_synth_ && !synth_.input ? fmt::format("d({0})/d(s[{1}])", call(o), at(o)) : jacobian(o);
      default: return jacobian(o);
    }
  }

  // [s, bundle]: how the state, or what the synthesiser says, moves with parameters.
  std::string influence(const std::string& bundle, int o, int depth) {
    const std::string plain = bundle == "θ" ? fmt::format("d({})/d(θ)", call(o)) : fmt::format("d(s[{}])/d(ψ)", at(o));
    if (const std::string k = known("s" + bundle, o); !k.empty() && random_.chance(50)) return k;
    if (depth <= 0) return plain;
    switch (random_.below(8)) {
      case 0: return fmt::format("({} . {})", matrix(o, depth - 1), influence(bundle, o, depth - 1));
      case 1: return fmt::format("({}*{})", scalar(o, depth - 1), influence(bundle, o, depth - 1));
      case 2: return fmt::format("({} + {})", influence(bundle, o, depth - 1), plain);
      case 3: return fmt::format("(nonzero({0}) * {0})", plain);
      case 4: return fmt::format("(reach({1}, {0}, 2) * {0})", plain, jacobian(o));
      default: return plain;
    }
  }

  // [bundle]: what may be learned.
  std::string row(const std::string& bundle, int o, int depth) {
    if (const std::string k = known(bundle, o); !k.empty() && random_.chance(45)) return k;
    switch (random_.below(depth > 0 ? 6 : 3)) {
      case 0:
        if (bundle == "ψ" && random_.chance(40)) return fmt::format("d(L[{0}])/d(ψ)", at(o));
        if (bundle == "ψ" && random_.chance(20)) return fmt::format("d(sum(net.{1}[{0}]))/d(ψ)", at(o), cell_.inner);
        [[fallthrough]];
      case 1:
      case 2: return fmt::format("({} . {})", vector(o, depth), influence(bundle, o, depth - 1));
      case 3: return fmt::format("({}*{})", scalar(o, depth - 1), row(bundle, o, depth - 1));
      case 4: return fmt::format("({} + {})", row(bundle, o, depth - 1), row(bundle, o, depth - 1));
      default: return fmt::format("({} - 0.1*{})", row(bundle, o, depth - 1), row(bundle, o, depth - 1));
    }
  }

  std::string value(const std::string& axes, int o, int depth) {
    if (axes.empty()) return scalar(o, depth);
    if (axes == "s") return vector(o, depth);
    if (axes == "ss") return matrix(o, depth);
    if (axes.starts_with('s')) return influence(axes.substr(1), o, depth);
    return row(axes, o, depth);
  }

  std::string bundle() { return has_synth_ && random_.chance(35) ? "θ" : "ψ"; }
  // Traces of derivatives by parameters per step do not exist.
  bool traceable(const std::string& bundle) const { return !(bundle == "θ" ? synth_.per_step : cell_.per_step); }

  std::string any_axes() {
    switch (random_.below(10)) {
      case 0:
      case 1: return "";
      case 2: return "ss";
      case 3:
      case 4: {
        const std::string b = bundle();
        return traceable(b) ? "s" + b : "s";
      }
      case 5: {
        const std::string b = bundle();
        return traceable(b) ? b : "s";
      }
      default: return "s";
    }
  }

  void equations() {
    if (random_.chance(25)) noise();
    if (cell_.wired && random_.chance(40)) children();
    if (has_synth_ && random_.chance(60)) prediction();
    for (std::size_t i = random_.below(4); i > 0; --i) {
      switch (random_.below(4)) {
        case 0: plain(); break;
        case 1:
          if (random_.chance(30)) {
            pair();
            break;
          }
          [[fallthrough]];
        case 2: forward(); break;
        default: written_out(); break;
      }
    }
    reads_backward_ = true;
    if (backward_)
      for (std::size_t i = 1 + random_.below(2); i > 0; --i) backward();
    reads_backward_ = false;
  }

  void add(const std::string& name, const std::string& axes, bool backward = false) {
    known_.push_back({name, axes, backward, false});
  }
  std::string fresh(const char* letter) { return fmt::format("{}{}", letter, ++count_); }

  void noise() {
    const std::string name = fresh("ν"), axes = random_.chance(60) ? "s" : "";
    lines_.push_back(fmt::format("{}[t] = {}{}()", name, random_.word({"random_sign", "normal", "uniform"}),
                                 axes.empty() ? "" : "[s]"));
    add(name, axes);
  }

  // A gather over the neurons that read a neuron.
  void children() {
    const std::string name = fresh("y"), q = cell_.sizes.contains("q") ? ", q" : "";
    lines_.push_back(fmt::format("{0}[t][i{1}] = (net.parent[j, r] == i)*net.h[t][j{1}]", name, q));
    const std::string length = fresh("a");
    lines_.push_back(fmt::format("{}[t] = norm2({}[t])", length, name));
    add(length, "");
  }

  void prediction() {
    lines_.push_back(fmt::format("G[t] = {}", call(0)));
    if (random_.chance(30)) lines_.emplace_back("G[last] = 0");
    add("G", "s");
    has_prediction_ = true;
    if (random_.chance(20)) {
      lines_.emplace_back("record B[t] = G[t]");
      add("B", "s");
    }
  }

  void plain() {
    const std::string name = fresh("a"), axes = any_axes();
    lines_.push_back(fmt::format("{}[t] = {}", name, value(axes, 0, 2)));
    add(name, axes);
  }

  // What a recurrence keeps of what it was, before or behind.
  std::string kept(const std::string& axes, const std::string& before, int o) {
    if (axes.empty()) return fmt::format("{}*{}", random_.word({"γ", "λ", "0.5", "γ*λ"}), before);
    std::vector<std::string> forms = {"λ*" + before, "γ*λ*" + before, "tanh(" + before + ")",
                                      fmt::format("where({}, {}, 0.5*{})", condition(), before, before)};
    if (axes.starts_with('s')) {
      forms.push_back(fmt::format("{} . {}", jacobian(o), before));
      forms.push_back(fmt::format("γ * {} . {}", jacobian(o), before));
      forms.push_back(fmt::format("(nonzero({0}) * {0}) . {1}", jacobian(o), before));
      if (axes == "s") forms.push_back(fmt::format("s[{}] * {}", at(o), before));
    }
    return random_.one_of(forms);
  }

  void forward() {
    const std::string name = fresh("e"), axes = any_axes();
    lines_.push_back(fmt::format("{}[t] = {} + {}", name, kept(axes, name + "[t-1]", 0), value(axes, 0, 2)));
    if (random_.chance(10) && (axes.empty() || axes == "s"))
      lines_.push_back(fmt::format("{}[start] = {}", name, axes == "s" ? "0.5*s[start]" : number(random_)));
    add(name, axes);
  }

  // Two recurrences through each other, as of rank-one approximations.
  void pair() {
    const std::string a = fresh("p"), b = fresh("p");
    lines_.push_back(fmt::format("{}[t] = 0.5*{}[t-1] + {}", a, b, vector(0, 1)));
    lines_.push_back(fmt::format("{}[t] = γ*{}[t] + λ*{}[t-1]", b, a, b));
    add(a, "s");
    add(b, "s");
  }

  // The explicit form.
  void written_out() {
    const std::string name = fresh("w"), v = fresh("v"), m = fresh("m");
    lines_.push_back(fmt::format("{}[t] = {}", v, vector(0, 1)));
    lines_.push_back(fmt::format("{}[t] = {}", m, matrix(0, 1)));
    const std::string form = random_.word({"X[t][i] = M[t][i, j]*V[t][j]", "X[t][i] = M[t][j, i]*V[t-1][j] + V[t][i]",
                                           "X[t][i, j] = V[t][i]*V[t][j]", "X[t][i, j] = M[t][i, k]*M[t][k, j]",
                                           "X[t][i, j] = M[t][j, i]*V[t][i]", "X[t] = M[t][i, i]*V[t][i]"});
    std::string line;
    for (const char c : form) line += c == 'X' ? name : c == 'M' ? m : c == 'V' ? v : std::string(1, c);
    lines_.push_back(line);
    add(v, "s");
    add(m, "ss");
    add(name, form.starts_with("X[t][i, j]") ? "ss" : form.starts_with("X[t][i]") ? "s" : "");
  }

  void backward() {
    const std::string name = fresh("r"), axes = random_.chance(80) ? "s" : "";
    if (axes.empty()) {
      lines_.push_back(fmt::format("{}[t] = {} + 0.5*{}[t+1]", name, scalar(0, 1), name));
    } else {
      const std::string next =
          random_.chance(70) ? fmt::format("{}[t+1] . {}", name, jacobian(1)) : fmt::format("s[t] * {}[t+1]", name);
      lines_.push_back(fmt::format("{}[t] = {} + {}*{}", name, vector(0, 1), random_.word({"γ", "λ", "0.7"}), next));
      if (random_.chance(40))
        lines_.push_back(fmt::format("{}[end] = d(L[end])/d(s[end]){}", name,
                                     has_synth_ && !synth_.labelled && !synth_.input ? " + λ*g(s[end])" : ""));
      if (random_.chance(20)) lines_.push_back(fmt::format("{}[last] = d(L[last])/d(s[last])", name));
    }
    add(name, axes, true);
  }

  void revision() {
    record_ = fresh("B");
    lines_.push_back(fmt::format("record {}[t] = g(s[t])", record_));
    lines_.emplace_back("at each t, for k in start..t-1 {");
    lines_.push_back(random_.word({"  V[k] = (d(L[k+1])/d(s[k+1]) + γ*V[k+1]) . d(s[k+1])/d(s[k])",
                                   "  V[k] = d(L[k+1])/d(s[k+1]) . d(s[k+1])/d(s[k]) + 0.4*V[k+1]",
                                   "  V[k] = tanh(d(L[k+1])/d(s[k+1]) + λ*V[k+1])"}));
    lines_.push_back(fmt::format("  V[t] = {}[t]", record_));
    const std::string error = random_.word({"V[k] - g(s[k]; θ[k])", "tanh(V[k] - g(s[k]; θ[k]))"});
    lines_.push_back(fmt::format("  θ[k+1] = θ[k] + 0.05*({}) . d(g(s[k]; θ[k]))/d(θ[k])", error));
    lines_.push_back("  θ[start] = " + random_.word({"θ before sequence", "θ", "0.5*θ + 0.5*(θ before sequence)"}));
    lines_.emplace_back("  θ := θ[t]");
    lines_.emplace_back("}");
  }

  std::string tail(bool clips) {
    std::string text;
    if (random_.chance(15)) text += "  for t in start..end";
    if (random_.chance(12) && !backward_) text += random_.word({"  every step", "  every sequence"});
    if (clips && random_.chance(15)) text += random_.word({"  clip 1", "  clip 0.05", "  clip λ"});
    return text;
  }

  // Errors of predictions look one step ahead.
  std::string ahead() {
    const std::string next = has_prediction_ && random_.chance(60) ? " + γ*G[t+1]" : "";
    return fmt::format("((d(L[t+1])/d(s[t+1]){}) . {} - {})", next, jacobian(1), has_prediction_ ? "G[t]" : call(0));
  }

  void learn() {
    reads_backward_ = true;
    for (std::size_t i = 1 + random_.below(2); i > 0; --i)
      lines_.push_back(fmt::format("learn ψ {}= {}{}", random_.chance(80) ? '-' : '+', row("ψ", 0, 2), tail(true)));
    if (random_.chance(90)) {
      const std::string own = "d(L[t])/d(φ)";
      lines_.push_back(
          fmt::format("learn φ -= {}{}", random_.chance(80) ? own : scalar(0, 1) + "*" + own, tail(false)));
    }
    if (has_synth_ && !block_) {
      const std::string error = random_.chance(40) ? ahead() : fmt::format("({} - {})", vector(0, 1), call(0));
      const std::string line = fmt::format("{} . {}", error, influence("θ", 0, 1));
      lines_.push_back(fmt::format("learn θ += {}{}", random_.chance(75) ? line : row("θ", 0, 1), tail(true)));
    }
    reads_backward_ = false;
  }

  void statistics() {
    const std::string signal = random_.chance(60) ? fmt::format("d(L[t])/d({}[t])", member()) : "s[t]";
    const std::string state = member();
    lines_.emplace_back("per neuron w, over batch and t {");
    if (signal == "s[t]" || cell_.per_step) {
      lines_.push_back("  p = " + random_.word({"s[t]", "tanh(s[t])", "d(L[t])/d(s[t])"}));
    } else {
      lines_.push_back(fmt::format("  p = {} . d({}[t])/d(ψ)", signal, state));
    }
    lines_.push_back("  mix := " +
                     random_.word({"0.9*mix + 0.1*norm2(mean(p)) / (norm2(mean(p)) + var(p)/count)",
                                   "0.5*mix + 0.5*clamp(1 - 0.1*var(p), 0, 1)", "0.8*mix + 0.1*norm2(mean(p))",
                                   "0.5*mix + 0.1*cov(p, p)/max(var(p), count*norm2(mean(p)))"}));
    lines_.emplace_back("}");
  }

  void keeps_change() {
    if (keep_) lines_.push_back("κ := " + random_.word({"0.9*κ + 0.05", "κ*κ + 0.1*λ", "min(1, κ + 0.1)", "1 - κ"}));
  }

  std::string header() {
    return fmt::format("rule random_rule(net: cell{}, L: readout{}{}) {{\n", per_neuron_ ? " over neurons w" : "",
                       has_synth_ ? ", g: synth" : "",
                       windows_ ? random_.word({", n = 2", ", n = 1", ", n = all"}) : "");
  }

  std::string settings() {
    std::string line = fmt::format("# run rule=random_rule cell={} readout={} optimiser={}", cell_.name, readout_.name,
                                   optimiser_.name);
    if (has_synth_) line += " synth=" + synth_.name;
    for (const auto& [name, size] : cell_.sizes) line += fmt::format(" {}={}", name, size);
    line += fmt::format(" k={} hidden={}", random_.between(1, 3), random_.between(1, 3));
    const bool many = random_.chance(6);
    const std::int64_t steps = random_.between(1, 5);
    line += fmt::format(" steps={} examples={}", steps, many ? 51 : random_.between(1, 3));
    if (steps > 1 && random_.chance(35)) line += " unequal";
    if (random_.chance(35)) line += " masked";
    if (!readout_.target) line += " no_target";
    line += " update=" +
            (backward_ ? random_.word({"sequence", "sequence", "window"}) : random_.word({"sequence", "step"}));
    line += " cpu=" + random_.word({"native", "native", "avx2", "baseline"});
    line += " schedule=" + random_.word({"auto", "auto", "dense", "reverse", "replay"});
    if (random_.chance(20)) line += " threads=2";
    if (!backward_ && !block_ && !cell_.per_step && !synth_.per_step && random_.chance(20)) line += " stepwise";
    line += fmt::format(" seed={}\n", random_.below(1000));
    return line;
  }

  Random random_;
  RandomCell cell_;
  RandomReadout readout_;
  RandomOptimiser optimiser_;
  RandomSynth synth_;
  bool has_synth_ = false;
  bool per_neuron_ = false, block_ = false, backward_ = false, windows_ = false, keep_ = false;
  bool has_prediction_ = false, reads_backward_ = false;
  std::string record_;
  int count_ = 0;
  std::vector<Known> known_;
  std::vector<std::string> lines_;
};

}  // namespace

std::string random_program(std::uint64_t seed) { return RuleMaker(seed).make(); }

}  // namespace eligo::fuzz
