#include "runtime/cli/kernels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "runtime/kernels/kernel_page.h"
#include "runtime/kernels/kernel_text.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/roofline.h"
#include "support/files.h"
#include "support/json_text.h"
#include "support/targets.h"
#include "support/terminal.h"

namespace eligo::cli {
namespace {

// What is measured, under the name that tells it from the others.
struct Variant {
  std::string name;
  ModelOptions model;
};

// Steps of a window, or all of them.
std::int64_t window_of(const std::string& text, const std::string& value) {
  if (value == "all" || value == "-1") return -1;
  std::int64_t steps = 0;
  const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), steps);
  if (fault != std::errc() || end != value.data() + value.size() || steps < 1)
    throw Error(fmt::format("--vs {}: a window has a whole number of steps from 1 on, or all", text));
  return steps;
}

void check_one_of(const std::string& text, const std::string& value, const std::vector<std::string>& all) {
  if (std::find(all.begin(), all.end(), value) == all.end())
    throw Error(fmt::format("--vs {}: it is {}", text, fmt::join(all, ", ")));
}

// One setting of --vs. A rule without "name=" takes the place of the rule; the schedules are of the other's
// recurrences.
void set(ModelOptions& m, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    m.rule = text;
    m.schedules.clear();
    return;
  }
  const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
  const std::map<std::string, std::string*> words = {
      {"cell", &m.cell}, {"readout", &m.readout}, {"synth", &m.synth}, {"optimiser", &m.optimiser}, {"cpu", &m.cpu}};
  if (value.empty()) throw Error(fmt::format("--vs {}: nothing stands behind the =", text));
  if (const auto found = words.find(name); found != words.end()) *found->second = value;
  else if (name == "schedule") m.schedules.push_back(value);
  else if (name == "size") m.sizes.push_back(value);
  else if (name == "window") m.window = window_of(text, value);
  else if (name == "dtype") check_one_of(text, value, {"f32", "f64"}), m.dtype = value;
  else if (name == "update") check_one_of(text, value, {"step", "window", "sequence"}), m.update = value;
  else
    throw Error(
        fmt::format("--vs {}: expected a rule, or a setting: schedule=e=dense, cell=, readout=, synth=, optimiser=, "
                    "size=n=30, window=, dtype=f64, update=step, cpu= (several: --vs cell=gru --vs size=n=50); the batch "
                    "and the steps are those of both",
                    text));
}

// Sizes of --vs go before those of both.
ModelOptions beside(ModelOptions model, const std::vector<std::string>& settings) {
  const std::vector<std::string> sizes = std::exchange(model.sizes, {});
  const std::vector<std::string> schedules = model.schedules;
  const auto is_rule = [](const std::string& text) { return text.find('=') == std::string::npos; };
  for (const bool rule : {true, false})
    for (const std::string& text : settings)
      if (is_rule(text) == rule) set(model, text);
  model.sizes.insert(model.sizes.end(), sizes.begin(), sizes.end());
  // A recurrence has one schedule: the last one that was named.
  std::map<std::string, std::string> last;
  for (const std::string& text : model.schedules) last.insert_or_assign(read_schedule(text).first, text);
  model.schedules.clear();
  for (const auto& [name, text] : last) model.schedules.push_back(text);
  return model;
}

std::vector<Variant> variants(const KernelsArguments& a) {
  std::vector<std::string> cpus;
  std::istringstream words(a.model.cpu);
  for (std::string cpu; std::getline(words, cpu, ',');)
    if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) cpus.push_back(cpu);
  if (cpus.empty()) cpus.emplace_back();  // refused as no processor's name
  std::vector<Variant> all;
  for (const std::string& cpu : cpus) {
    ModelOptions model = a.model;
    model.cpu = cpu;
    const std::string on = cpus.size() > 1 ? ", " + cpu : "";
    all.push_back({model.rule + on, model});
    if (a.beside.empty()) continue;
    const ModelOptions other = beside(model, a.beside);
    std::string name = other.rule;
    for (const std::string& text : a.beside)
      if (text.find('=') != std::string::npos) name += ", " + (text.starts_with("schedule=") ? text.substr(9) : text);
    all.push_back({name + on, other});
  }
  return all;
}

// Said before the seconds that lead to it, not after.
void check_files(const KernelsArguments& a, const std::vector<Variant>& all) {
  if (!a.picture.empty() && !a.picture.ends_with(".png") && !a.picture.ends_with(".svg"))
    throw Error(fmt::format("--picture {}: the name of a picture ends in .png or .svg", a.picture));
  std::vector<std::string> inputs;
  for (const Variant& v : all) inputs.push_back(v.model.rule.substr(0, v.model.rule.find(':')));
  check_targets({a.picture, a.html, a.json}, inputs);
  for (const std::string& path : {a.picture, a.html, a.json}) {
    if (path.empty() || path == "-") continue;
    std::error_code error;
    const bool there = std::filesystem::exists(path, error);
    errno = 0;
    if (!std::ofstream(path, std::ios::app))
      throw Error(fmt::format("{}: cannot be written: {}", path, errno != 0 ? std::strerror(errno) : "write error"));
    if (!there) std::filesystem::remove(path, error);
  }
}

template <class Text>
void write(const std::string& path, const Text& text) {
  if (path == "-") write_result(path, text());
  else if (!path.empty()) write_file_atomically(path, text());
}

KernelProgram compiled(const Variant& v, const KernelsArguments& a) {
  KernelOptions o;
  o.spec = v.model.spec();
  o.batch = a.batch;
  o.steps = a.steps;
  o.phase = a.phase;
  o.count_blocks = !a.html.empty() || !a.json.empty();
  return KernelProgram(o);
}

}  // namespace

int kernels(const KernelsArguments& a) {
  const std::vector<Variant> all = variants(a);
  check_files(a, all);
  std::vector<KernelProgram> programs;
  for (const Variant& v : all) programs.push_back(compiled(v, a));
  if (!a.statement.empty()) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all.size() > 1) say(fmt::format("{}{}\n", i > 0 ? "\n" : "", all[i].name));
      fmt::print("{}", code_text(programs[i].inspect(), a.statement, a.stage));
    }
    return 0;
  }
  for (const KernelProgram& program : programs) program.check_here();
  const Machine machine = measure_machine(true);
  std::vector<NamedReport> reports;
  for (std::size_t i = 0; i < all.size(); ++i) reports.push_back({all[i].name, programs[i].measure(machine)});
  if (a.json != "-" && a.html != "-") say(kernels_text(reports, static_cast<std::size_t>(a.top)));
  if (!a.picture.empty()) write_roofline(roofline_of(reports), a.picture);
  write(a.html, [&] { return kernel_page(reports); });
  write(a.json, [&] { return json_text(kernels_json(reports), 1); });
  return 0;
}

}  // namespace eligo::cli
