// Synthesisers that see and point in a subspace (Pemberton & Costa 2024, section 6): with all directions they are the
// linear one, with few they are a linear one of low rank, trained on the projections of what that one would be trained on.
#include <gtest/gtest.h>

#include "tests/oracle/nets.h"

namespace eligo::test {
namespace {

constexpr std::int64_t kUnits = 5;
const Shape shape{.steps = 6, .examples = 3, .unequal = true};

using Vector = std::vector<double>;

// Row-major [rows, inner] times [inner, columns].
Vector product(const Vector& a, const Vector& b, std::size_t inner) {
  const std::size_t rows = a.size() / inner, columns = b.size() / inner;
  Vector out(rows * columns, 0.0);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t k = 0; k < inner; ++k)
      for (std::size_t j = 0; j < columns; ++j) out[i * columns + j] += a[i * inner + k] * b[k * columns + j];
  return out;
}

Vector transposed(const Vector& a, std::size_t columns) {
  Vector out(a.size());
  for (std::size_t i = 0; i < a.size() / columns; ++i)
    for (std::size_t j = 0; j < columns; ++j) out[j * (a.size() / columns) + i] = a[i * columns + j];
  return out;
}

Session session_of(const std::string& synth, std::int64_t directions, const std::string& rule) {
  ProgramSpec spec = exact(net(rule, "rnn_tanh", "linear_mse", synth));
  if (directions > 0) spec.sizes["g.s"] = directions;
  spec.show = {"G"};
  Session session = make_session(spec, shape);
  fill(session);
  session.set_hyper("λ", 0.7);
  session.set_hyper("optimiser.α", 0);
  return session;
}

// Of bp_lambda with few directions, beside the linear synthesiser that makes the same predictions.
struct Pair {
  Session few, linear;
  Vector directions;  // [s, n], orthonormal

  static Pair of(const std::string& synth, std::int64_t s, const std::string& rule = "bp_lambda") {
    Pair pair{session_of(synth, s, rule), session_of("linear", 0, rule), {}};
    Session drawn = session_of(synth, s, rule);
    drawn.initialise();
    pair.directions = drawn.get("g.P");
    if (s == kUnits)
      for (std::size_t i = 0; i < pair.directions.size(); ++i) pair.directions[i] = i % (kUnits + 1) == 0 ? 1 : 0;
    pair.few.set("g.P", pair.directions);
    const Vector back = transposed(pair.directions, kUnits);
    const auto inner = static_cast<std::size_t>(s);
    pair.linear.set("g.A", product(back, product(pair.few.get("g.A"), pair.directions, inner), inner));
    pair.linear.set("g.a", product(back, pair.few.get("g.a"), inner));
    const Batch batch = make_batch(shape);
    pair.few.run(batch);
    pair.linear.run(batch);
    return pair;
  }
};

void expect_same_net(const Pair& pair) {
  for (const std::string name : {"net.W", "net.U", "net.b", "L.V"})
    EXPECT_LE(difference(pair.few.gathered(name), pair.linear.gathered(name)), 1e-12) << name;
}

TEST(Subspace, WithAllDirectionsItIsLinear) {
  for (const char* rule : {"bp_lambda", "offline_lambda_sg"}) {
    const Pair pair = Pair::of("subspace", kUnits, rule);
    EXPECT_LE(difference(pair.few.shown("G").values, pair.linear.shown("G").values), 1e-12);
    expect_same_net(pair);
    for (const char* name : {"g.A", "g.a"})
      EXPECT_LE(difference(pair.few.gathered(name), pair.linear.gathered(name)), 1e-12) << name;
  }
}

TEST(Subspace, PredictsAndLearnsInItsDirectionsAlone) {
  const Pair pair = Pair::of("subspace", 2);
  const Vector& p = pair.directions;
  EXPECT_LE(difference(product(p, transposed(p, kUnits), kUnits), {1, 0, 0, 1}), 1e-12);
  EXPECT_LE(difference(pair.few.shown("G").values, pair.linear.shown("G").values), 1e-12);
  expect_same_net(pair);
  const Vector projected = product(p, product(pair.linear.gathered("g.A"), transposed(p, kUnits), kUnits), kUnits);
  EXPECT_LE(difference(pair.few.gathered("g.A"), projected), 1e-12);
  EXPECT_LE(difference(pair.few.gathered("g.a"), product(p, pair.linear.gathered("g.a"), kUnits)), 1e-12);
  EXPECT_EQ(pair.few.get("g.P"), p);
}

// What the others learn stays, and so does the net's; against the derivative by the directions, through what they see
// and where they point: A' = PᵀAP, a' = Pᵀa.
TEST(Subspace, LearnedDirectionsMove) {
  const Pair pair = Pair::of("subspace_learned", 2), fixed = Pair::of("subspace", 2);
  expect_same_net(pair);
  for (const char* name : {"g.A", "g.a"})
    EXPECT_LE(difference(pair.few.gathered(name), fixed.few.gathered(name)), 1e-12) << name;
  const Vector &p = pair.directions, a = pair.few.get("g.A"), bias = pair.few.get("g.a");
  const Vector by_matrix = pair.linear.gathered("g.A"), by_bias = pair.linear.gathered("g.a");
  Vector want = product(a, product(p, transposed(by_matrix, kUnits), kUnits), 2);  // A P Mᵀ
  const Vector other = product(transposed(a, 2), product(p, by_matrix, kUnits), 2);  // Aᵀ P M
  for (std::size_t i = 0; i < want.size(); ++i) want[i] += other[i] + bias[i / kUnits] * by_bias[i % kUnits];
  EXPECT_LE(difference(pair.few.gathered("g.P"), want), 1e-12);
}

}  // namespace
}  // namespace eligo::test
