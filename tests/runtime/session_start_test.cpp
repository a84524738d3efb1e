// What a session begins with: memory that is zero, and first values that are drawn.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "runtime/engine/initialise.h"
#include "runtime/engine/program.h"
#include "runtime/engine/session.h"
#include "runtime/library/compile.h"
#include "runtime/library/default_parts.h"
#include "support/random.h"
#include "support/zeroed_memory.h"

namespace eligo::test {
namespace {

TEST(ZeroedMemory, IsZeroAndAlignedWhateverItsSize) {
  for (const std::size_t bytes :
       {1ul, 64ul, 1000ul, (1ul << 20) - 1, 1ul << 20, (4ul << 20) - 1, 4ul << 20, 9'000'001ul}) {
    ZeroedMemory memory(bytes);
    ASSERT_EQ(memory.bytes().size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.bytes().data()) % 64, 0u);
    const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
    EXPECT_TRUE(std::all_of(memory.bytes().begin(), memory.bytes().end(), is_zero)) << bytes;
    std::fill(memory.bytes().begin(), memory.bytes().end(), std::byte{1});
    ZeroedMemory other = std::move(memory);
    EXPECT_EQ(other.bytes().back(), std::byte{1});
  }
}

// Draw by draw, as the numbers are defined.
TEST(InitialValues, StretchesAreTheDrawsOneByOne) {
  using Kind = compiler::Init::Kind;
  for (const Kind kind : {Kind::uniform, Kind::normal, Kind::value}) {
    compiler::Tensor t;
    t.name = "net.W";
    t.dims = {41, 100};
    t.init = {kind, -0.5, 2};
    const std::vector<double> all = initial_values(t, 3);
    const Key key = make_key(3, "net.W");
    for (std::uint64_t i = 0; i < all.size(); ++i)
      ASSERT_EQ(all[i], kind == Kind::uniform  ? uniform(key, i, -0.5, 2)
                        : kind == Kind::normal ? -0.5 + 2 * normal(key, i)
                                               : -0.5)
          << i;
  }
}

ProgramSpec small(const std::string& rule) {
  ProgramSpec spec;
  spec.rule = rule;
  spec.optimiser = "adam";
  return fitting(spec, {.units = 40, .inputs = 3, .targets = 2, .others = 4});
}

TEST(SessionStart, TheSameAfterATrainingThatIsForgotten) {
  for (const char* rule : {"bptt", "sgprop", "bp_lambda"}) {
    const auto program = compile(small(rule));
    Session session(program, {.batch = 3, .steps = 4, .seed = 5});
    const auto fresh = session.state();
    Batch batch{.steps = 4, .examples = 3};
    std::int64_t inputs = 0, targets = 0;
    for (const int i : program->plan->inputs) inputs += program->plan->tensors[static_cast<std::size_t>(i)].size();
    for (const int i : program->plan->targets) targets += program->plan->tensors[static_cast<std::size_t>(i)].size();
    batch.x.assign(static_cast<std::size_t>(12 * inputs), 0.5);
    batch.y.assign(static_cast<std::size_t>(12 * targets), 0.25);
    session.run(batch);
    EXPECT_NE(session.state(), fresh) << rule;
    session.initialise();
    auto again = session.state();
    again["sequence"] = fresh.at("sequence");
    EXPECT_EQ(again, fresh) << rule;
  }
}

// What is learned does not depend on how long the sequences may be, nor on what lay in memory before.
TEST(SessionStart, ShortSequencesDoNotFeelHowLongOthersMayBe) {
  for (const char* rule : {"bptt", "rtrl", "bp_lambda", "n_step_sg"}) {
    const auto program = compile(small(rule));
    std::int64_t inputs = 0, targets = 0;
    for (const int i : program->plan->inputs) inputs += program->plan->tensors[static_cast<std::size_t>(i)].size();
    for (const int i : program->plan->targets) targets += program->plan->tensors[static_cast<std::size_t>(i)].size();
    const auto batch = [&](std::int64_t examples, std::int64_t steps) {
      Batch b{.steps = steps, .examples = examples};
      for (std::int64_t i = 0; i < steps * examples * inputs; ++i) b.x.push_back(0.01 * static_cast<double>(i % 37));
      for (std::int64_t i = 0; i < steps * examples * targets; ++i) b.y.push_back(0.02 * static_cast<double>(i % 11));
      return b;
    };
    const auto learned = [&](std::int64_t longest) {
      Session session(program, {.batch = 4, .steps = longest, .seed = 5});
      for (const auto& [examples, steps] : {std::pair{4, 3}, {2, 5}, {3, 7}, {4, 2}})
        session.run(batch(examples, steps));
      return session.state();
    };
    EXPECT_EQ(learned(7), learned(5000)) << rule;
  }
}

}  // namespace
}  // namespace eligo::test
