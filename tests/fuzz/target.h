// What is fuzzed: inputs made from a seed, and what is done with one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace eligo::fuzz {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t bits() { return engine_(); }
  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(engine_() % n); }
  std::int64_t between(std::int64_t low, std::int64_t high) {  // both included
    return low + static_cast<std::int64_t>(below(static_cast<std::size_t>(high - low + 1)));
  }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  template <class List>
  const auto& one_of(const List& list) {
    return list[below(std::size(list))];
  }
  std::string word(std::initializer_list<const char*> words) { return *(words.begin() + below(words.size())); }

 private:
  std::mt19937_64 engine_;
};

// An input did what none may: the answer is wrong, or a refusal is no message to a user.
class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class End {
  accepted,
  refused,   // with a message
  unjudged,  // accepted, but nothing can be said of the answer
};

class Target {
 public:
  virtual ~Target() = default;
  // The same seed always makes the same input.
  virtual std::string input(std::uint64_t seed) = 0;
  // Throws whatever no input may cause. The input may also end or hang the process: see driver.h.
  virtual End run(const std::string& input) = 0;

  virtual bool text() const { return true; }  // a failing input is made smaller line by line, not byte by byte
  virtual std::string extension() const { return "txt"; }
  virtual int least_accepted() const { return 1; }  // percent; fewer mean that the inputs test nothing any more
  virtual unsigned seconds() const { return 10; }   // of the processor, for one input
};

struct Entry {
  const char* name;
  const char* about;
  std::function<std::unique_ptr<Target>()> make;
};
const std::vector<Entry>& targets();

std::unique_ptr<Target> make_parser_target();
std::unique_ptr<Target> make_experiment_target();
std::unique_ptr<Target> make_case_target();
std::unique_ptr<Target> make_npz_target();
std::unique_ptr<Target> make_idx_target();
std::unique_ptr<Target> make_metrics_target();
std::unique_ptr<Target> make_plan_target();
std::unique_ptr<Target> make_samples_target();
std::unique_ptr<Target> make_sequences_target();
std::unique_ptr<Target> make_cache_target();
std::unique_ptr<Target> make_rules_target();

}  // namespace eligo::fuzz
