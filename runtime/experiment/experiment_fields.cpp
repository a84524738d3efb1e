#include "runtime/experiment/experiment_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "dsl/names.h"
#include "runtime/experiment/rate_schedule.h"

namespace eligo {
namespace {

using Choices = std::vector<std::string>;

Field text_field(std::string path, std::string help, std::optional<std::string> otherwise, Choices choices = {}) {
  Field field{std::move(path), std::move(help)};
  if (otherwise) field.value = Setting{*otherwise, "default"};
  field.choices = std::move(choices);
  return field;
}

Field whole_field(std::string path, std::string help, std::int64_t otherwise, double low, double high) {
  return {std::move(path), std::move(help), FieldType::whole, Setting{otherwise, "default"}, low, high};
}

Field real_field(std::string path, std::string help, double otherwise, double low, double high) {
  return {std::move(path), std::move(help), FieldType::real, Setting{otherwise, "default"}, low, high};
}

Field common(Field field) {
  field.common = true;
  return field;
}

std::vector<Field> make_fields() {
  constexpr auto none = std::nullopt;
  const Setting no_folders{std::vector<std::string>{}, "default"}, seed0{std::vector<std::int64_t>{0}, "default"};
  return {
      common(text_field("name", "of the experiment, for its run folder", "")),
      common(text_field("description", "shown at the start of a run", "")),
      common(text_field("paper", "what the experiment repeats, with its figure or table", "")),
      common({"seeds", "each variant is trained once with each", FieldType::wholes, seed0, 0, 9e15}),
      common(whole_field("threads", "0: as many as the machine has; results do not depend on it", 0, 0, 1024)),
      common(text_field("memory",
                        "most that a run may take, such as \"2GiB\": long windows are computed in segments, "
                        "with the same results; empty: what is available",
                        "")),
      common({"records", "further forms of metrics.csv: metrics.jsonl, event files of TensorBoard", FieldType::texts,
              no_folders, 0, 0, {"jsonl", "tensorboard"}}),
      common({"rules", "folders of rule files, searched before the library", FieldType::texts, no_folders}),
      text_field("dtype", "of all tensors", "f32", {"f32", "f64"}),
      text_field("backend", "compiled kernels, or the slow and obvious interpreter", "jit", {"jit", "interpreter"}),
      text_field("cpu", "native, avx512, avx2, baseline or a name that LLVM knows", "native"),
      text_field("task.name", "of a task", none),
      text_field("model.cell", "of a cell, or file.eli:name", none),
      text_field("model.readout", "of a readout, for rules that have one", ""),
      text_field("model.synth", "of a synthesiser, for rules that have one; several roles: \"g=linear, fb=mlp\"", ""),
      text_field("rule.name", "of a rule, or file.eli:name", none),
      text_field("optimiser.name", "of an optimiser", "sgd"),
      real_field("optimiser.clip",
                 "most that all that is gathered for the parameters may be long, beyond which it is scaled; 0: no bound", 0,
                 0, 1e300),
      text_field("optimiser.schedule", "how the step sizes (alpha) change over a training", "constant",
                 rate_schedule_names()),
      whole_field("optimiser.warmup", "batches over which the step sizes rise to what was given (linear, cosine, step)", 0, 0,
                  1e15),
      real_field("optimiser.fall_to", "the part of the step sizes that is left at the end (cosine)", 0, 0, 1),
      {"optimiser.fall_every", "batches between two falls, after the warm-up (step)", FieldType::whole, none, 1, 1e15},
      whole_field("optimiser.fall_from", "batches after the warm-up from which they are counted (step)", 0, 0, 1e15),
      real_field("optimiser.fall_by", "what the step sizes are multiplied by at a fall (step)", 0.1, 1e-6, 1),
      text_field("curriculum.option", "number of the task that is raised as training goes on; empty: none is", ""),
      {"curriculum.to", "at most to this", FieldType::real, none, -1e300, 1e300},
      real_field("curriculum.by", "so much at a time", 1, 1e-12, 1e300),
      text_field("curriculum.when", "judged by the validation after each epoch, or by each training batch", "epoch",
                 {"epoch", "batch"}),
      {"curriculum.loss_below", "raised where the loss is below this", FieldType::real, none, -1e300, 1e300},
      {"curriculum.score_above", "or where the score is above this", FieldType::real, none, -1e300, 1e300},
      {"curriculum.score_below", "or where the score is below this", FieldType::real, none, -1e300, 1e300},
      real_field("policy.discount", "of a reward one step later, where the task is an environment", 1, 0, 1),
      whole_field("policy.steps_per_action",
                  "of the net, which sees the same in all of them and acts at the last: its layers, where steps are layers",
                  1, 1, 1e6),
      text_field("policy.learn", "from whole episodes, or from each action's own reward (rules that are online)", "episodes",
                 {"episodes", "steps"}),
      text_field("policy.normalise", "advantages to mean 0 and standard deviation 1 over a batch, or none", "batch",
                 {"batch", "none"}),
      text_field("policy.loss", "summed over an episode's steps, or its mean over all steps of a batch", "sum",
                 {"sum", "mean"}),
      text_field("policy.evaluate", "validation and test with actions as they are drawn, or with the likeliest", "drawn",
                 {"drawn", "likeliest"}),
      whole_field("policy.validation_episodes", "after each epoch, where the environment has no number of its own", 100, 0,
                  1e9),
      whole_field("policy.test_episodes", "at the end, likewise", 100, 0, 1e9),
      whole_field("train.batch", "examples of a batch", 10, 1, 1e6),
      whole_field("train.epochs", "passes over the training data", 10, 1, 1e9),
      whole_field("train.patience", "epochs without a lower validation loss after which a training stops; 0: never", 0, 0,
                  1e9),
      whole_field("train.batches_per_epoch", "0: the task's own number", 0, 0, 1e9),
      text_field("train.update", "when the optimiser applies what was gathered", "sequence",
                 {"step", "window", "sequence"}),
      whole_field("train.log_every", "batches between two rows of the metrics", 100, 1, 1e9),
      whole_field("train.measure", "batches after each epoch that measure the cosine with BPTT; 0: none", 1,
                  0, 1e6),
  };
}

template <class T>
bool holds(const Setting& value) {
  return std::holds_alternative<T>(value.data);
}

// 100.0 and 1e2 are whole numbers too.
std::optional<std::int64_t> as_whole(const Setting& value) {
  if (const auto* v = std::get_if<std::int64_t>(&value.data)) return *v;
  if (const auto* v = std::get_if<double>(&value.data); v != nullptr && *v == std::floor(*v) && std::abs(*v) < 9e15) {
    return static_cast<std::int64_t>(*v);
  }
  return std::nullopt;
}

std::string range_text(double low, double high) {
  if (std::isinf(high)) return fmt::format("at least {}", low);
  return fmt::format("{} to {}", low, high);
}

}  // namespace

const std::vector<Field>& experiment_fields() {
  static const std::vector<Field> fields = make_fields();
  return fields;
}

const Field* find_field(const std::string& path) {
  const auto& fields = experiment_fields();
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.path == path; });
  return found == fields.end() ? nullptr : &*found;
}

const Setting* FieldReader::find(const std::string& path) const {
  const auto found = settings_.find(path);
  return found == settings_.end() ? nullptr : &found->second;
}

void FieldReader::problem(const Setting* where, const std::string& what) {
  problems.push_back(fmt::format("{}: {}", where != nullptr ? where->place : file_, what));
}

// The setting if it is of the type; else the problem is noted and the result is null.
const Setting* FieldReader::take(const std::string& path, const char* expected, bool (*fits)(const Setting&)) {
  const Field& field = *find_field(path);
  if (settings_.find(path) == settings_.end()) {
    if (!field.value) {
      problem(nullptr, fmt::format("{} is missing: {} {}", path, path, field.help));
      return nullptr;
    }
    settings_[path] = *field.value;
  }
  const Setting& value = settings_[path];
  if (fits(value)) return &value;
  problem(&value, fmt::format("{} is {}, expected {}", path, value.described(), expected));
  return nullptr;
}

std::string FieldReader::text(const std::string& path) {
  const Setting* value = take(path, "a text", holds<std::string>);
  if (value == nullptr) return "";
  const auto& text = std::get<std::string>(value->data);
  const auto& choices = find_field(path)->choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    problem(value, fmt::format("{} cannot be {}{}", path, text, suggestion(text, choices)));
  }
  return text;
}

std::int64_t FieldReader::whole(const std::string& path) {
  const Setting* value = take(path, "a whole number", [](const Setting& v) { return as_whole(v).has_value(); });
  if (value == nullptr) return 0;
  const std::int64_t number = *as_whole(*value);
  const Field& field = *find_field(path);
  if (static_cast<double>(number) < field.low || static_cast<double>(number) > field.high) {
    problem(value,
            fmt::format("{} = {} is out of range, expected {}", path, number, range_text(field.low, field.high)));
  }
  return number;
}

double FieldReader::real(const std::string& path) {
  const Setting* value =
      take(path, "a number", [](const Setting& v) { return as_whole(v).has_value() || holds<double>(v); });
  if (value == nullptr) return 0;
  const Field& field = *find_field(path);
  return number(path, path, false, field.low, field.high).value_or(field.low);
}

std::vector<std::int64_t> FieldReader::wholes(const std::string& path) {
  const Setting* value = take(path, "a list of whole numbers", [](const Setting& v) {
    return holds<std::vector<std::int64_t>>(v) || as_whole(v).has_value();
  });
  if (value == nullptr) return {};
  std::vector<std::int64_t> list;
  if (const auto single = as_whole(*value)) list = {*single};
  else list = std::get<std::vector<std::int64_t>>(value->data);
  if (list.empty()) problem(value, fmt::format("{} is empty, expected at least one number", path));
  for (const auto number : list) {
    if (number < 0) problem(value, fmt::format("{} has {}, expected numbers from 0 on", path, number));
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (std::find(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i), list[i]) !=
        list.begin() + static_cast<std::ptrdiff_t>(i)) {
      problem(value, fmt::format("{} has {} twice", path, list[i]));
    }
  }
  return list;
}

std::vector<std::string> FieldReader::texts(const std::string& path) {
  const Setting* value = take(path, "a list of texts", [](const Setting& v) {
    const auto* numbers = std::get_if<std::vector<std::int64_t>>(&v.data);  // an empty list is of any kind
    return holds<std::vector<std::string>>(v) || holds<std::string>(v) || (numbers != nullptr && numbers->empty());
  });
  if (value == nullptr) return {};
  std::vector<std::string> texts;
  if (holds<std::string>(*value)) texts = {std::get<std::string>(value->data)};
  if (const auto* list = std::get_if<std::vector<std::string>>(&value->data)) texts = *list;
  const auto& choices = find_field(path)->choices;
  for (const auto& text : texts)
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end())
      problem(value, fmt::format("{} cannot have {}{}", path, text, suggestion(text, choices)));
  return texts;
}

std::optional<double> FieldReader::number(const std::string& path, const std::string& what, bool must_be_whole,
                                          double low, double high) {
  const Setting* value = find(path);
  if (value == nullptr) return std::nullopt;
  double number = 0;
  if (const auto whole = as_whole(*value)) {
    number = static_cast<double>(*whole);
  } else if (const auto* real = std::get_if<double>(&value->data); real != nullptr && !must_be_whole) {
    number = *real;
  } else {
    problem(value,
            fmt::format("{} is {}, expected a {}number", what, value->described(), must_be_whole ? "whole " : ""));
    return std::nullopt;
  }
  if (number >= low && number <= high) return number;
  problem(value, std::isfinite(number)
                     ? fmt::format("{} = {} is out of range, expected {}", what, number, range_text(low, high))
                     : fmt::format("{} = {} is not finite", what, number));
  return std::nullopt;
}

std::string suggestion(const std::string& name, const std::vector<std::string>& candidates) {
  std::vector<std::string> spellings;
  for (const auto& candidate : candidates) {
    spellings.push_back(candidate);
    if (dsl::ascii(candidate) != candidate) spellings.push_back(dsl::ascii(candidate));
  }
  const std::string near = dsl::nearest(name, spellings);
  if (!near.empty()) return fmt::format("; did you mean {}?", near);
  if (candidates.empty()) return "";
  return fmt::format("; there {} {}", candidates.size() == 1 ? "is" : "are", fmt::join(candidates, ", "));
}

}  // namespace eligo
