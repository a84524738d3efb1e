// Every exact schedule against the trace carried densely by the interpreter: the library's rules on every kind of cell
// and synthesiser, unequal lengths, masks, and every update interval.
#include <gtest/gtest.h>

#include "tests/runtime/temporary.h"
#include "tests/schedules/outcome.h"

namespace eligo::test {
namespace {

struct Setting {
  std::string rule, cell, synth = "linear";
  // What must be said where a schedule is refused; empty: it must be taken. Of updates at the sequence's end; with
  // updates at each step `reverse` is always refused.
  std::string reverse, replay;
  std::int64_t units = 3;

  std::string name() const { return rule + "_" + cell + "_" + synth; }
};

void PrintTo(const Setting& s, std::ostream* out) { *out << s.name(); }

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const char* cell : {"rnn_tanh", "rnn_linear", "rnn_leaky", "lstm", "gru"}) {
    for (const char* synth : {"linear", "mlp"}) all.push_back({"bp_lambda", cell, synth});
    all.push_back({"rtrl", cell});
  }
  for (const char* cell : {"rnn_tanh", "lstm"}) all.push_back({"bp_lambda_authors", cell, "linear", "clipped"});
  all.push_back({"bp_lambda", "sparsenet"});
  all.push_back({"bp_lambda", "few"});
  all.push_back({"bp_lambda", "rnn_tanh", "critic"});
  all.push_back({"bp_lambda", "rnn_tanh", "mlp_normal"});
  all.push_back({"rtrl", "sparsenet"});
  all.push_back({"rtrl", "few"});
  all.push_back({"rflo", "rnn_leaky", "feedback"});
  all.push_back({"eprop", "lstm"});
  // Not linear traces that are read linearly: each must say so.
  for (const char* rule : {"snap", "snap1"})
    all.push_back({rule, "few", "linear", "differ from column to column", "differ from column to column"});
  for (const char* rule : {"uoro", "kf_rtrl"}) all.push_back({rule, "rnn_tanh", "linear", "reads it", "reads it"});
  return all;
}

class Exact : public testing::TestWithParam<Setting> {
 protected:
  ProgramSpec spec(Update update) {
    folder_.write("few.eli", few_cell);
    const Setting& s = GetParam();
    ProgramSpec spec = small(s.rule, s.cell, s.synth, s.units);
    spec.rule_paths = {folder_.path()};
    spec.update = update;
    return spec;
  }

  // Taken and the same, or refused for this reason.
  static void check(const ProgramSpec& spec, const Shape& shape, const Outcome& dense, const std::string& reason) {
    for (const bool interpreter : {false, true}) {
      if (interpreter && spec.schedule.at("") == "dense") continue;  // that is what is held against
      ProgramSpec own = spec;
      own.interpreter = interpreter;
      const Outcome got = outcome(own, shape);
      const std::string what = spec.schedule.begin()->second + (interpreter ? ", interpreted" : ", compiled");
      if (!reason.empty()) {
        EXPECT_NE(got.refusal.find(reason), std::string::npos) << what << ": " << got.refusal;
        continue;
      }
      std::string where;
      ASSERT_EQ(got.refusal, "") << what;
      EXPECT_LE(apart(got, dense, &where), 1e-9) << what << ": " << where;
    }
  }

  TemporaryFolder folder_;
};

const Shape kUneven{.steps = 4, .examples = 3, .unequal = true, .masked = true};

TEST_P(Exact, UpdatesAtTheEnd) {
  const ProgramSpec own = spec(Update::sequence);
  const Outcome dense = outcome(with(own, "dense", true), kUneven);
  ASSERT_EQ(dense.refusal, "");
  check(with(own, "dense"), kUneven, dense, "");
  check(with(own, "reverse"), kUneven, dense, GetParam().reverse);
  check(with(own, "replay"), kUneven, dense, GetParam().replay);
}

// Every parameter moves at every step.
TEST_P(Exact, UpdatesAtEachStep) {
  ProgramSpec own = spec(Update::step);
  own.online = false;  // whole sequences, so that the walk back may keep them
  const Outcome dense = outcome(with(own, "dense", true), kUneven);
  ASSERT_EQ(dense.refusal, "");
  check(with(own, "dense"), kUneven, dense, "");
  check(with(own, "replay"), kUneven, dense, GetParam().replay);
  const Outcome back = outcome(with(own, "reverse"), kUneven);
  EXPECT_NE(back.refusal.find(GetParam().reverse.empty() ? "changes" : ""), std::string::npos) << back.refusal;
  EXPECT_NE(back.refusal, "");
}

INSTANTIATE_TEST_SUITE_P(Rules, Exact, testing::ValuesIn(settings()),
                         [](const auto& each) { return each.param.name(); });

}  // namespace
}  // namespace eligo::test
