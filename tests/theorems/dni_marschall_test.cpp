// DNI as Marschall, Cho & Savin run it, against the same written out for a tanh net with a linear synthesiser.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/theorems/gradients.h"

namespace eligo::test {
namespace {

constexpr std::size_t units = 4, inputs = 3, targets = 2, width = units + targets + 1;
constexpr double rate = 0.2;
const Shape shape{.steps = 8, .examples = 3, .unequal = true, .masked = true};

using Vector = std::vector<double>;

// g(h, y) = M . [h; y; 1]
struct Synthesiser {
  Vector m = Vector(units * width, 0.0);
  static Vector features(const Vector& h, const double* y) {
    Vector f = h;
    f.insert(f.end(), y, y + targets);
    f.push_back(1);
    return f;
  }
  Vector operator()(const Vector& f) const {
    Vector out(units, 0.0);
    for (std::size_t i = 0; i < units; ++i)
      for (std::size_t j = 0; j < width; ++j) out[i] += m[i * width + j] * f[j];
    return out;
  }
};

Synthesiser synthesiser_of(const Session& session) {
  Synthesiser s;
  const Vector a = session.get("g.A"), b = session.get("g.B"), c = session.get("g.C");
  for (std::size_t i = 0; i < units; ++i) {
    for (std::size_t j = 0; j < units; ++j) s.m[i * width + j] = a[i * units + j];
    for (std::size_t j = 0; j < targets; ++j) s.m[i * width + units + j] = b[i * targets + j];
    s.m[i * width + width - 1] = c[i];
  }
  return s;
}

struct Outcome {
  Synthesiser synthesiser;
  Vector w = Vector(units * units, 0.0), u = Vector(units * inputs, 0.0), b = Vector(units, 0.0);  // what ψ gathers
};

struct Run {
  std::int64_t refresh;
  bool update_first = false;  // the authors' order
  bool lagged = true;
};

struct Example {
  Vector h, q, features;  // of the step before
};

// The net's step: new state, 1 - h², dL/dh.
struct Taken {
  Vector h, slope, q;
};

class Reference {
 public:
  Reference(const Session& session, const Batch& batch)
      : batch_(batch),
        w_(session.get("net.W")),
        u_(session.get("net.U")),
        b_(session.get("net.b")),
        v_(session.get("L.V")),
        o_(session.get("L.b")),
        start_(session.get("net.h[start]")),
        synthesiser_(synthesiser_of(session)) {}

  Outcome operator()(const Run& run) const {
    Outcome out;
    Synthesiser g = synthesiser_, copy;
    std::vector<Example> before(shape.examples);
    for (std::size_t e = 0; e < before.size(); ++e)
      before[e].h = Vector(start_.begin() + static_cast<std::ptrdiff_t>(e * units),
                           start_.begin() + static_cast<std::ptrdiff_t>((e + 1) * units));
    for (std::int64_t t = 1; t <= shape.steps + 1; ++t) {
      if ((t - 1) % run.refresh == 0) copy = g;
      const Synthesiser& used = run.lagged ? copy : g;
      Vector change(units * width, 0.0);
      std::vector<std::pair<Taken, Vector>> taken(before.size());
      for (std::size_t e = 0; e < before.size(); ++e) {
        const std::int64_t length = batch_.lengths[e];
        Vector back(units, 0.0);
        if (t <= length) {
          taken[e].first = step(before[e].h, t, e);
          const Taken& now = taken[e].first;
          taken[e].second = Synthesiser::features(now.h, &batch_.y[point(t, e) * targets]);
          const Vector predicted = used(taken[e].second);
          for (std::size_t i = 0; i < units; ++i)
            for (std::size_t j = 0; j < units; ++j) back[j] += predicted[i] * now.slope[i] * w_[i * units + j];
        }
        if (t == 1 || t > length + 1) continue;
        const Vector said = g(before[e].features);
        for (std::size_t i = 0; i < units; ++i)
          for (std::size_t j = 0; j < width; ++j)
            change[i * width + j] += (said[i] - before[e].q[i] - back[i]) * before[e].features[j];
      }
      Synthesiser updated = g;
      for (std::size_t k = 0; k < change.size(); ++k)
        updated.m[k] -= rate * change[k] / static_cast<double>(shape.examples);
      for (std::size_t e = 0; e < before.size(); ++e)
        if (t <= batch_.lengths[e]) {
          gather(out, run.update_first ? updated : g, before[e].h, taken[e], t, e);
          before[e] = {taken[e].first.h, taken[e].first.q, taken[e].second};
        }
      g = updated;
    }
    out.synthesiser = g;
    return out;
  }

 private:
  std::size_t point(std::int64_t t, std::size_t e) const {
    return static_cast<std::size_t>(t - 1) * static_cast<std::size_t>(shape.examples) + e;
  }

  Taken step(const Vector& h, std::int64_t t, std::size_t e) const {
    Taken now{Vector(units), Vector(units), Vector(units, 0.0)};
    const double* x = &batch_.x[point(t, e) * inputs];
    for (std::size_t i = 0; i < units; ++i) {
      double z = b_[i];
      for (std::size_t j = 0; j < units; ++j) z += w_[i * units + j] * h[j];
      for (std::size_t j = 0; j < inputs; ++j) z += u_[i * inputs + j] * x[j];
      now.h[i] = std::tanh(z);
      now.slope[i] = 1 - now.h[i] * now.h[i];
    }
    for (std::size_t k = 0; k < targets; ++k) {
      double o = o_[k] - batch_.y[point(t, e) * targets + k];
      for (std::size_t i = 0; i < units; ++i) o += v_[k * units + i] * now.h[i];
      for (std::size_t i = 0; i < units; ++i)
        now.q[i] += batch_.loss_mask[point(t, e)] * 2 / targets * o * v_[k * units + i];
    }
    return now;
  }

  void gather(Outcome& out, const Synthesiser& g, const Vector& h, const std::pair<Taken, Vector>& taken, std::int64_t t,
              std::size_t e) const {
    const Vector credit = g(taken.second);
    for (std::size_t i = 0; i < units; ++i) {
      const double d = -credit[i] * taken.first.slope[i] / static_cast<double>(shape.examples);
      for (std::size_t j = 0; j < units; ++j) out.w[i * units + j] += d * h[j];
      for (std::size_t j = 0; j < inputs; ++j) out.u[i * inputs + j] += d * batch_.x[point(t, e) * inputs + j];
      out.b[i] += d;
    }
  }

  const Batch& batch_;
  Vector w_, u_, b_, v_, o_, start_;
  Synthesiser synthesiser_;
};

Session session_of(std::int64_t n, bool interpreter) {
  ProgramSpec spec = online("dni_marschall", "rnn_tanh");
  spec.synth = "labelled";
  spec.sizes["n"] = units;
  spec.header["n"] = n;
  spec.interpreter = interpreter;
  Session session = make_session(spec, shape);
  session.set_hyper("optimiser.α", 0);
  session.set_hyper("optimiser.θ.α", rate);
  return session;
}

double apart(const Session& session, const Outcome& want) {
  return std::max({difference(synthesiser_of(session).m, want.synthesiser.m), difference(session.gathered("net.W"), want.w),
                   difference(session.gathered("net.U"), want.u), difference(session.gathered("net.b"), want.b)});
}

TEST(DniMarschall, AgreesWithBruteForce) {
  const Batch batch = make_batch(shape);
  for (const std::int64_t n : {1, 3, 5}) {
    for (const bool interpreter : {false, true}) {
      Session session = session_of(n, interpreter);
      const Reference reference(session, batch);
      session.run(batch);
      EXPECT_LE(apart(session, reference({.refresh = n})), 1e-11) << n;
      EXPECT_GE(apart(session, reference({.refresh = n, .update_first = true})), 1e-4) << n;
    }
  }
}

TEST(DniMarschall, TheCopyIsTakenEveryNSteps) {
  const Batch batch = make_batch(shape);
  Session session = session_of(4, false);
  const Reference reference(session, batch);
  session.run(batch);
  EXPECT_LE(apart(session, reference({.refresh = 4})), 1e-11);
  for (const std::int64_t other : {1, 3, 5}) EXPECT_GE(apart(session, reference({.refresh = other})), 1e-6) << other;
  EXPECT_GE(apart(session, reference({.refresh = 4, .lagged = false})), 1e-6);
  // A copy that is never older than a step is none.
  Session fresh = session_of(1, false);
  const Reference again(fresh, batch);
  fresh.run(batch);
  EXPECT_LE(apart(fresh, again({.refresh = 5, .lagged = false})), 1e-11);
}

}  // namespace
}  // namespace eligo::test
