// Damaged cases of `eligo eval`: each is answered or refused with a message.
#include <nlohmann/json.hpp>

#include "dsl/diagnostic.h"
#include "runtime/tools/evaluate_case.h"
#include "support/error.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/valid_case.h"

namespace eligo::fuzz {
namespace {

using json = nlohmann::json;

const std::vector<std::string> pieces = {"{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         ":",
                                         "\"",
                                         "null",
                                         "true",
                                         "-",
                                         "0",
                                         "1e400",
                                         "1e308",
                                         "1e-320",
                                         "-1",
                                         "\\u0000",
                                         "\\ud800",
                                         "\xFF",
                                         "[[",
                                         "]]",
                                         "1.5",
                                         "\"NaN\"",
                                         "λ",
                                         "\"net.W\"",
                                         "\"jit\"",
                                         "\"f32\"",
                                         "\"step\"",
                                         "\"s\"",
                                         "18446744073709551616",
                                         "9007199254740993",
                                         "\"window\": 1,",
                                         "\"schedule\": {\"e\": \"replay\"},",
                                         "\"memory\": \"1MiB\",",
                                         "\"batch\": 2,"};

// The places of a value, itself left out.
void places(const json& value, const json::json_pointer& at, std::vector<json::json_pointer>& out) {
  if (!at.empty()) out.push_back(at);
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) places(item, at / key, out);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) places(value[i], at / i, out);
  }
}

json replacement(Random& random, const json& original) {
  switch (random.below(16)) {
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
    case 12: return "λ[t-1].";
    case 13: return random.word({"jit", "f32", "bptt", "lstm", "adam", "window", "G", "net.h", "all"});
    case 14: return static_cast<double>(random.between(-3, 3)) / 2;
    default: return 1e308;
  }
}

class CaseTarget : public Target {
 public:
  CaseTarget() { places(valid_case(), json::json_pointer(""), places_); }

  std::string input(std::uint64_t seed) override {
    Random random(seed);
    json damaged = valid_case();
    for (std::size_t i = 1 + random.below(3); i > 0; --i) damage(damaged, random);
    std::string text = damaged.dump(1);
    if (random.chance(30)) mutator_.damage(text, random);
    return text;
  }

  End run(const std::string& text) override {
    json input;
    try {
      input = json::parse(text);
    } catch (const json::exception&) {  // the command says so: cli/eval.cpp
      return End::refused;
    }
    try {
      if (evaluate_case(input, {}).dump().empty()) throw Fault("an empty answer");
      return End::accepted;
    } catch (const Error& e) {
      if (std::string(e.what()).empty()) throw Fault("refused without a message");
    } catch (const dsl::SourceError& e) {
      if (std::string(e.what()).empty()) throw Fault("refused without a message");
    }
    return End::refused;
  }

  std::string extension() const override { return "json"; }
  int least_accepted() const override { return 5; }

 private:
  void damage(json& value, Random& random) const {
    const json::json_pointer& at = random.one_of(places_);
    if (!value.contains(at)) return;
    if (random.chance(20) && value[at.parent_pointer()].is_object()) value[at.parent_pointer()].erase(at.back());
    else if (random.chance(15) && value[at].is_array() && !value[at].empty()) value[at].erase(value[at].size() - 1);
    else value[at] = replacement(random, value[at]);
  }

  std::vector<json::json_pointer> places_;
  const TextMutator mutator_{{valid_case().dump(1)}, pieces};
};

}  // namespace

std::unique_ptr<Target> make_case_target() { return std::make_unique<CaseTarget>(); }

}  // namespace eligo::fuzz
