// `eligo eval` on damaged cases: each is answered or refused with a message, never a crash, and what would not fit in memory
// is refused at once.
#include <limits>
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include <nlohmann/json.hpp>

#include "dsl/diagnostic.h"
#include "runtime/evaluate_case.h"
#include "runtime/session.h"

namespace eligo::test {
namespace {

using json = nlohmann::json;

json valid_case() {
  return json::parse(R"({
    "rule": "bp_lambda", "cell": "rnn_tanh", "readout": "linear_mse", "synth": "linear",
    "sizes": {"n": 2, "m": 3, "k": 1}, "hyper": {"lambda": 0.5, "gamma": 0.9}, "dtype": "f64", "backend": "interpreter",
    "values": {"net.W": [[0.1, 0.2], [0.3, 0.4]], "net.b": [0.1, -0.1], "g.A": [[0, 1], [1, 0]],
               "net.h[start]": [[0, 0.5], [0.5, 0]]},
    "x": [[[1, 2, 3], [0, 1, 0]], [[3, 2, 1], [1, 1, 1]]], "y": [[[1], [0]], [[0], [1]]],
    "loss_mask": [[1, 0], [1, 1]], "lengths": [2, 1], "threads": 1, "seed": 3, "optimiser": "sgd", "cpu": "native",
    "update": {"every": "step", "sgd": {"θ": 0.1, "ψ": 0.0}}, "show": ["s", "L", "G", "e"]
  })");
}

enum class End { answered, refused };

// Any other exception fails the test with its text.
End evaluate(const json& input, std::string* message = nullptr) {
  try {
    evaluate_case(input, {});
    return End::answered;
  } catch (const Error& e) {
    if (message) *message = e.what();
    EXPECT_STRNE(e.what(), "");
  } catch (const dsl::SourceError& e) {
    if (message) *message = e.what();
    EXPECT_STRNE(e.what(), "");
  } catch (const std::exception& e) {
    ADD_FAILURE() << "an exception that is no message to the user: " << e.what() << "\n" << input.dump();
  }
  return End::refused;
}

void expect_refused(const json& input, const std::string& word) {
  const auto begin = std::chrono::steady_clock::now();
  std::string message;
  EXPECT_EQ(evaluate(input, &message), End::refused) << input.dump().substr(0, 600);
  EXPECT_NE(message.find(word), std::string::npos) << message;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5)) << message;
}

json with(const char* pointer, const json& value) {
  json changed = valid_case();
  changed[json::json_pointer(pointer)] = value;
  return changed;
}

TEST(Case, TheValidOneIsAnswered) { EXPECT_EQ(evaluate(valid_case()), End::answered); }

TEST(Case, IsRefusedWithItsFault) {
  struct Fault {
    const char* at;
    json value;
    const char* word;
  };
  const std::vector<Fault> faults = {
      {"/rule", 3, "rule"},
      {"/rule", "bp_lamda", "bp_lambda"},
      {"/rule", "", "rule"},
      {"/cell", "rnn_than", "rnn_tanh"},
      {"/cell", "", "cell"},
      {"/cell", "linear_mse", "linear_mse"},
      {"/readout", json::array(), "readout"},
      {"/synth", "no_such_synth", "no_such_synth"},
      {"/sizes/n", -1, "n"},
      {"/sizes/n", 0, "n"},
      {"/sizes/n", 1.5, "integer"},
      {"/sizes/n", "2", "integer"},
      {"/sizes", json::array({1}), "sizes"},
      {"/hyper/lambda", 1.5, "λ"},
      {"/hyper/lambda", "0.5", "number"},
      {"/hyper/lamda", 0.5, "lamda"},
      {"/dtype", "f16", "f16"},
      {"/backend", "gpu", "gpu"},
      {"/values/net.W", json::array({1, 2}), "net.W"},
      {"/values/net.W", "nan", "net.W"},
      {"/values/net.W", json::array({json::array({"NaN", 1}), json::array({1, 1})}), "net.W"},
      {"/values/net.W", json::array({json::array({1, 2, 3}), json::array({1, 2})}), "net.W"},
      {"/values/net.Q", 1, "net.Q"},
      {"/values/net.h[start]", json::array({1, 2, 3}), "net.h[start]"},
      {"/x", json::array(), "x"},
      {"/x", nullptr, "x"},
      {"/x/0/0", json::array({1, 2}), "x"},
      {"/x/1/1/2", "NaN", "x"},
      {"/x/1/1/2", std::numeric_limits<double>::infinity(), "x"},
      {"/y", json::array({json::array({json::array({1, 2})})}), "y"},
      {"/loss_mask", json::array({1, 1}), "loss_mask"},
      {"/lengths", json::array({2}), "lengths"},
      {"/lengths", json::array({3, 1}), "length"},
      {"/lengths", json::array({0, 1}), "length"},
      {"/lengths", json::array({"2", 1}), "lengths"},
      {"/lengths", 2, "lengths"},
      {"/window", 3, "n"},
      {"/threads", 0, "thread"},
      {"/threads", "two", "threads"},
      {"/update/every", "day", "every"},
      {"/update/sgd", "fast", "sgd"},
      {"/update/sgd/χ", 0.1, "χ"},
      {"/show", "s", "show"},
      {"/show/0", 7, "show"},
      {"/show/0", "Gs", "Gs"},
      {"/schedule", json{{"e", "sideways"}}, "sideways"},
      {"/schedule", json{{"nobody", "dense"}}, "nobody"},
      {"/cpu", "abacus", "abacus"},
      {"/optimiser", "adem", "adam"},
      {"/loss_maks", 1, "loss_mask"}};
  for (const Fault& fault : faults) {
    json damaged = with(fault.at, fault.value);
    if (std::string(fault.at) == "/cpu") damaged["backend"] = "jit";
    SCOPED_TRACE(std::string(fault.at) + " = " + fault.value.dump());
    expect_refused(damaged, fault.word);
  }
  for (const json& other : {json(1), json("text"), json::array(), json(nullptr)}) expect_refused(other, "object");
}

TEST(Case, HugeSizesAreRefusedBeforeAllocation) {
  for (const char* backend : {"interpreter", "jit"}) {
    for (const char* size : {"n", "m", "k"}) {
      for (const std::int64_t value : {std::int64_t{1000000000}, std::int64_t{1} << 40, INT64_MAX}) {
        json huge = with(("/sizes/" + std::string(size)).c_str(), value);
        huge["backend"] = backend;
        huge["values"] = json::object();
        SCOPED_TRACE(std::string(backend) + " " + size + " = " + std::to_string(value));
        expect_refused(huge, "");
      }
    }
  }
}

// Every place of the valid case in turn gets something else, several things for each.
void places(const json& value, const json::json_pointer& at, std::vector<json::json_pointer>& out) {
  if (!at.empty()) out.push_back(at);
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) places(item, at / key, out);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) places(value[i], at / i, out);
  }
}

json replacement(std::mt19937_64& random, const json& original) {
  switch (random() % 14) {
    case 0: return nullptr;
    case 1: return json::array();
    case 2: return json::object();
    case 3: return "";
    case 4: return "NaN";
    case 5: return -1;
    case 6: return 0;
    case 7: return 1e9;
    case 8: return std::int64_t{1000000000};
    case 9: return true;
    case 10: return json::array({original, original});
    case 11: return json{{"key", original}};
    case 12: return std::string("\xce\xbb[t-1].\xff", 10).substr(0, 8);
    default: return 1e308;
  }
}

TEST(Case, SurvivesMutations) {
  std::vector<json::json_pointer> all;
  places(valid_case(), json::json_pointer(""), all);
  int refused = 0, answered = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    std::mt19937_64 random(seed);
    json damaged = valid_case();
    for (std::uint64_t i = 1 + random() % 2; i > 0; --i) {
      const json::json_pointer& at = all[random() % all.size()];
      if (!damaged.contains(at)) continue;
      if (random() % 5 == 0 && damaged[at.parent_pointer()].is_object()) {
        damaged[at.parent_pointer()].erase(at.back());
      } else if (random() % 6 == 0 && damaged[at].is_array() && !damaged[at].empty()) {
        damaged[at].erase(damaged[at].size() - 1);
      } else {
        damaged[at] = replacement(random, damaged[at]);
      }
    }
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto begin = std::chrono::steady_clock::now();
    ++(evaluate(damaged) == End::answered ? answered : refused);
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5)) << damaged.dump();
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(answered, 50);
}

}  // namespace
}  // namespace eligo::test
