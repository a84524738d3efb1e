#include "tests/schedules/random_trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "support/random.h"

namespace eligo::test {
namespace {

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : key_(make_key(seed, "random trace")) {}

  RandomRule make() {
    const int count = 1 + below(3);
    for (int i = 0; i < count; ++i) trace(fmt::format("e{}", i + 1));
    for (const Trace& t : traces_) learn(t);
    if (chance(0.5)) lines_.push_back("learn ψ -= (d(L[t])/d(s[t]) + G[t]) . d(s[t])/d(ψ)");
    RandomRule rule;
    for (const Trace& t : traces_) rule.traces.push_back(t.name);
    rule.text = fmt::format(
        R"(rule random_trace(net: cell, L: readout, g: synth) {{
  let s = net.state, ψ = net.params, φ = L.params, θ = g.params
  hyper λ = 0.8, γ = 0.9, bound = 0.01
  G[t] = g(s[t])
  {}
  J[t] = d(s[t])/d(s[t-1])
  {}
  learn φ -= d(L[t])/d(φ)
}}
)",
        chance(0.5) ? "G[last] = 0" : "", fmt::join(lines_, "\n  "));
    return rule;
  }

 private:
  struct Trace {
    std::string name, bundle;  // of its columns
    bool of_state = true;      // [s, bundle], else [bundle]
  };

  int below(int n) { return static_cast<int>(uniform(key_, at_++, 0, n)); }
  bool chance(double p) { return uniform(key_, at_++, 0, 1) < p; }
  std::string one_of(const std::vector<std::string>& from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }

  void trace(const std::string& name) {
    Trace t{name, chance(0.5) ? "θ" : "ψ", chance(0.8)};
    const std::string before = name + "[t-1]";
    std::vector<std::string> kept = {"γ*λ * {0}",         "γ * {0}",
                                     "norm2(s[t]) * {0}", "where(t == 3, 0, 0.7) * {0}",
                                     "λ*{0} - 0.2*{0}",   "mean(s[t-1]*s[t-1]) * γ * {0}"};
    if (t.of_state) {
      for (const char* more : {"γ*λ * J[t] . {0}", "J[t] . {0}", "J[t] . (J[t] . {0})", "γ*(J[t] . {0}) + 0.3*{0}",
                               "s[t] * {0}", "J[t-1] . {0}", "(1 - s[t]^2) * (J[t] . {0})"})
        kept.emplace_back(more);
    }
    if (chance(0.15)) kept = {"tanh({0})", "{0}*{0}", "max({0}, 0)", "abs({0})", "{0} / (1 + norm2({0}))"};
    const std::string add = t.bundle == "θ" ? "d(G[t])/d(θ)" : "d(s[t])/d(ψ)";
    std::vector<std::string> added = {add, "0.5 * " + add, add + " - norm2(s[t]) * " + add};
    if (t.of_state) added.push_back("J[t] . " + add);
    std::string term = one_of(added);
    if (!t.of_state) term = fmt::format("({} . ({}))", signal(), add);
    for (const Trace& other : traces_)
      if (other.bundle == t.bundle && other.of_state == t.of_state && chance(0.6))
        term += fmt::format(" + 0.4*{}[{}]", other.name, one_of({"t", "t-1"}));
    lines_.push_back(fmt::format("{}[t] = {} + {}", name, fmt::format(fmt::runtime(one_of(kept)), before), term));
    traces_.push_back(t);
  }

  std::string signal() { return one_of({"d(L[t])/d(s[t])", "G[t]", "(d(L[t])/d(s[t]) + γ*G[t])"}); }

  void learn(const Trace& t) {
    const std::string ahead = "((d(L[t+1])/d(s[t+1]) + γ*G[t+1]) . J[t+1] - G[t])";
    const int readers = below(5) == 0 ? 0 : 1 + below(2);
    for (int i = 0; i < readers; ++i) {
      const std::string by = chance(0.3) ? ahead : signal();
      std::string read = t.of_state ? fmt::format("{} . {}[t]", by, t.name) : t.name + "[t]";
      if (t.of_state && chance(0.2)) read = fmt::format("{} . (J[t] . {}[t-1])", by, t.name);
      else if (chance(0.15)) read = t.of_state ? fmt::format("{} . {}[t-1]", by, t.name) : t.name + "[t-1]";
      if (chance(0.2)) read = fmt::format("0.3*({}) - norm2(s[t]) * ({})", read, read);
      if (chance(0.2)) read += t.bundle == "θ" ? " + G[t] . d(G[t])/d(θ)" : " + G[t] . d(s[t])/d(ψ)";
      if (chance(0.1)) read = "tanh(" + read + ")";
      std::string tail = chance(0.2) ? "  for t in start..end" : "";
      if (chance(0.1)) tail += "  clip bound";
      lines_.push_back(fmt::format("learn {} {}= {}{}", t.bundle, chance(0.5) ? '+' : '-', read, tail));
    }
  }

  Key key_;
  std::uint64_t at_ = 0;
  std::vector<Trace> traces_;
  std::vector<std::string> lines_;
};

}  // namespace

RandomRule random_rule(std::uint64_t seed) { return Maker(seed).make(); }

}  // namespace eligo::test
