#include "runtime/tasks/options.h"

#include <fmt/format.h>

#include <cmath>

#include "dsl/names.h"
#include "support/error.h"

namespace eligo {
namespace {

const TaskOption& find_option(const std::string& what, const std::vector<TaskOption>& options,
                              const std::string& name) {
  std::vector<std::string> names;
  for (const auto& option : options) {
    if (option.name == name) return option;
    names.push_back(option.name);
  }
  const std::string near = dsl::nearest(name, names);
  throw Error(fmt::format(
      "{} has no option {}; {}", what, name,
      near.empty() ? fmt::format("it has {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", near)));
}

void check_number(const std::string& what, const TaskOption& option, double value) {
  if (option.text) throw Error(fmt::format("{}: {} is a text, found the number {}", what, option.name, value));
  if (option.whole && value != std::floor(value))
    throw Error(fmt::format("{}: {} = {} must be a whole number", what, option.name, value));
  if (!(value >= option.low && value <= option.high))
    throw Error(fmt::format("{}: {} = {} is out of range, expected {} to {}", what, option.name, value, option.low,
                            option.high));
}

}  // namespace

const char* split_name(Split split) {
  switch (split) {
    case Split::train: return "train";
    case Split::validation: return "validation";
    case Split::test: break;
  }
  return "test";
}

Split read_split(const std::string& name) {
  for (const Split split : {Split::train, Split::validation, Split::test})
    if (name == split_name(split)) return split;
  throw Error(fmt::format("--split {}: it is train, validation or test", name));
}

void complete(const std::string& what, const std::vector<TaskOption>& options, TaskSpec& spec) {
  for (const auto& [name, value] : spec.numbers) check_number(what, find_option(what, options, name), value);
  for (const auto& [name, value] : spec.texts)
    if (!find_option(what, options, name).text)
      throw Error(fmt::format("{}: {} is a number, found \"{}\"", what, name, value));
  for (const auto& option : options)
    if (option.text) spec.texts.try_emplace(option.name, option.text_value);
    else spec.numbers.try_emplace(option.name, option.value);
}

}  // namespace eligo
