// Random rules, compiled: the kernels in float64 and float32 against the interpreter, which evaluates what was written
// before any pass has changed it.
#include <fmt/core.h>

#include <cmath>
#include <map>
#include <sstream>
#include <utility>

#include "dsl/diagnostic.h"
#include "runtime/engine/session.h"
#include "runtime/library/compile.h"
#include "tests/fuzz/random_rule.h"
#include "tests/fuzz/target.h"
#include "tests/oracle/nets.h"
#include "tests/runtime/temporary.h"

namespace eligo::fuzz {
namespace {

// The words of the first line, "# run rule=r cell=c n=3 unequal ...".
class Settings {
 public:
  explicit Settings(const std::string& text) {
    std::istringstream words(text.substr(0, text.find('\n')));
    for (std::string word; words >> word;) {
      const std::size_t sign = word.find('=');
      values_[word.substr(0, sign)] = sign == std::string::npos ? "" : word.substr(sign + 1);
    }
  }
  bool has(const std::string& name) const { return values_.contains(name); }
  std::string text(const std::string& name, const std::string& otherwise = "") const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    const std::string value = text(name);
    return value.empty() ? otherwise : std::strtoll(value.c_str(), nullptr, 10);
  }

 private:
  std::map<std::string, std::string> values_;
};

ProgramSpec specification(const Settings& settings, const std::string& folder) {
  ProgramSpec spec;
  spec.rule = settings.text("rule");
  spec.cell = settings.text("cell");
  spec.readout = settings.text("readout");
  spec.synth = settings.text("synth");
  spec.optimiser = settings.text("optimiser", "sgd");
  for (const char* size : {"n", "m", "k", "hidden", "w", "r", "q", "p", "slot"})
    if (settings.has(size)) spec.sizes[size] = settings.number(size, 1);
  const std::string update = settings.text("update");
  spec.update = update == "step" ? Update::step : update == "window" ? Update::window : Update::sequence;
  spec.online = settings.has("stepwise");
  spec.cpu = settings.text("cpu", "native");
  spec.schedule = {{"", settings.text("schedule", "auto")}};
  spec.rule_paths = {folder};
  spec.cache = "none";
  spec.batch_hint = settings.number("examples", 2);
  spec.steps_hint = settings.number("steps", 3);
  return spec;
}

using Outcome = std::map<std::string, std::vector<double>>;

// Two batches, so that what one leaves behind meets the next. `disturbed` moves every number that goes in by so much of
// itself, in a way of its own for each draw.
class Run {
 public:
  Run(std::shared_ptr<const Program> program, const Settings& settings, const std::vector<std::string>& shows,
      double disturbed = 0, int draw = 0)
      : settings_(settings), shows_(shows), disturbed_(disturbed), draw_(draw) {
    SessionOptions options;
    options.batch = settings.number("examples", 2);
    options.steps = settings.number("steps", 3);
    options.seed = static_cast<std::uint64_t>(settings.number("seed", 1));
    options.threads = static_cast<int>(settings.number("threads", 1));
    session_ = std::make_unique<Session>(std::move(program), options);
    test::fill(*session_);
    // By default it makes a step of full length of a gradient that is zero but for rounding.
    if (settings.text("optimiser") == "adam") session_->set_hyper("optimiser.ε", 1e-3);
    for (const TensorInfo& info : session_->tensors())
      if (info.parameter) session_->set(info.name, moved(info.name, session_->get(info.name)));
  }

  Outcome outcome() {
    test::Shape shape;
    shape.steps = settings_.number("steps", 3);
    shape.examples = settings_.number("examples", 2);
    shape.inputs = settings_.number("m", 1);
    shape.targets = settings_.has("no_target") ? 0 : settings_.number("k", 1);
    shape.unequal = settings_.has("unequal");
    shape.masked = settings_.has("masked");
    for (const std::string key : {"first", "second"}) {
      Batch batch = test::make_batch(shape, key + settings_.text("seed"));
      batch.x = moved(key, batch.x);
      if (settings_.has("stepwise")) steps(batch, shape);
      else out_["loss"].push_back(session_->run(batch).loss);
      for (const std::string& name : test::parameters(*session_)) append("gathered " + name, session_->gathered(name));
    }
    for (const TensorInfo& info : session_->tensors())
      if (!info.name.ends_with("[start]")) append(info.name, session_->get(info.name));
    if (!settings_.has("stepwise"))
      for (const std::string& name : shows_) append("shown " + name, session_->shown(name).values);
    return out_;
  }

 private:
  void append(const std::string& name, const std::vector<double>& values) {
    out_[name].insert(out_[name].end(), values.begin(), values.end());
  }

  std::vector<double> moved(const std::string& key, std::vector<double> values) const {
    if (disturbed_ == 0) return values;
    const std::vector<double> by =
        test::numbers(fmt::format("{} {}", key, draw_), static_cast<std::int64_t>(values.size()), disturbed_);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= 1 + by[i];
    return values;
  }

  void steps(const Batch& batch, const test::Shape& shape) {
    session_->reset();
    const auto inputs = static_cast<std::size_t>(shape.examples * shape.inputs);
    const auto targets = static_cast<std::size_t>(shape.examples * shape.targets);
    for (std::size_t t = 0; t < static_cast<std::size_t>(shape.steps); ++t) {
      const auto x = std::span(batch.x).subspan(t * inputs, inputs);
      const auto y = std::span(batch.y).subspan(t * targets, targets);
      const bool halves = t % 2 == 1;
      if (halves) session_->forward(x);
      out_["loss"].push_back(halves ? session_->learn(y).loss : session_->step(x, y).loss);
    }
  }

  const Settings& settings_;
  const std::vector<std::string>& shows_;
  double disturbed_;
  int draw_;
  std::unique_ptr<Session> session_;
  Outcome out_;
};

double largest(const Outcome& outcome) {
  double most = 0;
  for (const auto& [name, values] : outcome)
    for (const double x : values) most = std::isfinite(x) ? std::max(most, std::abs(x)) : INFINITY;
  return most;
}

// How far one number of `got` is at most from that of `want`, over what each may differ by.
struct Difference {
  double most = 0;
  std::string where;
};
Difference difference(const Outcome& got, const Outcome& want, double tolerance, double floor, const Outcome& sway) {
  Difference worst;
  for (const auto& [name, values] : want) {
    const auto found = got.find(name);
    if (found == got.end() || found->second.size() != values.size()) return {INFINITY, name + " is not as long"};
    double scale = floor;  // what cancels leaves rounding of its terms
    for (const double x : values) scale = std::max(scale, std::abs(x));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto swayed = sway.find(name);
      const double allowed = tolerance * scale + (swayed == sway.end() ? 0 : swayed->second[i]);
      const double off = std::abs(found->second[i] - values[i]) / allowed;
      if (off <= worst.most) continue;
      worst = {std::isnan(off) ? INFINITY : off,
               fmt::format("{}[{}] is {}, the interpreter says {}", name, i, found->second[i], values[i])};
    }
  }
  return worst;
}

class RulesTarget : public Target {
 public:
  std::string input(std::uint64_t seed) override { return random_program(seed); }
  std::string extension() const override { return "eli"; }
  int least_accepted() const override { return 60; }
  unsigned seconds() const override { return 60; }

  End run(const std::string& text) override {
    folder_.write("random.eli", text);
    const Settings settings(text);
    ProgramSpec spec = specification(settings, folder_.path());
    spec.float64 = true;
    const std::vector<std::string> shows = settle(spec, text);
    if (!kernels_) return End::refused;
    ProgramSpec oracle = spec;
    oracle.interpreter = true;
    oracle.schedule = {{"", "dense"}};
    const auto interpreter = compile(oracle);
    const Outcome want = Run(interpreter, settings, shows).outcome();
    if (!(largest(want) < kLargest)) return End::unjudged;
    const auto kernels = std::exchange(kernels_, nullptr);
    compare(kernels, interpreter, settings, shows, want, {1e-9, 1e-3, 1e-12, 1e4, "float64"});
    spec.float64 = false;
    compare(compile(spec), kernels, settings, shows, want, {2e-4, 2e-2, 1e-6, 50, "float32"});
    return End::accepted;
  }

 private:
  static constexpr double kLargest = 1e4;

  // Names that can be shown are found by trying; a schedule that is refused becomes `auto`.
  std::vector<std::string> settle(ProgramSpec& spec, const std::string& text) {
    kernels_ = nullptr;
    std::vector<std::string> names;
    for (std::size_t at = text.find("\n  "); at != std::string::npos && text[at + 1] != '}';
         at = text.find('\n', at + 1)) {
      const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
      if (line.starts_with("}")) break;
      const std::size_t end = line.find("[t] = ");
      if (line.starts_with("  ") && end != std::string::npos && line.find(' ', 2) > end)
        names.push_back(line.substr(2, end - 2));
    }
    for (const std::string& word : {spec.schedule[""], std::string("auto")}) {
      spec.schedule[""] = word;
      for (const bool shown : {true, false}) {
        if (shown && spec.online.value_or(false)) continue;  // single steps show nothing
        spec.show = shown ? names : std::vector<std::string>{};
        try {
          kernels_ = compile(spec);
          return spec.show;
        } catch (const Error& e) {
          expect_message(e.what());
        } catch (const dsl::SourceError& e) {
          expect_message(e.what());
        }
      }
    }
    return {};
  }

  static void expect_message(const std::string& text) {
    if (text.empty()) throw Fault("refused without a message");
  }

  struct Bounds {
    double tolerance, floor, disturbance, factor;
    const char* name;
  };

  // What is off by more than rounding may still be how much the rule makes of rounding: then it is off by about as much
  // where the numbers that go in are disturbed by so little.
  void compare(const std::shared_ptr<const Program>& program, const std::shared_ptr<const Program>& other,
               const Settings& settings, const std::vector<std::string>& shows, const Outcome& want,
               const Bounds& bounds) {
    const Outcome got = Run(program, settings, shows).outcome();
    if (difference(got, want, bounds.tolerance, bounds.floor, {}).most <= 1) return;
    const Outcome undisturbed = Run(other, settings, shows).outcome();
    Outcome sway;
    for (int draw = 0; draw < 6; ++draw) {
      const Outcome moved = Run(other, settings, shows, bounds.disturbance, draw).outcome();
      for (const auto& [name, values] : moved) {
        std::vector<double>& s = sway[name];
        s.resize(values.size());
        double most = 0;
        for (std::size_t i = 0; i < values.size(); ++i)
          most = std::max(most, std::abs(values[i] - undisturbed.at(name)[i]));
        for (double& x : s) x = std::max(x, bounds.factor * most);
      }
    }
    const Difference off = difference(got, want, bounds.tolerance, bounds.floor, sway);
    if (off.most > 1)
      throw Fault(fmt::format("{}: {}; {:.3g} times what rounding explains", bounds.name, off.where, off.most));
  }

  test::TemporaryFolder folder_;
  std::shared_ptr<const Program> kernels_;  // in float64
};

}  // namespace

std::unique_ptr<Target> make_rules_target() { return std::make_unique<RulesTarget>(); }

}  // namespace eligo::fuzz
