#include "runtime/gradients/total_gradient.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "runtime/gradients/additions.h"
#include "runtime/gradients/random_case.h"
#include "runtime/gradients/slope.h"
#include "runtime/library/compile.h"
#include "runtime/library/item_interface.h"
#include "runtime/library/warnings.h"
#include "support/random.h"

namespace eligo {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

using Vector = std::vector<double>;

// The loss of the whole sequence as a function of the parameters: forward passes alone.
class Loss {
 public:
  Loss(Session& session, const Batch& batch) : session_(session), batch_(batch), size_(std::abs(here())) {}

  // Always with the draws of the first sequence, as the rule's own run has them.
  double here() {
    session_.set_sequence(0);
    return session_.run(batch_, false).loss;
  }

  double size() const { return size_; }

  Slopes slope(const std::string& parameter, const Vector& direction) {
    const Vector at = session_.get(parameter);
    const Along along = [&](double step) {
      Vector moved = at;
      for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += step * direction[i];
      session_.set(parameter, moved);
      return std::optional(Vector{here()});
    };
    Slopes found = slopes_of(along, {size_});
    session_.set(parameter, at);
    return found;
  }

 private:
  Session& session_;
  const Batch& batch_;
  double size_;
};

Vector unit(std::size_t size, std::size_t at) {
  Vector v(size, 0);
  v[at] = 1;
  return v;
}

Vector random_direction(std::size_t size, std::uint64_t seed, const std::string& parameter, std::int64_t number) {
  const Key key = make_key(seed, fmt::format("direction {} of {}", number, parameter));
  Vector v(size);
  double length2 = 0;
  for (std::size_t i = 0; i < size; ++i) {
    v[i] = normal(key, i);
    length2 += v[i] * v[i];
  }
  // Of length 1, like a unit vector: a slope along it is about as large as an entry.
  for (double& x : v) x /= std::sqrt(length2);
  return v;
}

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Both sides of one tensor, along the same directions.
struct Sides {
  Vector added, down;
  double error = 0;  // the largest of the slopes'
};

class Judge {
 public:
  Judge(Session& session, const Batch& batch, const TotalOptions& options, bool sampled)
      : loss_(session, batch), options_(options), sampled_(sampled) {}

  TotalCheck check(const TensorInfo& info, const std::optional<Vector>& added, Sides& sides) {
    TotalCheck out;
    out.parameter = info.name;
    out.size = 1;
    for (const std::int64_t extent : info.shape) out.size *= extent;
    out.sampled = sampled_ && out.size > options_.directions;
    const auto size = static_cast<std::size_t>(out.size);
    const Vector nothing(size, 0);
    const auto count = out.sampled ? options_.directions : out.size;
    for (std::int64_t i = 0; i < count; ++i) {
      const Vector along = out.sampled ? random_direction(size, options_.seed, info.name, i)
                                       : unit(size, static_cast<std::size_t>(i));
      const Slopes slope = loss_.slope(info.name, along);
      if (!slope.settled[0]) {
        ++out.kinks;
        continue;
      }
      ++out.compared;
      sides.added.push_back(dot(added.value_or(nothing), along));
      sides.down.push_back(-slope.values[0]);
      sides.error = std::max(sides.error, slope.errors[0]);
    }
    conclude(out, sides, added.has_value());
    return out;
  }

 private:
  void conclude(TotalCheck& out, const Sides& sides, bool moved) const {
    // Rounding of the loss, over the widest difference.
    const double rounding = 4 * std::numeric_limits<double>::epsilon() * loss_.size();
    const double error = std::max(sides.error, rounding);
    double added = 0, down = 0, gap = 0;
    for (std::size_t i = 0; i < sides.added.size(); ++i) {
      added = std::max(added, std::abs(sides.added[i]));
      down = std::max(down, std::abs(sides.down[i]));
      const double apart = std::abs(sides.added[i] - sides.down[i]);
      gap = std::isfinite(apart) ? std::max(gap, apart) : std::numeric_limits<double>::infinity();
    }
    const double largest = std::max(added, down);
    const bool told = down > 10 * error;  // from rounding
    Directions all;
    all.add(sides.added, sides.down);
    out.cosine = told ? all.cosine() : none;
    out.ratio = told ? all.ratio() : none;
    out.deviation = told || added > 10 * error ? gap / largest : 0;
    out.verdict = verdict(out, moved && added > rounding, told, gap, largest, error);
  }

  TotalCheck::Verdict verdict(const TotalCheck& of, bool adds, bool told, double gap, double largest,
                              double error) const {
    using Verdict = TotalCheck::Verdict;
    if (of.compared == 0 && of.kinks > 0) return Verdict::unresolved;
    if (!adds) return told ? Verdict::untouched : Verdict::zero;
    if (gap > options_.tolerance * largest + 10 * error) return Verdict::differs;
    // What a slope's own error hides is not called exact.
    return told && error <= faintest * largest ? Verdict::exact : Verdict::faint;
  }

  static constexpr double faintest = 1e-3;
  Loss loss_;
  const TotalOptions& options_;
  bool sampled_;
};

void prepare(Session& session, const TotalOptions& options) {
  for (const auto& [name, value] : options.hypers) session.set_hyper(name, value);
  for (const TensorInfo& info : session.tensors())
    if (!info.bundle.empty()) {
      session.set_hyper("optimiser.α", 0);
      break;
    }
  draw_values(session, options.seed);
}

// The same forward pass by the interpreter: a wrong kernel of the net would mislead both sides of the comparison alike.
void confirm_loss(ProgramSpec spec, const TotalOptions& options, const SessionOptions& size, const Batch& batch,
                  double loss) {
  spec.interpreter = true;
  Session session(compile(spec), size);
  prepare(session, options);
  const double other = session.run(batch, false).loss;
  if (!std::isfinite(loss) && !std::isfinite(other))
    throw Error(fmt::format("the loss is {} with parameters and data drawn at random, so there is no gradient to judge by: "
                            "try another --seed, or smaller numbers in the cell and the readout",
                            loss));
  if (!(std::abs(other - loss) <= 1e-9 * std::max({1.0, std::abs(other), std::abs(loss)})))
    throw Error(fmt::format("the compiled loss is {}, the interpreter's {}: this is a fault of eligo, please report it",
                            loss, other));
}

}  // namespace

bool TotalChecks::exact() const {
  return std::all_of(tensors.begin(), tensors.end(), [](const TotalCheck& t) {
    return t.verdict == TotalCheck::Verdict::exact || t.verdict == TotalCheck::Verdict::zero;
  });
}

TotalChecks check_totals(const ProgramSpec& spec, const TotalOptions& options, const Batch& batch) {
  const SessionOptions size{.batch = batch.examples, .steps = batch.steps, .seed = options.seed};
  const auto program = compile(spec);
  Session rule(program, size), forward(program, size);
  prepare(rule, options);
  prepare(forward, options);
  confirm_loss(spec, options, size, batch, forward.run(batch, false).loss);
  const Additions added(rule);
  rule.run(batch);

  std::int64_t entries = 0;
  std::vector<std::pair<const TensorInfo*, bool>> judged;  // and whether it is the cell's
  for (const char* kind : {"cell", "readout"})
    for (const Role& role : outline(spec.rule, "rule", spec.rule_paths).roles)
      for (const TensorInfo& info : forward.tensors())
        if (role.kind == kind && info.parameter && info.name.starts_with(role.name + ".")) {
          judged.emplace_back(&info, role.kind == "cell");
          std::int64_t count = 1;
          for (const std::int64_t extent : info.shape) count *= extent;
          entries += count;
        }
  TotalChecks out;
  out.unreached = warnings_of(*program);
  Judge judge(forward, batch, options, entries > options.most_entries);
  Directions cell;
  for (const auto& [info, of_cell] : judged) {
    const auto moved = added.of(rule, info->name);
    Sides sides;
    out.tensors.push_back(judge.check(*info, moved, sides));
    if (!of_cell) continue;
    out.learns_cell = out.learns_cell || moved.has_value();
    // Random unit directions see 1/size of a squared length on average.
    const double weight = out.tensors.back().sampled
                              ? std::sqrt(static_cast<double>(out.tensors.back().size) /
                                          static_cast<double>(std::max<std::int64_t>(1, out.tensors.back().compared)))
                              : 1;
    for (double& x : sides.added) x *= weight;
    for (double& x : sides.down) x *= weight;
    cell.add(sides.added, sides.down);
  }
  out.cosine = out.learns_cell ? cell.cosine() : none;
  out.ratio = out.learns_cell ? cell.ratio() : none;
  return out;
}

}  // namespace eligo
