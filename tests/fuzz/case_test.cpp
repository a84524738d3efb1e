// `eligo eval` on cases with one fault: each is refused with a message that names it, and what would not fit in memory at
// once. Random damage is case_target.cpp's.
#include <limits>
#include <gtest/gtest.h>

#include <chrono>

#include <nlohmann/json.hpp>

#include "dsl/diagnostic.h"
#include "runtime/tools/evaluate_case.h"
#include "support/error.h"
#include "tests/fuzz/valid_case.h"

namespace eligo::test {
namespace {

using json = nlohmann::json;

using fuzz::valid_case;

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

}  // namespace
}  // namespace eligo::test
