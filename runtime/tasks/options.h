// How a task or an environment is named and set: the options that it has, and the values that an experiment gives.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace eligo {

enum class Split { train, validation, test };
const char* split_name(Split split);
// Throws eligo::Error for any other word than train, validation and test.
Split read_split(const std::string& name);

// What an experiment may set. Numbers are whole where `whole`; texts have no range.
struct TaskOption {
  std::string name, help;
  bool text = false, whole = true, file = false;  // a file's path, relative to the experiment's, is a text too
  double value = 0, low = 0, high = 0;            // the default and the range, both ends included
  std::string text_value;
};

struct TaskSpec {
  std::string name;
  std::map<std::string, double> numbers;  // by option; those left out have their defaults
  std::map<std::string, std::string> texts;
  std::uint64_t batch = 10;             // examples of a batch
  std::uint64_t batches_per_epoch = 0;  // 0: the task's own
  std::uint64_t seed = 0;
  // A file whose sequences take the test's place, with or without targets; what is trained on stays as it is.
  std::string other_test;
};

// Fills in the defaults of what is left out. `what`: "task arrays". Throws eligo::Error for names that are none, the
// other type, or a number out of range.
void complete(const std::string& what, const std::vector<TaskOption>& options, TaskSpec& spec);

}  // namespace eligo
