#include "tests/fuzz/random_parts.h"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "compiler/operations/operation.h"

namespace eligo::fuzz {
namespace {

// The functions of one argument that the table of operations has and that do not jump.
std::vector<const compiler::Operation*> functions_of_one() {
  std::vector<const compiler::Operation*> all;
  for (int i = 0; i < compiler::op_count; ++i) {
    const compiler::Operation& row = compiler::operation(static_cast<compiler::Op>(i));
    const bool flat = row.partials[0].kind == compiler::Partial::Kind::flat;
    if (row.spelling.form == compiler::Spelling::Form::function && row.arity == 1 && !flat) all.push_back(&row);
  }
  return all;
}

// Of numbers for which it is finite.
std::string any_function(Random& random, const std::string& a) {
  static const std::vector<const compiler::Operation*> functions = functions_of_one();
  const compiler::Operation& row = *functions[random.below(functions.size())];
  return fmt::format("{}({})", row.spelling.word, row.may_leave_finite ? fmt::format("0.8 + 0.5*tanh({})", a) : a);
}

std::string one_argument(Random& random, const std::string& a) {
  switch (random.below(17)) {
    case 0: return fmt::format("tanh({})", a);
    case 1: return fmt::format("sigmoid({})", a);
    case 2: return fmt::format("softplus({})", a);
    case 3: return fmt::format("relu({})", a);
    case 4: return fmt::format("({})^2", a);
    case 5: return fmt::format("abs({})", a);
    case 6: return fmt::format("clamp({}, -0.8, 0.9)", a);
    case 7: return fmt::format("sqrt(1 + ({})^2)", a);
    case 8: return fmt::format("exp(-({})^2)", a);
    case 9: return fmt::format("log(1 + ({})^2)", a);
    case 10: return fmt::format("-({})", a);
    case 11: return fmt::format("{}*({})", number(random), a);
    case 12: return fmt::format("({})^3", a);
    case 13:
    case 14:
    case 15: return any_function(random, a);
    default: return fmt::format("tanh({})", a);
  }
}

std::string two_arguments(Random& random, const std::string& a, const std::string& b) {
  switch (random.below(10)) {
    case 0: return fmt::format("max({}, {})", a, b);
    case 1: return fmt::format("min({}, {})", a, b);
    case 2: return fmt::format("({}) * ({})", a, b);
    case 3: return fmt::format("({}) / (1 + ({})^2)", a, b);
    case 4: return fmt::format("({}) - ({})", a, b);
    case 5: return fmt::format("where({} > 0.1, {}, {})", a, b, number(random));
    case 6: return fmt::format("({}) * sigmoid({})", a, b);
    default: return fmt::format("{} + {}", a, b);
  }
}

}  // namespace

std::string number(Random& random) {
  return random.word({"0.5", "0.3", "1.2", "0.9", "2", "0.1", "0.75", "1e-1", "(1/3)"});
}

std::string pointwise(Random& random, const std::vector<std::string>& leaves, int depth) {
  if (depth <= 0 || random.chance(15)) return random.one_of(leaves);
  if (random.chance(45)) return one_argument(random, pointwise(random, leaves, depth - 1));
  return two_arguments(random, pointwise(random, leaves, depth - 1), pointwise(random, leaves, depth - 1));
}

namespace {

// Units that all read each other: gates, a second state, a bottleneck as the output, parameters per step.
class DenseCell {
 public:
  explicit DenseCell(Random& random) : random_(random) {}

  RandomCell make() {
    cell_.name = "random_cell";
    cell_.sizes = {{"n", random_.between(1, 4)}, {"m", random_.between(1, 3)}};
    const bool two = random_.chance(35);
    if (two) cell_.states.emplace_back("c");
    cell_.per_step = random_.chance(12);
    cell_.inner = "z";
    preactivation();
    if (random_.chance(30)) lines_.push_back(fmt::format("a[t] = {}", reduced()));
    state(two);
    output();
    cell_.calls = !two && outputs_.empty();
    cell_.text = fmt::format("cell random_cell({}) {{\n  {}\n  {}\n{}}}\n", header(), fmt::join(declared_, "\n  "),
                             fmt::join(lines_, "\n  "), outputs_);
    return cell_;
  }

 private:
  std::string header() const {
    std::vector<std::string> names;
    for (const auto& [name, size] : cell_.sizes) names.push_back(name);
    return fmt::format("{}", fmt::join(names, ", "));
  }
  std::string initial() {
    return random_.word({"~ uniform(-1/sqrt(n), 1/sqrt(n))", "~ normal(0, 1/sqrt(n))", "~ normal(0.1, 0.4)"});
  }

  void preactivation() {
    gates_ = random_.chance(40);
    const std::string axis = gates_ ? "gate, " : "", per = cell_.per_step ? " per step" : "";
    if (gates_) declared_.emplace_back("axis gate = {p, q}");
    declared_.emplace_back("input x[m]");
    declared_.push_back(fmt::format("param W[{}n, n], U[{}n, m]{} {}", axis, axis, per, initial()));
    declared_.push_back(fmt::format("param b[{}n] {}", axis, random_.chance(20) ? "= 0.1" : initial()));
    if (random_.chance(25)) declared_.emplace_back("param v[n] ~ normal(0, 1)");
    else v_ = false;
    if (random_.chance(30)) declared_.emplace_back("hyper leak = 0.4 in [0, 1]");
    else leak_ = false;
    const bool explicitly = !gates_ && random_.chance(25);
    if (explicitly) lines_.emplace_back("z[t][i] = W[i, j]*h[t-1][j] + U[i, j]*x[t][j] + b[i]");
    else if (random_.chance(15)) lines_.emplace_back("z[t] = where(t == 1, U . x[t], W . h[t-1]) + b");
    else lines_.emplace_back("z[t] = W . h[t-1] + U . x[t] + b");
  }

  std::vector<std::string> leaves() {
    std::vector<std::string> all = {gates_ ? "z.p[t]" : "z[t]", gates_ ? "z.q[t]" : "z[t]", "h[t-1]"};
    if (v_) all.emplace_back("v*h[t-1]");
    if (cell_.states.size() > 1) all.emplace_back("c[t-1]");
    return all;
  }
  std::string reduced() {
    const std::string a = pointwise(random_, leaves(), 1);
    defined_.emplace_back("a[t]");
    return substituted(a);
  }
  std::string substituted(const std::string& a) {
    std::string form = random_.word({"softmax[n](A)", "unit(A)", "sum[n](A)", "mean(A)", "logsumexp(A)", "norm2(A)/n",
                                     "A - mean[n](A)", "A / (1 + norm2(A))", "inner(A, h[t-1])"});
    for (std::size_t at = form.find('A'); at != std::string::npos; at = form.find('A', at + a.size() + 2))
      form.replace(at, 1, "(" + a + ")");
    return form;
  }

  void state(bool two) {
    std::vector<std::string> all = leaves();
    all.insert(all.end(), defined_.begin(), defined_.end());
    declared_.push_back(fmt::format("state h[n] = {}{}", random_.chance(20) ? "0.1" : "0", two ? ", c[n] = 0" : ""));
    const std::string gate = all.front();
    if (two) lines_.push_back(fmt::format("c[t] = sigmoid({})*c[t-1] + tanh({})", gate, pointwise(random_, all, 2)));
    if (two) all.emplace_back("c[t]");
    const std::string inside = all[1] + " + " + pointwise(random_, all, 2);
    switch (random_.below(leak_ ? 4 : 3)) {
      case 0: lines_.push_back(fmt::format("h[t] = tanh({})", inside)); break;
      case 1: lines_.push_back(fmt::format("h[t] = sigmoid({})*h[t-1] + tanh({})", gate, inside)); break;
      case 2:
        lines_.push_back(
            fmt::format("h[t] = {}", random_.chance(50) ? "0.6*(" + inside + ")" : "sigmoid(" + inside + ")"));
        break;
      default: lines_.push_back(fmt::format("h[t] = (1 - leak)*h[t-1] + leak*tanh({})", inside)); break;
    }
  }

  void output() {
    if (!random_.chance(25)) return;
    if (random_.chance(50)) {
      outputs_ = fmt::format("  output y[t] = {}\n", pointwise(random_, {"h[t]", "h[t]", leaves().front()}, 2));
      return;
    }
    cell_.sizes["p"] = random_.between(1, 3);
    declared_.emplace_back("param C[p, n] ~ normal(0, 1)");
    outputs_ = random_.chance(50) ? "  output y[t] = C . h[t]\n" : "  output y[t] = tanh(C . h[t])\n";
  }

  Random& random_;
  RandomCell cell_;
  bool gates_ = false, v_ = true, leak_ = true;
  std::vector<std::string> declared_, lines_, defined_;
  std::string outputs_;
};

// Neurons that read a few others each, through wirings; all parameters lie with a neuron.
RandomCell wired_cell(Random& random) {
  RandomCell cell;
  cell.name = "random_cell";
  cell.sizes = {{"w", random.between(2, 4)}, {"r", random.between(1, 2)}, {"m", random.between(1, 3)}};
  cell.neurons = cell.wired = true;
  cell.inner = "z";
  const bool wide = random.chance(40);
  cell.per_step = random.chance(12);
  const std::string per = cell.per_step && random.chance(50) ? " per step" : "";
  const std::string q = wide ? ", q" : "", state = fmt::format("[w{}]", q);
  if (wide) cell.sizes["q"] = random.between(1, 2);
  std::string text = fmt::format("cell random_cell(w, r, m{}) {{\n  input x[m]\n  state h{} = 0\n", q, state);
  text += fmt::format("  wiring parent[w, r]{} ~ sample(w)\n", per);
  text += fmt::format("  param V[w{}, r], U[w{}, m], b{}{} ~ uniform(-1, 1)\n", q, q, state,
                      cell.per_step ? " per step" : "");
  std::string b = "b" + state;
  text += fmt::format("  z[t]{} = V[w{}, r]*h[t-1][parent[w, r]{}] + U[w{}, m]*x[t][m] + {}\n", state, q, q, q, b);
  if (random.chance(30)) {
    text += fmt::format("  a[t]{} = softmax[{}](z[t]{})\n", state, wide ? "q" : "w", state);
    // a softmax over the neurons is one of all: then parameters no longer lie with a neuron
    cell.neurons = wide;
    text += "  h[t] = " + pointwise(random, {"z[t]", "h[t-1]", "a[t]"}, 2) + " + z[t]\n";
  } else {
    text += "  h[t] = tanh(z[t] + " + pointwise(random, {"z[t]", "h[t-1]"}, 2) + ")\n";
  }
  cell.text = text + "}\n";
  return cell;
}

RandomCell library_cell(Random& random) {
  RandomCell cell;
  cell.name = random.word({"rnn_tanh", "rnn_linear", "rnn_leaky", "lstm", "gru", "sparsenet", "feedforward"});
  cell.sizes = {{"n", random.between(1, cell.name == "lstm" || cell.name == "gru" ? 2 : 4)},
                {"m", random.between(1, 3)}};
  cell.inner = cell.name == "gru" ? "u" : "z";
  if (cell.name == "lstm") {
    cell.states = {"h", "c"};
    cell.calls = false;
  }
  if (cell.name == "feedforward") cell.per_step = true;
  if (cell.name == "sparsenet") {
    cell.sizes = {{"w", 3}, {"q", random.between(1, 2)}, {"slot", 2}, {"r", 2}, {"m", 2}};
    cell.neurons = cell.wired = true;
    cell.inner = "k";
  }
  return cell;
}

}  // namespace

RandomCell random_cell(Random& random) {
  if (random.chance(30)) return library_cell(random);
  if (random.chance(30)) return wired_cell(random);
  return DenseCell(random).make();
}

RandomReadout random_readout(Random& random) {
  if (random.chance(35)) return {random.word({"linear_mse", "linear_softmax", "linear_bernoulli"}), "", true};
  RandomReadout readout{"random_readout", "", random.chance(85)};
  std::string text = "readout random_readout(n, k) {\n  input h[n]\n";
  if (readout.target) text += "  target y[k]\n";
  text += "  param V[k, n] ~ normal(0, 1/sqrt(n))\n  param c[k] = 0.1\n";
  const std::string before = random.chance(30) ? "V . tanh(h) + c" : "V . h + c";
  text += fmt::format("  output o = {}\n", random.chance(20) ? "tanh(" + before + ")" : before);
  const std::string loss =
      readout.target
          ? random.word({"mean((o - y)^2)", "sum(softplus(o) - y*o)", "sum(y)*logsumexp(o) - sum(y*o)",
                         "mean(abs(o - y)^3)", "mean(sqrt(1 + (o - y)^2))", "norm2(o - y)/2 + 0.1*norm2(o)",
                         "-inner(y, log(0.05 + softmax[k](o)))", "log(1 + norm2(o - y))", "max(o) - inner(o, y)"})
          : random.word({"norm2(o)", "mean(o^2) + sum(tanh(o))", "logsumexp(o)", "log(1 + norm2(o))"});
  readout.text = text + fmt::format("  loss {}\n}}\n", loss);
  return readout;
}

RandomSynth random_synth(Random& random, bool target) {
  RandomSynth synth;
  if (random.chance(15)) {
    synth.name = random.word({"linear", "mlp", "critic"});
    return synth;
  }
  synth.name = "random_synth";
  synth.labelled = target && random.chance(15);
  synth.input = !synth.labelled && random.chance(15);
  synth.per_step = random.chance(4);
  const std::string per = synth.per_step ? " per step" : "";
  const std::string more = synth.labelled ? ", y[k]" : "", first = synth.input ? "x[m], " : "";
  std::string text = fmt::format("synth random_synth(n{}{}, hidden) {{\n  input {}s[n]{}\n",
                                 synth.labelled ? ", k" : "", synth.input ? ", m" : "", first, more);
  text += fmt::format("  param W[hidden, n], b[hidden]{} ~ uniform(-1, 1)\n  param A[n, hidden] ~ normal(0, 1)\n", per);
  std::string inside = "W . s + b";
  if (synth.labelled) text += "  param Y[hidden, k] ~ normal(0, 0.5)\n", inside += " + Y . y";
  if (synth.input) text += "  param X[hidden, m] ~ normal(0, 0.5)\n", inside += " + X . x";
  text += fmt::format("  z = {}\n", inside);
  std::string hidden = "z";
  synth.statistics = random.chance(15);
  if (synth.statistics) {
    text += "  keep m0[hidden] = 0, v0[hidden] = 1\n  m0 := 0.9*m0 + 0.1*mean(z)\n  v0 := 0.8*v0 + 0.2*var(z)\n";
    hidden = "(z - m0) / sqrt(v0 + 0.1)";
  }
  text += fmt::format("  u = {}\n", pointwise(random, {hidden}, 2));
  if (!synth.labelled && !synth.input && random.chance(15)) {
    text += "  param q[hidden] ~ normal(0, 1)\n  v = q . u\n  output g = d(v)/d(s)\n";
  } else {
    text += random.chance(20) ? "  output g = (A . u) * sigmoid(s)\n" : "  output g = A . u\n";
  }
  synth.text = text + "}\n";
  return synth;
}

RandomOptimiser random_optimiser(Random& random) {
  if (random.chance(40)) return {random.chance(70) ? "sgd" : "adam", ""};
  const std::string begin = "optimiser random_optimiser(p, grad) {\n  hyper α = 1e-2, β = 0.8\n  ";
  switch (random.below(4)) {
    case 0: return {"random_optimiser", begin + "keep v[p] = 0\n  v1 = β*v + grad\n  v := v1\n  p := p + α*v1\n}\n"};
    case 1: return {"random_optimiser", begin + "p := (1 - 0.1*α)*p + α*clamp(grad, -0.3, 0.3)\n}\n"};
    case 2:
      return {"random_optimiser", begin +
                                      "keep v[p] = 0, n = 0\n  v1 = β*v + (1 - β)*grad^2\n  v := v1\n  n := n + 1\n"
                                      "  p := p + α*grad / (sqrt(v1) + 0.1) / (n + 1)\n}\n"};
    default: return {"random_optimiser", begin + "p := p + α*tanh(grad)\n}\n"};
  }
}

}  // namespace eligo::fuzz
