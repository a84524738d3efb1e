#include "runtime/cli/eval.h"

#include <cmath>
#include <filesystem>

#include <fmt/core.h>

#include "runtime/cli/model_options.h"
#include "runtime/environments/environment.h"
#include "runtime/library/synth_roles.h"
#include "runtime/tools/evaluate_case.h"
#include "runtime/tools/task_case.h"
#include "support/error.h"
#include "support/json_text.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

// "mine.eli:rule" or "mine.eli" by the path beside the case, if the file lies there.
std::string beside(const std::string& name, const std::filesystem::path& folder) {
  const std::size_t end = name.find(".eli");
  if (end == std::string::npos) return name;
  const std::string file = name.substr(0, end + 4);
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored) || !std::filesystem::exists(folder / file, ignored)) return name;
  return (folder / file).string() + name.substr(file.size());
}

// A case may name rule files beside itself.
void name_files_beside(nlohmann::json& input, const std::filesystem::path& folder) {
  if (!input.is_object() || folder.empty()) return;
  for (const char* field : {"rule", "cell", "readout", "optimiser"}) {
    auto found = input.find(field);
    if (found != input.end() && found->is_string()) *found = beside(found->get<std::string>(), folder);
  }
  auto synth = input.find("synth");
  if (synth == input.end()) return;
  if (synth->is_string()) {
    SynthRoles roles = read_synth_roles(synth->get<std::string>());
    roles.replace([&](const std::string& part) { return beside(part, folder); });
    *synth = roles.text();
  } else if (synth->is_object()) {
    for (auto& part : *synth)
      if (part.is_string()) part = beside(part.get<std::string>(), folder);
  }
}

// The options stand in place of the case's fields; sizes and hypers by name, names to show beside those of the case.
void take_options(nlohmann::json& input, const EvalOptions& o) {
  if (!input.is_object()) return;
  const auto part = [&](const char* field, const std::string& given) {
    if (!given.empty()) input[field] = given;
  };
  part("rule", o.rule);
  part("cell", o.cell);
  part("readout", o.readout);
  part("synth", o.synth);
  if (o.window != 0) input["window"] = o.window < 0 ? nlohmann::json("all") : nlohmann::json(o.window);
  const auto field = [&](const char* name, const nlohmann::json& empty) -> nlohmann::json& {
    nlohmann::json& value = input[name];
    if (value.is_null()) value = empty;
    if (value.type() != empty.type()) throw Error(fmt::format("\"{}\" is not what it must be", name));
    return value;
  };
  for (const std::string& text : o.sizes) {
    const auto [name, size] = read_size(text);
    field("sizes", nlohmann::json::object())[name] = size;
  }
  for (const auto& [name, value] : read_hypers(o.hypers)) {
    const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
    nlohmann::json& hyper = field("hyper", nlohmann::json::object())[name];
    if (whole) hyper = static_cast<std::int64_t>(value);  // a number of the rule's header is whole
    else hyper = value;
  }
  for (const std::string& name : o.show) field("show", nlohmann::json::array()).push_back(name);
}

// "T=5" of a task: a number, or a text where the option is one.
void set_option(TaskSpec& task, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error(fmt::format("--set {}: expected an option of the task and its value, such as T=5", text));
  const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
  for (const TaskOption& option : task_kind(task.name).options)
    if (option.name == name && option.text) {
      task.texts[name] = value;
      return;
    }
  task.numbers[name] = read_hypers({text}).front().second;
}

nlohmann::json case_of_task(const EvalOptions& o) {
  TaskBatch wanted;
  wanted.task.name = o.task;
  if (find_environment(o.task) != nullptr)
    throw Error(fmt::format("{} is an environment: its batches are made by a net that acts; take a task", o.task));
  wanted.task.batch = o.batch;
  wanted.task.seed = o.seed;
  wanted.split = read_split(o.split);
  wanted.epoch = o.epoch;
  wanted.number = o.number;
  for (const std::string& text : o.task_settings) set_option(wanted.task, text);
  if (!o.data.empty()) wanted.task.texts["data"] = o.data;
  return task_case(wanted);
}

// A field a line: the arrays of numbers are long.
std::string case_text(const nlohmann::json& fields) {
  std::string text;
  for (const auto& [name, value] : fields.items())
    text += fmt::format("{}\n {}: {}", text.empty() ? "{" : ",", nlohmann::json(name).dump(), value.dump());
  return text + "\n}\n";
}

}  // namespace

int eval(const EvalOptions& o) {
  if (o.task.empty() == o.case_path.empty())
    throw Error("eval takes a case, or --task and the name of a task whose batch is to be written as one");
  if (!o.task.empty()) {
    nlohmann::json fields = case_of_task(o);
    take_options(fields, o);
    write_result(o.out, case_text(fields));
    return 0;
  }
  nlohmann::json input = read_json(o.case_path);
  std::string text;
  try {
    name_files_beside(input, std::filesystem::path(o.case_path).parent_path());
    take_options(input, o);
    text = json_text(evaluate_case(input, o.rule_folders), 1);
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", o.case_path, e.what()));
  }
  write_result(o.out, text);
  return 0;
}

}  // namespace eligo::cli
